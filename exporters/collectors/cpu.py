"""CPU time that was used, and time in which the quota held a container back.

As the kubelet does, periods and throttling are told only of a cgroup that has a quota, or once had one: of all others
the kernel has only zeros to tell.

Version 1 counts user and system time in ticks of a hundredth of a second (USER_HZ, the same on every platform that
Kubernetes runs on) and on another clock than the whole, so there the two do not add up to the usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.columns import keyed, scaled, single
from exporters.cgroup.parse import cpu_max, limit
from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target
from exporters.collectors.seldom import Seldom, Values, read_seldom

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporters.cgroup.columns import Words

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

_ACCOUNTED_V1 = ((USER, b"user"), (SYSTEM, b"system"))
_USED_V2 = ((USAGE, b"usage_usec"), (USER, b"user_usec"), (SYSTEM, b"system_usec"))
_COUNTED = ((PERIODS, b"nr_periods"), (THROTTLED_PERIODS, b"nr_throttled"), (BURST_PERIODS, b"nr_bursts"))
_TIMED_V1 = ((THROTTLED, b"throttled_time"), (BURST, b"burst_time"))
_TIMED_V2 = ((THROTTLED, b"throttled_usec"), (BURST, b"burst_usec"))


class _Quota(Seldom):
    """Holds the quota where there is one."""

    __slots__ = ()


def collect(scrape: Scrape) -> None:
    """Read all cgroups."""
    is_accounted_v1 = scrape.targets.version("cpuacct") == 1
    if is_accounted_v1:
        _accounted_v1(scrape)
    is_v1 = scrape.targets.version("cpu") == 1
    used = () if is_v1 or is_accounted_v1 else _USED_V2
    timed, per_s = (_TIMED_V1, _NS_PER_S) if is_v1 else (_TIMED_V2, _US_PER_S)
    keys = [key for _, key in (*used, *_COUNTED, *timed)]
    columns = dict(zip(keys, keyed(scrape.read("cpu", "cpu.stat"), keys, scrape.report), strict=True))
    for family, key in used:
        scrape.add(family, scaled(columns[key], _US_PER_S), _TOTAL if family is USAGE else "")
    shown = [_is_held_back(scrape, *one) for one in zip(scrape.targets, columns[b"nr_periods"], strict=True)]
    if any(shown):
        for family, key in _COUNTED:
            scrape.add(family, _only(columns[key], shown))
        for family, key in timed:
            scrape.add(family, scaled(_only(columns[key], shown), per_s))


def _accounted_v1(scrape: Scrape) -> None:
    usage = single(scrape.read("cpuacct", "cpuacct.usage"), scrape.report)
    scrape.add(USAGE, scaled(usage, _NS_PER_S), _TOTAL)
    stat = keyed(scrape.read("cpuacct", "cpuacct.stat"), [key for _, key in _ACCOUNTED_V1], scrape.report)
    for (family, _), words in zip(_ACCOUNTED_V1, stat, strict=True):
        scrape.add(family, scaled(words, _TICKS_PER_S))


def _is_held_back(scrape: Scrape, target: Target, periods: bytes | None) -> bool:
    return periods is not None and (periods != b"0" or bool(read_seldom(scrape, target, _Quota, _quota)))


def _only(words: Words, shown: Sequence[bool]) -> Words:
    return [word if is_shown else None for word, is_shown in zip(words, shown, strict=True)]


def _quota(target: Target) -> Iterator[Values]:
    is_v1 = target.files.version("cpu") == 1
    data = target.files.read("cpu", "cpu.cfs_quota_us" if is_v1 else "cpu.max", keep=False)
    quota = None if data is None else limit(data) if is_v1 else cpu_max(data)[0]
    if quota is not None:
        yield PERIODS, quota


COLLECTOR = Collector(
    name="cpu",
    help="CPU usage, user and system time, quota periods and throttling",
    families=(USAGE, USER, SYSTEM, PERIODS, THROTTLED_PERIODS, THROTTLED, BURST_PERIODS, BURST),
    collect=collect,
)
