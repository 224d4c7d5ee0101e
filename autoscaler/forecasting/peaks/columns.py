"""The features by their formulas, written once: for all moments of one series, and for the newest moment of many.

Everything is a difference of logarithms to the load of that moment, so that one model serves workloads of any size, and a
season is seen as what came at the same phase of past hours, days and weeks, which needs no search for one. A season that is
none of these has columns too; where there is none they are NaN, so that one model serves all series.
"""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np

from autoscaler.forecasting.peaks.almanac import Almanac
from autoscaler.forecasting.peaks.grid import DAY_S, HOUR_S, WEEK_S, Grid
from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats

# All times in seconds of a day of 86,400: a grid may have another one.
_MINUTE_S = 60.0
_LAGS_S = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
_WINDOWS_S = (300.0, 900.0, 3600.0, 14_400.0, DAY_S)
_CYCLES = ((HOUR_S, 6), (DAY_S, 4), (WEEK_S, 2))  # how many of each are looked back
_THURSDAY = 4  # 1970-01-01, counted from Sunday
_SELDOM = 1e-3  # of the points: less often nothing changes
VERSION = 2  # of the formulas: what was learnt from others is of no use, and this is raised whenever one of them changes
_COLUMNS_OF_MOTION, _COLUMNS_OF_CYCLE = 5, 8
_MEAN_HEIGHT = 4  # which of those of a cycle is the mean of the heights that came


class Past(NamedTuple):
    """What is known of the same phase a cycle ago, each on the logarithmic scale."""

    then: Floats
    ahead: Floats  # the highest of the points that counted then
    near: Floats  # the same with the time around it


class Look(Protocol):
    """What can be asked of some moments; each answer has one entry a moment, NaN where it is not known."""

    @property
    def grid(self) -> Grid:
        """What the points are."""
        ...

    @property
    def level(self) -> Floats:
        """The logarithm of the load."""
        ...

    @property
    def at_s(self) -> Floats:
        """When the moments are, seconds since the epoch."""
        ...

    @property
    def almanac(self) -> Almanac:
        """What calendars say of the moments."""
        ...

    @property
    def own_lags(self) -> Sequence[int | Ints]:
        """How many points back past cycles of a season of its own lie; 0 for none."""
        ...

    def ago(self, points: int) -> Floats:
        """Return the level some points ago."""
        ...

    def highest(self, width: int) -> Floats:
        """Return the highest level of the last `width` points."""
        ...

    def lowest(self, width: int) -> Floats:
        """Return the lowest one."""
        ...

    def mean(self, width: int) -> Floats:
        """Return the level of the mean load of the last `width` points."""
        ...

    def stood(self, most: int) -> Floats:
        """Return for how many points the load has not changed, at most `most`."""
        ...

    def moved(self, width: int) -> Floats:
        """Return by how much the level changed from point to point, in the mean over the last `width`."""
        ...

    def often(self, width: int) -> Floats:
        """Return the share of the last `width` points, of those that are known, at which the load changed."""
        ...

    def sharpest(self, points: int, width: int) -> Floats:
        """Return the greatest rise within some points among the last `width`."""
        ...

    def past(self, lag: int | Ints) -> Past:
        """Return what is known of the moments so many points ago: as many for all, or one number a moment, 0 for none."""
        ...


def columns(look: Look) -> list[Floats]:
    """Return what is known at each moment, one array a feature, always as many on the same grid."""
    before_dates = [*_recent(look), *_motion(look), *_cycles(look), *_calendar(look), *_own_season(look)]
    return [*before_dates, *_holidays(look), *_schedules(look)]


def day_highest(grid: Grid) -> int:
    """Return the column that says by how much the highest load of the last day lies above the present one."""
    return _highest(grid, DAY_S)


def minutes_highest(grid: Grid) -> int:
    """Return the column that says the same of the last five minutes."""
    return _highest(grid, _WINDOWS_S[0])


def _highest(grid: Grid, window_s: float) -> int:
    return len(grid.distinct(_LAGS_S)) + 2 * grid.distinct(_WINDOWS_S).index(grid.points(grid.scaled(window_s)))


