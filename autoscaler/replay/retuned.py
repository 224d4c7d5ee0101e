"""What an HPA of the same cost would lose: who spends more always loses less, so that is what a gain must be held against.

The target of the HPA is tuned until its pod-hours are those of Foresail. All targets are tried at once, as shadows.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.peaks.shadow import Pace, Shadows, Terms
from autoscaler.replay.score import BASIS_POINTS
from autoscaler.replay.stage import STEP_S, UNSCORED_STEPS, Setting, Stage, seen_of

_TARGETS = np.arange(0.35, 0.951, 0.05)


@dataclass(frozen=True, slots=True)
class Retuned:
    """An HPA of another target; interpolated between those that were tried."""

    target: float
    pod_hours: float
    lost_bp: float


def of_same_cost(stage: Stage, setting: Setting, pod_hours: float) -> Retuned | None:
    """Return the HPA that costs so many pod-hours; None where no target between 0.35 and 0.95 does, or nobody sees all load."""
    if setting.capped:
        return None
    pace = Pace(STEP_S, setting.lead)
    terms = Terms.alone(1.0, setting.target, setting.min_replicas, setting.max_replicas)
    seen = seen_of(stage.load)
    asked = np.zeros((1, _TARGETS.size), dtype=np.int16)
    begin = slice(stage.cut, stage.cut + 1)
    shadows = Shadows.begun(pace, terms, seen[begin], np.zeros(_TARGETS.size, dtype=np.bool_), _TARGETS)
    lost, spent = shadows.lost[0].copy(), shadows.spent[0].copy()
    for step in range(stage.cut, stage.load.size):
        if step - stage.cut == UNSCORED_STEPS:
            lost, spent = shadows.lost[0].copy(), shadows.spent[0].copy()
        now = slice(step, step + 1)
        shadows.step(stage.load[now], seen[now], asked, terms)
    hours = (shadows.spent[0] - spent) * STEP_S / 3600
    lost_bp = (shadows.lost[0] - lost) / max(float(stage.load[stage.scored :].sum()), 1e-300) * BASIS_POINTS
    order = np.argsort(hours)
    if not hours[order[0]] <= pod_hours <= hours[order[-1]]:
        return None
    target, bp = (float(np.interp(pod_hours, hours[order], values[order])) for values in (_TARGETS, lost_bp))
    return Retuned(target, pod_hours, bp)
