"""How a forecaster would have done on the newest part of the history, which it had not seen when it was fitted.

Rolling origin (Tashman 2000): the newest stretch is cut into folds; for each the forecaster is fitted on everything before the
fold and asked at moments within it, where it may read the values up to that moment. What it says of the highest load
within the lead is compared with what came. All forecasters are asked at the same moments.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.types import Forecaster, Ints, NotEnoughHistory, Task
from autoscaler.model import Floats

_FOLDS = 3
_MIN_LENGTH = 96.0  # points to ask about, where history allows: fewer, and luck decides
_MAX_ORIGINS = 192
_MAX_STEPS = 48  # of a long lead, that many moments are asked for
_TINY = 1e-300  # instead of dividing by zero
_NOTHING = 1e-9  # a loss below this is none
_TOLERANCE = 0.1  # by which the worse of two loss ratios may be above their mean
_FLOOR_RATIO = 0.25  # of the mean load: below it errors are compared as absolute ones


@dataclass(frozen=True, slots=True)
class Plan:
    """Which moments are asked about: `origins` ascending, grouped by `folds`, each fitted on the points before its first."""

    folds: tuple[Ints, ...]
    lead: int
    floor: float  # load that is added to forecasts before errors are divided by them, so that night is not infinite


@dataclass(frozen=True, slots=True)
class Record:
    """What a forecaster said and what came, one entry per origin."""

    peak: Floats  # said of the highest load within the lead
    actual_peak: Floats
    at_lead: Floats  # said of the load at the lead
    actual_at_lead: Floats
    floor: float

    def error_ratio(self) -> float:
        """Return the weighted absolute percentage error at the lead."""
        return float(np.abs(self.at_lead - self.actual_at_lead).sum() / max(float(self.actual_at_lead.sum()), _TINY))

    def margin(self, risk: float) -> float:
        """Return the `risk` quantile of the relative errors of the peak: `upper` applies it.

        With the finite-sample correction of conformal prediction (Vovk 2005): the ceil((n + 1) * risk)-th smallest.
        """
        errors = np.sort((self.actual_peak - self.peak) / (self.peak + self.floor))
        return float(errors[min(int(np.ceil((errors.size + 1) * risk)), errors.size) - 1])

    def upper(self, expected: Floats, margin: float) -> Floats:
        """Return the quantile that belongs to an expected peak; never negative."""
        return np.maximum(expected + margin * (expected + self.floor), 0.0)

    def pinball(self, risk: float) -> float:
        """Return the mean pinball loss of the `risk` quantile of the peak, over the mean load (Koenker and Bassett 1978)."""
        miss = self.actual_peak - self.upper(self.peak, self.margin(risk))
        return float(np.maximum(risk * miss, (risk - 1) * miss).mean() / max(float(self.actual_peak.mean()), _TINY))


def plan(values: Floats, seasons: tuple[float, ...], lead: int) -> Plan:
    """Return the moments to ask about: the newest season at least, three of the shortest or more where history allows.

    Raises `NotEnoughHistory` when the history does not hold a season before the one that is asked about.
    """
    short, last = seasons[0], values.size - 1 - lead
    tested = max((season for season in seasons if last - season > season + 1), default=short)
    length = max(tested, min(max(_FOLDS * short, _MIN_LENGTH), last - 2 * short))
    first = max(int(np.ceil(short)) + 1, last + 1 - round(length))
    if last - first < short / 2:
        raise NotEnoughHistory("the history holds no season before the newest one")
    origins = np.unique(np.rint(np.linspace(first, last, min(_MAX_ORIGINS, last - first + 1))).astype(np.int64))
    origins = origins[~(np.isnan(values[origins]) | np.isnan(_ahead(values, origins, lead)).any(axis=1))]
    if origins.size < 2 * _FOLDS:
        raise NotEnoughHistory("too little of the newest season is without gaps")
    floor = _FLOOR_RATIO * max(float(np.nanmean(values)), _TINY)
    return Plan(tuple(np.array_split(origins, _FOLDS)), lead, floor)


def run(forecaster: Forecaster, values: Floats, season: float, asked: Plan) -> Record:
    """Return how a forecaster did; raises `NotEnoughHistory` when it cannot be fitted before the first fold."""
    steps = steps_up_to(asked.lead)
    paths = []
    for origins in asked.folds:
        fitted = forecaster.fit(values[: origins[0] + 1], Task(season, asked.lead))
        paths.append(fitted.paths(values, origins, steps))
    said = np.nan_to_num(np.concatenate(paths))
    origins = np.concatenate(asked.folds)
    actual = _ahead(values, origins, asked.lead)
    return Record(said.max(axis=1), actual.max(axis=1), said[:, -1], actual[:, -1], asked.floor)


def loss_ratio(record: Record, yardstick: Record, risk: float) -> float:
    """Return how much a forecaster loses for each that the yardstick loses.

    Two ratios count, of the pinball loss of the peak and of the error at the lead: their geometric mean, but no less than
    the worse of them less a tolerance, so that neither excuses the other. 1 or more when the yardstick loses nothing.
    """
    pairs = ((record.pinball(risk), yardstick.pinball(risk)), (record.error_ratio(), yardstick.error_ratio()))
    ratios = [mine / other if other > _NOTHING else 1.0 + mine for mine, other in pairs]
    return max(float(np.sqrt(ratios[0] * ratios[1])), max(ratios) - _TOLERANCE)


def steps_up_to(lead: int) -> Ints:
    """Return the steps ahead that stand for all up to the lead; the lead itself is the last."""
    return np.unique(np.rint(np.linspace(1, lead, min(lead, _MAX_STEPS))).astype(np.int64))


def _ahead(values: Floats, origins: Ints, lead: int) -> Floats:
    return np.asarray(values[origins[:, None] + np.arange(1, lead + 1)])
