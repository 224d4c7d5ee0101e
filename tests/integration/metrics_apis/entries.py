"""The entries at the API server behind which a program on the node serves metrics APIs."""

from collections.abc import Iterable, Iterator
from typing import Any

from demo.cluster.network import NODE_IP

Json = dict[str, Any]
ADMIN = "kube-system"


def served(name: str, port: int) -> Iterator[Json]:
    """Yield the Service of a program on the node."""
    of = {"namespace": ADMIN, "name": name}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": of, "spec": {"ports": [{"port": 443, "targetPort": port}]}}
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**of, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [NODE_IP], "conditions": {"ready": True}}],
    }


def aggregated(names: Iterable[str], server: str) -> Iterator[Json]:
    """Yield the APIServices of these names (version.group) that a Service serves."""
    for name in names:
        version, _, group = name.partition(".")
        spec = {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100}
        spec |= {"service": {"namespace": ADMIN, "name": server}, "insecureSkipTLSVerify": True}
        yield {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": spec}
