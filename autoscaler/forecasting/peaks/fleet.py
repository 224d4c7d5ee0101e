"""All series of a cluster together: their loads, divided into groups that are forecast, tried and learnt from as one.

    tick ──► loads ──► groups: features of this moment ──► model ──► asks ──► step of the trials ──► findings
    due  ──► a lesson, to be learnt elsewhere ──► done

A tick is arrays only and fits nothing. What is to be learnt is asked for with `due`, done wherever there is time for it, and
taken over with `done`. Nothing here knows of clocks or files.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np

from autoscaler.forecasting.peaks.curve import Drawn, drawn
from autoscaler.forecasting.peaks.finding import Finding
from autoscaler.forecasting.peaks.group import Group, grouped
from autoscaler.forecasting.peaks.kinds import Kind
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.members import Member, Members, kind_of
from autoscaler.forecasting.peaks.schooling import School, Schooling, Work
from autoscaler.model import History

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Fleet(Generic[K]):
    """Series by key; who comes is learnt from `tick`, and who does not come any more is forgotten."""

    loads: Loads
    rows: dict[K, int] = field(default_factory=dict)  # in `loads`
    kinds: dict[K, Kind] = field(default_factory=dict)  # by which each is forecast
    moving: dict[K, Kind] = field(default_factory=dict)  # by which it will be, once that has been tried: the lead time changed
    members: dict[K, Member] = field(default_factory=dict)
    groups: dict[Kind, Group[K]] = field(default_factory=dict)
    schools: dict[Kind, Schooling[K]] = field(default_factory=dict)
    ticked: int | None = None  # the point of the last tick

    @classmethod
    def empty(cls, step_s: float, history_s: float) -> "Fleet[K]":
        """Return a fleet that keeps so many seconds of loads, a point every step."""
        return cls(Loads.empty(step_s, round(history_s / step_s) + 1))

    @property
    def history_s(self) -> float:
        """How far back loads are kept."""
        return (self.loads.points - 1) * self.loads.step_s

    def known(self, key: K) -> bool:
        """Say whether anything is known of the load of a series."""
        row = self.rows.get(key)
        return row is not None and bool(self.loads.known(slice(row, row + 1))[0])

    def keep(self, keys: Sequence[K], end_s: float) -> Sequence[K]:
        """Take new series in, let others go, and let time go on to a point of the grid; return the new ones."""
        wanted = frozenset(keys)
        if gone := self.rows.keys() - wanted:
            kept = sorted((row, key) for key, row in self.rows.items() if key not in gone)
            self.loads.keep(np.array([row for row, _ in kept], dtype=np.int64))
            self.rows = {key: at for at, (_, key) in enumerate(kept)}
            for key in gone:
                self.kinds.pop(key, None)
                self.members.pop(key, None)
        new = [key for key in dict.fromkeys(keys) if key not in self.rows]
        first = len(self.loads)
        self.loads.add([History(end_s, self.loads.step_s, np.full(1, np.nan)) for _ in new])
        self.rows |= {key: first + at for at, key in enumerate(new)}
        if len(self.loads) and not self.loads.end_s >= end_s:
            self.loads.append(end_s, np.empty((len(self.loads), 0)))
        return new

    def lay(self, found: Mapping[K, History]) -> None:
        """Put loads where they belong in time; what is known now counts, a gap erases nothing."""
        for key, history in found.items():
            if key in self.rows:
                self.loads.lay(self.rows[key], history)

    def tick(self, members: Mapping[K, Member]) -> dict[K, Finding]:
        """Return what is found of each member at the newest point; all of them have been told of to `keep`."""
        at = round(self.loads.end_s / self.loads.step_s) if len(self.loads) else 0
        steps = 0 if self.ticked is None else at - self.ticked
        first, self.ticked = self.ticked is None, at
        self._divide(members)
        found: dict[K, Finding] = {}
        for group in self.groups.values():
            if steps > group.kind.day_points:
                group.begin_anew()
            rows = np.array([self.rows[key] for key in group.keys], dtype=np.int64)
            made = group.tick(self.loads, rows, [members[key] for key in group.keys], 1 if first else steps)
            found |= {key: one for key, one in made.items() if self.moving.get(key) != group.kind} if self.moving else made
        return found

    def due(self, is_read: Callable[[K], bool]) -> Work | None:
        """Return what is to be learnt next; None: nothing now. `is_read` says whether all of a history is there."""
        works = (school.due(self._school(kind), is_read) for kind, school in self.schools.items())
        return next((work for work in works if work is not None), None)

    def curve_due(self, is_read: Callable[[K], bool]) -> Work | None:
        """Return the curve that is to be learnt next, for when nothing else is: no decision waits for one."""
        works = (school.curve_due(self._school(kind), is_read) for kind, school in self.schools.items())
        return next((work for work in works if work is not None), None)

    def curves_of(self, keys: Sequence[K]) -> dict[K, Drawn]:
        """Return the curves of those of the series that are there, from the newest point on; some 0.1 s a group."""
        found: dict[K, Drawn] = {}
        wanted = grouped({key: self.kinds[key] for key in dict.fromkeys(keys) if key in self.members and key in self.rows})
        for kind, some in wanted.items():
            rows = np.array([self.rows[key] for key in some], dtype=np.int64)
            group, members = self.groups[kind], [self.members[key] for key in some]
            drawings = drawn(group.curve, self.loads, rows, members, group.own_seasons_s(some, Members.of(members)))
            found |= dict(zip(some, drawings, strict=True))
        return found

    def _school(self, kind: Kind) -> School[K]:
        return School(self.groups[kind], self.loads, self.rows, self.members)

    def _divide(self, members: Mapping[K, Member]) -> None:
        """Put every member into the group of its kind."""
        self.members = dict(members)
        wished = {key: kind_of(one, self.loads.step_s, self.kinds.get(key)) for key, one in members.items()}
        self.moving = {key: kind for key, kind in wished.items() if self._stays(key, kind)}
        self.kinds = {key: self.kinds[key] if key in self.moving else kind for key, kind in wished.items()}
        wanted = grouped(self.kinds)
        for kind, keys in grouped(self.moving).items():
            wanted[kind] = [*wanted.get(kind, ()), *keys]
        for kind in self.groups.keys() - wanted.keys():
            del self.groups[kind], self.schools[kind]
        for kind, keys in wanted.items():
            group = self.groups.setdefault(kind, Group(kind))
            self.schools.setdefault(kind, Schooling(kind))
            group.keep(frozenset(keys))
            there = set(group.keys)
            if new := [key for key in keys if key not in there]:
                group.join(new)

    def _stays(self, key: K, kind: Kind) -> bool:
        """Say whether a series is forecast as before for now: only its lead time is another one, and that is still to be tried.

        Lead times grow while pods wait for room. Not to forecast until that has been learnt would be at the worst moment.
        """
        before = self.kinds.get(key)
        if before is None or before == kind or replace(before, start=kind.start) != kind:
            return False
        return self._is_tried(key, before) and not self._is_tried(key, kind)

    def _is_tried(self, key: K, kind: Kind) -> bool:
        group = self.groups.get(kind)
        return group is not None and group.model is not None and key in group.keys and key not in group.untried
