"""How a way to decide is judged: against the HPA, and against the HPA retuned until it spends as much."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.model import Floats
from bench.pods import Cost

NO_LOSS = 1e-5  # share of the load, a tenth of a basis point: less counts as that much
BASIS_POINT = 1e-4
TARGET = 0.7
TARGETS: Floats = np.arange(35, 96) / 100  # of the HPA that is retuned
_WORSE_RATIO, _WORSE_BY = 1.25, BASIS_POINT


@dataclass(frozen=True, slots=True)
class Retuned:
    """What the HPA loses and spends with other targets, the cheapest first."""

    pod_hours: Floats
    lost: Floats
    events: Floats

    @staticmethod
    def of(costs: Sequence[Cost]) -> "Retuned":
        """Return the curve through the costs at each target."""
        ordered = sorted(costs, key=lambda cost: cost.pod_hours)
        names = ("pod_hours", "lost", "events")
        return Retuned(*(np.array([getattr(one, name) for one in ordered], dtype=float) for name in names))

    def at(self, pod_hours: float) -> Cost:
        """Return the cost with as many pod-hours: between two targets by a straight line, beyond the last as at the last."""
        lost, events = (float(np.interp(pod_hours, self.pod_hours, known)) for known in (self.lost, self.events))
        return Cost(lost, pod_hours, round(events))


@dataclass(frozen=True, slots=True)
class Judged:
    """One way on one series."""

    lost: float
    lost_ratio: float  # over the HPA's
    pod_ratio: float  # pod-hours over the HPA's
    front: float  # lost load over that of the HPA retuned to the same pod-hours
    events: int
    is_worse: bool  # than the HPA: by a quarter, and by a basis point


def judged(cost: Cost, hpa: Cost, retuned: Retuned) -> Judged:
    """Return how one way did on one series."""
    lost_ratio = _counted(cost.lost) / _counted(hpa.lost)
    return Judged(
        lost=cost.lost,
        lost_ratio=lost_ratio,
        pod_ratio=cost.pod_hours / hpa.pod_hours,
        front=_counted(cost.lost) / _counted(retuned.at(cost.pod_hours).lost),
        events=cost.events,
        is_worse=lost_ratio > _WORSE_RATIO and cost.lost - hpa.lost > _WORSE_BY,
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """One way on several series: geometric means, and on how many it was worse than the HPA."""

    lost_ratio: float
    pod_ratio: float
    front: float
    worse: int


def summary(rows: Sequence[Judged]) -> Summary:
    """Return the means of one way over some series, at least one."""
    return Summary(
        lost_ratio=_mean(row.lost_ratio for row in rows),
        pod_ratio=_mean(row.pod_ratio for row in rows),
        front=_mean(row.front for row in rows),
        worse=sum(row.is_worse for row in rows),
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """What was asked for, and what came."""

    wanted: str
    found: str
    is_met: bool


def bars(ours: Summary, refit_s: float, earned: Summary) -> list[Bar]:
    """Return the bars for the means over all series; `refit_s` is the longest refit of one series."""
    return [
        Bar("Conservative: front at most 0.32", f"{ours.front:.3f}", ours.front <= 0.32),
        Bar("Conservative: pod-hours at most 1.10x", f"{ours.pod_ratio:.3f}x", ours.pod_ratio <= 1.10),
        Bar("Earned: pod-hours at most 0.88x", f"{earned.pod_ratio:.3f}x", earned.pod_ratio <= 0.88),
        Bar("Earned: no more lost load than the HPA", f"{earned.lost_ratio:.3f}x", earned.lost_ratio <= 1.0),
        Bar("no series 1.25x and 1 bp worse than the HPA", f"{ours.worse + earned.worse} are", ours.worse + earned.worse == 0),
        Bar("a refit of one series within 2 s", f"{refit_s:.2f} s", refit_s <= 2.0),
    ]


def _counted(lost: float) -> float:
    return max(lost, NO_LOSS)


def _mean(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))
