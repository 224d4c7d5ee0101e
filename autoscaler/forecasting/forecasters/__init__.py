"""One forecaster, one file; the list below is all that must know of a new one.

The first is the yardstick: a forecast that does not beat "the load stays as it is" by a margin is not used.
"""

from autoscaler.forecasting.forecasters.persistence import Persistence
from autoscaler.forecasting.forecasters.seasonal_naive import SeasonalNaive
from autoscaler.forecasting.forecasters.seasonal_regression import SeasonalRegression
from autoscaler.forecasting.types import Forecaster

YARDSTICK: Forecaster = Persistence()
CANDIDATES: tuple[Forecaster, ...] = (SeasonalNaive(), SeasonalRegression())
FORECASTERS: tuple[Forecaster, ...] = (YARDSTICK, *CANDIDATES)
