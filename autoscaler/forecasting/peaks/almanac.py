"""What the calendars of some series say at some moments, and how far back the moments lie that were like them.

A day ago is what the clocks showed a day ago: 23 or 25 hours after they were changed. The day that was like a holiday is the
last holiday or Sunday, like a working day the last working day, like a Saturday the last Saturday.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoscaler.forecasting.peaks.dates import LOOKED_BACK, NO_DATES, Dates
from autoscaler.forecasting.peaks.grid import DAY_S, Grid
from autoscaler.forecasting.peaks.tables import Tables
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

LIKE_DAYS = 4  # days like this one that are looked back at
_FARTHEST = 15  # days: there is a like one among them even after Christmas, and two weeks are kept
_THURSDAY, _SATURDAY = 4, 6  # 1970-01-01 and the last of a week, counted from Sunday
_REST, _WORK = 0, 1  # kinds of days beside Saturdays


@dataclass(frozen=True)
class Almanac:
    """Some moments, each by the calendar of one series; every answer has one entry a moment."""

    grid: Grid
    at_s: Floats
    dates: Sequence[Dates]
    of: Ints  # which of the dates a moment goes by

    @classmethod
    def of_one(cls, grid: Grid, at_s: Floats, dates: Dates) -> "Almanac":
        """Return the almanac of moments of one series."""
        return cls(grid, at_s, (dates,), np.zeros(at_s.size, dtype=np.int64))

    @classmethod
    def of_many(cls, grid: Grid, at_s: Floats, dates: Sequence[Dates]) -> "Almanac":
        """Return the almanac of moments of which each is of a series of its own."""
        several = {id(one): one for one in (*dates, NO_DATES)}
        number = {one: at for at, one in enumerate(several)}
        return cls(grid, at_s, tuple(several.values()), np.array([number[id(one)] for one in dates], dtype=np.int64))

    @cached_property
    def local_s(self) -> Floats:
        """What the clocks show at each moment, as seconds since the epoch would be in UTC."""
        return self.at_s + self._ahead_s(self.at_s)

    def by_clocks(self, lag: int) -> int | Ints:
        """Return how many points back the clocks showed the same time some days ago, which `lag` points are in UTC; 0: none."""
        if not self._clocks.any:
            return lag
        change_s = self._ahead_s(self.at_s) - self._ahead_s(self.at_s - lag * self.grid.step_s)
        return self._past(lag - np.rint(change_s / self.grid.step_s).astype(np.int64)) if change_s.any() else lag

    @property
    def has_holidays(self) -> Bools:
        """Whether somebody said which days are holidays."""
        return self._has_holidays[self.of]

    def is_holiday(self, later_s: float) -> Floats:
        """Return 1 where it is a holiday so much later, NaN where nobody said what is one."""
        return np.where(self.has_holidays, self._holidays.covers(self.of, self.at_s + later_s), np.nan)

    def to_holiday(self) -> Floats:
        """Return the time to the beginning of the next holiday, in days, at most one."""
        return np.where(self.has_holidays, self._days(self._holidays.next_s(self.of, self.at_s) - self.at_s), np.nan)

    def is_scheduled(self, later_s: float) -> Floats:
        """Return 1 where a schedule holds so much later, NaN where there is none."""
        return np.where(self._has_schedules, self._scheduled.covers(self.of, self.at_s + later_s), np.nan)

    def to_schedule(self) -> Floats:
        """Return the time to the next beginning of a schedule, in days, at most one."""
        return np.where(self._has_schedules, self._days(self._scheduled.next_s(self.of, self.at_s) - self.at_s), np.nan)

    def since_schedule(self) -> Floats:
        """Return the time since a schedule last began, in days, at most one."""
        return np.where(self._has_schedules, self._days(self.at_s - self._scheduled.last_s(self.of, self.at_s)), np.nan)

    def occurrence_lags(self) -> tuple[Ints, ...]:
        """Return how many points back the same schedule was as far; 0: it was not. Nothing where there are no schedules.

        Of several it is the one that holds when a pod asked for now can serve, else the one that begins within a day, else the
        one that ended within a day.
        """
        if not self._has_schedules.any():
            return ()
        serves_s, runs = self.at_s + self._lead_s, self._scheduled
        begun = runs.last(self.of, serves_s)
        next_in, over_since = runs.next_s(self.of, serves_s) - serves_s, serves_s - runs.value(begun, self.of, 1)
        row = np.where((over_since >= 0) & ((next_in < self.grid.day_s) | (over_since >= self.grid.day_s)), begun + 1, begun)
        near = (over_since < self.grid.day_s) | (next_in < self.grid.day_s)
        lags_s = (np.where(near, runs.value(row, self.of, 2 + number), np.nan) for number in range(LOOKED_BACK))
        return tuple(self._past(np.rint(np.nan_to_num(one_s) / self.grid.step_s).astype(np.int64)) for one_s in lags_s)

    def days_back(self, lags: Sequence[int]) -> list[int | Ints]:
        """Return how many points back the last days lie that are looked at, which `lags` points are in UTC; 0: none.

        Where it is known which days are holidays, these are days like the one on which a pod asked for now can serve.
        """
        plain = [self.by_clocks(lag) for lag in lags]
        if not self.has_holidays.any():
            return plain
        return [np.where(self.has_holidays, like, lag) for like, lag in zip(self._like_days(), plain, strict=False)]

    def _like_days(self) -> list[Ints]:
        ago, day = self._like_ago(), self.grid.day_s / self.grid.step_s
        lags = np.rint(ago * day).astype(np.int64)
        if self._clocks.any:
            change_s = self._ahead_s(self.at_s) - np.stack([self._ahead_s(self.at_s - one * self.grid.day_s) for one in ago])
            lags -= np.rint(change_s / self.grid.step_s).astype(np.int64)
        return [self._past(np.where(one > 0, lag, 0)) for one, lag in zip(ago, lags, strict=True)]

    def _like_ago(self) -> Ints:
        """Return how many days ago days like this one were, shape (`LIKE_DAYS`, moments); 0: none."""
        days = np.floor((self.at_s + self._lead_s + self._ahead_s(self.at_s)) / self.grid.day_s).astype(np.int64)
        first_day, count = days.min(), np.ptp(days) + 1
        pairs, each = np.unique(self.of * count + days - first_day, return_inverse=True)  # the moments of a day are alike
        of, day = pairs // count, pairs % count + first_day
        kinds = np.stack([self._kind(of, day - back) for back in range(_FARTHEST + 1)])
        like = kinds[1:] == kinds[0]
        reach = (np.arange(1, _FARTHEST + 1) * self.grid.day_s / self.grid.step_s) > self.grid.last + self.grid.around
        like &= reach[:, None] & (self._has_holidays[of])
        first = np.argsort(~like, axis=0, kind="stable")[:LIKE_DAYS]
        return np.asarray(np.where(np.take_along_axis(like, first, axis=0), first + 1, 0)[:, each], dtype=np.int64)

    def _kind(self, of: Ints, day: Ints) -> Ints:
        noon_s = np.asarray((day + 0.5) * self.grid.day_s, dtype=np.float64)
        weekday, is_holiday = (day + _THURSDAY) % 7, self._holidays.covers(of, noon_s - self._ahead_of_s(of, noon_s))
        plain = np.where(weekday == _SATURDAY, _SATURDAY, _WORK)
        return np.where(is_holiday | (weekday == 0), _REST, plain).astype(np.int64)

    @property
    def _lead_s(self) -> float:
        return self.grid.last * self.grid.step_s

    def _days(self, seconds: Floats) -> Floats:
        return np.minimum(seconds / self.grid.day_s, 1.0)

    def _past(self, lags: Ints) -> Ints:
        """Return lags of moments of which all that counted is known by now; 0 for others."""
        return np.asarray(np.where(lags > self.grid.last + self.grid.around, lags, 0), dtype=np.int64)

    def _ahead_s(self, at_s: Floats) -> Floats:
        return self._ahead_of_s(self.of, at_s)

    def _ahead_of_s(self, of: Ints, at_s: Floats) -> Floats:
        """Return by how much local time is ahead of UTC; by nothing where a day is another one than that of the clocks."""
        if not self._clocks.any:
            return np.zeros(at_s.shape)
        return np.nan_to_num(self._clocks.value(np.maximum(self._clocks.last(of, at_s), self._clocks.first(of)), of, 1))

    @cached_property
    def _clocks(self) -> Tables:
        return Tables.of([one.clocks if self.grid.day_s == DAY_S else NO_DATES.clocks for one in self.dates])

    @cached_property
    def _holidays(self) -> Tables:
        return Tables.of([NO_DATES.clocks if one.holidays is None else one.holidays for one in self.dates])

    @cached_property
    def _scheduled(self) -> Tables:
        return Tables.of([one.occurrences for one in self.dates])

    @cached_property
    def _has_holidays(self) -> Bools:
        return np.array([one.holidays is not None for one in self.dates], dtype=np.bool_)

    @cached_property
    def _has_schedules(self) -> Bools:
        return np.array([one.occurrences.size > 0 for one in self.dates], dtype=np.bool_)[self.of]
