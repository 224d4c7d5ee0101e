"""Limits that the kernel enforces on a container: CPU quota, shares, memory and swap.

They are read from the cgroup and not from the pod, so they are what really holds, after a resize as well (two minutes
later: what seldom changes is read seldom). Where there is no limit there is no series; a zero would read as a limit of
nothing, which for swap it is.

Version 2 has a weight where version 1 had shares. Runtimes turn shares into a weight in one of two ways (linearly, or
since runc 1.3.2 and crun 1.23 along a curve on which 1024 shares are a weight of 100), and the weight does not tell
which. The shares here are turned back linearly, as the kubelet does, and so are right for older runtimes only; the
weight itself is given beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.parse import cpu_max, limit, value
from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target
from exporters.collectors.seldom import Seldom, Values, add_seldom

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTA = Family(
    "container_spec_cpu_quota",
    Kind.GAUGE,
    "CPU time allowed in each period, in microseconds; absent without a quota (v1 cpu.cfs_quota_us, v2 cpu.max).",
)
PERIOD = Family(
    "container_spec_cpu_period",
    Kind.GAUGE,
    "Length of a quota period, in microseconds (v1 cpu.cfs_period_us, v2 cpu.max).",
)
SHARES = Family(
    "container_spec_cpu_shares",
    Kind.GAUGE,
    "Share of CPU time under contention, in units of 1/1024 of a CPU; on v2 too high where runc is 1.3.2 or newer "
    "(v1 cpu.shares, v2 cpu.weight mapped back linearly as 2 + (weight - 1) * 262142 / 9999).",
)
WEIGHT = Family(
    "container_spec_cpu_weight",
    Kind.GAUGE,
    "Share of CPU time under contention as the kernel has it, from 1 to 10000, or 0 for idle (v2 cpu.weight; v1 has shares).",
)
MEMORY_LIMIT = Family(
    "container_spec_memory_limit_bytes",
    Kind.GAUGE,
    "Memory limit, in bytes; absent without a limit (v1 memory.limit_in_bytes, v2 memory.max).",
)
SWAP_LIMIT = Family(
    "container_spec_memory_swap_limit_bytes",
    Kind.GAUGE,
    "Limit of memory and swap together on v1, of swap alone on v2, in bytes; absent without a limit "
    "(v1 memory.memsw.limit_in_bytes, v2 memory.swap.max).",
)
RESERVATION = Family(
    "container_spec_memory_reservation_limit_bytes",
    Kind.GAUGE,
    "Memory that is spared when the node runs short, in bytes; absent where v1 has none "
    "(v1 memory.soft_limit_in_bytes, v2 memory.min).",
)

_MEMORY_V1 = (
    (MEMORY_LIMIT, "memory.limit_in_bytes"),
    (SWAP_LIMIT, "memory.memsw.limit_in_bytes"),
    (RESERVATION, "memory.soft_limit_in_bytes"),
)
_MEMORY_V2 = ((MEMORY_LIMIT, "memory.max"), (SWAP_LIMIT, "memory.swap.max"), (RESERVATION, "memory.min"))


class _Limits(Seldom):
    __slots__ = ()


def collect(scrape: Scrape) -> None:
    """Tell the limits of all cgroups, of most as they were when they were last read."""
    for target in scrape.in_time(scrape.targets):
        if not target.is_gone:
            add_seldom(scrape, target, _Limits, _read)


def _read(target: Target) -> Iterator[Values]:
    """Read one cgroup."""
    yield from _cpu_v1(target) if target.files.version("cpu") == 1 else _cpu_v2(target)
    for family, name in _MEMORY_V1 if target.files.version("memory") == 1 else _MEMORY_V2:
        data = target.files.read("memory", name, keep=False)
        if data is not None and (most := limit(data)) is not None:
            yield family, most


def _cpu_v1(target: Target) -> Iterator[Values]:
    quota = target.files.read("cpu", "cpu.cfs_quota_us", keep=False)
    if quota is not None and (most := limit(quota)) is not None:
        yield QUOTA, most
    for family, name in ((PERIOD, "cpu.cfs_period_us"), (SHARES, "cpu.shares")):
        data = target.files.read("cpu", name, keep=False)
        if data is not None:
            yield family, value(data)


def _cpu_v2(target: Target) -> Iterator[Values]:
    data = target.files.read("cpu", "cpu.max", keep=False)
    if data is not None:
        quota, period = cpu_max(data)
        if quota is not None:
            yield QUOTA, quota
        yield PERIOD, period
    data = target.files.read("cpu", "cpu.weight", keep=False)
    if data is not None:
        weight = value(data)
        yield WEIGHT, weight
        if weight:  # the kernel writes 0 for a cgroup that is to run only when nothing else does (cpu.idle)
            yield SHARES, 2 + (weight - 1) * 262142 // 9999


COLLECTOR = Collector(
    name="spec",
    help="CPU quota, period, shares and weight, limits of memory and swap",
    families=(QUOTA, PERIOD, SHARES, WEIGHT, MEMORY_LIMIT, SWAP_LIMIT, RESERVATION),
    collect=collect,
)
