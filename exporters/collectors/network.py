"""Traffic of the network interfaces of each pod and of the host.

Interfaces that only lead to other namespaces of this node (lo, veth, docker, nerdctl) are left out. On the host those
are left out as well that network plugins make one of for each pod: the pod tells the same traffic, and a series for
each of them would come and go with every pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.files import read_from
from exporters.cgroup.host import count
from exporters.cgroup.parse import Malformed, interfaces
from exporters.collectors.contract import Collector, Family, Kind, Scrape, labelled
from exporters.collectors.namespaces import namespaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporters.collectors.namespaces import Namespace

_LEFT_OUT = ("lo", "veth", "docker", "nerdctl")
_OF_PODS = ("cali", "lxc", "eni", "azv", "gke")
"""How Calico, Cilium, and the plugins of AWS, Azure and Google begin the name of the host's end of a pod's interface."""


def _family(direction: str, what: str, unit: str) -> Family:
    return Family(
        f"container_network_{direction}_{what}_total",
        Kind.COUNTER,
        f"{unit} since the interface was made, in the network namespace of the pod, or of the host for id / "
        "(v1 and v2 /proc/<pid>/net/dev).",
    )


RECEIVE_BYTES = _family("receive", "bytes", "Bytes received")
RECEIVE_PACKETS = _family("receive", "packets", "Packets received")
RECEIVE_ERRORS = _family("receive", "errors", "Errors while receiving")
RECEIVE_DROPPED = _family("receive", "packets_dropped", "Packets dropped while receiving")
TRANSMIT_BYTES = _family("transmit", "bytes", "Bytes sent")
TRANSMIT_PACKETS = _family("transmit", "packets", "Packets sent")
TRANSMIT_ERRORS = _family("transmit", "errors", "Errors while sending")
TRANSMIT_DROPPED = _family("transmit", "packets_dropped", "Packets dropped while sending")


_FAMILIES = (
    RECEIVE_BYTES,
    RECEIVE_PACKETS,
    RECEIVE_ERRORS,
    RECEIVE_DROPPED,
    TRANSMIT_BYTES,
    TRANSMIT_PACKETS,
    TRANSMIT_ERRORS,
    TRANSMIT_DROPPED,
)
"""In the order in which an interface's counters are read."""


def collect(scrape: Scrape) -> None:
    """Read each network namespace once."""
    labels: list[bytes] = []
    rows: list[Sequence[bytes]] = []
    for namespace in namespaces(scrape):
        left_out = (*_LEFT_OUT, *_OF_PODS) if namespace.is_host else _LEFT_OUT
        for name, counters in _interfaces(scrape, namespace).items():
            if not name.lower().startswith(left_out):
                labels.append(f"{{{namespace.shown_as.labels},{labelled(interface=name)}}} ".encode())
                rows.append(counters)
    for family, words in zip(_FAMILIES, zip(*rows, strict=True), strict=False):
        scrape.samples.add_column(family, labels, words)


def _interfaces(scrape: Scrape, namespace: Namespace) -> Mapping[str, Sequence[bytes]]:
    path = f"{namespace.folder}/dev"
    try:
        return interfaces(read_from(namespace.dev))
    except OSError as error:  # mostly the process ended; another is asked at the next scrape
        count(error, f"cannot read {path}", scrape.tally)
    except Malformed as error:
        scrape.tally.fail(f"{path}: {error}")
    return {}


COLLECTOR = Collector(
    name="network",
    help="Traffic of the interfaces of each pod and of the host",
    families=_FAMILIES,
    collect=collect,
)
