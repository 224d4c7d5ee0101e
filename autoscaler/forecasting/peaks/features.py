"""What is known of a series at each moment that may tell how high it will be soon. Looks back only.

The formulas are those of `columns.py`; here they are answered for all moments of one series at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoscaler.forecasting.peaks import rolling
from autoscaler.forecasting.peaks.almanac import Almanac
from autoscaler.forecasting.peaks.columns import Past, columns
from autoscaler.forecasting.peaks.grid import Grid
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

__all__ = ["Features", "Grid", "Seen", "features"]

Features = np.ndarray[tuple[int, int], np.dtype[np.float32]]


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


def features(seen: Seen) -> Features:
    """Return what is known at each point, shape (n, features), NaN where it is not; row i depends on points up to i alone."""
    found = columns(_Along(seen))
    rows = np.empty((seen.values.size, len(found)), dtype=np.float32)
    for number, column in enumerate(found):
        rows[:, number] = column
    return rows


@dataclass(frozen=True)
class _Along:
    """All moments of one series; implements `Look`."""

    seen: Seen

    @property
    def grid(self) -> Grid:
        return self.seen.grid

    @property
    def level(self) -> Floats:
        return self.seen.level

    @cached_property
    def at_s(self) -> Floats:
        return np.asarray(self.grid.start_s + self.grid.step_s * np.arange(self.level.size))

    @cached_property
    def almanac(self) -> Almanac:
        return Almanac.of_one(self.grid, self.at_s, self.grid.dates)

    @property
    def own_lags(self) -> Sequence[int]:
        return self.grid.own_lags()

    def ago(self, points: int) -> Floats:
        return rolling.before(self.level, points)

    def highest(self, width: int) -> Floats:
        return rolling.highest(self.level, width)

    def lowest(self, width: int) -> Floats:
        return rolling.lowest(self.level, width)

    def mean(self, width: int) -> Floats:
        return np.asarray(np.log(rolling.mean(self.seen.values, width) + self.seen.floor))

    def stood(self, most: int) -> Floats:
        at = np.arange(self.level.size)
        return np.minimum(at - np.maximum.accumulate(np.where(self._changed, at, 0)), most).astype(np.float64)

    def moved(self, width: int) -> Floats:
        return rolling.mean(self._moves, width)

    def often(self, width: int) -> Floats:
        return rolling.mean(np.where(np.isnan(self.level), np.nan, self._changed), width)

    def sharpest(self, points: int, width: int) -> Floats:
        return rolling.highest(self.level - rolling.before(self.level, points), width)

    def past(self, lag: int | Ints) -> Past:
        near = rolling.before(self._near, lag + self.grid.around)
        past = Past(rolling.before(self.level, lag), rolling.before(self._ahead, lag), near)
        return past if isinstance(lag, int) else Past(*(np.where(lag > 0, one, np.nan) for one in past))

    @cached_property
    def _changed(self) -> Bools:
        changed = np.ones(self.level.size, dtype=np.bool_)
        changed[1:] = self.seen.values[1:] != self.seen.values[:-1]
        return changed

    @cached_property
    def _moves(self) -> Floats:
        return np.abs(self.level - rolling.before(self.level, 1))

    @cached_property
    def _ahead(self) -> Floats:
        return rolling.highest_ahead(self.level, self.grid.first, self.grid.last)

    @cached_property
    def _near(self) -> Floats:
        return rolling.highest_ahead(self.level, 0, self.grid.last + 2 * self.grid.around)
