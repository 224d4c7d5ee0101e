"""What runs inside the virtual machine; standard library only, for the machine has the base image's Python and nothing else.

`init` is its first process, `session` starts containerd and the kubelet and scrapes, `relay` stands in for the Kubernetes API,
`workload` is what the pods do.
"""
