"""What the kernel says: which cgroups and processes are there, and what their files hold.

Nothing here knows of Kubernetes names, metrics or HTTP.
"""
