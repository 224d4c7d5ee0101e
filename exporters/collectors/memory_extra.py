"""More of memory: what waits to be written to disk, what reclaim did, how often limits were felt.

Newer versions of cAdvisor than the kubelet's have these for cgroup v2; version 1 counts some of them as well. They are
extra because they cost a second reading of memory.stat, which is the dearest file of a cgroup.
"""

from __future__ import annotations

from exporters.cgroup.parse import keyed
from exporters.collectors.contract import Collector, Family, Kind, Samples, Table, Target, each

EVENTS_HIGH = Family(
    "container_memory_events_high_total",
    Kind.COUNTER,
    "How often the cgroup was throttled because it was above memory.high (v2 memory.events high).",
)
EVENTS_MAX = Family(
    "container_memory_events_max_total",
    Kind.COUNTER,
    "How often usage was about to go over the limit (v2 memory.events max).",
)
DIRTY = Family(
    "container_memory_file_dirty_bytes",
    Kind.GAUGE,
    "File pages that were changed and not yet written back, in bytes (memory.stat, v1 total_dirty, v2 file_dirty).",
)
WRITEBACK = Family(
    "container_memory_file_writeback_bytes",
    Kind.GAUGE,
    "File pages that are being written back, in bytes (memory.stat, v1 total_writeback, v2 file_writeback).",
)
SCANNED = Family(
    "container_memory_pgscan_total",
    Kind.COUNTER,
    "Pages that reclaim looked at (v2 memory.stat pgscan).",
)
STOLEN = Family(
    "container_memory_pgsteal_total",
    Kind.COUNTER,
    "Pages that reclaim took back (v2 memory.stat pgsteal).",
)
REFAULT_FILE = Family(
    "container_memory_workingset_refault_file_total",
    Kind.COUNTER,
    "File pages that were needed again after they had been taken back "
    "(memory.stat, v1 total_workingset_refault_file, v2 workingset_refault_file).",
)
REFAULT_ANON = Family(
    "container_memory_workingset_refault_anon_total",
    Kind.COUNTER,
    "Anonymous pages that were needed again after they had been taken back "
    "(memory.stat, v1 total_workingset_refault_anon, v2 workingset_refault_anon).",
)

_EVENTS: Table = ((EVENTS_HIGH, b"high", 1), (EVENTS_MAX, b"max", 1))
_STAT_V1: Table = (
    (DIRTY, b"total_dirty", 1),
    (WRITEBACK, b"total_writeback", 1),
    (REFAULT_FILE, b"total_workingset_refault_file", 1),
    (REFAULT_ANON, b"total_workingset_refault_anon", 1),
)
_STAT_V2: Table = (
    (DIRTY, b"file_dirty", 1),
    (WRITEBACK, b"file_writeback", 1),
    (SCANNED, b"pgscan", 1),
    (STOLEN, b"pgsteal", 1),
    (REFAULT_FILE, b"workingset_refault_file", 1),
    (REFAULT_ANON, b"workingset_refault_anon", 1),
)


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    is_v1 = target.files.version("memory") == 1
    if not is_v1:
        events = target.files.read("memory", "memory.events")
        if events is not None:
            samples.add_keyed(target.labels, _EVENTS, keyed(events))
    stat = target.files.read("memory", "memory.stat")
    if stat is not None:
        samples.add_keyed(target.labels, _STAT_V1 if is_v1 else _STAT_V2, keyed(stat))


COLLECTOR = Collector(
    name="memory_extra",
    help="Dirty pages, writeback, reclaim, refaults and hits of memory limits (reads memory.stat once more)",
    families=(EVENTS_HIGH, EVENTS_MAX, DIRTY, WRITEBACK, SCANNED, STOLEN, REFAULT_FILE, REFAULT_ANON),
    collect=each(read),
    is_default=False,
)
