"""Padding: so many percent of pods on top of what load and forecast ask for, while a schedule with padding is in force.

It must not pad its own pods. The HPA's formula answers "as many as there are" while a load is within the tolerance, and while
pods that just came are not Ready or have no values yet; that answer holds what was padded before. So then the load is taken by
its ratio to the target where all pods are there, and else for no more than it was before. What load asks for beyond the pods
that are there is always real: the formula takes pods that it knows nothing of for idle when it adds some.
"""

import math
from dataclasses import dataclass

from autoscaler.api.types import INT32_MAX
from autoscaler.model import PodPhase
from autoscaler.reasons import Reason
from autoscaler.scaling.draft import Draft
from autoscaler.scaling.policy import down_window_s
from autoscaler.scaling.reactive import Step
from autoscaler.scaling.schedules.bounds import named
from autoscaler.scaling.schedules.types import NO_PADDING, Active, Padding
from autoscaler.scaling.types import Observation, Policy, Source, State

_ROUND_GUARD = 1e-6  # pods; what floating point adds to a whole number must not cost a pod


@dataclass(frozen=True, slots=True)
class Asked:
    """What padding goes by in one pass."""

    active: tuple[Active, ...]
    observation: Observation
    hpa: Step
    predicted: int | None  # by forecast, as far as that may raise the count itself
    highest: int  # that the count may be raised to
    highest_by: str


def add(draft: Draft, asked: Asked, policy: Policy, state: State, now_s: float) -> tuple[Draft, Padding]:
    """Return the draft raised by padding, and what the next pass goes by.

    What padding asked for within the scale-down stabilization window keeps pods that are there, but adds none, like forecasts.
    """
    percent = max((one.schedule.padding_percent or 0 for one in asked.active), default=0)
    if percent == 0 or draft.current == 0:
        return draft, NO_PADDING
    load = _asked_by_load(asked, state.padding.base)
    base = max(load or 0, asked.predicted or 0)
    window_s = down_window_s(policy)
    recent = tuple(one for one in state.padding.recent if now_s - window_s < one[0])
    wanted = min(-(-base * (100 + percent) // 100), INT32_MAX)  # a status has no larger count
    after = Padding(state.padding.base if load is None else load, (*recent, (now_s, wanted)) if base else recent)
    wanted = max([wanted, *(min(count, draft.current) for _, count in recent)])
    if wanted <= 0:
        return draft, after
    by = named(one for one in asked.active if one.schedule.padding_percent == percent)
    weighed = draft.weighed(Source.SCHEDULE, max(wanted, draft.candidates.get(Source.SCHEDULE, 0)))
    raised = max(draft.replicas, min(wanted, asked.highest))
    bounded = f", bounded by {asked.highest_by}" if raised < wanted else ""
    why = f"{by} adds {percent}% to the {base} pods that are asked for{bounded}"
    return weighed.moved(raised, Reason.SCHEDULE_PADDING, why, "padding"), after


def _asked_by_load(asked: Asked, before: int | None) -> int | None:
    """Return the count that the load asks for, free of what was padded before; None when nobody knows."""
    raw, current = asked.hpa.raw, asked.observation.spec_replicas
    if raw is None or raw > current:
        return raw
    by_ratio = [
        one.proposal
        if one.ratio is None or not math.isfinite(one.ratio) or one.proposal != current
        else math.ceil(one.ratio * current - _ROUND_GUARD)
        for one in asked.hpa.statuses
        if one.proposal is not None
    ]
    if _is_settled(asked.observation):
        return max(0, *by_ratio)
    return min(raw, max(0, *by_ratio) if before is None else before)


def _is_settled(observation: Observation) -> bool:
    """Say whether every pod that is wanted is Ready and has a value in every metric that goes by pods."""
    ready = {pod.name for pod in observation.pods if pod.phase is PodPhase.RUNNING and pod.ready is True}
    if not len(ready) == len(observation.pods) == observation.spec_replicas == observation.status_replicas:
        return False
    return all(one.error is None and (one.pods_milli is None or ready <= one.pods_milli.keys()) for one in observation.readings)
