"""Huge pages that a container holds.

Where the kernel counts reservations (5.7 and later) those are told, as cAdvisor does: a reservation is what the limit is
held against, so it shows a container that will fail before it does. Which sizes there are differs by machine and is
looked up once for each cgroup.
"""

from __future__ import annotations

from dataclasses import dataclass

from exporters.cgroup.parse import keyed, number, value
from exporters.collectors.contract import Collector, Family, Kind, Samples, Target, each

USAGE = Family(
    "container_hugetlb_usage_bytes",
    Kind.GAUGE,
    "Huge pages of a size that are reserved, or in use where the kernel does not tell reservations, in bytes "
    "(v1 hugetlb.<size>[.rsvd].usage_in_bytes, v2 hugetlb.<size>[.rsvd].current).",
)
MAX_USAGE = Family(
    "container_hugetlb_max_usage_bytes",
    Kind.GAUGE,
    "Most of it since the cgroup was made, in bytes; v2 does not keep it (v1 hugetlb.<size>[.rsvd].max_usage_in_bytes).",
)
FAILCNT = Family(
    "container_hugetlb_failcnt",
    Kind.COUNTER,
    "How often the limit was hit (v1 hugetlb.<size>[.rsvd].failcnt, v2 hugetlb.<size>.events max).",
)

_PREFIX = "hugetlb."
_USAGE = {1: ".usage_in_bytes", 2: ".current"}
_RESERVED = ".rsvd"


@dataclass(slots=True)
class _Sizes:
    """The files of a cgroup that tell usage, by the size of their pages."""

    by_size: dict[str, str] | None = None
    """From ``2MB`` to ``hugetlb.2MB`` or ``hugetlb.2MB.rsvd``."""


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    version = target.files.version("hugetlb")
    if version is None:
        return
    sizes = target.notes.of(_Sizes)
    if sizes.by_size is None:
        sizes.by_size = _look(target.files.names("hugetlb"), _USAGE[version])
    for size, stem in sizes.by_size.items():
        labels = f'{target.labels},pagesize="{size}"'
        usage = target.files.read("hugetlb", stem + _USAGE[version])
        if usage is not None:
            samples.add(USAGE, labels, value(usage))
        if version == 1:
            _read_v1(target, samples, stem, labels)
        else:
            events = target.files.read("hugetlb", f"{_PREFIX}{size}.events")
            if events is not None and (hits := keyed(events).get(b"max")) is not None:
                samples.add(FAILCNT, labels, number(hits))


def _read_v1(target: Target, samples: Samples, stem: str, labels: str) -> None:
    for family, ending in ((MAX_USAGE, ".max_usage_in_bytes"), (FAILCNT, ".failcnt")):
        data = target.files.read("hugetlb", stem + ending)
        if data is not None:
            samples.add(family, labels, value(data))


def _look(names: list[str], ending: str) -> dict[str, str]:
    """Find the sizes, smallest name first; the file with reservations counts if there is one."""
    found: dict[str, str] = {}
    for name in sorted(names):
        if name.startswith(_PREFIX) and name.endswith(ending):
            stem = name.removesuffix(ending)
            size = stem.removeprefix(_PREFIX).removesuffix(_RESERVED)
            if size.isalnum():
                found[size] = max(stem, found.get(size, ""))
    return found


COLLECTOR = Collector(
    name="hugetlb",
    help="Huge pages of each container",
    families=(USAGE, MAX_USAGE, FAILCNT),
    collect=each(read),
    is_default=False,
)
