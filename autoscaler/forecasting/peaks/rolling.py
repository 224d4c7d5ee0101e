"""Windows that roll along a series, gaps left out: the highest, lowest and mean of what was, and the highest ahead of a moment.

All take an array of shape (n,) with NaN in gaps and return one of the same shape, NaN where nothing is known.
"""

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


def mean(values: Floats, width: int) -> Floats:
    """Return the mean of the last `width` points, this one among them."""
    known = ~np.isnan(values)
    total = np.concatenate(([0.0], np.cumsum(np.where(known, values, 0.0))))
    count = np.concatenate(([0], np.cumsum(known)))
    end = np.arange(1, values.size + 1)
    start = np.maximum(end - width, 0)
    points = count[end] - count[start]
    return np.where(points > 0, (total[end] - total[start]) / np.maximum(points, 1), np.nan)


def before(values: Floats, points: int | Ints) -> Floats:
    """Return what was so many points ago; `points` may be one number a point."""
    if not isinstance(points, int):
        then = np.arange(values.size) - points
        return np.where(then >= 0, values[np.maximum(then, 0)], np.nan)
    late = np.full(values.size, np.nan)
    if points < values.size:
        late[points:] = values[: values.size - points]
    return late


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
