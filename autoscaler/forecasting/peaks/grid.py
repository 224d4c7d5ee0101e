"""When the points of a series are, what counts as an hour, a day and a week there, and how far back its seasons lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats

DAY_S = 86_400.0
HOUR_S, WEEK_S = DAY_S / 24, DAY_S * 7
_AROUND_S = 300.0  # what happened that near to the same phase may happen now
_SAME = 0.01  # a season that close to an hour, a day or a week is that one
OWN_CYCLES = 4  # how many of a season of its own are looked back


@dataclass(frozen=True, slots=True)
class Grid:
    """When the points of a series are, which of those ahead count, and what is known of its calendar."""

    start_s: float  # of the first point, seconds since the epoch
    step_s: float
    first: int  # the points from `first` to `last` after the newest one known are what a pod asked for now can serve
    last: int
    day_s: float = DAY_S  # another one compresses time, for demonstrations: everything that is told in seconds shrinks with it
    season_s: float | None = None  # one that is no hour, day or week
    dates: Dates = NO_DATES  # its clocks, holidays and schedules

    @property
    def around(self) -> int:
        """How many points before and after the same phase are looked at too."""
        return self.points(self.scaled(_AROUND_S))

    def scaled(self, seconds: float) -> float:
        """Return what a time in seconds of a day of 86,400 takes here."""
        return seconds * (self.day_s / DAY_S)

    def points(self, seconds: float) -> int:
        """Return a time in points, at least one."""
        return max(1, round(seconds / self.step_s))

    def distinct(self, times_s: tuple[float, ...]) -> tuple[int, ...]:
        """Return times, in seconds of a day of 86,400, in points, each once."""
        return tuple(dict.fromkeys(self.points(self.scaled(one_s)) for one_s in times_s))

    def lags(self, cycle_s: float, count: int) -> tuple[int, ...]:
        """Return how many points back the last cycles lie, those of them that lie wholly in the past."""
        reach = self.last + self.around
        return tuple(lag for k in range(1, count + 1) if (lag := round(k * cycle_s / self.step_s)) > reach)

    def own_lags(self) -> tuple[int, ...]:
        """Return the same for the season of its own; nothing where there is none."""
        if self.season_s is None or _natural(np.array(self.season_s), self.day_s):
            return ()
        return self.lags(self.season_s, OWN_CYCLES)

    def own_lags_of(self, seasons_s: Floats) -> Ints:
        """Return the lags of many series on this grid, shape (`OWN_CYCLES`, n), 0 for none; NaN in `seasons_s` is no season."""
        times = np.arange(1, OWN_CYCLES + 1)[:, None]
        lags = np.rint(times * seasons_s / self.step_s)
        past = (lags > self.last + self.around) & ~_natural(seasons_s, self.day_s)
        first = np.argsort(~past, axis=0, kind="stable")  # those that lie in the past come first, as if there were no others
        return np.asarray(np.take_along_axis(np.where(past, lags, 0.0), first, axis=0), dtype=np.int64)


def own_season(seasons_s: Sequence[float], day_s: float = DAY_S) -> float | None:
    """Return the first of the seasons found in a series that is worth columns: between an hour and a day, and neither.

    Shorter ones are mostly whole fractions of an hour, and seen with it; what is found beyond a day changed from day to day
    where it was looked at, and had come too seldom to be learnt from.
    """
    hour_s = HOUR_S * (day_s / DAY_S)
    return next((one_s for one_s in seasons_s if hour_s < one_s < day_s and not _natural(np.array(one_s), day_s)), None)


def _natural(seasons_s: Floats, day_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    natural = [one_s * (day_s / DAY_S) for one_s in (HOUR_S, DAY_S, WEEK_S)]
    return np.asarray(np.any([np.abs(seasons_s - one_s) <= _SAME * one_s for one_s in natural], axis=0))
