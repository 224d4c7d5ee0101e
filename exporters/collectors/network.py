"""Traffic of the network interfaces of each pod and of the host.

Interfaces that only lead to other namespaces of this node (lo, veth, docker, nerdctl) are left out. On the host those
are left out as well that network plugins make one of for each pod: the pod tells the same traffic, and a series for
each of them would come and go with every pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.files import read_once
from exporters.cgroup.host import count
from exporters.cgroup.parse import Interface, Malformed, interfaces
from exporters.collectors.contract import Collector, Family, Kind, Samples, Scrape, labelled
from exporters.collectors.namespaces import namespaces

if TYPE_CHECKING:
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


def collect(scrape: Scrape) -> None:
    """Read each network namespace once."""
    for namespace in namespaces(scrape):
        _read(scrape, namespace)


def _read(scrape: Scrape, namespace: Namespace) -> None:
    path = f"{namespace.folder}/dev"
    try:
        found = interfaces(read_once(path))
    except OSError as error:  # mostly the process ended; another is asked at the next scrape
        count(error, f"cannot read {path}", scrape.tally)
        return
    except Malformed as error:
        scrape.tally.fail(f"{path}: {error}")
        return
    left_out = (*_LEFT_OUT, *_OF_PODS) if namespace.is_host else _LEFT_OUT
    for interface in found:
        if not interface.name.lower().startswith(left_out):
            _add(scrape.samples, f"{namespace.shown_as.labels},{labelled(interface=interface.name)}", interface)


def _add(samples: Samples, labels: str, interface: Interface) -> None:
    samples.add(RECEIVE_BYTES, labels, interface.receive_bytes)
    samples.add(RECEIVE_PACKETS, labels, interface.receive_packets)
    samples.add(RECEIVE_ERRORS, labels, interface.receive_errors)
    samples.add(RECEIVE_DROPPED, labels, interface.receive_dropped)
    samples.add(TRANSMIT_BYTES, labels, interface.transmit_bytes)
    samples.add(TRANSMIT_PACKETS, labels, interface.transmit_packets)
    samples.add(TRANSMIT_ERRORS, labels, interface.transmit_errors)
    samples.add(TRANSMIT_DROPPED, labels, interface.transmit_dropped)


COLLECTOR = Collector(
    name="network",
    help="Traffic of the interfaces of each pod and of the host",
    families=(
        RECEIVE_BYTES,
        RECEIVE_PACKETS,
        RECEIVE_ERRORS,
        RECEIVE_DROPPED,
        TRANSMIT_BYTES,
        TRANSMIT_PACKETS,
        TRANSMIT_ERRORS,
        TRANSMIT_DROPPED,
    ),
    collect=collect,
)
