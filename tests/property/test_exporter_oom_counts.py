"""Kills for lack of memory, whatever order containers start, lose processes and end in, also while they are read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from exporters.cgroup.files import CgroupFiles, Reader, Vanished
from exporters.cgroup.identity import Identity, Kind
from exporters.cgroup.walk import Cgroup
from exporters.collectors import oom
from exporters.collectors.contract import Samples, Scrape, Target
from exporters.collectors.notes import Notes
from exporters.collectors.roster import Roster

if TYPE_CHECKING:
    from exporters.cgroup.processes import Processes
    from exporters.names.names import Names

POD = "pod"
CONTAINERS = ("a", "b", "c")
EVENTS = st.lists(st.tuples(st.sampled_from(["start", "kill", "end", "scrape"]), st.sampled_from(CONTAINERS)), max_size=40)


@dataclass
class Node:
    """A kernel with one pod on cgroup version 2, and an exporter that scrapes it."""

    killed: Counter[str] = field(default_factory=Counter)
    """Of the pod in all, and of each container of each life."""
    alive: dict[str, Target] = field(default_factory=dict)
    between: list[str] = field(default_factory=list)
    """Containers that lose a process while the next scrape goes on, one after each file that is read."""
    refused: set[str] = field(default_factory=set)
    """Whose file cannot be read in the next scrape: a container by its first letter, or the pod."""
    notes: Notes = field(default_factory=Notes)
    lives: Counter[str] = field(default_factory=Counter)
    roster: Roster = field(default_factory=Roster)

    def __post_init__(self) -> None:
        self.pod = self._target(POD, Kind.POD)

    def start(self, name: str) -> None:
        if name not in self.alive:
            self.lives[name] += 1
            self.alive[name] = self._target(f"{name}{self.lives[name]}", Kind.CONTAINER)

    def kill(self, name: str) -> None:
        if name in self.alive:
            self.killed[self.alive[name].labels] += 1
            self.killed[POD] += 1

    def end(self, name: str) -> None:
        self.alive.pop(name, None)

    def scrape(self) -> dict[str, float]:
        samples = Samples(oom.COLLECTOR.families)
        targets = self.pod, *(self.alive[name] for name in sorted(self.alive))
        if tuple(self.roster) != targets:
            self.roster = Roster(targets)
        nobody = cast("Processes", None), cast("Names", None)
        oom.COLLECTOR.collect(Scrape(self.roster, samples, *nobody, "/nowhere", notes=self.notes))
        lines = [line.rpartition(" ") for _, lines in samples.encoded() for line in lines.decode().splitlines()]
        told = {series.partition("{")[2][:-1]: float(value) for series, _, value in lines}
        assert len(told) == len(lines)
        return told

    def read(self, labels: str) -> bytes | None:
        if labels != POD and labels not in {target.labels for target in self.alive.values()}:
            raise Vanished
        if labels in self.refused or labels[0] in self.refused:
            return None
        data = b"oom 0\noom_kill %d\n" % self.killed[labels]
        if self.between:
            self.kill(self.between.pop(0))
        return data

    def _target(self, labels: str, kind: Kind) -> Target:
        cgroup = Cgroup(f"/{labels}", sum(self.lives.values()), Identity(kind, "uid", labels, None))
        return Target(cgroup, cast("CgroupFiles", _Files(self, labels)), None, labels=labels)


@dataclass
class _Files:
    node: Node
    labels: str
    reader: Reader = field(default_factory=lambda: Reader(0))

    def kept(self, name: str) -> None:
        """Keep nothing."""

    def version(self, controller: str) -> int:  # noqa: ARG002 - all are of version 2
        return 2

    def read(self, controller: str, name: str) -> bytes | None:
        assert (controller, name) == ("memory", "memory.events")
        return self.node.read(self.labels)


@given(
    events=EVENTS,
    between=st.lists(st.lists(st.sampled_from(CONTAINERS), max_size=4), max_size=40),
    refused=st.lists(st.sets(st.sampled_from([POD, *CONTAINERS])), max_size=40),
)
def test_no_count_falls_and_containers_never_have_more_than_their_pod(
    events: list[tuple[str, str]], between: list[list[str]], refused: list[set[str]]
) -> None:
    node = Node()
    before: dict[str, float] = {}
    for event, name in events:
        if event != "scrape":
            getattr(node, event)(name)
            continue
        node.between = between.pop() if between else []
        node.refused = refused.pop() if refused else set()
        told = node.scrape()
        assert all(told[labels] >= count for labels, count in before.items() if labels in told)
        assert sum(count for labels, count in told.items() if labels != POD) <= node.killed[POD]
        before = told


@given(events=EVENTS)
def test_if_all_were_seen_and_ended_one_at_a_time_each_has_what_it_lost(events: list[tuple[str, str]]) -> None:
    node = Node()
    node.scrape()
    for event, name in events:
        if event == "scrape":
            continue
        getattr(node, event)(name)
        if event in {"start", "end"}:
            told = node.scrape()
            expected = {labels: node.killed[labels] for labels in told}
            assert told == expected
            assert {target.labels for target in node.alive.values()} <= set(told)
