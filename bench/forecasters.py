"""Those that ours is compared with: what others do, as plainly as somebody would write it in an afternoon.

Each takes samples of load, shape (n,), and says what it expects of the highest of the next `ahead` samples, shape (n,), NaN
where it says nothing; entry i rests on samples up to i. Point forecasts get the HPA's target, a high quantile all of a pod.
"""

import time
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from autoscaler.forecasting.peaks.rolling import before
from autoscaler.model import Floats

_LINE_S = 600.0
_QUANTILE = 0.98


@dataclass(frozen=True, slots=True)
class Task:
    """What is forecast, in samples."""

    sample_s: float
    ahead: int
    first: int  # forecasts are wanted from here on; what is before only teaches

    @property
    def day(self) -> int:
        """Samples a day."""
        return round(86_400 / self.sample_s)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is said after each sample, and the CPU time of the longest fit that it took."""

    load: Floats
    fit_s: float = 0.0


def straight_line(samples: Floats, task: Task) -> Expected:
    """Extrapolate the least-squares line through the last ten minutes."""
    width = max(2, round(_LINE_S / task.sample_s))
    windows = np.lib.stride_tricks.sliding_window_view(samples, width)
    at = np.arange(width) - (width - 1) / 2
    slope = windows @ at / (at @ at)
    ends = [windows.mean(axis=1) + slope * ((width - 1) / 2 + ahead) for ahead in (1, task.ahead)]
    return Expected(np.concatenate([np.full(width - 1, np.nan), np.maximum(np.maximum(*ends), 0.0)]))


def seasonal_naive(samples: Floats, task: Task) -> Expected:
    """Expect what came at the same time yesterday."""
    expected = np.full(samples.size, np.nan)
    ahead = np.lib.stride_tricks.sliding_window_view(samples[1:], task.ahead).max(axis=1)
    expected[task.day :] = ahead[: samples.size - task.day]
    return Expected(expected)


_ALPHAS, _BETAS, _GAMMAS = (0.05, 0.2, 0.5, 0.8, 0.95), (0.0, 0.01, 0.1), (0.05, 0.2, 0.5)


def holt_winters(samples: Floats, task: Task) -> Expected:
    """Smooth level, trend and a daily season, all additive (Winters 1960), with the constants that were best until yesterday.

    All constants of a grid run side by side; each day goes on with those whose squared error one sample ahead is least so far.
    Our own, as statsmodels is none of our dependencies.
    """
    alpha, beta, gamma = (one.ravel() for one in np.meshgrid(_ALPHAS, _BETAS, _GAMMAS, indexing="ij"))
    day, ways = task.day, alpha.size
    level, trend, error, best = np.full(ways, samples[:day].mean()), np.zeros(ways), np.zeros(ways), 0
    season = np.repeat((samples[:day] - samples[:day].mean())[:, None], ways, axis=1)  # (day, ways)
    expected = np.full(samples.size, np.nan)
    for at in range(day, samples.size):
        phase, value = at % day, samples[at]
        if phase == 0:
            best = int(error.argmin())
        forward = level + trend
        miss = value - forward - season[phase]
        error += miss**2
        fresh = forward + alpha * miss
        trend += beta * (fresh - level - trend)
        season[phase] += gamma * (value - fresh - season[phase])
        level = fresh
        expected[at] = max(
            level[best] + ahead * trend[best] + season[(at + ahead) % day, best] for ahead in range(1, task.ahead + 1)
        )
    return Expected(np.maximum(expected, 0.0))


def naive_model(samples: Floats, task: Task) -> Expected:
    """Learn the 98 % quantile of the highest load ahead from lags and the time of day, each day anew from all before it."""
    columns = _lags(samples, task)
    highest = np.lib.stride_tricks.sliding_window_view(samples[1:], task.ahead).max(axis=1)  # of the samples after each
    expected, fit_s = np.full(samples.size, np.nan), 0.0
    for begin in range(task.first, samples.size, task.day):
        known = begin - task.ahead  # what came after is known
        end = min(begin + task.day, samples.size)
        begin_s = time.process_time()
        trees = HistGradientBoostingRegressor(loss="quantile", quantile=_QUANTILE, random_state=0, early_stopping=False)
        used = ~np.isnan(columns[:known]).all(axis=0)  # a week ago is not known in the first week
        trees.fit(columns[:known, used], highest[:known])
        fit_s = max(fit_s, time.process_time() - begin_s)
        expected[begin:end] = trees.predict(columns[begin:end, used])
    return Expected(np.maximum(expected, 0.0), fit_s)


def _lags(samples: Floats, task: Task) -> Floats:
    day, at = task.day, np.arange(samples.size)
    hour = round(3600 / task.sample_s)
    columns = [before(samples, lag) for lag in (0, 1, 2, 3, 5, 10, 15, 30, hour)]
    columns += [before(samples, lag * day - ahead) for lag in (1, 2, 7) for ahead in (0, 1, 2)]
    recent = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.full(hour - 1, samples[0]), samples]), hour)
    columns += [recent.mean(axis=1), recent.max(axis=1), recent.min(axis=1), recent.std(axis=1)]
    return np.stack([*columns, at % hour, at % day, at // day % 7], axis=1).astype(float)
