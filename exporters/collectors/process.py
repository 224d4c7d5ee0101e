"""How many tasks, processes and open files a container has, and how many it may have.

The count of processes comes from /proc and not from cgroup.procs, which leaves out or blanks the processes of another
pid namespace, and the exporter needs none of the host's. So does the count of open files: the kernel tells it as the
size of a folder that only root may list, and looking at one folder for each process is cheaper than listing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.files import read_once
from exporters.cgroup.parse import Malformed, limit, value
from exporters.cgroup.parse_proc import open_files_limit
from exporters.collectors.contract import Collector, Family, Kind, Samples, Scrape, Target, each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.cgroup.processes import Process

_OPEN_FILES = ',ulimit="max_open_files"'

THREADS = Family(
    "container_threads",
    Kind.GAUGE,
    "Tasks in the cgroup, threads counted one by one (v1 and v2 pids.current).",
)
THREADS_MAX = Family(
    "container_threads_max",
    Kind.GAUGE,
    "Tasks that are allowed; absent without a limit (v1 and v2 pids.max).",
)
PROCESSES = Family(
    "container_processes",
    Kind.GAUGE,
    "Processes in the container (number of /proc/<pid>/cgroup that name it).",
)
FILE_DESCRIPTORS = Family(
    "container_file_descriptors",
    Kind.GAUGE,
    "Open files of all processes in the container; absent before Linux 6.2 (size of /proc/<pid>/fd).",
)
ULIMITS = Family(
    "container_ulimits_soft",
    Kind.GAUGE,
    "Soft limit of the container's first process; absent where it is unlimited (/proc/<pid>/limits).",
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
    """Read all cgroups, then look at the processes of each container."""
    _read_each(scrape)
    for target in scrape.in_time(scrape.targets):
        container_id = target.cgroup.identity.container_id
        if container_id is None or target.is_gone:
            continue
        processes = scrape.processes.of(container_id)
        if not processes:
            scrape.tally.absent += 1
            continue
        scrape.samples.add(PROCESSES, target.labels, len(processes))
        _count_files(scrape, target, processes)
        _read_limits(scrape, target, processes[0])


def _count_files(scrape: Scrape, target: Target, processes: Sequence[Process]) -> None:
    count = 0
    for process in processes:
        folder = f"{scrape.procfs}/{process.pid}/fd"
        try:
            count += scrape.host.size(folder)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended
        except OSError as error:
            scrape.tally.fail(f"cannot look at {folder}: {error.strerror}")
            return
    if count:
        scrape.samples.add(FILE_DESCRIPTORS, target.labels, count)
    else:
        scrape.tally.absent += 1


def _read_limits(scrape: Scrape, target: Target, first: Process) -> None:
    path = f"{scrape.procfs}/{first.pid}/limits"
    try:
        most = open_files_limit(read_once(path))
    except (FileNotFoundError, ProcessLookupError):
        scrape.tally.absent += 1  # it ended; another is the first at the next scrape
    except OSError as error:
        scrape.tally.fail(f"cannot read {path}: {error.strerror}")
    except Malformed as error:
        scrape.tally.fail(f"{path}: {error}")
    else:
        if most is not None:
            scrape.samples.add(ULIMITS, target.labels + _OPEN_FILES, most)


COLLECTOR = Collector(
    name="process",
    help="Threads, processes and open files of each container, and their limits",
    families=(THREADS, THREADS_MAX, PROCESSES, FILE_DESCRIPTORS, ULIMITS),
    collect=collect,
)
