"""Memory: what is used, what of it could not be given back at once, and how often it ran short.

Working set is usage less the file pages that the kernel has marked inactive: what eviction and the OOM killer would
have to reckon with. It still counts active file pages, as the kubelet's does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.parse import keyed, number, value
from exporters.collectors.contract import Collector, Family, Kind, Samples, Table, Target, each
from exporters.collectors.monotone import Monotone

if TYPE_CHECKING:
    from collections.abc import Mapping

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
_STAT_V1: Table = (
    (RSS, b"total_rss", 1),
    (CACHE, b"total_cache", 1),
    (MAPPED_FILE, b"total_mapped_file", 1),
    (SWAP, b"total_swap", 1),
    (ACTIVE_FILE, b"total_active_file", 1),
    (INACTIVE_FILE, b"total_inactive_file", 1),
)
_STAT_V2: Table = (
    (RSS, b"anon", 1),
    (CACHE, b"file", 1),
    (MAPPED_FILE, b"file_mapped", 1),
    (KERNEL_USAGE, b"kernel", 1),
    (ACTIVE_FILE, b"active_file", 1),
    (INACTIVE_FILE, b"inactive_file", 1),
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


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    is_v1 = target.files.version("memory") == 1
    labels = target.labels
    current = target.files.read("memory", "memory.usage_in_bytes" if is_v1 else "memory.current")
    usage = None if current is None else value(current)
    if usage is not None:
        samples.add(USAGE, labels, usage)
    for family, name in _SINGLE_V1 if is_v1 else _SINGLE_V2:
        data = target.files.read("memory", name)
        if data is not None:
            samples.add(family, labels, value(data))
    stat = target.files.read("memory", "memory.stat")
    if stat is None:
        return
    words = keyed(stat)
    samples.add_keyed(labels, _STAT_V1 if is_v1 else _STAT_V2, words)
    for scope, key in _FAULTS if is_v1 else (*_FAULTS, *_FAULTS_BELOW_V2):
        samples.add_keyed(labels + scope, ((FAILURES, key, 1),), words)
    if is_v1:
        _faults_below(target, samples, words)
    inactive = words.get(b"total_inactive_file" if is_v1 else b"inactive_file")
    if usage is not None and inactive is not None:
        samples.add(WORKING_SET, labels, max(0, usage - number(inactive)))


def _faults_below(target: Target, samples: Samples, words: Mapping[bytes, bytes]) -> None:
    """Version 1 before Linux 5.2 sums over the cgroups that are there, so what it tells falls when one is removed."""
    sums = target.notes.of(Monotone)
    for scope, key in _FAULTS_BELOW_V1:
        word = words.get(key)
        if word is not None:
            samples.add(FAILURES, target.labels + scope, sums.hold(key, number(word)))


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
    collect=each(read),
)
