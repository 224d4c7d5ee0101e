"""What is known of a series at each moment that may tell how high it will be soon. Looks back only.

The formulas are those of `columns.py`; here they are answered for all moments of one series at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from autoscaler.forecasting.peaks import rolling
from autoscaler.forecasting.peaks.almanac import Almanac
from autoscaler.forecasting.peaks.columns import Past, columns
from autoscaler.forecasting.peaks.grid import Grid
from autoscaler.forecasting.peaks.rolling import Sums
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

__all__ = ["Features", "Grid", "Seen", "features"]

Features = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Array = TypeVar("Array", Floats, Ints, Bools)


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


def features(seen: Seen, at: slice | Ints | Bools = slice(None)) -> Features:
    """Return what is known at the points `at` out of n, shape (points, features), NaN where it is not.

    Each row depends on points up to its own alone. A `slice` costs far less than all points do, other choices as much.
    """
    size = seen.values.size
    if not isinstance(at, slice):
        return _stacked(_Along(seen, 0, size), at)
    start, stop, step = at.indices(size)
    return _stacked(_Along(seen, start, stop), slice(None, None, step))


def _stacked(moments: "_Along", at: slice | Ints | Bools) -> Features:
    return np.stack([column[at] for column in columns(moments)], axis=1, dtype=np.float32, casting="same_kind")


@dataclass(frozen=True)
class _Along:
    """The moments `start` to before `stop` of one series; implements `Look`."""

    seen: Seen
    start: int
    stop: int

    @property
    def grid(self) -> Grid:
        return self.seen.grid

    @cached_property
    def level(self) -> Floats:
        return self.seen.level[self.start : self.stop]

    @cached_property
    def at_s(self) -> Floats:
        return np.asarray(self.grid.start_s + self.grid.step_s * self._points)

    @cached_property
    def almanac(self) -> Almanac:
        return Almanac.of_one(self.grid, self.at_s, self.grid.dates)

    @property
    def own_lags(self) -> Sequence[int]:
        return self.grid.own_lags()

    def ago(self, points: int) -> Floats:
        return self._ago(self.seen.level, points)

    def highest(self, width: int) -> Floats:
        return self._newest(rolling.highest(self._since(self.seen.level, width), width))

    def lowest(self, width: int) -> Floats:
        return self._newest(rolling.lowest(self._since(self.seen.level, width), width))

    def mean(self, width: int) -> Floats:
        return np.asarray(np.log(self._values.mean(width, self.start, self.stop) + self.seen.floor))

    def stood(self, most: int) -> Floats:
        changed = self._since(self._changed, most)
        at = np.arange(changed.size)
        return np.minimum(self._newest(at - np.maximum.accumulate(np.where(changed, at, 0))), most).astype(np.float64)

    def moved(self, width: int) -> Floats:
        return self._moves.mean(width, self.start, self.stop)

    def often(self, width: int) -> Floats:
        return self._changes.mean(width, self.start, self.stop)

    def sharpest(self, points: int, width: int) -> Floats:
        level = self._since(self.seen.level, points + width)
        return self._newest(rolling.highest(level - rolling.before(level, points), width))

    def past(self, lag: int | Ints) -> Past:
        near = self._ago(self._near, lag + self.grid.around)
        past = Past(self._ago(self.seen.level, lag), self._ago(self._ahead, lag), near)
        return past if isinstance(lag, int) else Past(*(np.where(lag > 0, one, np.nan) for one in past))

    @cached_property
    def _points(self) -> Ints:
        return np.arange(self.start, self.stop)

    def _ago(self, values: Floats, points: int | Ints) -> Floats:
        """Return what was so many points before each moment; `points` may be one number a moment."""
        then = self._points - points
        return np.where(then >= 0, values[np.maximum(then, 0)], np.nan)

    def _since(self, values: Array, points: int) -> Array:
        """Return what was at the moments, and at so many points before the first of them."""
        return values[max(0, self.start - points) : self.stop]

    def _newest(self, values: Array) -> Array:
        """Return of values up to the last of the moments those of the moments themselves."""
        return values[values.size - self._points.size :]

    @cached_property
    def _changed(self) -> Bools:
        changed = np.ones(self.seen.values.size, dtype=np.bool_)
        changed[1:] = self.seen.values[1:] != self.seen.values[:-1]
        return changed

    @cached_property
    def _values(self) -> Sums:
        return Sums.of(self.seen.values)

    @cached_property
    def _moves(self) -> Sums:
        return Sums.of(np.abs(self.seen.level - rolling.before(self.seen.level, 1)))

    @cached_property
    def _changes(self) -> Sums:
        return Sums.of(np.where(np.isnan(self.seen.level), np.nan, self._changed))

    @cached_property
    def _ahead(self) -> Floats:
        return rolling.highest_ahead(self.seen.level, self.grid.first, self.grid.last)

    @cached_property
    def _near(self) -> Floats:
        return rolling.highest_ahead(self.seen.level, 0, self.grid.last + 2 * self.grid.around)
