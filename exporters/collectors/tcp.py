"""How many TCP sockets each network namespace has in each state.

cAdvisor calls these gauges ``_total``, and so they stay. They are dear, which is why they are switched on by hand: to
list the sockets of one namespace the kernel walks the table of all namespaces, twice (IPv4 and IPv6), which took 7 ms
each time on a small machine however few sockets there were. A hundred thousand of them take tenths of a second.
"""

from __future__ import annotations

from collections import Counter

from exporters.cgroup.tables import tcp_states
from exporters.collectors.contract import Collector, Family, Kind, Scrape
from exporters.collectors.namespaces import Namespace, namespaces, read_rows

_STATES = {
    b"01": "established",
    b"02": "synsent",
    b"03": "synrecv",
    b"04": "finwait1",
    b"05": "finwait2",
    b"06": "timewait",
    b"07": "close",
    b"08": "closewait",
    b"09": "lastack",
    b"0A": "listen",
    b"0B": "closing",
}
"""As the kernel numbers them in include/net/tcp_states.h."""
_LABELS = tuple((code, f',tcp_state="{state}"') for code, state in _STATES.items())

TCP = Family(
    "container_network_tcp_usage_total",
    Kind.GAUGE,
    "TCP sockets over IPv4 by state, in the network namespace of the pod, or of the host for id / "
    "(v1 and v2 rows of /proc/<pid>/net/tcp).",
)
TCP6 = Family(
    "container_network_tcp6_usage_total",
    Kind.GAUGE,
    "TCP sockets over IPv6 by state, in the network namespace of the pod, or of the host for id / "
    "(v1 and v2 rows of /proc/<pid>/net/tcp6).",
)


def collect(scrape: Scrape) -> None:
    """Count the sockets of each network namespace; without IPv6 the kernel has no second table."""
    for namespace in namespaces(scrape):
        _count(scrape, namespace, TCP, "tcp")
        _count(scrape, namespace, TCP6, "tcp6")


def _count(scrape: Scrape, namespace: Namespace, family: Family, table: str) -> None:
    counts: Counter[bytes] = Counter()
    if read_rows(scrape, f"{namespace.folder}/{table}", lambda lines: counts.update(tcp_states(lines))):
        for code, label in _LABELS:
            scrape.samples.add(family, namespace.shown_as.labels + label, counts[code])


COLLECTOR = Collector(
    name="tcp",
    help="TCP sockets of each pod and of the host by state (makes the kernel walk all sockets twice for each pod)",
    families=(TCP, TCP6),
    collect=collect,
    is_default=False,
)
