"""The yardstick: the load stays as it is, averaged over as many of the last points as served best in the past.

The averaging matters for fairness: against the last point alone, any average looks like a forecast on a flat and noisy load.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.profile import trailing_means
from autoscaler.forecasting.types import Ints, NotEnoughHistory, Task
from autoscaler.model import Floats

_WIDTHS = (1, 2, 4, 8, 16, 32, 64)  # points,
_ALWAYS = 16  # and beyond so many no more than a quarter of the season, whose mean is no present level


@dataclass(frozen=True, slots=True)
class _Fitted:
    width: int

    def paths(self, values: Floats, origins: Ints, steps: Ints) -> Floats:
        """Return the mean of the last points, the same for every step ahead."""
        (level,) = trailing_means(values, (self.width,), origins)
        return np.repeat(level[:, None], steps.size, axis=1)


@dataclass(frozen=True, slots=True)
class Persistence:
    """The load stays as it is."""

    name: str = "persistence"

    def fit(self, values: Floats, task: Task) -> _Fitted:
        """Choose how many points to average: those with the least absolute error at the lead."""
        if not (~np.isnan(values)).any():
            raise NotEnoughHistory("no load is known")
        last = max(values.size - task.lead, 0)
        widths = tuple(width for width in _WIDTHS if width <= max(_ALWAYS, task.season / 4))
        levels = trailing_means(values, widths, np.arange(last))
        errors = [_mean_error(level, values[task.lead :]) for level in levels]
        return _Fitted(widths[int(np.argmin(errors))])


def _mean_error(said: Floats, came: Floats) -> float:
    errors = np.abs(said - came)
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if known.size else 0.0
