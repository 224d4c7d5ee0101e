"""What a course cost, and what it lost. The first hour after the cut is not scored."""

from dataclasses import dataclass

import numpy as np

from autoscaler.replay.stage import STEP_S, UNSCORED_STEPS, Stage
from autoscaler.replay.walk import Course

BASIS_POINTS = 10_000.0
_DUST = 1e-9  # of a pod: what floating point adds to a load of whole pods overloads nobody


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one course."""

    overloaded_ratio: float  # of time, in which the pods that serve could not serve all of the load
    lost_bp: float  # of the load, in basis points, that was beyond what pods could serve
    pod_hours: float  # of `desired`
    scale_events: int  # changes of `desired`


@dataclass(frozen=True, slots=True)
class Comparison:
    """Foresail, the HPA beside it, and the least that would have served everything."""

    foresail: Score
    hpa: Score
    minimum: Score


def score(stage: Stage, course: Course) -> Score:
    """Return the figures of a course on its stage."""
    load = stage.load[stage.scored :]
    desired, ready = course.desired[UNSCORED_STEPS:], course.ready[UNSCORED_STEPS:]
    beyond, total = np.maximum(load - ready, 0.0), float(load.sum())
    return Score(
        overloaded_ratio=float((beyond > _DUST).mean()),
        lost_bp=float(beyond.sum()) / total * BASIS_POINTS if total > 0 else 0.0,
        pod_hours=float(desired.sum()) * STEP_S / 3600,
        scale_events=int(np.count_nonzero(np.diff(desired))),
    )


def ratio(mine: float, other: float) -> float | None:
    """Return a quotient; None where there is none."""
    return mine / other if other > 0 else None
