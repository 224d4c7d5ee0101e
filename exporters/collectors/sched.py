"""How long the processes of a container waited for a CPU although they were ready to run.

The kernel tells this of a process and not of a cgroup, and forgets it when the process ends, so what ended processes had
is kept and added: a counter must not fall. A process that begins and ends between two scrapes is never seen. As in
cAdvisor, it is the first thread of each process that is told of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporters.cgroup.files import read_once
from exporters.cgroup.parse import Malformed
from exporters.cgroup.parse_proc import Scheduled, schedstat
from exporters.collectors.contract import Collector, Family, Kind, Scrape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporters.cgroup.processes import Process

_NS_PER_S = 1_000_000_000
_NOTHING = Scheduled(0, 0, 0)

RUN = Family(
    "container_cpu_schedstat_run_seconds_total",
    Kind.COUNTER,
    "Time that the first threads of all processes ran, in seconds (/proc/<pid>/schedstat, first column).",
)
WAITED = Family(
    "container_cpu_schedstat_runqueue_seconds_total",
    Kind.COUNTER,
    "Time that the first threads of all processes were ready and waited for a CPU, in seconds "
    "(/proc/<pid>/schedstat, second column).",
)
PERIODS = Family(
    "container_cpu_schedstat_run_periods_total",
    Kind.COUNTER,
    "Times that the first threads of all processes were put on a CPU (/proc/<pid>/schedstat, third column).",
)


@dataclass(slots=True)
class Sums:
    """What is known of one container's processes; no larger than their number."""

    ended: Scheduled = _NOTHING
    """Of all processes that are gone."""
    living: Mapping[int, Scheduled] = field(default_factory=dict)

    def take(self, found: Mapping[int, Scheduled]) -> Scheduled:
        """Take what the living processes have now, and return the sum over all there ever were.

        A number that was given to another process shows by counters that fell. That is better than the inode of its
        folder, which the kernel may change for the same process.
        """
        for pid, before in self.living.items():
            now = found.get(pid)
            if now is None or now.run_ns < before.run_ns or now.waited_ns < before.waited_ns or now.periods < before.periods:
                self.ended = _plus(self.ended, before)
        self.living = found
        total = self.ended
        for one in found.values():
            total = _plus(total, one)
        return total


def collect(scrape: Scrape) -> None:
    """Read every process of every container."""
    for target in scrape.in_time(scrape.targets):
        container_id = target.cgroup.identity.container_id
        if container_id is None or target.is_gone:
            continue
        sums = target.notes.of(Sums)
        found = {}
        for process in scrape.processes.of(container_id, target.cgroup.path):
            scheduled = _read(scrape, process, sums)
            if scheduled is not None:
                found[process.pid] = scheduled
        total = sums.take(found)
        if total.periods:
            scrape.samples.add(RUN, target.labels, total.run_ns / _NS_PER_S)
            scrape.samples.add(WAITED, target.labels, total.waited_ns / _NS_PER_S)
            scrape.samples.add(PERIODS, target.labels, total.periods)
        else:
            scrape.tally.absent += 1  # every process that ever ran has one, so this kernel does not count


def _read(scrape: Scrape, process: Process, sums: Sums) -> Scheduled | None:
    """Read one process; one that cannot be read this time keeps what it had, one that ended has nothing."""
    path = f"{scrape.procfs}/{process.pid}/schedstat"
    try:
        return schedstat(read_once(path))
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        scrape.tally.fail(f"cannot read {path}: {error.strerror}")
    except Malformed as error:
        scrape.tally.fail(f"{path}: {error}")
    return sums.living.get(process.pid)


def _plus(one: Scheduled, other: Scheduled) -> Scheduled:
    return Scheduled(one.run_ns + other.run_ns, one.waited_ns + other.waited_ns, one.periods + other.periods)


COLLECTOR = Collector(
    name="sched",
    help="Time that the processes of each container waited for a CPU (reads a file for each process)",
    families=(RUN, WAITED, PERIODS),
    collect=collect,
    is_default=False,
)
