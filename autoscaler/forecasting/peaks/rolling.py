"""Windows that roll along a series, gaps left out: the highest, lowest and mean of what was, and the highest ahead of a moment.

All go by an array of shape (n,) with NaN in gaps and tell one number a point, NaN where nothing is known.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats


def highest(values: Floats, width: int) -> Floats:
    """Return the highest of the last `width` points, this one among them."""
    padded = np.concatenate([np.full(width - 1, -np.inf), np.where(np.isnan(values), -np.inf, values)])
    return _known(_window_max(padded, width))


def lowest(values: Floats, width: int) -> Floats:
    """Return the lowest of the last `width` points, this one among them."""
    return -highest(-values, width)


def highest_ahead(values: Floats, first: int, last: int) -> Floats:
    """Return the highest of the points `first` to `last` after each one; near the end, of those that are there."""
    filled = np.concatenate([np.where(np.isnan(values), -np.inf, values), np.full(last, -np.inf)])
    return _known(_window_max(filled, last - first + 1)[first : first + values.size])


def before(values: Floats, points: int) -> Floats:
    """Return what was so many points ago."""
    late = np.full(values.size, np.nan)
    if points < values.size:
        late[points:] = values[: values.size - points]
    return late


@dataclass(frozen=True, slots=True)
class Sums:
    """What the points of a series add up to, from the first to before each, shape (n + 1,): means of any width come of it."""

    total: Floats
    count: Ints  # of points that are known

    @classmethod
    def of(cls, values: Floats) -> "Sums":
        """Return the sums of values."""
        known = ~np.isnan(values)
        total = np.concatenate(([0.0], np.cumsum(np.where(known, values, 0.0))))
        return cls(total, np.concatenate(([0], np.cumsum(known))))

    def mean(self, width: int, first: int, last: int) -> Floats:
        """Return the mean of the last `width` points at each of the points `first` to before `last`, this one among them."""
        end = np.arange(first + 1, last + 1)
        start = np.maximum(end - width, 0)
        points = self.count[end] - self.count[start]
        return np.where(points > 0, (self.total[end] - self.total[start]) / np.maximum(points, 1), np.nan)


def _window_max(values: Floats, width: int) -> Floats:
    """Return the maximum of each run of `width` points, by doubling."""
    size = values.size - width + 1
    best, reach = values.copy(), 1
    while 2 * reach <= width:
        best[: best.size - reach] = np.maximum(best[: best.size - reach], best[reach:])
        reach *= 2
    return np.maximum(best[:size], best[width - reach : width - reach + size])


def _known(values: Floats) -> Floats:
    return np.where(np.isneginf(values), np.nan, values)
