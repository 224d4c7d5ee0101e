"""What TCP counts in each network namespace: retransmissions, overflows of listen queues, time-outs and so on.

cAdvisor's name and label are kept: one gauge (of what mostly are counters) with the kernel's name of each figure in
lower case as ``tcp_state``. All that the kernel has are told, which are more than cAdvisor knows. A figure of -1 stands
for having no limit (MaxConn) and gives no series.
"""

from __future__ import annotations

from exporters.cgroup.files import read_once
from exporters.cgroup.host import count
from exporters.cgroup.parse import Malformed, number
from exporters.cgroup.tables import protocols
from exporters.collectors.contract import Collector, Family, Kind, Scrape, labelled
from exporters.collectors.namespaces import Namespace, namespaces

_TABLES = (("netstat", b"TcpExt"), ("snmp", b"Tcp"))

STATS = Family(
    "container_network_advance_tcp_stats_total",
    Kind.GAUGE,
    "Figures of TCP, by the kernel's name in lower case, of the network namespace of the pod, or of the host for id / "
    "(v1 and v2 /proc/<pid>/net/netstat TcpExt and /proc/<pid>/net/snmp Tcp).",
)


def collect(scrape: Scrape) -> None:
    """Read both tables of each network namespace."""
    for namespace in namespaces(scrape):
        for table, protocol in _TABLES:
            _read(scrape, namespace, table, protocol)


def _read(scrape: Scrape, namespace: Namespace, table: str, protocol: bytes) -> None:
    path = f"{namespace.folder}/{table}"
    try:
        figures = protocols(read_once(path)).get(protocol, {})
        told = {name.lower(): number(word) for name, word in figures.items() if not word.startswith(b"-")}
    except OSError as error:
        count(error, f"cannot read {path}", scrape.tally)
        return
    except Malformed as error:
        scrape.tally.fail(f"{path}: {error}")
        return
    for name, value in told.items():
        state = labelled(tcp_state=name.decode("utf-8", "surrogateescape"))
        scrape.samples.add(STATS, f"{namespace.shown_as.labels},{state}", value)


COLLECTOR = Collector(
    name="advtcp",
    help="All that TCP counts, of each pod and of the host",
    families=(STATS,),
    collect=collect,
    is_default=False,
)
