"""Pressure stall information: time in which tasks waited for CPU, memory or I/O.

Only version 2 has it, on a hybrid host in the tree beside the others, and only if the kernel was built and started
with it. The totals are what the kubelet has, and Prometheus can rate them over any window. The kernel's own average of
the last ten seconds shows what a rate over a scrape interval smooths away; who does not want its series can switch
them off. Both come from the same files, which are read once for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.cgroup.columns import pressures, scaled
from exporters.cgroup.layout import UNIFIED
from exporters.collectors.contract import Collector, Family, Kind, Scrape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.cgroup.columns import Words

_US_PER_S = 1_000_000
_HUNDREDTHS_OF_PERCENT = 10_000


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


def _waiting_avg10(resource: str) -> Family:
    return Family(
        f"container_pressure_{resource}_waiting_avg10_ratio",
        Kind.GAUGE,
        f"Share of the last ten seconds in which at least one task waited for {resource}, from 0 to 1, averaged by the "
        f"kernel (v2 {resource}.pressure some avg10).",
    )


def _stalled_avg10(resource: str) -> Family:
    return Family(
        f"container_pressure_{resource}_stalled_avg10_ratio",
        Kind.GAUGE,
        f"Share of the last ten seconds in which all tasks at once waited for {resource}, from 0 to 1, averaged by the "
        f"kernel (v2 {resource}.pressure full avg10).",
    )


_RESOURCES = ("cpu", "memory", "io")
_FILES = tuple(f"{resource}.pressure" for resource in _RESOURCES)
_TOTALS = tuple((_waiting(resource), _stalled(resource)) for resource in _RESOURCES)
_AVERAGES = tuple((_waiting_avg10(resource), _stalled_avg10(resource)) for resource in _RESOURCES)

_Columns = tuple["Words", "Words"]
"""What was lost to some tasks, and to all."""


@dataclass(slots=True)
class _Shared:
    """What the totals leave for the averages in the same scrape."""

    is_wanted: bool = False
    """The averages have been asked for before, so they will be again."""
    averages: Sequence[_Columns] = ()
    """Of each file."""


def collect_totals(scrape: Scrape) -> None:
    """Read all files, and keep the averages if those are wanted."""
    shared = scrape.notes.of(_Shared)
    averages = []
    for (waiting, stalled), name in zip(_TOTALS, _FILES, strict=True):
        some, some_avg10, full, full_avg10 = pressures(scrape.read(UNIFIED, name), scrape.report)
        scrape.add(waiting, scaled(some, _US_PER_S))
        scrape.add(stalled, scaled(full, _US_PER_S))
        averages.append((some_avg10, full_avg10))
    shared.averages = averages if shared.is_wanted else ()


def collect_averages(scrape: Scrape) -> None:
    """Write what was read for the totals; read it if it was not."""
    shared = scrape.notes.of(_Shared)
    shared.is_wanted = True
    averages, shared.averages = shared.averages, ()
    for families, columns in zip(_AVERAGES, averages or [_averages(scrape, name) for name in _FILES], strict=True):
        for family, words in zip(families, columns, strict=True):
            scrape.add(family, scaled(words, _HUNDREDTHS_OF_PERCENT))


def _averages(scrape: Scrape, name: str) -> _Columns:
    _, some, _, full = pressures(scrape.read(UNIFIED, name), scrape.report)
    return some, full


TOTALS = Collector(
    name="pressure",
    help="Pressure stall information of CPU, memory and I/O: time lost in total (cgroup v2)",
    families=tuple(family for families in _TOTALS for family in families),
    collect=collect_totals,
)
AVERAGES = Collector(
    name="pressure_avg10",
    help="Pressure stall information of CPU, memory and I/O: share lost of the last ten seconds (cgroup v2)",
    families=tuple(family for families in _AVERAGES for family in families),
    collect=collect_averages,
)
