"""When a pod or a container began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

START_TIME = Family(
    "container_start_time_seconds",
    Kind.GAUGE,
    "When the cgroup was made, in seconds since 1970 (earliest modification time of its folder and of v1 "
    "cgroup.clone_children or v2 cgroup.events when it was first seen, and not before v1 and v2 /proc/stat btime).",
)


def collect(scrape: Scrape) -> None:
    """Give the moment that was noted when each cgroup was first seen: the kernel may forget it later."""
    words = scrape.targets.once(_words)
    scrape.add(START_TIME, [None if one.is_gone else word for one, word in zip(scrape.targets, words, strict=True)])


def _words(targets: Sequence[Target]) -> Sequence[bytes | None]:
    return [None if target.born_s is None else repr(target.born_s).encode() for target in targets]


COLLECTOR = Collector(
    name="start_time",
    help="When each container began",
    families=(START_TIME,),
    collect=collect,
)
