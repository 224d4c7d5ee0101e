"""The load of the next hours with a band, for people to look at: nothing is decided by it.

The way ahead is divided into stretches, short ones first. For each of them the highest load in it is forecast directly, from
the features of the present moment, by models of its own: a median and the quantile of the kind. Nothing is forecast from
forecasts, so errors do not add up from hour to hour. As what matters here is what one sees over a day, moments are drawn
evenly, not in proportion to their load; and as weeks of history hold few nights, the upper quantile is raised by what an
earlier fit lacked on the last quarter of the history, which it had not seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from autoscaler.forecasting.peaks import model
from autoscaler.forecasting.peaks.boldness import BOUND
from autoscaler.forecasting.peaks.features import Features, Seen, features
from autoscaler.forecasting.peaks.finding import so_far
from autoscaler.forecasting.peaks.grid import DAY_S, Grid
from autoscaler.forecasting.peaks.kinds import LEARNING_DAYS, Kind
from autoscaler.forecasting.peaks.lessons import Lesson
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.members import Member, Members
from autoscaler.forecasting.peaks.model import PeakModel, Rows
from autoscaler.forecasting.peaks.now import Own, features_now
from autoscaler.forecasting.types import Ints, NotEnoughHistory
from autoscaler.model import Floats, ForecastPoint

ROWS = 8_000  # a model
TREES = 40  # a model: two thirds of them take two thirds of the time, and on recordings both quantiles are as near
MOST_SERIES = 24  # that a curve is learnt from: their features take as long as the fits
_ENDS_S = (900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 14_400.0, 21_600.0, 28_800.0, 36_000.0, 43_200.0)  # of a day of 86,400
_CHECKED = 0.25  # of the history, its end
_MOST_RAISED = float(np.log(2.0))  # what was found on few nights may be chance: the upper quantile is doubled at most
_GOLDEN = (5**0.5 - 1) / 2  # its multiples fall evenly anywhere, and never in step with a day


class Stretch(NamedTuple):
    """Points after the newest one, both of them counted."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was learnt of one stretch."""

    stretch: Stretch
    median: PeakModel
    upper: PeakModel
    raised: float  # the upper one, so that it would have held on time it had not seen

    def moves(self, rows: Features) -> tuple[Floats, Floats]:
        """Return median and upper quantile of the highest load above the present level, on the logarithmic scale."""
        median = self.median.moves(rows)
        return median, np.maximum(self.upper.moves(rows) + self.raised, median)


