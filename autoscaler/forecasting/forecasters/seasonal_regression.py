"""A linear model of what the seasonal profile gets wrong: ridge regression over profile, present deviation and phase.

One model serves every step up to the lead (direct forecasts, pooled, the share of the lead as a factor), so that short
histories suffice. It is fitted to the profile's error and drawn towards zero: knowing nothing, it repeats the profile.
The level of now is among what it sees, so it can also repeat that. Beyond the lead the correction fades.
Ridge: Hoerl and Kennard 1970, by scikit-learn.
"""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge

from autoscaler.forecasting import profile
from autoscaler.forecasting.profile import Profile
from autoscaler.forecasting.types import Ints, NotEnoughHistory, Task
from autoscaler.model import Floats

_ALPHA = 3.0  # weight of the penalty; features have unit variance
_MIN_SEASONS = 0.75  # of rows beyond the first season
_ROWS = 2000  # at most, and half a row more for each point of the history
_STEPS = 5  # distances up to the lead that rows are made for
_HARMONICS = 3
_CONSTANT = 1e-12  # a feature that varies less is one


@dataclass(frozen=True, slots=True)
class _Fitted:
    task: Task
    middle: Floats  # of each feature
    spread: Floats
    weights: Floats
    offset: float

    def paths(self, values: Floats, origins: Ints, steps: Ints) -> Floats:
        """Return the profile plus the correction, which fades beyond the lead; never negative."""
        expected, features = _features(values, profile.of(values, self.task.season), self.task, origins=origins, steps=steps)
        correction = ((features - self.middle) / self.spread) @ self.weights + self.offset
        half_life = max(self.task.lead, self.task.season / 8)
        fade = 0.5 ** (np.maximum(steps - self.task.lead, 0) / half_life)
        path = np.maximum(expected + np.nan_to_num(correction) * fade, 0.0)
        (level,) = profile.trailing_means(values, (1 + round(self.task.season),), origins)
        return np.where(np.isnan(expected), level[:, None], path)


@dataclass(frozen=True, slots=True)
class SeasonalRegression:
    """Ridge regression of what the profile gets wrong."""

    name: str = "seasonal_regression"

    def fit(self, values: Floats, task: Task) -> _Fitted:
        """Fit on origins whose targets are known, thinned to some thousand rows."""
        table = profile.of(values, task.season)
        steps = np.unique(np.rint(np.linspace(1, task.lead, min(task.lead, _STEPS))).astype(np.int64))
        first = math.ceil(task.season)
        count = values.size - task.lead - first
        if count < _MIN_SEASONS * task.season:
            raise NotEnoughHistory(f"{max(count, 0)} points beyond the first season are less than {_MIN_SEASONS} seasons")
        stride = -(-count * steps.size // (_ROWS + values.size // 2))
        origins = np.arange(values.size - task.lead - 1, first - 1, -stride)[::-1]
        expected, features = _features(values, table, task, origins=origins, steps=steps)
        target = (values[origins[:, None] + steps] - expected).ravel()
        rows = features.reshape(target.size, -1)
        whole = ~(np.isnan(target) | np.isnan(rows).any(axis=1))
        if whole.sum() < 2 * rows.shape[1]:
            raise NotEnoughHistory(f"only {whole.sum()} moments are without a gap")
        rows, target = rows[whole], target[whole]
        middle, spread = rows.mean(axis=0), rows.std(axis=0)
        spread = np.where(spread > _CONSTANT, spread, 1.0)
        offset = float(target.mean())
        model = Ridge(alpha=_ALPHA, solver="cholesky", fit_intercept=False).fit((rows - middle) / spread, target - offset)
        return _Fitted(task, middle, spread, np.asarray(model.coef_), offset)


def _features(values: Floats, table: Profile, task: Task, *, origins: Ints, steps: Ints) -> tuple[Floats, Floats]:
    """Return the profile ahead, shape (origins, steps), and the features of each, shape (origins, steps, features)."""
    at = table.times(origins, steps)
    expected = table.expected[at]
    share = np.minimum(steps / task.lead, 1.0)
    angle = (2 * np.pi / task.season) * (origins[:, None] + steps)
    columns = [expected, table.smooth[at] - expected, table.latest[at] - expected]
    columns += [wave(angle * k) for k in range(1, _HARMONICS + 1) for wave in (np.sin, np.cos)]
    widths = (1, 4, max(8, round(task.season / 48)))
    for level in profile.trailing_means(values, widths, origins):
        columns.append(level[:, None] - expected)
    present = [np.nan_to_num(off) for off in profile.trailing_means(table.off, widths, origins)]
    for off in present:
        columns += [np.broadcast_to(off[:, None], expected.shape), off[:, None] * share]
    growth = expected * (table.ratio[origins, None] - 1.0)
    columns += [growth, growth * share]
    return expected, np.stack(columns, axis=-1)
