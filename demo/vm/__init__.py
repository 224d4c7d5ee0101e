"""A virtual machine with a kernel of its own and cgroup version 2 alone, in which a real kubelet runs beside our exporter.

Why: a machine has the cgroups that its kernel was started with. What the exporter reads of version 2 is shown on a kernel that
has nothing else, next to what the kubelet of the same machine says at the same moment. `prepare` fetches a Debian kernel and
makes the disk, `boot` boots it and brings back what both exposed, `python -m demo.vm` is the same for people. Comparing is
left to `demo.parity`.
"""
