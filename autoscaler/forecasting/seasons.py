"""Which seasons a series has: the lags at which it resembles itself.

Autocorrelation by FFT over the detrended series, each lag normalised by the points that overlap there, so that neither
gaps nor growth count. A season needs two full cycles in the history, a local maximum that stands out, and enough strength.
Every multiple of a season is one too; the shortest that is about as strong as the strongest is the season. A longer one
that is clearly stronger (a week whose days differ) is told as well.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats

Spectrum = NDArray[np.complex128]

_HOUR_S, _DAY_S, _WEEK_S = 3600.0, 86_400.0, 604_800.0
_NATURAL_S = (_HOUR_S, 12 * _HOUR_S, _DAY_S, _WEEK_S)
_NATURAL_RATIO = 0.02  # a season this close to a natural one is that one
_MAX_POINTS = 4096  # longer series are averaged down for the search,
_MAX_STEP_S = 600.0  # but not to a longer step than this
_TWO_CYCLES = 0.505  # of the history at most, for a season that fits in twice but for a few points
_LAGS = 0.6  # of the history: beyond half of it only to see that a maximum is one
_MIN_LAG = 4  # points; a shorter season cannot be told from noise
_MIN_STRENGTH = 0.3
_MIN_PROMINENCE = 0.15  # above the lowest correlation at shorter lags
_NOTHING = 1e-12
_AS_STRONG = 0.1  # the shortest season within this of the strongest is taken
_CLEARLY_STRONGER = 0.03  # a longer season by this much is told too


def find(values: Floats, step_s: float) -> tuple[float, ...]:
    """Return the seasons of a series in seconds, at most two, the shortest first; NaN in `values` marks gaps."""
    if np.isnan(values).all():
        return ()
    width = max(1, min(-(-values.size // _MAX_POINTS), int(_MAX_STEP_S // step_s)))
    coarse = _averaged(values, width)
    likeness = compare(_detrended(coarse))
    lags = _candidates(likeness.correlation, int(_TWO_CYCLES * coarse.size))
    if not lags.size:
        return ()
    strength = likeness.correlation[lags]
    short, strongest = lags[strength >= strength.max() - _AS_STRONG][0], lags[strength.argmax()]
    chosen = (
        {short, strongest} if likeness.correlation[strongest] > likeness.correlation[short] + _CLEARLY_STRONGER else {short}
    )
    seasons_s = {_natural(_refined(likeness, int(lag)) * width * step_s) for lag in chosen}
    others_s = {_natural(float(lag) * width * step_s) for lag in lags}
    if min(seasons_s) > _DAY_S and _DAY_S in others_s:
        seasons_s.add(_DAY_S)  # of use long before two weeks are full
    return tuple(sorted(seasons_s)[:2])


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a series is to itself at each lag, shape (lags,)."""

    correlation: Floats  # -1 to 1, whatever the level and size of the two stretches compared
    difference: Floats  # mean squared difference of the two stretches


def compare(values: Floats) -> Likeness:
    """Compare a series of mean zero or nearly so with itself at each lag; gaps are NaN and do not count."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    size = 1 << int(2 * values.size - 1).bit_length()
    series, mask, energy = (np.fft.rfft(part, size) for part in (filled, known.astype(np.float64), filled**2))

    def lagged(early: Spectrum, late: Spectrum) -> Floats:
        return np.asarray(np.fft.irfft(np.conj(early) * late, size)[: int(_LAGS * values.size) + 1])

    product, count = lagged(series, series), np.maximum(np.rint(lagged(mask, mask)), 0.0)
    early, late = np.maximum(lagged(energy, mask), 0.0), np.maximum(lagged(mask, energy), 0.0)
    norm = np.sqrt(early * late)
    some = norm > _NOTHING * max(float(norm[0]), _NOTHING)
    correlation = np.where(some, product / np.where(some, norm, 1.0), 0.0)
    difference = np.where(count > 0, (early + late - 2 * product) / np.maximum(count, 1.0), np.inf)
    return Likeness(correlation, difference)


def _averaged(values: Floats, width: int) -> Floats:
    """Return means of `width` points each, aligned to the newest; gaps are left out of a mean."""
    if width == 1:
        return values
    blocks = values[values.size % width :].reshape(-1, width)
    count = (~np.isnan(blocks)).sum(axis=1)
    return np.where(count > 0, np.nansum(blocks, axis=1) / np.maximum(count, 1), np.nan)


def _detrended(values: Floats) -> Floats:
    """Take the straight line of least squares out, on a scale of one."""
    known = np.flatnonzero(~np.isnan(values))
    level = values[known] / max(float(np.max(values[known])), 1e-300)
    at = known - known.mean()
    slope = (at @ level) / max(float(at @ at), 1.0)
    flat = np.full(values.size, np.nan)
    flat[known] = level - level.mean() - slope * at
    return flat


def _candidates(correlation: Floats, longest: int) -> Ints:
    """Return the lags at which the correlation has a local maximum that stands out."""
    none = np.empty(0, dtype=np.int64)
    below = np.flatnonzero(correlation < correlation[0] / 2)
    if not below.size:
        return none
    reach = max(int(below[0]), 1)  # about a sixth of the season: the correlation has fallen to half
    lowest = np.minimum.accumulate(correlation)
    padded = np.pad(correlation, reach, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    strong = (correlation >= _MIN_STRENGTH) & (correlation >= lowest + _MIN_PROMINENCE) & (correlation >= around)
    lag = np.arange(correlation.size)
    inside = (lag < correlation.size - 1) & (lag <= longest)  # the last lag may still be rising
    return np.flatnonzero(strong & inside & (lag >= max(_MIN_LAG, reach)))


def _refined(likeness: Likeness, lag: int) -> float:
    """Return a season in points, more finely than one point: the k-th multiple lies at k seasons.

    The mean squared difference has the sharper minimum, and stretches of different level do not pull at it. It is
    averaged over neighbouring lags against noise.
    """
    side = min(1 + lag // 24, 8)
    kernel = np.ones(2 * side + 1) / (2 * side + 1)
    difference = np.convolve(np.pad(likeness.difference, side, mode="edge"), kernel, "valid")

    def lowest(low: int, high: int) -> int:
        first = max(low, 1)
        return first + int(np.argmin(difference[first : high + 1]))

    top, reach = difference.size - 1, max(1, lag // 8)
    season, times = float(lowest(lag - reach, min(lag + reach, top))), 1
    while (2 * times + 0.5) * season < top:
        times *= 2
        middle = round(times * season)
        at = lowest(middle - 2, min(middle + 2, top))
        if likeness.correlation[at] < _MIN_STRENGTH:
            break
        season = at / times
    return season


def _natural(season_s: float) -> float:
    near = (natural_s for natural_s in _NATURAL_S if abs(season_s - natural_s) <= _NATURAL_RATIO * natural_s)
    return next(near, season_s)
