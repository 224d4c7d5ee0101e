"""What the series of a fleet are worth at one moment: how each is to be forecast, and the same of many as arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.peaks.grid import own_season
from autoscaler.forecasting.peaks.kinds import FLOOR_PODS, Kind, day_of, start_of
from autoscaler.forecasting.peaks.shadow import MOST, Terms
from autoscaler.model import Floats


@dataclass(frozen=True, slots=True)
class Member:
    """How one series is to be forecast, and what its pods are worth."""

    lead_s: float
    window_s: float  # scale-down stabilization of the reactive formula
    quantile: float  # of the highest load ahead
    per_pod: float  # load of a pod at its target, in the unit of the load; NaN: not known
    capacity_ratio: float = 1.0  # so many times that a pod serves within its SLO
    tolerance: float = 0.1  # of the reactive formula
    least: int = 1
    most: int = MOST
    earned: bool = False  # policy Earned
    seasons_s: tuple[float, ...] | None = None  # that somebody has given
    history_s: float = math.inf  # load before that is not learnt from
    fault: str = ""  # why it is not known what a pod carries
    dates: Dates = NO_DATES  # its clocks, holidays and schedules


@dataclass(frozen=True, slots=True)
class Members:
    """Many of them, shape (series,)."""

    capacity: Floats  # load that forecasts may fill a pod with
    floor: Floats  # below so much load differences do not matter
    terms: Terms  # of pretended pods
    faults: Sequence[str]
    given_s: Sequence[tuple[float, ...] | None]
    dates: Sequence[Dates]

    @classmethod
    def of(cls, members: Sequence[Member]) -> "Members":
        """Return members as arrays.

        A pod counts as overloaded beyond what it serves within its SLO, and at the earliest beyond the tolerance: below that
        the reactive formula would not act either.
        """
        per_pod = np.array([one.per_pod for one in members], dtype=np.float64)
        per_pod[~(np.isfinite(per_pod) & (per_pod > 0))] = np.nan  # nobody can be told of such pods
        tolerance = np.array([one.tolerance for one in members], dtype=np.float64)
        capacity = per_pod * np.array([one.capacity_ratio for one in members], dtype=np.float64)
        served = np.maximum(capacity, per_pod * (1.0 + tolerance))
        terms = Terms(
            capacity=served,
            target=per_pod / served,
            least=np.array([min(one.least, MOST) for one in members], dtype=np.int32),
            most=np.array([min(one.most, MOST) for one in members], dtype=np.int32),
            tolerance=tolerance,
        )
        return cls(
            capacity,
            FLOOR_PODS * capacity,
            terms,
            [one.fault for one in members],
            [one.seasons_s for one in members],
            [one.dates for one in members],
        )

    def seasons_s(self, day_s: float) -> Floats:
        """Return the season of each that is no hour, day or week; NaN where there is none."""
        own = (own_season(given or (), day_s) for given in self.given_s)
        return np.array([math.nan if one is None else one for one in own])


def kind_of(member: Member, step_s: float, before: Kind | None) -> Kind:
    """Return the kind of a series; `before` is the one it was of at the last tick."""
    return Kind(
        step_s=step_s,
        start=start_of(member.lead_s, step_s, before.start if before is not None else None),
        window_s=member.window_s,
        day_s=day_of(member.seasons_s),
        quantile=member.quantile,
        earned=member.earned,
    )
