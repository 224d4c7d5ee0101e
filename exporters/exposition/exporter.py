"""Runs one scrape: walk, name, collect, and count what it cost.

This is the only catch-all of the exporter: a collector that breaks is logged, counted and skipped, and the others go
on. Collections must not overlap; the server sees to that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from exporters.cgroup.files import Reader, Tally
from exporters.cgroup.host import Host
from exporters.cgroup.identity import Kind
from exporters.collectors.contract import Collector, Family, Samples, Scrape
from exporters.collectors.notes import Notes
from exporters.exposition.budget import DEFAULT_TIMEOUT_S, reading_s
from exporters.exposition.inventory import Inventory, unnamed
from exporters.exposition.text import Format, Written, gzipped, is_named, render

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from exporters.cgroup.processes import Processes
    from exporters.collectors.roster import Roster
    from exporters.exposition.own import OwnMetrics
    from exporters.kubelet.summary import SummaryBook
    from exporters.names.names import Names
    from exporters.roots import Clock

DISCOVERY = "discovery"
NAMES = "names"
"""What the two steps before the collectors are called in metrics."""

log = structlog.get_logger()


class Exposition:
    """The result of one scrape, written out at most once in each form that is asked for."""

    def __init__(self, written: Sequence[Written], own: OwnMetrics, *, is_partial: bool = False) -> None:
        self.is_partial = is_partial
        """The time was up before everything was read."""
        self._written = written
        self._own = own
        self._answers: dict[tuple[Format, bool], bytes] = {}
        self._is_answered = False

    def answer(self, chosen: Format, *, compressed: bool, names: Collection[str] = ()) -> bytes:
        """Return the body of a response: all families, or if there are ``names`` only those (``name[]`` of a request).

        A name that nothing has is no error, as in other exporters.
        """
        if self._is_answered:
            self._own.shared.inc()
        self._is_answered = True
        if names:  # asked for by hand, and there are too many ways of asking to remember the answers
            return self._write(chosen, names, compressed=compressed)
        if (chosen, compressed) not in self._answers:
            self._answers[chosen, compressed] = self._write(chosen, (), compressed=compressed)
        return self._answers[chosen, compressed]

    def _write(self, chosen: Format, names: Collection[str], *, compressed: bool) -> bytes:
        written = self._written if not names else [one for one in self._written if is_named(one.family, names)]
        pieces = render(written, self._own.render(chosen, names), chosen)
        return gzipped(pieces) if compressed else b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an exporter is put together from."""

    inventory: Inventory
    reader: Reader
    names: Names
    processes: Processes
    own: OwnMetrics
    collectors: Sequence[Collector]
    procfs: str
    host: Host = field(default_factory=Host)
    summary: SummaryBook | None = None
    """What the kubelet said; None where it is not asked."""
    clock: Clock = time.perf_counter
    """Measures durations."""
    wall: Clock = time.time
    """Tells the seconds since 1970."""


class Exporter:
    """Collects on demand; remembers between scrapes only what saves work."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.families = {
            one.name: frozenset(family.name for family in (*one.families, *one.adds_to)) for one in parts.collectors
        }
        """The names of what each collector that runs may tell."""
        self.step = DISCOVERY
        """What a scrape is at, or was at last."""
        self._failing: frozenset[str] = frozenset()
        self._notes = Notes()
        self._is_complete = True
        self._now_s = 0.0
        self._ends_s = 0.0
        self._is_partial = False

    def collect(self, timeout_s: float = DEFAULT_TIMEOUT_S) -> Exposition:
        """Read everything now, or what can be read in a scrape that is given up after ``timeout_s``.

        It blocks for as long as the kernel takes: call it in a thread. Collectors run in the order of the registered
        list, so when the time is up it is the last ones that lack something.
        """
        parts = self._parts
        began_s = parts.clock()
        self._ends_s = began_s + reading_s(timeout_s)
        self._is_partial = False
        self._now_s = parts.wall()
        self._step(DISCOVERY, parts.inventory.walk)
        self._is_complete = not parts.reader.tally.failed
        self._step(NAMES, self._join)
        parts.processes.expire()
        targets = parts.inventory.targets
        written = self._read(targets)
        parts.own.cgroups.set(len(targets) + (parts.inventory.root is not None))
        parts.own.containers.set(sum(target.cgroup.identity.kind is Kind.CONTAINER for target in targets))
        parts.own.unnamed.set(unnamed(targets))
        parts.own.capped.set(parts.inventory.is_capped)
        parts.own.descriptors.set(parts.reader.kept)
        parts.own.budget.set(parts.reader.budget)
        parts.own.partial.set(self._is_partial)
        parts.own.scrape_s.set(parts.clock() - began_s)
        return Exposition(written, parts.own, is_partial=self._is_partial)

    def close(self) -> None:
        """Give all descriptors back."""
        self._notes.close()
        self._parts.inventory.close()

    def _join(self) -> None:
        try:
            self._parts.names.refresh()
        except FileNotFoundError:
            self._parts.reader.tally.absent += 1
        except OSError as error:
            self._parts.reader.tally.fail(f"cannot list {error.filename}: {error.strerror}")
        self._parts.inventory.join(self._parts.names)

    def _read(self, targets: Roster) -> Sequence[Written]:
        """Run all collectors, and bring the lines of each family together: several may add to one."""
        collectors = self._parts.collectors
        shown: dict[Family, list[Written]] = {family: [] for one in collectors for family in one.families}
        for collector in collectors:
            for piece in self._run(collector, targets):
                if piece.family in shown:
                    shown[piece.family].append(piece)
        return [piece for pieces in shown.values() for piece in pieces]

    def _is_late(self) -> bool:
        self._is_partial = self._is_partial or self._parts.clock() >= self._ends_s
        return self._is_partial

    def _run(self, collector: Collector, targets: Roster) -> Iterator[Written]:
        """Run one collector and encode its lines at once: as text they take several times as much memory."""
        parts = self._parts
        scrape = Scrape(
            targets,
            Samples((*collector.families, *collector.adds_to)),
            parts.processes,
            parts.names,
            parts.procfs,
            host=parts.host,
            summary=parts.summary,
            now_s=self._now_s,
            is_complete=self._is_complete,
            notes=self._notes,
            root=parts.inventory.root,
            is_late=self._is_late,
        )
        self._step(collector.name, lambda: collector.collect(scrape), scrape.tally)
        for family, lines in scrape.samples.encoded():
            yield Written(family, lines)

    def _step(self, name: str, work: Callable[[], None], tally: Tally | None = None) -> None:
        """Do one step of a scrape, with its own tally and its own time."""
        tally = tally or Tally()
        self.step = name
        self._parts.reader.tally = tally
        began_s = self._parts.clock()
        try:
            work()
        except OSError as error:
            tally.fail(f"cannot read {error.filename}: {error.strerror}")
        except Exception:
            tally.fail("the collector itself is broken")
            log.exception("collector_broken", collector=name, consequence="its series are missing")
        self._parts.own.duration_s.labels(name).set(self._parts.clock() - began_s)
        self._parts.own.count(name, tally)
        self._tell(name, tally)

    def _tell(self, name: str, tally: Tally) -> None:
        """Log when a collector begins to fail and when it stops, not at every scrape between."""
        if tally.failed and name not in self._failing:
            self._failing |= {name}
            log.warning("collector_failing", collector=name, failures=tally.failed, example=tally.example)
        elif not tally.failed and name in self._failing:
            self._failing -= {name}
            log.info("collector_recovered", collector=name)
