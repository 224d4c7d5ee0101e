"""How many tasks and processes a container has.

The count of processes comes from /proc and not from cgroup.procs, which leaves out or blanks the processes of another
pid namespace, and the exporter needs none of the host's.
"""

from __future__ import annotations

from exporters.cgroup.parse import limit, value
from exporters.collectors.contract import Collector, Family, Kind, Samples, Scrape, Target, each

THREADS = Family(
    "container_threads",
    Kind.GAUGE,
    "Tasks in the cgroup, threads counted one by one (pids.current).",
)
THREADS_MAX = Family(
    "container_threads_max",
    Kind.GAUGE,
    "Tasks that are allowed; absent without a limit (pids.max).",
)
PROCESSES = Family(
    "container_processes",
    Kind.GAUGE,
    "Processes in the container (number of /proc/<pid>/cgroup that name it).",
)


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    current = target.files.read("pids", "pids.current")
    if current is not None:
        samples.add(THREADS, target.labels, value(current))
    allowed = target.files.read("pids", "pids.max")
    if allowed is not None and (most := limit(allowed)) is not None:
        samples.add(THREADS_MAX, target.labels, most)


_read_each = each(read)


def collect(scrape: Scrape) -> None:
    """Read all cgroups, then count processes."""
    _read_each(scrape)
    for target in scrape.targets:
        container_id = target.cgroup.identity.container_id
        if container_id is not None and not target.is_gone:
            count = len(scrape.processes.of(container_id))
            if count:
                scrape.samples.add(PROCESSES, target.labels, count)
            else:
                scrape.tally.absent += 1


COLLECTOR = Collector(
    name="process",
    help="Threads and processes of each container",
    families=(THREADS, THREADS_MAX, PROCESSES),
    collect=collect,
)