@dataclass(frozen=True, slots=True)
class Curve:
    """What was learnt of all stretches, the nearest first."""

    kind: Kind
    aheads: tuple[Ahead, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The curve of one series; each point tells the highest load after the point before it (first: from now) up to its time.

    `why` says why there are no points, or why they are what they are where no model was asked.
    """

    points: tuple[ForecastPoint, ...] = ()
    why: str = ""
    since_s: float = math.nan  # the newest point of the history, from which it is drawn; NaN where nothing is
    load: float = math.nan  # the one of that moment


class _Moments(NamedTuple):
    """Moments of one series to learn from: features, what came, and which point of the history each is."""

    features: Features
    moves: Floats
    at: Ints


def stretches(kind: Kind) -> tuple[Stretch, ...]:
    """Return the way ahead: up to the lead time, then in steps up to twelve hours, none of them shorter than a point."""
    found = [Stretch(1, kind.start + 1)]
    for end_s in _ENDS_S:
        last = round(end_s * (kind.day_s / DAY_S) / kind.step_s)
        if last > found[-1].last:
            found.append(Stretch(found[-1].last + 1, last))
    return tuple(found)


def learnt_curve(lesson: Lesson, until: int) -> Curve:
    """Return what the points before `until` teach; raises `NotEnoughHistory` where that is too little."""
    some = lesson.some(MOST_SERIES)
    series = some.seen(until, some.seasons_s(until))
    return Curve(lesson.kind, tuple(_learnt(series, one, lesson.kind, until) for one in stretches(lesson.kind)))


def drawn(curve: Curve | None, loads: Loads, rows: Ints, members: Sequence[Member], seasons_s: Floats) -> list[Drawn]:
    """Return the curve of each of `rows` of the loads from their newest point on, or why there is none.

    `seasons_s`, shape (rows,), has the own season of each, NaN for none, as it was given or found where it was learnt from.
    """
    if curve is None:
        return [Drawn(why="no curve yet: it is learnt once a day, after the model and what that was worth")] * rows.size
    of = Members.of(members)
    values = loads.values(rows, loads.points)
    found = [
        _without_model(curve, loads, one, member, float(floor))
        for one, member, floor in zip(values, members, of.floor, strict=True)
    ]
    there = np.flatnonzero([one is None for one in found])
    if there.size:
        own = Own(of.floor[there], seasons_s[there], [of.dates[row] for row in there.tolist()])
        level = np.log(values[there, -1] + own.floors)
        asked = _Asked(loads, rows[there], own, level, np.nanmax(values[there], axis=1))
        for at, points in zip(there, _points(curve, asked), strict=True):
            found[at] = Drawn(points, since_s=loads.end_s, load=float(values[at, -1]))
    return [one for one in found if one is not None]


class _Asked(NamedTuple):
    """The series that models are asked about, shape (series,)."""

    loads: Loads
    rows: Ints
    own: Own
    level: Floats
    highest: Floats


def _points(curve: Curve, asked: _Asked) -> list[tuple[ForecastPoint, ...]]:
    """Return the points of each series."""
    loads, grid = asked.loads, curve.kind.grid(asked.loads.end_s)
    found: list[list[ForecastPoint]] = [[] for _ in asked.rows]
    for ahead in curve.aheads:
        known = features_now(loads, asked.rows, _of(grid, ahead.stretch), asked.own)
        median, upper = np.maximum(np.exp(asked.level + np.stack(ahead.moves(known))) - asked.own.floors, 0.0)
        upper = np.minimum(upper, np.maximum(median, BOUND * asked.highest))
        at_s = loads.end_s + ahead.stretch.last * loads.step_s
        for points, middle, high in zip(found, median, upper, strict=True):
            points.append(ForecastPoint(at_s, float(middle), float(high)))
    return [tuple(points) for points in found]


def _without_model(curve: Curve, loads: Loads, values: Floats, member: Member, floor: float) -> Drawn | None:
    """Return the answer about a series that no model need be asked about, or None."""
    known = values[np.isfinite(values)]
    days = known.size * loads.step_s / curve.kind.day_s
    if not np.isfinite(floor):
        return Drawn(why=f"no curve: what a pod carries is not known{': ' + member.fault if member.fault else ''}")
    if not np.isfinite(values[-1]):
        return Drawn(why="no curve: the load of this moment is not known; check that it is still scraped")
    if days < LEARNING_DAYS:
        return Drawn(why=f"no curve: {so_far(days, LEARNING_DAYS, curve.kind.day_s)} of history are known")
    if known.min() < known.max():
        return None
    same = float(known[0])
    points = (ForecastPoint(loads.end_s + one.stretch.last * loads.step_s, same, same) for one in curve.aheads)
    return Drawn(tuple(points), "a flat curve: in all of the history the load never changed", loads.end_s, same)


def _learnt(series: Sequence[Seen], stretch: Stretch, kind: Kind, until: int) -> Ahead:
    moments = [_moments(seen, stretch, ROWS // max(len(series), 1)) for seen in series]
    rows = [Rows(one.features, one.moves) for one in moments]
    median, upper = (model.fit(rows, quantile, falls=True, trees=TREES) for quantile in (0.5, kind.quantile))
    return Ahead(stretch, median, upper, _lacking(moments, stretch, kind, round(until * (1 - _CHECKED))))


def _lacking(moments: Sequence[_Moments], stretch: Stretch, kind: Kind, cut: int) -> float:
    """Return by how much a model of what was known at the point `cut` must be raised to hold from there on; never below 0."""
    before = [one.at + stretch.last < cut for one in moments]
    parts = [Rows(one.features[some], one.moves[some]) for one, some in zip(moments, before, strict=True)]
    try:
        earlier = model.fit(parts, kind.quantile, falls=True, trees=TREES)
    except NotEnoughHistory:
        return 0.0
    later = [Rows(one.features[one.at >= cut], one.moves[one.at >= cut]) for one in moments]
    lacked = np.concatenate([one.rises - earlier.moves(one.features) for one in later if one.rises.size] or [np.zeros(1)])
    return float(np.clip(np.quantile(lacked, kind.quantile), 0.0, _MOST_RAISED))


def _moments(seen: Seen, stretch: Stretch, most: int) -> _Moments:
    """Return moments of a series, drawn evenly from those of which is known what came after them."""
    seen = replace(seen, grid=_of(seen.grid, stretch))
    moves = seen.targets()
    at = np.flatnonzero(~np.isnan(moves))
    if at.size > most:
        at = at[np.unique((np.arange(1, most + 1) * _GOLDEN % 1.0 * at.size).astype(np.int64))]
    return _Moments(features(seen, at), moves[at], at)


def _of(grid: Grid, stretch: Stretch) -> Grid:
    return replace(grid, first=stretch.first, last=stretch.last)
