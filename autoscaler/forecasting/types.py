"""What forecasts are made from and by: series on a regular grid, how each is to be forecast, and what a forecaster is."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autoscaler.model import Floats, History

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Request:
    """How one series is to be forecast."""

    history: History
    lead_s: float  # the highest load between now and now + lead counts
    risk: float  # quantile of it, such as 0.9
    seasons_s: tuple[float, ...] | None = None  # known seasons; None: found in the history


@dataclass(frozen=True, slots=True)
class Task:
    """What a forecaster is fitted for, in steps of the series; `season` need not be a whole number."""

    season: float
    lead: int


class Fitted(Protocol):
    """A forecaster that has learnt from the past and may be asked at many moments."""

    def paths(self, values: Floats, origins: Ints, steps: Ints) -> Floats:
        """Return the expected load, shape (len(origins), len(steps)): row i, column j is for time origins[i] + steps[j].

        Indices count points of `values`; `steps` are positive. Row i depends on `values[: origins[i] + 1]` alone, whatever
        comes after. NaN in `values` is a gap; the answer is NaN only where nothing at all is known.
        """
        ...


class Forecaster(Protocol):
    """A way to forecast: learns from history alone, gives the same answer to the same input, never changes its input."""

    @property
    def name(self) -> str:
        """What the forecaster is called in messages and metrics: a word of `[a-z_]`."""
        ...

    def fit(self, values: Floats, task: Task) -> Fitted:
        """Learn from `values`, shape (n,), NaN in gaps, none negative, the last one the newest.

        Raises `NotEnoughHistory` when nothing can be said yet.
        """
        ...


class NotEnoughHistory(Exception):
    """The series is too short, too full of gaps, or lacks a season that this forecaster needs."""
