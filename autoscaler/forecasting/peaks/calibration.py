"""A stated quantile that holds: what is said is raised until no more than the stated share of moments came out higher.

A quantile that was learnt on the past is missed more often than it says as soon as the load changes its ways. So each series
has an offset that is moved by what came: up by much where the load came out above what was said, down by little where it did
not (adaptive conformal inference: Gibbs and Candès 2021; on the quantile itself: Angelopoulos, Candès and Tibshirani 2023).
However the load behaves, the share of misses over a long time is at most the stated one plus the last offset over RATE times
the number of moments. What was learnt is never lowered: a series that is sampled seldom stands still at most moments, and to be
missed at those at which it moves would follow.

It is applied to what is said, not to what is acted on: how far to go is chosen by cost, from shadows, and going by calibrated
rises instead lost more on recordings.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.model import Floats

RATE = 0.01  # how far a miss moves the offset, on a logarithmic scale: one per cent of the load


@dataclass(slots=True)
class Calibration:
    """Offsets of some series, and what was said of the moments whose outcome is not yet known."""

    quantile: float
    offset: Floats  # (series,), on a logarithmic scale, none below 0
    said: Floats  # (series, delay): rises that were said, in a ring; NaN: nothing
    steps: int = 0

    @classmethod
    def begun(cls, quantile: float, delay: int, series: int = 1) -> "Calibration":
        """Return the calibration of some series, the outcome of a moment being known so many points after it."""
        return cls(quantile, np.zeros(series), np.full((series, delay), np.nan))

    def step(self, rises: Floats, came: Floats) -> Floats:
        """Return the rises to state at this moment, shape (series,), after learning what came of those `delay` points ago.

        `rises` are as they were learnt, `came` by how much the highest load ahead of that earlier moment lay above it; NaN
        where it is not known, and nothing is learnt.
        """
        slot = self.steps % self.said.shape[1]
        was = self.said[:, slot]
        known = ~(np.isnan(was) | np.isnan(came))
        moved = self.offset + RATE * ((came > was) - (1.0 - self.quantile))
        self.offset = np.where(known, np.maximum(moved, 0.0), self.offset)
        stated = rises + self.offset
        self.said[:, slot] = stated
        self.steps += 1
        return np.asarray(stated)
