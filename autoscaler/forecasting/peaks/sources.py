"""Where a rise may come from: the model, or what plainly came before. Which of them pays on a workload, its shadows say.

A source is a function of features that are there anyway, so it costs nothing to look at one more.

What was tried beside these and brought nothing, or less than it cost, on recordings: a straight line through the last minutes;
a linear quantile model on all features and Fourier terms; the highest of the last half hour, hours or days; what came within
an hour of this time on past days; the mean of two sources, or, for readings that have the reactive formula beside them, the
higher. Exponential smoothing brought nothing either: damped Holt, and Holt-Winters with an additive day, of loads and of their
logarithms. Beside the model their readings were hardly ever chosen and as much was lost; with Holt-Winters in its place, 1.7
times as much was.
"""

from enum import IntEnum

import numpy as np

from autoscaler.forecasting.peaks.columns import day_highest, minutes_highest, past_days
from autoscaler.forecasting.peaks.grid import Grid
from autoscaler.model import Floats


class Source(IntEnum):
    """What a rung reads; the values are the rows of `rises`."""

    MODEL = 0  # a quantile of the rise ahead, as it was learnt
    DAY = 1  # up to the highest load of the last day: for loads that are smooth but for surges without a time of their own
    SEASON = 2  # up to what came after this time of day, in the mean of the last four days: for what comes by the clock
    STEADY = 3  # as MODEL, but at least up to the highest load of the last minutes: for whoever decides without the formula,
    # which looks back as long before it gives a pod away


TOLD = {
    Source.MODEL: "the rise that is forecast",
    Source.DAY: "the way up to the highest load of the last day",
    Source.SEASON: "the way up to what came at this time on the last days",
    Source.STEADY: "the rise that is forecast, and at least the way up to the highest load of the last minutes,",
}


def rises(learnt: Floats, known: np.ndarray[tuple[int, int], np.dtype[np.float32]], grid: Grid) -> Floats:
    """Return what each source expects above the present level on a logarithmic scale, shape (sources, n); never below 0.

    `learnt`, shape (n,), is what the model says of the moments with the features `known`, shape (n, features). NaN where a
    source knows nothing.
    """
    day, season, minutes = (_up_to(known, column) for column in (day_highest(grid), past_days(grid), minutes_highest(grid)))
    return np.stack([learnt, day, season, np.maximum(learnt, minutes)])


def _up_to(known: np.ndarray[tuple[int, int], np.dtype[np.float32]], column: int | None) -> Floats:
    if column is None:
        return np.full(known.shape[0], np.nan)
    return np.asarray(np.maximum(known[:, column], 0.0), dtype=np.float64)
