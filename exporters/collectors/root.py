"""The whole machine, as the container ``/``: its memory, CPU time, limits, pressure and age, as the kubelet shows them.

The root is a cgroup with files of its own kind. Its memory.stat makes the kernel add up all cgroups, which took seconds
on hosts with many dying ones, and version 2 has no memory.current for it. So its memory comes from /proc/meminfo and
/proc/vmstat, which have the same figures without adding up:

==================  ============================================================================
usage               AnonPages + Cached + Buffers + SwapCached: what the kernel answers itself in
                    version 1, and what the kubelet adds up in version 2
working set         usage - Inactive(file), as for every cgroup
rss                 AnonPages
cache               Cached + Buffers + SwapCached
swap                SwapTotal - SwapFree, with what is not charged to any cgroup
limits              MemTotal and SwapTotal
page faults         /proc/vmstat; in version 1 there are none for the root alone, so only the hierarchy is told
==================  ============================================================================

What only a limit can cause (a highest usage, hits of the limit, throttling) does not exist for the root, and neither do
its shares, which divide nothing. Kernel memory is not told, because no line of /proc/meminfo counts the same.

Where the node is itself a container (kind), version 2 gives the root that is seen the files of an ordinary cgroup, and
its memory is read from them as that of any other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporters.cgroup.layout import UNIFIED
from exporters.cgroup.parse import Malformed, keyed, meminfo, value
from exporters.cgroup.parse import pressure as stalls
from exporters.collectors import cpu, memory, memory_extra, pressure, process, spec, start_time
from exporters.collectors.contract import Collector, Family, Samples, Scrape, Target, attempt
from exporters.collectors.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Mapping

_NS_PER_S = 1_000_000_000
_US_PER_S = 1_000_000
_TICKS_PER_S = 100
_TOTAL = ',cpu="total"'
_FILE = (b"Cached", b"Buffers", b"SwapCached")
_Sums = tuple[tuple[Family, tuple[bytes, ...]], ...]
"""Which figures of /proc/meminfo add up to which family."""
_LIMITS: _Sums = ((spec.MEMORY_LIMIT, (b"MemTotal",)), (spec.SWAP_LIMIT, (b"SwapTotal",)))
_MEMORY: _Sums = (
    (memory.USAGE, (b"AnonPages", *_FILE)),
    (memory.RSS, (b"AnonPages",)),
    (memory.CACHE, _FILE),
    (memory.MAPPED_FILE, (b"Mapped",)),
    (memory.ACTIVE_FILE, (b"Active(file)",)),
    (memory.INACTIVE_FILE, (b"Inactive(file)",)),
    (memory_extra.DIRTY, (b"Dirty",)),
    (memory_extra.WRITEBACK, (b"Writeback",)),
)
_DIFFERENCES = (
    (memory.WORKING_SET, (b"AnonPages", *_FILE), b"Inactive(file)"),
    (memory.SWAP, (b"SwapTotal",), b"SwapFree"),
)
_UNDEFINED = pressure.AVERAGES.families[1]
"""That all tasks wait for a CPU is not defined of a machine, whose CPUs some task always runs on: the kernel writes 0."""
_PRESSURE_FILES = ("cpu.pressure", "memory.pressure", "io.pressure")


def collect(scrape: Scrape) -> None:
    """Read the root; there is none where only a part of the tree is seen."""
    root = scrape.root
    if root is None:
        return
    if root.born_s is not None:
        scrape.samples.add(start_time.START_TIME, root.labels, root.born_s)
    for read in (_cpu, _pressure, _threads):
        attempt(read, root, scrape)
    try:
        _limits_and_memory(scrape, root)
    except Malformed as error:
        scrape.tally.fail(f"/proc: {error}")


def _cpu(root: Target, samples: Samples) -> None:
    if root.files.version("cpuacct") == 1:
        usage = root.files.read("cpuacct", "cpuacct.usage")
        if usage is not None:
            samples.add(cpu.USAGE, root.labels + _TOTAL, value(usage) / _NS_PER_S)
        stat = root.files.read("cpuacct", "cpuacct.stat")
        if stat is not None:
            samples.add_keyed(
                root.labels, ((cpu.USER, b"user", _TICKS_PER_S), (cpu.SYSTEM, b"system", _TICKS_PER_S)), keyed(stat)
            )
        return
    stat = root.files.read("cpu", "cpu.stat")
    if stat is not None:
        words = keyed(stat)
        samples.add_keyed(root.labels + _TOTAL, ((cpu.USAGE, b"usage_usec", _US_PER_S),), words)
        samples.add_keyed(root.labels, ((cpu.USER, b"user_usec", _US_PER_S), (cpu.SYSTEM, b"system_usec", _US_PER_S)), words)


def _pressure(root: Target, samples: Samples) -> None:
    families = zip(pressure.TOTALS.families, pressure.AVERAGES.families, strict=True)
    for name in _PRESSURE_FILES:
        data = root.files.read(UNIFIED, name)
        found = {} if data is None else stalls(data)
        for line in (b"some", b"full"):
            total, average = next(families)
            if line not in found:
                continue
            samples.add(total, root.labels, found[line].total_us / _US_PER_S)
            told = found[line].avg10_ratio
            if told is not None and average is not _UNDEFINED:
                samples.add(average, root.labels, told)


def _threads(root: Target, samples: Samples) -> None:
    data = root.files.read("pids", "pids.current")  # there where the root that is seen is itself the cgroup of a container
    if data is not None:
        samples.add(process.THREADS, root.labels, value(data))


def _limits_and_memory(scrape: Scrape, root: Target) -> None:
    data = scrape.host.proc("meminfo", scrape.tally)
    found = {} if data is None else meminfo(data)
    _add(scrape.samples, root.labels, _LIMITS, found)
    if root.files.version("memory") != 1 and root.files.read("memory", "memory.current") is not None:
        memory.collect(replace(scrape, targets=Roster((root,))))
        return
    _add(scrape.samples, root.labels, _MEMORY, found)
    for family, parts, less in _DIFFERENCES:
        if (amount := _sum(found, parts)) is not None and less in found:
            scrape.samples.add(family, root.labels, max(0, amount - found[less]))
    _faults(scrape, root)


def _faults(scrape: Scrape, root: Target) -> None:
    data = scrape.host.proc("vmstat", scrape.tally)
    words = {} if data is None else keyed(data)
    for scope in ("hierarchy",) if root.files.version("memory") == 1 else ("container", "hierarchy"):
        for key in (b"pgfault", b"pgmajfault"):
            labels = f'{root.labels},failure_type="{key.decode()}",scope="{scope}"'
            scrape.samples.add_keyed(labels, ((memory.FAILURES, key, 1),), words)


def _add(samples: Samples, labels: str, table: _Sums, found: Mapping[bytes, int]) -> None:
    for family, parts in table:
        if (amount := _sum(found, parts)) is not None:
            samples.add(family, labels, amount)


def _sum(found: Mapping[bytes, int], parts: tuple[bytes, ...]) -> int | None:
    """Add figures up; None where one of them is not told."""
    return sum(found[part] for part in parts) if all(part in found for part in parts) else None


COLLECTOR = Collector(
    name="root",
    help="Memory, CPU time, limits, pressure and age of the whole machine, as the container /",
    families=(),
    collect=collect,
    adds_to=(
        cpu.USAGE,
        cpu.USER,
        cpu.SYSTEM,
        *memory.COLLECTOR.families,
        memory_extra.DIRTY,
        memory_extra.WRITEBACK,
        spec.MEMORY_LIMIT,
        spec.SWAP_LIMIT,
        start_time.START_TIME,
        *pressure.TOTALS.families,
        *(family for family in pressure.AVERAGES.families if family is not _UNDEFINED),
        process.THREADS,
    ),
)
