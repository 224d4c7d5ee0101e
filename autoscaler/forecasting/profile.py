"""The profile of a season: what the same phase of past seasons says, and how far off it the load is now.

Shared by the seasonal forecasters. Everything here looks back only: what is read for an origin never depends on a value
after it.
"""

import math
from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.types import Ints, NotEnoughHistory
from autoscaler.model import Floats

_WEIGHTS = (0.45, 0.33, 0.22)  # of the last seasons, the newest first
_BOUNDS = (0.4, 2.5)  # of the ratio of the present level to the profile's
_SHORTEST = 2.0  # points; below it there is no shape
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Profile:
    """Tables over time, in points; those that reach ahead end one season after the newest point."""

    season: float
    expected: Floats  # (n + season,): mean of the same phase of past seasons
    smooth: Floats  # (n + season,): the same over three neighbouring points
    latest: Floats  # (n + season,): the last season alone
    off: Floats  # (n,): load less expected; NaN in gaps
    ratio: Floats  # (n,): load over expected, both over the last twelfth of a season, bounded; 1 where unknown

    def times(self, origins: Ints, steps: Ints) -> Ints:
        """Return where to read the tables that reach ahead, shape (origins, steps).

        The phase of a step that the origin's last season does not reach (or whose right neighbour it does not) is
        read a season earlier.
        """
        cycles = np.ceil((steps + 1) / self.season) - 1.0
        shift = steps - np.rint(cycles * self.season).astype(np.int64)
        return origins[:, None] + np.minimum(shift, math.floor(self.season) - 1)[None, :]


def of(values: Floats, season: float) -> Profile:
    """Return the profile of `values`, shape (n,), for a season of so many points; raises NotEnoughHistory below one season."""
    if not (season >= _SHORTEST and values.size > season + 1.0):
        raise NotEnoughHistory(f"{values.size} points do not hold a season of {season:.1f} points")
    size = values.size + math.floor(season)
    lagged = np.stack([_lagged(values, cycle * season, size) for cycle in range(1, len(_WEIGHTS) + 1)])
    known = ~np.isnan(lagged)
    weight = np.array(_WEIGHTS) @ known
    total = np.array(_WEIGHTS) @ np.where(known, lagged, 0.0)
    expected = np.where(weight > 0, total / np.maximum(weight, _TINY), np.nan)
    off = values - expected[: values.size]
    return Profile(
        season=season,
        expected=expected,
        smooth=_smoothed(expected),
        latest=np.where(known[0], lagged[0], expected),
        off=off,
        ratio=_ratio(values, off, max(3, round(season / 12))),
    )


def trailing_means(values: Floats, widths: tuple[int, ...], origins: Ints) -> list[Floats]:
    """Return the means of the last so many points at each origin, gaps left out; NaN where all are gaps."""
    known = ~np.isnan(values)
    total = np.concatenate(([0.0], np.cumsum(np.where(known, values, 0.0))))
    count = np.concatenate(([0], np.cumsum(known)))
    means = []
    for width in widths:
        since = np.maximum(origins + 1 - width, 0)
        points = count[origins + 1] - count[since]
        means.append(np.where(points > 0, (total[origins + 1] - total[since]) / np.maximum(points, 1), np.nan))
    return means


def _lagged(values: Floats, lag: float, size: int) -> Floats:
    """Return what was `lag` points ago at each of `size` times, by a straight line between neighbours; NaN where unknown."""
    whole = math.ceil(lag - _TINY)
    late = _shifted(values, whole, size)
    part = whole - lag
    return late if part < _TINY else late + part * (_shifted(values, whole - 1, size) - late)


def _shifted(values: Floats, by: int, size: int) -> Floats:
    shifted = np.full(size, np.nan)
    count = max(0, min(size - by, values.size))
    shifted[by : by + count] = values[:count]
    return shifted


def _smoothed(expected: Floats) -> Floats:
    smooth = expected.copy()
    smooth[1:-1] = (expected[:-2] + expected[1:-1] + expected[2:]) / 3
    return np.where(np.isnan(smooth), expected, smooth)


def _ratio(values: Floats, off: Floats, width: int) -> Floats:
    everywhere = np.arange(values.size)
    gap = np.isnan(off)
    (load,) = trailing_means(np.where(gap, np.nan, values), (width,), everywhere)
    (miss,) = trailing_means(off, (width,), everywhere)
    expected = load - miss
    known = expected > _TINY  # false for NaN
    return np.clip(np.where(known, load / np.where(known, expected, 1.0), 1.0), *_BOUNDS)
