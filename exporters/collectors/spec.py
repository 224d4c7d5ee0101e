"""Limits that the kernel enforces on a container: CPU quota, shares and memory.

They are read from the cgroup and not from the pod, so they are what really holds, after a resize as well. Where there
is no limit there is no series; a zero would read as a limit of nothing.
"""

from __future__ import annotations

from exporters.cgroup.parse import cpu_max, limit, value
from exporters.collectors.contract import Collector, Family, Kind, Samples, Target, each

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
    "Share of CPU time under contention, in units of 1/1024 of a CPU "
    "(v1 cpu.shares, v2 cpu.weight mapped back linearly as 2 + (weight - 1) * 262142 / 9999).",
)
MEMORY_LIMIT = Family(
    "container_spec_memory_limit_bytes",
    Kind.GAUGE,
    "Memory limit, in bytes; absent without a limit (v1 memory.limit_in_bytes, v2 memory.max).",
)


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    if target.files.version("cpu") == 1:
        _cpu_v1(target, samples)
    else:
        _cpu_v2(target, samples)
    is_v1 = target.files.version("memory") == 1
    data = target.files.read("memory", "memory.limit_in_bytes" if is_v1 else "memory.max")
    if data is not None and (most := limit(data)) is not None:
        samples.add(MEMORY_LIMIT, target.labels, most)


def _cpu_v1(target: Target, samples: Samples) -> None:
    quota = target.files.read("cpu", "cpu.cfs_quota_us")
    if quota is not None and (most := limit(quota)) is not None:
        samples.add(QUOTA, target.labels, most)
    for family, name in ((PERIOD, "cpu.cfs_period_us"), (SHARES, "cpu.shares")):
        data = target.files.read("cpu", name)
        if data is not None:
            samples.add(family, target.labels, value(data))


def _cpu_v2(target: Target, samples: Samples) -> None:
    data = target.files.read("cpu", "cpu.max")
    if data is not None:
        quota, period = cpu_max(data)
        if quota is not None:
            samples.add(QUOTA, target.labels, quota)
        samples.add(PERIOD, target.labels, period)
    weight = target.files.read("cpu", "cpu.weight")
    if weight is not None:
        samples.add(SHARES, target.labels, 2 + (value(weight) - 1) * 262142 // 9999)


COLLECTOR = Collector(
    name="spec",
    help="CPU quota, period and shares, memory limit",
    families=(QUOTA, PERIOD, SHARES, MEMORY_LIMIT),
    collect=each(read),
)
