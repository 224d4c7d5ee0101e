"""Whether the exporter says what the kubelet says: two expositions compared, series by series and value by value.

Why a package of its own: the same comparison is made in the virtual machine (cgroup version 2) and on the embedded cluster
(version 1, hybrid). Everything here is pure: texts in, a verdict out. `exposition` reads a scrape, `differences` is the one
list of what differs on purpose, `compare` judges.
"""
