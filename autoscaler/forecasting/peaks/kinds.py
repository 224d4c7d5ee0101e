"""What series must have in common to be forecast and tried together, and what each has of its own.

A model is for one lead time and one quantile; shadows that move together share their start and their window. Lead times are
rounded up to a few, so that workloads whose pods take about as long learn from each other.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, Rung
from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.peaks.grid import DAY_S, Grid
from autoscaler.forecasting.peaks.shadow import Pace

FLOOR_PODS = 0.3  # loads below this many pods are not told apart
LEARNING_DAYS = 1.5  # of history before the first model
STARTS = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    12,
    15,
    20,
    25,
    30,
    40,
    50,
    60,
    80,
    100,
    120,
    160,
    240,
)  # steps; longer leads count as the last
_SHRINKS = 0.7  # a lead time must fall below so much of the one in use to be changed to a shorter one
_GUARD = 1e-9
_FIRST_STEP = 2  # a decision counts from the next step on, so a pod that is asked for now cannot serve the very next one


@dataclass(frozen=True, slots=True)
class Kind:
    """What the series of a group have in common."""

    step_s: float
    start: int  # steps from asking for a pod to its serving
    window_s: float  # scale-down stabilization of the reactive formula
    day_s: float  # what counts as a day: the longest season that was given, if that is shorter
    quantile: float  # of the highest load ahead
    earned: bool  # policy Earned: readings that decide alone are tried too

    @property
    def ladder(self) -> tuple[Rung, ...]:
        """The readings that are tried."""
        return EARNED if self.earned else LADDER

    @property
    def told(self) -> str:
        """The kind in words, for messages about its group."""
        day = f", of a day of {self.day_s:g} s" if self.day_s < DAY_S else ""
        earned = ", by policy Earned" if self.earned else ""
        ahead = f"{self.start * self.step_s:g} s ahead{day}{earned}"
        return f"{ahead}, with a risk of {self.quantile:g} and a stabilization window of {self.window_s:g} s"

    @property
    def pace(self) -> Pace:
        """How pretended replicas move."""
        return Pace(step_s=self.step_s, start=self.start, window_s=self.window_s)

    @property
    def day_points(self) -> float:
        """Points of a day."""
        return self.day_s / self.step_s

    def grid(self, start_s: float, season_s: float | None = None, dates: Dates = NO_DATES) -> Grid:
        """Return the grid of a series that begins at a time."""
        return Grid(
            start_s=start_s,
            step_s=self.step_s,
            first=_FIRST_STEP,
            last=self.start + 1,
            day_s=self.day_s,
            season_s=season_s,
            dates=dates,
        )


def start_of(lead_s: float, step_s: float, before: int | None = None) -> int:
    """Return a lead time in steps, rounded up to one of a few; `before` is the one in use, which is kept while it will do."""
    needed = max(1, math.ceil(lead_s / step_s - _GUARD))
    if before is not None and _SHRINKS * before <= needed <= before:
        return before
    return STARTS[min(bisect_left(STARTS, needed), len(STARTS) - 1)]


def day_of(seasons_s: tuple[float, ...] | None) -> float:
    """Return what counts as a day: the longest season that somebody has given, if it is shorter than one.

    Who names an hour beside a day has days, in which the hour is looked for anyway.
    """
    return min(DAY_S, max(seasons_s or (DAY_S,)))
