"""What each way of each series lost and spent, day by day: two weeks of whole days and the one that runs.

Whole days keep it small (8 bytes a day for each way), and what is forgotten is a day at a time, the same for all series. Days
go by for a series of which nothing is known, too: what was long ago is no evidence, however little has come since.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoscaler.forecasting.peaks.boldness import OFF, Paid
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

_SAME = 1e-6  # by a smaller share a day's load is off by rounding alone
DAYS = 14  # that are looked back at, and the one that runs

Sums = NDArray[np.float32]  # of a day: seven digits are plenty to compare ways by
Steps = NDArray[np.int32]


@dataclass(slots=True)
class Ledger:
    """Days that are over, in rings; the oldest gives way to the newest."""

    lost: Sums  # (days, series, ways): load that found no pod
    spent: Sums  # (days, series, ways): pods times steps
    load: Floats  # (days, series): all that came
    tried: Steps  # (days, series): steps of which the load was known
    days: int = 0  # that are over

    @classmethod
    def empty(cls, series: int, ways: int) -> "Ledger":
        """Return the ledger of series of which nothing is known."""
        return cls(
            lost=np.zeros((DAYS, series, ways), dtype=np.float32),
            spent=np.zeros((DAYS, series, ways), dtype=np.float32),
            load=np.zeros((DAYS, series)),
            tried=np.zeros((DAYS, series), dtype=np.int32),
        )

    def close(self, paid: Paid, tried: Steps) -> None:
        """Write down a day that is over."""
        slot = self.days % DAYS
        self.lost[slot], self.spent[slot], self.load[slot], self.tried[slot] = paid.lost, paid.spent, paid.load, tried
        self.days += 1

    def with_today(self, paid: Paid, rows: Ints) -> Paid:
        """Return what some series paid in all these days and in the one that runs, of which `paid` tells for all series."""
        lost, spent = (
            past[:, rows].sum(axis=0, dtype=np.float64) + today[rows]
            for past, today in ((self.lost, paid.lost), (self.spent, paid.spent))
        )
        return Paid(lost, spent, self.load[:, rows].sum(axis=0) + paid.load[rows])

    def moved(self, paid: Paid, tried: Steps, rows: Ints) -> Bools:
        """Return which series changed at all in that time; `paid` and `tried` are those of today, of all series.

        Of one that did not, each day's mean load is the same, and the formula's count is one and the same number.
        """
        steps = np.concatenate([self.tried[:, rows], tried[None, rows]])
        load = np.concatenate([self.load[:, rows], paid.load[None, rows]])
        spent = np.concatenate([self.spent[:, rows, OFF], paid.spent[None, rows, OFF].astype(np.float32)])
        total = np.maximum(steps.sum(axis=0), 1)
        even = load.sum(axis=0) / total * steps
        count = np.rint(spent.sum(axis=0) / total)
        moved = (np.abs(load - even) > _SAME * even) | (spent != (count * steps).astype(np.float32))
        return np.asarray(moved.any(axis=0))