def past_days(grid: Grid) -> int | None:
    """Return the column that says how high it came after this time of day, in the mean of the last days.

    None where points are so far apart that a day is no time to look back.
    """
    if not grid.lags(grid.scaled(DAY_S), 1):
        return None
    hours = _COLUMNS_OF_CYCLE if grid.lags(grid.scaled(HOUR_S), _CYCLES[0][1]) else 0
    recent = len(grid.distinct(_LAGS_S)) + 2 * len(grid.distinct(_WINDOWS_S)) + 1
    return recent + _COLUMNS_OF_MOTION + hours + _MEAN_HEIGHT


def _recent(look: Look) -> list[Floats]:
    level, grid = look.level, look.grid
    found = [level - look.ago(lag) for lag in grid.distinct(_LAGS_S)]
    for width in grid.distinct(_WINDOWS_S):
        found += [look.highest(width) - level, look.mean(width) - level]
    return [*found, look.lowest(grid.points(grid.scaled(HOUR_S))) - level]


def _motion(look: Look) -> list[Floats]:
    """Return how restless the load is, and how long it has stood: what is sampled seldom changes at its samples only."""
    minute, hour, day = (look.grid.points(look.grid.scaled(one_s)) for one_s in (_MINUTE_S, HOUR_S, DAY_S))
    moved = look.moved(day)
    calm = moved / np.maximum(look.often(day), _SELDOM)
    return [look.stood(hour), look.moved(hour), moved, calm, look.sharpest(minute, day)]


def _cycles(look: Look) -> list[Floats]:
    """Return what came after the same phase of past hours, days and weeks."""
    found = []
    for cycle_s, count in _CYCLES:
        if lags := look.grid.lags(look.grid.scaled(cycle_s), count):
            found += _cycle(look, _by_calendar(look.almanac, cycle_s, lags))
    return found


def _by_calendar(almanac: Almanac, cycle_s: float, lags: Sequence[int]) -> Sequence[int | Ints]:
    """Return the lags of past hours, days or weeks as clocks and holidays have them.

    A day like this one in place of the day before was worth more than beside it, on generated offices with holidays.
    """
    if cycle_s == HOUR_S:
        return lags
    return almanac.days_back(lags) if cycle_s == DAY_S else [almanac.by_clocks(lag) for lag in lags]


def _own_season(look: Look) -> list[Floats]:
    return _cycle_if_any(look, look.own_lags)


def _cycle_if_any(look: Look, lags: Sequence[int | Ints]) -> list[Floats]:
    if lags:
        return _cycle(look, lags)
    return [np.full(look.level.shape, np.nan)] * _COLUMNS_OF_CYCLE


def _cycle(look: Look, lags: Sequence[int | Ints]) -> list[Floats]:
    pasts = [look.past(lag) for lag in lags]
    rises = [one.ahead - one.then for one in pasts]
    heights = [one.ahead - look.level for one in pasts]
    near = [one.near - look.level for one in pasts]
    return [rises[0], _mean(rises), _most(rises), heights[0], _mean(heights), _most(heights), near[0], _most(near)]


def _calendar(look: Look) -> list[Floats]:
    grid, local_s = look.grid, look.almanac.local_s
    return [local_s % grid.scaled(HOUR_S), local_s % grid.day_s, (local_s // grid.day_s + _THURSDAY) % 7]


def _holidays(look: Look) -> list[Floats]:
    """Return where it is a holiday, where it will be one when a pod that is asked for now serves, and how soon one begins."""
    almanac = look.almanac
    return [almanac.is_holiday(0.0), almanac.is_holiday(look.grid.last * look.grid.step_s), almanac.to_holiday()]


def _schedules(look: Look) -> list[Floats]:
    """Return where a schedule holds, and what came when it was as far the last times."""
    almanac, lags = look.almanac, look.almanac.occurrence_lags()
    held = [almanac.is_scheduled(0.0), almanac.is_scheduled(look.grid.last * look.grid.step_s)]
    return [*held, almanac.to_schedule(), almanac.since_schedule(), *_cycle_if_any(look, lags)]


def _mean(rows: Sequence[Floats]) -> Floats:
    total, count = np.zeros(rows[0].shape), np.zeros(rows[0].shape)
    for row in rows:
        known = ~np.isnan(row)
        np.add(total, row, out=total, where=known)
        count += known
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _most(rows: Sequence[Floats]) -> Floats:
    return reduce(np.fmax, rows)  # of a number and NaN, the number
