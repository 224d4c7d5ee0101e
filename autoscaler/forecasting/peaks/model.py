"""A quantile of the rise ahead, learnt from all series at once: histogram gradient boosting with the pinball loss.

Moments are drawn in proportion to their load, as a pod more costs the same by night and by day; drawing instead of weighting
makes the fit five times as fast (scikit-learn finds the weighted quantile of each leaf by a slow way). The draw is evenly
spread and without chance: the same history gives the same model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from autoscaler.forecasting.peaks.features import Features, Seen, features
from autoscaler.forecasting.types import NotEnoughHistory
from autoscaler.model import Floats

ROWS = 16_000  # in all: a fit takes about half a second with so many
QUANTILE = 0.95
TREES = 60  # where each of them may learn 0.12 of what is left; fewer of them learn more each
_LEAST_ROWS = 200
_LEAST_KNOWN = 50  # rows in which a feature must be known to be used


@dataclass(frozen=True, slots=True)
class Rows:
    """Moments to learn from: features (n, f) and the rise that came (n,)."""

    features: Features
    rises: Floats


@dataclass(frozen=True, slots=True)
class PeakModel:
    """What was learnt; `rises` answers for any number of moments."""

    trees: HistGradientBoostingRegressor | None  # None: the load never moved
    used: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def rises(self, rows: Features) -> Floats:
        """Return the quantile of the rise above the present level on a logarithmic scale, shape (n,); never below 0."""
        return np.maximum(self.moves(rows), 0.0)

    def moves(self, rows: Features) -> Floats:
        """Return the same without that bound: what lies ahead may be lower than the present level."""
        if self.trees is None:
            return np.zeros(rows.shape[0])
        with threadpool_limits(1):  # at these sizes more threads wait for each other, and take CPU from everybody else
            return np.asarray(self.trees.predict(rows[:, self.used]))


def rows_of(seen: Seen, most: int = ROWS) -> Rows:
    """Return `most` moments of one series to learn from, drawn in proportion to their load.

    A moment of high load may be drawn more than once; where none is known with what came after it, there are no rows.
    """
    rises = seen.targets()
    at = np.flatnonzero(~np.isnan(rises))
    if at.size:
        share = np.cumsum(seen.values[at] + seen.floor)
        at = at[np.searchsorted(share, share[-1] * (np.arange(most) + 0.5) / most)]
    return Rows(features(seen, at), rises[at])


def rows_for(many: Iterable[Seen], count: int, most: int = ROWS) -> list[Rows]:
    """Return `most` moments to learn from, out of `count` series as many of each, but one of each at least.

    Small and large workloads count alike, as what is learnt is relative. The features of one series at a time are in memory, so
    the series may be made as they are asked for.
    """
    each = max(1, most // max(1, count))
    return [rows_of(seen, each) for seen in many]


def fit(parts: Sequence[Rows], quantile: float = QUANTILE, *, falls: bool = False, trees: int = TREES) -> PeakModel:
    """Learn from the rows of any number of series; raises `NotEnoughHistory` below some hundred rows.

    `falls`: loads that only ever fell are worth a model too, one that is asked for its `moves`. Fewer trees learn faster each.
    """
    known = np.concatenate([part.features for part in parts])
    rises = np.concatenate([part.rises for part in parts])
    if rises.size < _LEAST_ROWS:
        raise NotEnoughHistory(f"only {rises.size} moments of the past are known, with what came after them")
    used = np.isfinite(known).sum(axis=0) >= _LEAST_KNOWN
    if not (rises != 0 if falls else rises > 0).any() or not used.any():
        return PeakModel(None, used)
    grown = HistGradientBoostingRegressor(
        loss="quantile",
        quantile=quantile,
        max_iter=trees,
        learning_rate=0.12 * (TREES / trees),
        max_leaf_nodes=15,
        min_samples_leaf=40,
        l2_regularization=1.0,
        max_bins=127,
        early_stopping=False,
        random_state=0,
    )
    with threadpool_limits(1):
        return PeakModel(grown.fit(known[:, used], rises), used)
