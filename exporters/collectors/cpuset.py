"""Whether a container's memory follows it when it is moved to other NUMA nodes."""

from __future__ import annotations

from exporters.cgroup.parse import value
from exporters.collectors.contract import Collector, Family, Kind, Samples, Target, each

MIGRATE = Family(
    "container_memory_migrate",
    Kind.GAUGE,
    "1 if memory is moved along when the cgroup is given other NUMA nodes, else 0; v2 has no such switch "
    "(v1 cpuset.memory_migrate).",
)


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    if target.files.version("cpuset") == 1:
        data = target.files.read("cpuset", "cpuset.memory_migrate")
        if data is not None:
            samples.add(MIGRATE, target.labels, value(data))


COLLECTOR = Collector(
    name="cpuset",
    help="Whether memory follows a container to other NUMA nodes (cgroup v1)",
    families=(MIGRATE,),
    collect=each(read),
    is_default=False,
)
