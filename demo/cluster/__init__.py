"""A real single-node Kubernetes in a network namespace of its own, for the demo and the tests.

Why: what Foresail claims about a cluster is shown on a cluster, on a plain Debian machine with neither Docker nor a registry.
`prepare` fetches and builds what is needed into a cache folder outside the tree, `Cluster` starts, uses and ends one cluster,
`python -m demo.cluster` is the same for people. What runs inside the cluster is left to the callers.
"""

from demo.cluster.cluster import Cluster
from demo.cluster.errors import AlreadyRunningError, ClusterError, NotRunningError, UnfitMachineError

__all__ = ["AlreadyRunningError", "Cluster", "ClusterError", "NotRunningError", "UnfitMachineError"]
