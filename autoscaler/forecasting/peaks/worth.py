"""What the rung in use, the best of the others and none at all cost, so that it can be said why a forecast acts or does not."""

from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.peaks.boldness import MOST_RATIO, OFF, Paid
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

_TOO_DEAR = 1e3  # added to the price: of those that may not be used, only where all are so


@dataclass(frozen=True, slots=True)
class Cost:
    """One way of each series over the time that is looked back at, shape (series,)."""

    rung: Ints
    lost: Floats  # share of the load that found no pod; NaN where no load came
    lost_ratio: Floats  # over what the reactive formula alone loses; NaN where that loses nothing
    pods_ratio: Floats  # over its pods; NaN where it had none


@dataclass(frozen=True, slots=True)
class Worth:
    """The same for several ways."""

    used: Cost
    other: Cost  # the best rung that is not in use and does not decide alone; `OFF` where there is no such rung
    off: Cost


def worth(paid: Paid, rungs: Ints, lean: Bools) -> Worth:
    """Return what the rungs in use, shape (series,), and others cost; `lean`, shape (1 + rungs,), says which decide alone."""
    price = paid.prices + _TOO_DEAR * (paid.ratios > MOST_RATIO)
    price[:, lean] = np.inf
    price[:, OFF] = np.inf
    at = np.arange(rungs.size)
    price[at, rungs] = np.inf
    best = price.argmin(axis=1)  # all infinite: the first, which is off
    return Worth(_cost(paid, rungs), _cost(paid, best), _cost(paid, np.full(rungs.size, OFF)))


def _cost(paid: Paid, rungs: Ints) -> Cost:
    at = np.arange(rungs.size)
    lost, spent = paid.lost[at, rungs], paid.spent[at, rungs]
    return Cost(
        rungs,
        _share(lost, paid.load),
        _share(lost, paid.lost[:, OFF]),
        _share(spent, paid.spent[:, OFF]),
    )


def _share(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(part.size, np.nan), where=whole > 0))
