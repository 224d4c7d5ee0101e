"""What a group is to learn, and when: a model once a day, and for a series that is new, what a model would have been worth.

A model is learnt from a sample of the group's series, another one each day. A new series is tried on its past by a model that
ends before that past begins, so that nothing is judged by what it was learnt from; a few at a time. The curve of the next hours
is learnt once a day too, when nothing else is to be learnt.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np

from autoscaler.forecasting.peaks.curve import Curve, learnt_curve
from autoscaler.forecasting.peaks.group import Group
from autoscaler.forecasting.peaks.kinds import LEARNING_DAYS, Kind
from autoscaler.forecasting.peaks.lessons import Learnt, Lesson, Tried, learnt, tried
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.members import Member
from autoscaler.forecasting.peaks.model import PeakModel

K = TypeVar("K", bound=Hashable)

_SAMPLE = 64  # series that a model is learnt from at most
_TOGETHER = 32  # series that are tried on their past in one lesson: some seconds, some tens of megabytes
_TRIED_DAYS = 7.0  # of the past that a new series is tried on
_WORTH_TRYING_DAYS = 0.5
_MOST_DOUBLED = 20  # times: by then it has long been an hour
_AGAIN_DAYS = 1 / 24  # after a lesson that could not be learnt
_SOON_DAYS = 1 / 1440  # after one that was lost with its worker; twice as long each time in a row, up to the above


@dataclass(frozen=True, slots=True)
class Work:
    """A lesson: `job(*args)` may run anywhere, then one of the others is to be called.

    `done` takes over what came of it, `refused` that what is known was too little.
    """

    name: str
    job: Callable[..., Any]
    args: tuple[Any, ...]
    done: Callable[[Any], None]
    refused: Callable[[], None]
    dropped: Callable[[], None]  # it could not be learnt now, for no fault of what is known: it is due again after a while


@dataclass(frozen=True, slots=True)
class School(Generic[K]):
    """What there is to learn from."""

    group: Group[K]
    loads: Loads
    rows: Mapping[K, int]  # in `loads`
    members: Mapping[K, Member]

    def known_days(self, key: K) -> float:
        """Return how much is known of a series."""
        row = self.rows[key]
        return float(self.loads.known(slice(row, row + 1))[0]) / self.group.kind.day_points

    def lesson(self, keys: Sequence[K]) -> Lesson:
        """Return the series with all that is known of them, without what nobody of them has."""
        values = self.loads.values(np.array([self.rows[key] for key in keys], dtype=np.int64), self.loads.points)
        for at, key in enumerate(keys):
            if (wanted_s := self.members[key].history_s) < math.inf:
                values[at, : max(0, values.shape[1] - 1 - round(wanted_s / self.loads.step_s))] = np.nan
        known = np.flatnonzero(np.isfinite(values).any(axis=0))
        first = int(known[0]) if known.size else values.shape[1] - 1
        return Lesson(
            self.group.kind, self.loads.end_s, values[:, first:].astype(np.float32), [self.members[key] for key in keys]
        )


class Sort(Enum):
    """What a lesson is about; each waits by itself after it was lost."""

    MODEL = "model"
    PAST = "past"
    CURVE = "curve"


@dataclass(slots=True)
class Patience:
    """How often lessons of one sort were lost in a row, and until when, in the time of the loads, they wait for that."""

    losses: int = 0
    until_s: float = -math.inf

    def lose(self, end_s: float, day_s: float) -> None:
        """Wait after a lesson as of a time was lost, longer each time."""
        self.until_s = end_s + min(_SOON_DAYS * 2 ** min(self.losses, _MOST_DOUBLED), _AGAIN_DAYS) * day_s
        self.losses += 1


@dataclass(slots=True)
class Schooling(Generic[K]):
    """When a group learns what."""

    kind: Kind
    learns_s: float = -math.inf  # when the next model is due
    draws_s: float = -math.inf  # when the next curve is due
    _earlier: PeakModel | None = None  # one that ends early enough for series to be tried on what came after it
    _earlier_s: float = 0.0
    _turn: int = 0
    _busy: bool = False
    _patience: dict[Sort, Patience] = field(default_factory=lambda: {sort: Patience() for sort in Sort})

    def due(self, school: School[K], is_read: Callable[[K], bool]) -> Work | None:
        """Return what is to be learnt next, one lesson at a time; None: nothing now."""
        work = None if self._busy else self._next(school, is_read)
        self._busy |= work is not None
        return work

    def curve_due(self, school: School[K], is_read: Callable[[K], bool]) -> Work | None:
        """Return the lesson that gives the group its curve of today; None: there is no model yet, or it has one."""
        if self._busy or school.group.model is None or not school.loads.end_s >= self.draws_s:
            return None
        if self._waits(Sort.CURVE, school):
            return None
        ready = [key for key in school.group.keys if self._is_ready(school, key, is_read)]
        self._busy = bool(ready)
        return self._curve(school, ready) if ready else None

    def _next(self, school: School[K], is_read: Callable[[K], bool]) -> Work | None:
        learns = school.loads.end_s >= self.learns_s and not self._waits(Sort.MODEL, school)
        untried: set[K] = set() if self._waits(Sort.PAST, school) else school.group.untried
        asked = [key for key in school.group.keys if learns or key in untried] if learns or untried else []
        ready = [key for key in asked if self._is_ready(school, key, is_read)]
        if ready:
            return self._model(school, ready) if learns else self._past(school, ready)
        if not learns and not self._waits(Sort.PAST, school):
            self._earlier = None
        return None

    def _waits(self, sort: Sort, school: School[K]) -> bool:
        return school.loads.end_s < self._patience[sort].until_s

    def _is_ready(self, school: School[K], key: K, is_read: Callable[[K], bool]) -> bool:
        member = school.members.get(key)  # none of who has gone, or was just restored, before the next tick
        if member is None or not 0 < member.per_pod < math.inf:
            return False
        return school.known_days(key) >= LEARNING_DAYS and is_read(key)

    def _model(self, school: School[K], ready: Sequence[K]) -> Work:
        """Return the lesson that gives the group its model."""
        sampled = self._sampled(ready)
        lesson = school.lesson(sampled)
        day_s, group = self.kind.day_s, school.group

        def done(found: Learnt) -> None:
            group.model = found.model
            group.know(sampled, found.seasons_s)
            self.learns_s = lesson.end_s + day_s
            self._turn += 1

        def refused() -> None:
            self.learns_s = lesson.end_s + _AGAIN_DAYS * day_s

        name = f"a model of {len(lesson.members)} series"
        return self._work(Sort.MODEL, name, (learnt, lesson, lesson.values.shape[1]), done, refused)

    def _curve(self, school: School[K], ready: Sequence[K]) -> Work:
        lesson = school.lesson(self._sampled(ready))
        day_s, group = self.kind.day_s, school.group

        def done(curve: Curve) -> None:
            group.curve = curve
            self.draws_s = lesson.end_s + day_s

        def refused() -> None:
            self.draws_s = lesson.end_s + _AGAIN_DAYS * day_s

        name = f"the curve of the next hours from {len(lesson.members)} series"
        return self._work(Sort.CURVE, name, (learnt_curve, lesson, lesson.values.shape[1]), done, refused)

    def _past(self, school: School[K], untried: Sequence[K]) -> Work | None:
        """Return the lesson that tries new series on their past, or first the one that makes a model for that."""
        if self._earlier is None:
            return self._earlier_model(school, untried)
        group, keys = school.group, untried[:_TOGETHER]
        lesson = school.lesson(keys)
        points = lesson.values.shape[1]
        first = max(0, points - 1 - round((lesson.end_s - self._earlier_s) / self.kind.step_s))

        def done(found: Tried) -> None:
            group.take_over(keys, found.trials)
            group.know(keys, found.seasons_s)

        def refused() -> None:
            group.untried.difference_update(keys)

        name = f"what forecasts of {len(keys)} series were worth"
        return self._work(Sort.PAST, name, (tried, lesson, self._earlier, first), done, refused)

    def _earlier_model(self, school: School[K], untried: Sequence[K]) -> Work | None:
        group = school.group
        lesson = school.lesson(self._sampled(untried))
        points, day = lesson.values.shape[1], self.kind.day_points
        until = round(max(LEARNING_DAYS * day, points - _TRIED_DAYS * day))
        if points - until < _WORTH_TRYING_DAYS * day:  # too little past: time will tell
            group.untried.difference_update(untried)
            return None

        def done(found: Learnt) -> None:
            self._earlier, self._earlier_s = found.model, lesson.end_s - (points - 1 - until) * self.kind.step_s

        def refused() -> None:
            group.untried.difference_update(untried)

        name = f"an earlier model of {len(lesson.members)} series"
        return self._work(Sort.PAST, name, (learnt, lesson, until), done, refused)

    def _work(
        self,
        sort: Sort,
        name: str,
        task: tuple[Callable[..., Any], Lesson, *tuple[Any, ...]],
        done: Callable[[Any], None],
        refused: Callable[[], None],
    ) -> Work:
        """Return a lesson after which the group is free for the next one."""
        job, lesson, *others = task

        def freed(after: Callable[..., None]) -> Callable[..., None]:
            def then(*learnt: Any) -> None:  # noqa: ANN401 - whatever the job gave
                self._busy = False
                after(*learnt)

            return then

        def taken(found: Any) -> None:  # noqa: ANN401 - likewise
            done(found)
            self._patience[sort] = Patience()

        def lost() -> None:
            self._patience[sort].lose(lesson.end_s, self.kind.day_s)

        return Work(f"{name}, {self.kind.told}", job, (lesson, *others), freed(taken), freed(refused), freed(lost))

    def _sampled(self, keys: Sequence[K]) -> list[K]:
        """Return some of the series, evenly spread, other ones each time."""
        if len(keys) <= _SAMPLE:
            return list(keys)
        at = (np.linspace(0, len(keys), _SAMPLE, endpoint=False) + self._turn * 7).astype(np.int64) % len(keys)
        return [keys[one] for one in np.unique(at)]
