"""Pressure stall information: time in which tasks waited for CPU, memory or I/O.

Only version 2 has it, on a hybrid host in the tree beside the others, and only if the kernel was built and started
with it. Averages are left to Prometheus, which can rate a total over any window.
"""

from __future__ import annotations

from exporters.cgroup.layout import UNIFIED
from exporters.cgroup.parse import pressure
from exporters.collectors.contract import Collector, Family, Kind, Samples, Target, each

_US_PER_S = 1_000_000


def _waiting(resource: str) -> Family:
    return Family(
        f"container_pressure_{resource}_waiting_seconds_total",
        Kind.COUNTER,
        f"Time in which at least one task waited for {resource}, in seconds (v2 {resource}.pressure some total).",
    )


def _stalled(resource: str) -> Family:
    return Family(
        f"container_pressure_{resource}_stalled_seconds_total",
        Kind.COUNTER,
        f"Time in which all tasks at once waited for {resource}, in seconds (v2 {resource}.pressure full total).",
    )


_FILES = tuple(
    (f"{resource}.pressure", ((_waiting(resource), b"some"), (_stalled(resource), b"full")))
    for resource in ("cpu", "memory", "io")
)


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    for name, table in _FILES:
        data = target.files.read(UNIFIED, name)
        if data is None:
            continue
        totals = pressure(data)
        for family, key in table:
            if key in totals:
                samples.add(family, target.labels, totals[key] / _US_PER_S)


COLLECTOR = Collector(
    name="pressure",
    help="Pressure stall information of CPU, memory and I/O (cgroup v2)",
    families=tuple(family for _, table in _FILES for family, _ in table),
    collect=each(read),
)
