"""When a pod or a container began."""

from __future__ import annotations

from exporters.collectors.contract import Collector, Family, Kind, Samples, Target, each

START_TIME = Family(
    "container_start_time_seconds",
    Kind.GAUGE,
    "When the cgroup was made, in seconds since 1970 (earliest modification time of its folder and of v1 "
    "cgroup.clone_children or v2 cgroup.events when it was first seen, and not before v1 and v2 /proc/stat btime).",
)


def read(target: Target, samples: Samples) -> None:
    """Give the moment that was noted when the cgroup was first seen: the kernel may forget it later."""
    if target.born_s is not None:
        samples.add(START_TIME, target.labels, target.born_s)


COLLECTOR = Collector(
    name="start_time",
    help="When each container began",
    families=(START_TIME,),
    collect=each(read),
)
