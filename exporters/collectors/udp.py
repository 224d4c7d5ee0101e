"""UDP sockets of each network namespace, what waits in their queues and what they dropped.

The names are cAdvisor's, ``_total`` on a gauge included. Unlike there, ``rxqueued`` is what waits to be read and
``txqueued`` what waits to be sent: cAdvisor reads the two columns in the wrong order. A socket takes its count of
dropped datagrams with it when it is closed.
"""

from __future__ import annotations

from exporters.cgroup.tables import udp_sockets
from exporters.collectors.contract import Collector, Family, Kind, Scrape
from exporters.collectors.namespaces import Namespace, namespaces, read_rows

_SAID = (
    "UDP sockets over {}: how many there are (listen), datagrams that those have dropped (dropped), bytes that wait to be read "
    "(rxqueued) and to be sent (txqueued), in the network namespace of the pod, or of the host for id / "
    "(v1 and v2 rows of /proc/<pid>/net/{})."
)

UDP = Family("container_network_udp_usage_total", Kind.GAUGE, _SAID.format("IPv4", "udp"))
UDP6 = Family("container_network_udp6_usage_total", Kind.GAUGE, _SAID.format("IPv6", "udp6"))


class _Totals:
    def __init__(self) -> None:
        self.listen = self.dropped = self.rxqueued = self.txqueued = 0

    def take(self, lines: bytes) -> None:
        for sent, received, dropped in udp_sockets(lines):
            self.listen += 1
            self.dropped += dropped
            self.rxqueued += received
            self.txqueued += sent


def collect(scrape: Scrape) -> None:
    """Add up the sockets of each network namespace; without IPv6 the kernel has no second table."""
    for namespace in namespaces(scrape):
        _add_up(scrape, namespace, UDP, "udp")
        _add_up(scrape, namespace, UDP6, "udp6")


def _add_up(scrape: Scrape, namespace: Namespace, family: Family, table: str) -> None:
    totals = _Totals()
    if read_rows(scrape, f"{namespace.folder}/{table}", totals.take):
        for state, value in vars(totals).items():
            scrape.samples.add(family, f'{namespace.shown_as.labels},udp_state="{state}"', value)


COLLECTOR = Collector(
    name="udp",
    help="UDP sockets of each pod and of the host, their queues and drops",
    families=(UDP, UDP6),
    collect=collect,
    is_default=False,
)
