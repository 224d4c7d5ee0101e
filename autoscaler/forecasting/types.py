"""What forecasts are made from: series on a regular grid, and how each is to be forecast."""

from dataclasses import dataclass
from typing import Protocol

from autoscaler.model import Floats, History


@dataclass(frozen=True, slots=True)
class Request:
    """How one series is to be forecast."""

    history: History
    lead_s: float  # the highest load between now and now + lead counts
    risk: float  # quantile of it, such as 0.9
    seasons_s: tuple[float, ...] | None = None  # known seasons; None: found in the history


class Forecaster(Protocol):
    """A way to forecast: fitted on history alone, deterministic, and it never changes its input."""

    name: str

    def predict(self, history: History, horizon: int, season_s: float | None) -> Floats:
        """Return the expected load, shape (horizon,), for the steps after the last one of `history`.

        Raises `NotEnoughHistory` when it cannot say anything yet.
        """
        ...


class NotEnoughHistory(Exception):
    """The series is too short, too full of gaps, or lacks a season that this forecaster needs."""
