"""How many pods a forecast asks for. It can only ever add to what the HPA's formula asks for; `decide` sees to that.

A forecast tells a load, the target tells what one pod may carry of it, the quotient is the count. Where it is known that a pod
serves more than its target within its SLO, a peak may use that. The tolerance does not apply: it is there to ignore noise of a
measurement, and a forecast of a peak has none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.api.quantity import parse_milli
from autoscaler.api.types import INT32_MAX, MetricSpec
from autoscaler.model import Forecast, GateState, PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.amounts import amount, named, target_of
from autoscaler.scaling.pods import is_ignored, requests
from autoscaler.scaling.policy import down_window_s
from autoscaler.scaling.types import Condition, Observation, Policy, Recommendation, State

_ROUND_GUARD = 1e-6  # pods; what floating point adds to a whole number must not cost a pod


@dataclass(frozen=True, slots=True)
class Need:
    """What the forecast of one metric comes to: a count, or the reason why it does not count."""

    replicas: int | None
    reason: Reason
    message: str
    earned: bool = False  # it may decide with fewer pods than the HPA


@dataclass(frozen=True, slots=True)
class Prediction:
    """What all forecasts of an object ask for together."""

    replicas: int | None  # with what recent forecasts asked for; None: nothing
    needs: tuple[Need, ...]  # one for each metric
    condition: Condition
    recent: tuple[Recommendation, ...]  # the next state's `predicted`
    message: str  # who asks for `replicas`


def predict(observation: Observation, policy: Policy, state: State, now_s: float) -> Prediction:
    """Return the largest count that a forecast in force asks for, stabilised like any other recommendation.

    What forecasts asked for within the scale-down stabilization window keeps pods that are there, but adds none: a nervous
    forecast, or one that expires or fails its gate in the middle of a rise, does not make the count flap.
    """
    if (off := _switched_off(observation, policy)) is not None:
        return Prediction(None, (off,) * len(policy.metrics), _condition((off,)), (), "")
    needs = tuple(
        _need(spec, _at(observation.forecasts, index), observation.pods, policy.capacity_ratio, now_s=now_s)
        for index, spec in enumerate(policy.metrics)
    )
    window_s = down_window_s(policy) if policy.forecast_hold_s is None else policy.forecast_hold_s
    recent = tuple(old for old in state.predicted if old.at_s > now_s - window_s)
    highest = max((old.replicas for old in recent), default=0)
    kept = min(highest, observation.spec_replicas)
    asking = max((need for need in needs if need.replicas is not None), key=_replicas_of, default=None)
    if asking is not None:
        recent = (*recent, Recommendation(now_s, _replicas_of(asking)))
    if asking is not None and _replicas_of(asking) >= kept:
        return Prediction(_replicas_of(asking), needs, _condition(needs), recent, asking.message)
    message = f"a forecast within the last {window_s:g} s needed {highest} pods"
    return Prediction(kept or None, needs, _condition(needs), recent, message)


def _switched_off(observation: Observation, policy: Policy) -> Need | None:
    if not policy.forecast_enabled:
        return Need(None, Reason.FORECAST_DISABLED, "forecast.enabled of the object is false")
    if observation.spec_replicas == 0:
        return Need(None, Reason.SCALING_DISABLED, "the target is at zero replicas, which switches autoscaling off")
    return None


def _need(spec: MetricSpec, forecast: Forecast | None, pods: Sequence[PodView], capacity_ratio: float, *, now_s: float) -> Need:
    """Return what one forecast asks for, if it may."""
    if forecast is None:
        return Need(None, Reason.FORECAST_LEARNING, f"there is no forecast of {named(spec)} yet")
    if forecast.gate is not GateState.OPEN:
        return Need(None, forecast.reason, forecast.message)
    if not now_s < forecast.expires_s:
        late = f"the newest forecast of {named(spec)} has expired; why no newer one came is in the log"
        return Need(None, Reason.FORECAST_EXPIRED, late)
    if not 0 <= forecast.peak < math.inf:
        return Need(None, Reason.FORECAST_FAILED, f"the forecast of {named(spec)} is {forecast.peak}, which cannot be a load")
    per_pod_milli = carried_by_one_pod(spec, pods)
    if isinstance(per_pod_milli, str):
        return Need(None, Reason.FORECAST_FAILED, f"the forecast of {named(spec)} cannot be turned into pods: {per_pod_milli}")
    needed = min(forecast.peak * 1000 / (per_pod_milli * capacity_ratio), float(INT32_MAX))
    replicas = math.ceil(needed - _ROUND_GUARD)
    return Need(replicas, Reason.FORECAST_IN_USE, _explained(spec, forecast, replicas, capacity_ratio), forecast.earned)


def carried_by_one_pod(spec: MetricSpec, pods: Sequence[PodView]) -> float | str:
    """Return the load in milli-units that one pod carries at the target, or a sentence that says why nobody knows."""
    by_pod, target = spec.resource or spec.container_resource, target_of(spec)
    if target is not None and target.average_value is not None:
        return parse_milli(target.average_value)
    if target is not None and target.value is not None:
        return "its target is a value of all pods together, which does not say what one pod carries; use averageValue"
    if by_pod is None or target is None or target.average_utilization is None:
        return "the metric has no target"
    container = spec.container_resource.container if spec.container_resource is not None else None
    requested = requests((pod for pod in pods if not is_ignored(pod)), by_pod.name, container)
    if isinstance(requested, str):
        return requested
    if not any(requested.values()):
        return f"no pod that runs requests {by_pod.name}"
    return target.average_utilization / 100 * sum(requested.values()) / len(requested)


def _explained(spec: MetricSpec, forecast: Forecast, replicas: int, capacity_ratio: float) -> str:
    by_pod = spec.resource or spec.container_resource
    peak = amount(round(min(forecast.peak, 1e15) * 1000), by_pod.name if by_pod is not None else None)
    fuller = f" at {capacity_ratio:g} times the target" if capacity_ratio > 1 else ""
    return (
        f"{named(spec)} is forecast to reach {peak} within {forecast.lead_s:.0f} s "
        f"(quantile {forecast.risk:g}), which needs {replicas} pods{fuller}"
    )


def _condition(needs: tuple[Need, ...]) -> Condition:
    """Return ForecastActive: true when a forecast of any metric is in force, else with the first reason why not."""
    active = [need for need in needs if need.replicas is not None]
    told = max(active, key=_replicas_of) if active else needs[0]
    return Condition("ForecastActive", status=bool(active), reason=told.reason, message=told.message)


def _replicas_of(need: Need) -> int:
    return need.replicas or 0


def _at(forecasts: Sequence[Forecast | None], index: int) -> Forecast | None:
    return forecasts[index] if index < len(forecasts) else None
