"""Which forecaster, with which season, did best on the newest part of the history; all were asked at the same moments."""

from dataclasses import dataclass

from autoscaler.forecasting import backtest
from autoscaler.forecasting.backtest import Record
from autoscaler.forecasting.forecasters import CANDIDATES, YARDSTICK
from autoscaler.forecasting.types import Forecaster, NotEnoughHistory
from autoscaler.model import Floats


@dataclass(frozen=True, slots=True)
class Choice:
    """The forecaster that did best, how it did, and how the yardstick did."""

    forecaster: Forecaster
    season: float  # points
    record: Record
    yardstick: Record
    loss_ratio: float


def choose(values: Floats, seasons: tuple[float, ...], lead: int, risk: float) -> Choice:
    """Return the forecaster and season with the least loss; seasons in points, the shortest first.

    Raises `NotEnoughHistory` when none can be judged yet.
    """
    asked = backtest.plan(values, seasons, lead)
    yardstick = backtest.run(YARDSTICK, values, seasons[0], asked)
    best: Choice | None = None
    refusals = []
    for season in seasons:
        for forecaster in CANDIDATES:
            try:
                record = backtest.run(forecaster, values, season, asked)
            except NotEnoughHistory as refusal:
                refusals.append(str(refusal))
                continue
            ratio = backtest.loss_ratio(record, yardstick, risk)
            if best is None or ratio < best.loss_ratio:
                best = Choice(forecaster, season, record, yardstick, ratio)
    if best is None:
        raise NotEnoughHistory("; ".join(refusals))
    return best
