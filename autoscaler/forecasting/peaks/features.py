"""What is known of a series at each moment that may tell how high it will be soon. Looks back only.

Everything is a difference of logarithms to the load of that moment, so that one model serves workloads of any size, and a
season is seen as what came at the same phase of past hours, days and weeks, which needs no search for one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoscaler.forecasting.peaks import rolling
from autoscaler.model import Floats

_HOUR_S, _DAY_S, _WEEK_S = 3600.0, 86_400.0, 604_800.0
_LAGS_S = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
_WINDOWS_S = (300.0, 900.0, 3600.0, 14_400.0, _DAY_S)
_CYCLES = ((_HOUR_S, 6), (_DAY_S, 4), (_WEEK_S, 2))  # how many of each are looked back
_AROUND_S = 300.0  # what happened that near to the same phase may happen now
_THURSDAY = 4  # 1970-01-01, counted from Sunday


@dataclass(frozen=True, slots=True)
class Grid:
    """When the points of a series are, and which of those ahead count."""

    start_s: float  # of the first point, seconds since the epoch
    step_s: float
    first: int  # the points from `first` to `last` after the newest one known are what a pod asked for now can serve
    last: int

    def points(self, seconds: float) -> int:
        """Return a time in points, at least one."""
        return max(1, round(seconds / self.step_s))

    def distinct(self, times_s: tuple[float, ...]) -> tuple[int, ...]:
        """Return times in points, each once."""
        return tuple(dict.fromkeys(self.points(one_s) for one_s in times_s))


@dataclass(frozen=True)
class Seen:
    """A series on a logarithmic scale, as features and targets are made of it."""

    values: Floats  # (n,), NaN in gaps, none negative
    grid: Grid
    floor: (
        float  # load that is added before logarithms are taken, a part of what a pod serves: below it differences do not matter
    )

    @cached_property
    def level(self) -> Floats:
        """The logarithm of the load at each point."""
        return np.log(self.values + self.floor)

    @cached_property
    def highest(self) -> Floats:
        """The highest load up to each point; 0 before any is known."""
        return np.maximum.accumulate(np.nan_to_num(self.values))

    def loads(self, rise: Floats, at: slice) -> Floats:
        """Return the loads that rises above the level come to; never negative."""
        return np.maximum(np.exp(self.level[at] + rise) - self.floor, 0.0)

    def targets(self) -> Floats:
        """Return by how much the highest load ahead lies above each point; NaN where not all of it is known."""
        gaps = rolling.highest_ahead(np.isnan(self.values).astype(np.float64), self.grid.first, self.grid.last)
        ahead = rolling.highest_ahead(self.level, self.grid.first, self.grid.last) - self.level
        ahead[max(0, ahead.size - self.grid.last) :] = np.nan
        return np.where(gaps > 0, np.nan, ahead)


def features(seen: Seen) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return what is known at each point, shape (n, features), NaN where it is not; row i depends on points up to i alone."""
    columns = [*_recent(seen), *_motion(seen), *_cycles(seen), *_calendar(seen)]
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)


def _recent(seen: Seen) -> list[Floats]:
    level, grid = seen.level, seen.grid
    columns = [level - rolling.before(level, lag) for lag in grid.distinct(_LAGS_S)]
    for width in grid.distinct(_WINDOWS_S):
        columns += [rolling.highest(level, width) - level, np.log(rolling.mean(seen.values, width) + seen.floor) - level]
    return [*columns, rolling.lowest(level, grid.points(_HOUR_S)) - level]


def _motion(seen: Seen) -> list[Floats]:
    """Return how restless the load is, and how long it has stood: what is sampled seldom changes at its samples only."""
    level, grid = seen.level, seen.grid
    changed = np.ones(level.size, dtype=bool)
    changed[1:] = seen.values[1:] != seen.values[:-1]
    at = np.arange(level.size)
    since = np.minimum(at - np.maximum.accumulate(np.where(changed, at, 0)), grid.points(_HOUR_S))
    size = np.abs(level - rolling.before(level, 1))
    hour, day = (rolling.mean(size, grid.points(width_s)) for width_s in (_HOUR_S, _DAY_S))
    often = rolling.mean(changed.astype(np.float64), grid.points(_DAY_S))
    sharpest = rolling.highest(level - rolling.before(level, grid.points(60.0)), grid.points(_DAY_S))
    return [since.astype(np.float64), hour, day, day / np.maximum(often, 1e-3), sharpest]


def _cycles(seen: Seen) -> list[Floats]:
    """Return what came after the same phase of past hours, days and weeks."""
    level, grid = seen.level, seen.grid
    ahead = rolling.highest_ahead(level, grid.first, grid.last)
    around = grid.points(_AROUND_S)
    wide = rolling.highest_ahead(level, 0, grid.last + 2 * around)
    columns = []
    for cycle_s, count in _CYCLES:
        lags = [lag for k in range(1, count + 1) if (lag := round(k * cycle_s / grid.step_s)) > grid.last + around]
        if not lags:
            continue
        rises = np.stack([rolling.before(ahead - level, lag) for lag in lags])
        heights = np.stack([rolling.before(ahead, lag) for lag in lags]) - level
        near = np.stack([rolling.before(wide, lag + around) for lag in lags]) - level
        columns += [rises[0], _mean(rises), _most(rises), heights[0], _mean(heights), _most(heights), near[0], _most(near)]
    return columns


def _calendar(seen: Seen) -> list[Floats]:
    at_s = seen.grid.start_s + seen.grid.step_s * np.arange(seen.values.size)
    phases = (at_s % _HOUR_S, at_s % _DAY_S, (at_s // _DAY_S + _THURSDAY) % 7)
    return [np.asarray(phase, dtype=np.float64) for phase in phases]


def _mean(rows: Floats) -> Floats:
    known = ~np.isnan(rows)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, rows, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _most(rows: Floats) -> Floats:
    best = np.where(np.isnan(rows), -np.inf, rows).max(axis=0)
    return np.where(np.isneginf(best), np.nan, best)
