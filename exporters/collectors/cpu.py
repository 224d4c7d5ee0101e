"""CPU time that was used, and time in which the quota held a container back.

As the kubelet does, periods and throttling are told only of a cgroup that has a quota, or once had one: of all others
the kernel has only zeros to tell.

Version 1 counts user and system time in ticks of a hundredth of a second (USER_HZ, the same on every platform that
Kubernetes runs on) and on another clock than the whole, so there the two do not add up to the usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.parse import cpu_max, keyed, limit, value
from exporters.collectors.contract import Collector, Family, Kind, Samples, Scrape, Target, attempt
from exporters.collectors.seldom import Seldom, Values, read_seldom

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOTAL = ',cpu="total"'
_TICKS_PER_S = 100
_US_PER_S = 1_000_000
_NS_PER_S = 1_000_000_000

USAGE = Family(
    "container_cpu_usage_seconds_total",
    Kind.COUNTER,
    "CPU time used, in seconds, over all CPUs (v1 cpuacct.usage, v2 cpu.stat usage_usec).",
)
USER = Family(
    "container_cpu_user_seconds_total",
    Kind.COUNTER,
    "CPU time used in user mode, in seconds (v1 cpuacct.stat user, v2 cpu.stat user_usec).",
)
SYSTEM = Family(
    "container_cpu_system_seconds_total",
    Kind.COUNTER,
    "CPU time used in the kernel, in seconds (v1 cpuacct.stat system, v2 cpu.stat system_usec).",
)
PERIODS = Family(
    "container_cpu_cfs_periods_total",
    Kind.COUNTER,
    "Enforcement periods of the CPU quota that passed while the cgroup wanted to run (cpu.stat nr_periods).",
)
THROTTLED_PERIODS = Family(
    "container_cpu_cfs_throttled_periods_total",
    Kind.COUNTER,
    "Periods in which the quota ran out and the cgroup was throttled (cpu.stat nr_throttled).",
)
THROTTLED = Family(
    "container_cpu_cfs_throttled_seconds_total",
    Kind.COUNTER,
    "Time for which the cgroup was throttled, in seconds, summed over CPUs "
    "(v1 cpu.stat throttled_time, v2 cpu.stat throttled_usec).",
)
BURST_PERIODS = Family(
    "container_cpu_cfs_burst_periods_total",
    Kind.COUNTER,
    "Periods in which saved up quota was used (cpu.stat nr_bursts).",
)
BURST = Family(
    "container_cpu_cfs_burst_seconds_total",
    Kind.COUNTER,
    "Time used above the quota in bursts, in seconds (v1 cpu.stat burst_time, v2 cpu.stat burst_usec).",
)

_ACCOUNTED_V1 = ((USER, b"user", _TICKS_PER_S), (SYSTEM, b"system", _TICKS_PER_S))
_ACCOUNTED_V2 = ((USER, b"user_usec", _US_PER_S), (SYSTEM, b"system_usec", _US_PER_S))
_THROTTLING_V1 = (
    (PERIODS, b"nr_periods", 1),
    (THROTTLED_PERIODS, b"nr_throttled", 1),
    (THROTTLED, b"throttled_time", _NS_PER_S),
    (BURST_PERIODS, b"nr_bursts", 1),
    (BURST, b"burst_time", _NS_PER_S),
)
_THROTTLING_V2 = (
    (PERIODS, b"nr_periods", 1),
    (THROTTLED_PERIODS, b"nr_throttled", 1),
    (THROTTLED, b"throttled_usec", _US_PER_S),
    (BURST_PERIODS, b"nr_bursts", 1),
    (BURST, b"burst_usec", _US_PER_S),
)


class _Quota(Seldom):
    """Holds the quota where there is one."""

    __slots__ = ()


def collect(scrape: Scrape) -> None:
    """Read all cgroups."""

    def read(target: Target, samples: Samples) -> None:
        is_accounted_v1 = target.files.version("cpuacct") == 1
        if is_accounted_v1:
            _accounted_v1(target, samples)
        stat = target.files.read("cpu", "cpu.stat")
        if stat is None:
            return
        words = keyed(stat)
        is_v1 = target.files.version("cpu") == 1
        if not is_v1 and not is_accounted_v1:
            samples.add_keyed(target.labels + _TOTAL, ((USAGE, b"usage_usec", _US_PER_S),), words)
            samples.add_keyed(target.labels, _ACCOUNTED_V2, words)
        periods = words.get(b"nr_periods")
        if periods is not None and (periods != b"0" or read_seldom(scrape, target, _Quota, _quota)):
            samples.add_keyed(target.labels, _THROTTLING_V1 if is_v1 else _THROTTLING_V2, words)

    for target in scrape.in_time(scrape.targets):
        if not target.is_gone:
            attempt(read, target, scrape)


def _quota(target: Target) -> Iterator[Values]:
    is_v1 = target.files.version("cpu") == 1
    data = target.files.read("cpu", "cpu.cfs_quota_us" if is_v1 else "cpu.max", keep=False)
    quota = None if data is None else limit(data) if is_v1 else cpu_max(data)[0]
    if quota is not None:
        yield PERIODS, quota


def _accounted_v1(target: Target, samples: Samples) -> None:
    usage = target.files.read("cpuacct", "cpuacct.usage")
    if usage is not None:
        samples.add(USAGE, target.labels + _TOTAL, value(usage) / _NS_PER_S)
    stat = target.files.read("cpuacct", "cpuacct.stat")
    if stat is not None:
        samples.add_keyed(target.labels, _ACCOUNTED_V1, keyed(stat))


COLLECTOR = Collector(
    name="cpu",
    help="CPU usage, user and system time, quota periods and throttling",
    families=(USAGE, USER, SYSTEM, PERIODS, THROTTLED_PERIODS, THROTTLED, BURST_PERIODS, BURST),
    collect=collect,
)
