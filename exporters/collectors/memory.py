"""Memory: what is used, what of it could not be given back at once, and how often it ran short.

Working set is usage less the file pages that the kernel has marked inactive: what eviction and the OOM killer would
have to reckon with. It still counts active file pages, as the kubelet's does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.columns import keyed, single
from exporters.collectors.contract import Collector, Family, Kind, Scrape
from exporters.collectors.monotone import Monotone

if TYPE_CHECKING:
    from exporters.cgroup.columns import Words

USAGE = Family(
    "container_memory_usage_bytes",
    Kind.GAUGE,
    "Memory in use, file cache included, in bytes (v1 memory.usage_in_bytes, v2 memory.current).",
)
WORKING_SET = Family(
    "container_memory_working_set_bytes",
    Kind.GAUGE,
    "Usage less inactive file pages, in bytes "
    "(v1 memory.usage_in_bytes - memory.stat total_inactive_file, v2 memory.current - memory.stat inactive_file).",
)
MAX_USAGE = Family(
    "container_memory_max_usage_bytes",
    Kind.GAUGE,
    "Highest usage since the cgroup was made, in bytes (v1 memory.max_usage_in_bytes, v2 memory.peak).",
)
RSS = Family(
    "container_memory_rss",
    Kind.GAUGE,
    "Anonymous memory, swap cache included, in bytes (memory.stat, v1 total_rss, v2 anon).",
)
CACHE = Family(
    "container_memory_cache",
    Kind.GAUGE,
    "Page cache, tmpfs included, in bytes (memory.stat, v1 total_cache, v2 file).",
)
MAPPED_FILE = Family(
    "container_memory_mapped_file",
    Kind.GAUGE,
    "Files mapped into memory, in bytes (memory.stat, v1 total_mapped_file, v2 file_mapped).",
)
SWAP = Family(
    "container_memory_swap",
    Kind.GAUGE,
    "Swap in use, in bytes (v1 memory.stat total_swap, v2 memory.swap.current).",
)
KERNEL_USAGE = Family(
    "container_memory_kernel_usage",
    Kind.GAUGE,
    "Kernel memory in use, in bytes (v1 memory.kmem.usage_in_bytes, v2 memory.stat kernel).",
)
ACTIVE_FILE = Family(
    "container_memory_total_active_file_bytes",
    Kind.GAUGE,
    "File pages in recent use, in bytes (memory.stat, v1 total_active_file, v2 active_file).",
)
INACTIVE_FILE = Family(
    "container_memory_total_inactive_file_bytes",
    Kind.GAUGE,
    "File pages that are taken back first, in bytes (memory.stat, v1 total_inactive_file, v2 inactive_file).",
)
FAILCNT = Family(
    "container_memory_failcnt",
    Kind.COUNTER,
    "How often usage hit the limit (v1 memory.failcnt; v2 does not count it).",
)
FAILURES = Family(
    "container_memory_failures_total",
    Kind.COUNTER,
    "Page faults (memory.stat pgfault and pgmajfault; v1 total_pgfault and total_pgmajfault for scope hierarchy, "
    "v2 counts the hierarchy only and answers both scopes with it).",
)

_SINGLE_V1 = (
    (MAX_USAGE, "memory.max_usage_in_bytes"),
    (KERNEL_USAGE, "memory.kmem.usage_in_bytes"),
    (FAILCNT, "memory.failcnt"),
)
_SINGLE_V2 = (
    (MAX_USAGE, "memory.peak"),
    (SWAP, "memory.swap.current"),
)
_STAT_V1 = (
    (RSS, b"total_rss"),
    (CACHE, b"total_cache"),
    (MAPPED_FILE, b"total_mapped_file"),
    (SWAP, b"total_swap"),
    (ACTIVE_FILE, b"total_active_file"),
    (INACTIVE_FILE, b"total_inactive_file"),
)
_STAT_V2 = (
    (RSS, b"anon"),
    (CACHE, b"file"),
    (MAPPED_FILE, b"file_mapped"),
    (KERNEL_USAGE, b"kernel"),
    (ACTIVE_FILE, b"active_file"),
    (INACTIVE_FILE, b"inactive_file"),
)
_FAULTS = (
    (',failure_type="pgfault",scope="container"', b"pgfault"),
    (',failure_type="pgmajfault",scope="container"', b"pgmajfault"),
)
_FAULTS_BELOW_V1 = (
    (',failure_type="pgfault",scope="hierarchy"', b"total_pgfault"),
    (',failure_type="pgmajfault",scope="hierarchy"', b"total_pgmajfault"),
)
_FAULTS_BELOW_V2 = tuple((labels, key.removeprefix(b"total_")) for labels, key in _FAULTS_BELOW_V1)


def collect(scrape: Scrape) -> None:
    """Read all cgroups."""
    if not scrape.targets:
        return
    is_v1 = scrape.targets.version("memory") == 1
    current = single(scrape.read("memory", "memory.usage_in_bytes" if is_v1 else "memory.current"), scrape.report)
    scrape.add(USAGE, current)
    for family, name in _SINGLE_V1 if is_v1 else _SINGLE_V2:
        scrape.add(family, single(scrape.read("memory", name), scrape.report))
    table, below = (_STAT_V1, _FAULTS_BELOW_V1) if is_v1 else (_STAT_V2, _FAULTS_BELOW_V2)
    keys = (*(key for _, key in (*table, *_FAULTS)), *(key for _, key in _FAULTS_BELOW_V1 if is_v1))
    columns = dict(zip(keys, keyed(scrape.read("memory", "memory.stat"), keys, scrape.report), strict=True))
    for family, key in table:
        scrape.add(family, columns[key])
    for more, key in _FAULTS:
        scrape.add(FAILURES, columns[key], more)
    for more, key in below:
        scrape.add(FAILURES, _held(scrape, key, columns[key]) if is_v1 else columns[key], more)
    scrape.add(WORKING_SET, list(map(_working_set, current, columns[table[-1][1]])))


def _working_set(usage: bytes | None, inactive: bytes | None) -> bytes | None:
    return None if usage is None or inactive is None else b"%d" % max(0, int(usage) - int(inactive))


def _held(scrape: Scrape, key: bytes, sums: Words) -> Words:
    """Keep what version 1 adds up from falling: before Linux 5.2 it is the sum over the cgroups that are there."""
    return [
        word and b"%d" % target.notes.of(Monotone).hold(key, int(word))
        for target, word in zip(scrape.targets, sums, strict=True)
    ]


COLLECTOR = Collector(
    name="memory",
    help="Memory usage, working set, what it consists of, page faults",
    families=(
        USAGE,
        WORKING_SET,
        MAX_USAGE,
        RSS,
        CACHE,
        MAPPED_FILE,
        SWAP,
        KERNEL_USAGE,
        ACTIVE_FILE,
        INACTIVE_FILE,
        FAILCNT,
        FAILURES,
    ),
    collect=collect,
)
