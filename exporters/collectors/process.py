"""How many tasks, processes and open files a container has, and how many it may have.

The count of processes comes from /proc and not from cgroup.procs, which leaves out or blanks the processes of another
pid namespace, and the exporter needs none of the host's. So does the count of open files: the kernel tells it as the
size of a folder that only root may list, and looking at one folder for each process is cheaper than listing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.columns import single
from exporters.cgroup.files import read_once
from exporters.cgroup.host import count
from exporters.cgroup.parse import limit
from exporters.cgroup.parse_proc import open_files_limit
from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target
from exporters.collectors.seldom import Seldom, Values, add_seldom

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


class _Limits(Seldom):
    __slots__ = ()


class _LimitsOfFirst(Seldom):
    __slots__ = ("process",)

    def __init__(self) -> None:
        super().__init__()
        self.process: Process | None = None
        """Whose limits were read."""


def collect(scrape: Scrape) -> None:
    """Read all cgroups, then look at the processes of each container."""
    scrape.add(THREADS, single(scrape.read("pids", "pids.current"), scrape.report))
    for target in scrape.in_time(scrape.targets):
        if not target.is_gone:
            add_seldom(scrape, target, _Limits, _read_limit)
            _look_at_processes(scrape, target)


def _read_limit(target: Target) -> Iterator[Values]:
    allowed = target.files.read("pids", "pids.max", keep=False)
    if allowed is not None and (most := limit(allowed)) is not None:
        yield THREADS_MAX, most


def _look_at_processes(scrape: Scrape, target: Target) -> None:
    container_id = target.cgroup.identity.container_id
    if container_id is None or target.is_gone:
        return
    processes = scrape.processes.of(container_id, target.cgroup.path)
    if not processes:
        scrape.tally.absent += 1
        return
    scrape.samples.add(PROCESSES, target.labels, len(processes))
    _count_files(scrape, target, processes)
    _tell_limits(scrape, target, processes[0])


def _count_files(scrape: Scrape, target: Target, processes: Sequence[Process]) -> None:
    open_files = 0
    for process in processes:
        folder = f"{scrape.procfs}/{process.pid}/fd"
        try:
            open_files += scrape.host.size(folder)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended
        except OSError as error:
            scrape.tally.fail(f"cannot look at {folder}: {error.strerror}")
            return
    if open_files:
        scrape.samples.add(FILE_DESCRIPTORS, target.labels, open_files)
    else:
        scrape.tally.absent += 1


def _tell_limits(scrape: Scrape, target: Target, first: Process) -> None:
    kept = target.notes.of(_LimitsOfFirst)
    if kept.process != first:
        kept.process = first
        kept.forget()

    def read(_: Target) -> Iterator[Values]:
        path = f"{scrape.procfs}/{first.pid}/limits"
        try:
            most = open_files_limit(read_once(path))
        except OSError as error:  # mostly it ended; another is the first at the next scrape
            count(error, f"cannot read {path}", scrape.tally)
            return
        if most is not None:
            yield ULIMITS, most

    add_seldom(scrape, target, _LimitsOfFirst, read, _OPEN_FILES)


COLLECTOR = Collector(
    name="process",
    help="Threads, processes and open files of each container, and their limits",
    families=(THREADS, THREADS_MAX, PROCESSES, FILE_DESCRIPTORS, ULIMITS),
    collect=collect,
)
