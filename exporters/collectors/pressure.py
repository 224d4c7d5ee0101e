"""Pressure stall information: time in which tasks waited for CPU, memory or I/O.

Only version 2 has it, on a hybrid host in the tree beside the others, and only if the kernel was built and started
with it. The totals are what the kubelet has, and Prometheus can rate them over any window. The kernel's own average of
the last ten seconds shows what a rate over a scrape interval smooths away; who does not want its series can switch
them off. Both come from the same files, which are read once for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporters.cgroup.layout import UNIFIED
from exporters.cgroup.parse import Stall, pressure
from exporters.collectors.contract import Collector, Family, Kind, Samples, Scrape, Target, attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

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
_LINES = (b"some", b"full")

_Stalls = tuple["Mapping[bytes, Stall] | None", ...]
"""What each of the files holds."""


@dataclass(slots=True)
class _Shared:
    """What the totals leave for the averages in the same scrape, by cgroup."""

    is_wanted: bool = False
    """The averages have been asked for before, so they will be again."""
    found: dict[str, _Stalls] = field(default_factory=dict)


def collect_totals(scrape: Scrape) -> None:
    """Read all files, and keep them for the averages if those run."""
    shared = scrape.notes.of(_Shared)

    def read(target: Target, samples: Samples) -> None:
        stalls = _stalls(target)
        for families, found in zip(_TOTALS, stalls, strict=True):
            for family, line in zip(families, _LINES, strict=True):
                if found is not None and (stall := found.get(line)) is not None:
                    samples.add(family, target.labels, stall.total_us / _US_PER_S)
        if shared.is_wanted:
            shared.found[target.cgroup.path] = stalls

    shared.found = {}
    for target in scrape.in_time(scrape.targets):
        if not target.is_gone:
            attempt(read, target, scrape)


def collect_averages(scrape: Scrape) -> None:
    """Write what was read for the totals; read what was not."""
    shared = scrape.notes.of(_Shared)
    shared.is_wanted = True
    kept, shared.found = shared.found, {}

    def read(target: Target, samples: Samples) -> None:
        stalls = kept.get(target.cgroup.path) or _stalls(target)
        for families, found in zip(_AVERAGES, stalls, strict=True):
            for family, line in zip(families, _LINES, strict=True):
                stall = None if found is None else found.get(line)
                if stall is not None and stall.avg10_ratio is not None:
                    samples.add(family, target.labels, stall.avg10_ratio)

    for target in scrape.in_time(scrape.targets):
        if not target.is_gone:
            attempt(read, target, scrape)


def _stalls(target: Target) -> _Stalls:
    contents = (target.files.read(UNIFIED, name) for name in _FILES)
    return tuple(None if data is None else pressure(data) for data in contents)


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
