"""What is learnt away from the tick: a model from the past of some series, and what it would have been worth on a later past.

Plain functions of plain arrays, so that they run in another process, or on another machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.forecasting.peaks import boldness, model, sources
from autoscaler.forecasting.peaks.boldness import Outlook
from autoscaler.forecasting.peaks.features import Seen, features
from autoscaler.forecasting.peaks.grid import own_season
from autoscaler.forecasting.peaks.kinds import Kind
from autoscaler.forecasting.peaks.members import Member, Members
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.forecasting.peaks.shadow import Counts
from autoscaler.forecasting.peaks.trials import Trials
from autoscaler.forecasting.seasons import find
from autoscaler.model import Floats

_LOOK_BACK_DAYS = 14  # for a season of its own
MOST_ROWS = 64_000  # of all series together: a fit takes about two seconds with so many


@dataclass(frozen=True, slots=True)
class Lesson:
    """Series of one kind on one grid, the newest point last."""

    kind: Kind
    end_s: float  # time of the last point
    values: Floats  # (series, points), NaN in gaps
    members: Sequence[Member]

    def seasons_s(self, until: int) -> Floats:
        """Return the own season of each series, given or found in the last two weeks before a point; NaN: there is none."""
        kind, given_s = self.kind, Members.of(self.members).seasons_s(self.kind.day_s)
        since = max(0, until - round(_LOOK_BACK_DAYS * kind.day_points))
        found = [own_season(find(one[since:until].astype(np.float64), kind.step_s), kind.day_s) for one in self.values]
        return np.where(np.isnan(given_s), [np.nan if one_s is None else one_s for one_s in found], given_s)

    def some(self, most: int) -> "Lesson":
        """Return the lesson with so many of its series at most, evenly drawn."""
        every = -(-len(self.members) // most) or 1
        return replace(self, values=self.values[::every], members=self.members[::every])

    def seen(self, until: int, seasons_s: Floats) -> list[Seen]:
        """Return the series up to before a point."""
        of, kind = Members.of(self.members), self.kind
        start_s = self.end_s - (self.values.shape[1] - 1) * kind.step_s
        own = zip(seasons_s, of.dates, strict=True)
        grids = [kind.grid(start_s, None if np.isnan(one_s) else float(one_s), dates) for one_s, dates in own]
        rows = zip(self.values, grids, of.floor, strict=True)
        return [Seen(values[:until].astype(np.float64), grid, float(floor)) for values, grid, floor in rows]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a lesson gave."""

    model: PeakModel
    seasons_s: Floats  # (series,): the own season of each; NaN: none


@dataclass(frozen=True, slots=True)
class Tried:
    """What forecasts were worth on a past."""

    trials: Trials
    seasons_s: Floats  # (series,): the own season of each, as it was found before that past


def learnt(lesson: Lesson, until: int) -> Learnt:
    """Return what the points before `until` teach; raises `NotEnoughHistory` where that is too little."""
    seasons_s = lesson.seasons_s(until)
    series = lesson.seen(until, seasons_s)
    rows = model.rows_for(series, len(series), min(MOST_ROWS, model.ROWS * len(series)))
    return Learnt(model.fit(rows, lesson.kind.quantile), seasons_s)


def tried(lesson: Lesson, earlier: PeakModel, first: int) -> Tried:
    """Return trials that went from the point `first` to the end, by a model that had not seen these points."""
    kind, terms = lesson.kind, Members.of(lesson.members).terms
    points, seasons_s = lesson.values.shape[1], lesson.seasons_s(first)
    series = lesson.seen(points, seasons_s)
    asked = np.stack([_asked(lesson, at, seen, earlier, first) for at, seen in enumerate(series)], axis=1)
    trials = Trials.begun(kind.pace, kind.ladder, len(lesson.members), kind.day_s)
    for at in range(first, points):
        load = lesson.values[:, at].astype(np.float64)
        trials.step(load, load, asked[at - first], terms)
    return Tried(trials, seasons_s)


def _asked(lesson: Lesson, at: int, seen: Seen, earlier: PeakModel, first: int) -> Counts:
    """Return what each rung asks for at the points from `first` on, shape (points, 1 + rungs)."""
    later = slice(first, seen.values.size)
    known = features(seen, later)
    rises = sources.rises(earlier.rises(known), known, seen.grid)
    outlook = Outlook(seen.level[later], rises, seen.highest[later], seen.floor)
    member = lesson.members[at]
    return boldness.asks(outlook, member.per_pod * member.capacity_ratio, lesson.kind.ladder)
