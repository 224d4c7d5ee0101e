"""When a pod or a container began."""

from __future__ import annotations

from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target

START_TIME = Family(
    "container_start_time_seconds",
    Kind.GAUGE,
    "When the cgroup was made, in seconds since 1970 (earliest modification time of its folder and of v1 "
    "cgroup.clone_children or v2 cgroup.events when it was first seen, and not before v1 and v2 /proc/stat btime).",
)


def collect(scrape: Scrape) -> None:
    """Give the moment that was noted when each cgroup was first seen: the kernel may forget it later."""
    scrape.add(START_TIME, [_word(target) for target in scrape.targets])


def _word(target: Target) -> bytes | None:
    return None if target.is_gone or target.born_s is None else repr(target.born_s).encode()


COLLECTOR = Collector(
    name="start_time",
    help="When each container began",
    families=(START_TIME,),
    collect=collect,
)
