"""The same phase of the last seasons, at the level of now: what a person would draw by hand.

Needs one season only, so it is the first to be of use. Seasonal naive (Hyndman and Athanasopoulos, Forecasting: Principles and
Practice, section 5.2), as a weighted mean of up to three seasons times the bounded ratio of the present load to theirs.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting import profile
from autoscaler.forecasting.types import Ints, Task
from autoscaler.model import Floats


@dataclass(frozen=True, slots=True)
class _Fitted:
    season: float

    def paths(self, values: Floats, origins: Ints, steps: Ints) -> Floats:
        """Return the profile ahead times the ratio of the present level to it."""
        table = profile.of(values, self.season)
        expected = table.smooth[table.times(origins, steps)]
        (level,) = profile.trailing_means(values, (1 + round(self.season),), origins)
        return np.where(np.isnan(expected), level[:, None], expected * table.ratio[origins, None])


@dataclass(frozen=True, slots=True)
class SeasonalNaive:
    """The same phase of the last seasons, at the level of now."""

    name: str = "seasonal_naive"

    def fit(self, values: Floats, task: Task) -> _Fitted:
        """Check that there is a season to repeat; nothing else is learnt."""
        profile.of(values, task.season)
        return _Fitted(task.season)
