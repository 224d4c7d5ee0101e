"""The one entry to scaling decisions: what the HPA would do, and what a forecast adds to it.

    observation ──► reactive.step ──► replicas of the HPA ─┐
                                                           ├─► the larger of both ──► Decision
    forecasts ────► prediction.predict ──► bounded ────────┘

Nothing here writes anything: `changed` is told of a write that succeeded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from autoscaler.reasons import Reason
from autoscaler.scaling import zero
from autoscaler.scaling.policy import numbers_of, policy_of, scale_up_rules
from autoscaler.scaling.prediction import Prediction, predict
from autoscaler.scaling.rates import record_scale, scale_up_limit
from autoscaler.scaling.reactive import Step, step
from autoscaler.scaling.types import Action, Decision, Observation, Policy, Recommendation, Source, State

__all__ = ["after_blindness", "changed", "decide", "initial_state", "policy_of", "record_scale"]


def initial_state(spec_replicas: int, now_s: float, *, scaled_to_zero: bool | None = None) -> State:
    """Return the state of an object that is seen for the first time.

    The present count is its first recommendation, so that a restart of the service cannot scale down before the window has
    passed. `scaled_to_zero` is what the condition ScaledToZero of the object says.
    """
    return State(recommendations=(Recommendation(now_s, spec_replicas),), scaled_to_zero=scaled_to_zero)


def changed(state: State, decision: Decision, policy: Policy, now_s: float) -> State:
    """Return the state after a decision was carried out; call it after a write that succeeded."""
    told = zero.after_change(decision.current, decision.desired, policy)
    recorded = record_scale(state, decision.current, decision.desired, now_s, policy.behavior)
    return replace(recorded, scaled_to_zero=None if told is None else told.status)


def after_blindness(state: State, spec_replicas: int, now_s: float) -> State:
    """Return the state of an object whose load was not known for long and is again: its present count is a recommendation.

    What was recommended before has left the window or soon will, and the first values after an outage are low: a rate
    over few samples is (Prometheus extrapolates by half an interval only), and so is a sum while not all is scraped yet.
    """
    return replace(state, recommendations=(*state.recommendations, Recommendation(now_s, spec_replicas)))


def decide(observation: Observation, policy: Policy, state: State, now_s: float) -> tuple[Decision, State]:
    """Return how many replicas a workload should have, and the state for the next decision.

    Without a forecast this is the HPA of Kubernetes 1.36, to the last replica. A forecast that is in force can raise the count,
    never lower it: from the same state, the result is at least the HPA's (policy Conservative). How far it can raise:

    - to `maxReplicas`, and to `forecast.maxExtraPods` above what the HPA would do;
    - as fast as it wants, because it is there to be ahead; but where the user wrote `behavior.scaleUp`, only as fast as
      those policies let the HPA, because they say what the cluster can take (its stabilization window does not apply: it is
      a remedy for noise that a forecast does not have);
    - not at all while the target is at zero replicas, which switches autoscaling off.
    """
    current = observation.spec_replicas
    hpa = step(observation, policy, state, now_s)
    prediction = predict(observation, policy, state, now_s)
    ceiling = _ceiling(hpa.replicas, current, policy, state, now_s)
    ahead = hpa.replicas if prediction.replicas is None else min(prediction.replicas, ceiling.replicas)
    desired = max(hpa.replicas, ahead)
    forecast_decides = desired > hpa.replicas
    told = zero.after_change(current, desired, policy)
    decision = Decision(
        action=_action(desired, current),
        desired=desired,
        current=current,
        reason=Reason.FORECAST_AHEAD if forecast_decides else hpa.reason,
        message=_sentence(_ahead(desired, hpa, prediction, ceiling, current) if forecast_decides else hpa.message),
        candidates=_candidates(hpa, prediction, policy),
        metrics=tuple(
            replace(status, predicted=need.replicas) for status, need in zip(hpa.statuses, prediction.needs, strict=False)
        ),
        conditions=(*hpa.conditions, prediction.condition),
        events=hpa.events,
        cause="" if forecast_decides else hpa.cause,
        computed=hpa.computed,
        once_written=() if told is None else (told,),
    )
    return decision, replace(state, recommendations=hpa.recommendations, predicted=prediction.recent)


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """How high a forecast may raise the count now, and what says so."""

    replicas: int
    cause: str


def _ceiling(hpa_replicas: int, current: int, policy: Policy, state: State, now_s: float) -> _Ceiling:
    ceilings = [_Ceiling(policy.max_replicas, "maxReplicas")]
    if policy.max_extra_pods is not None:
        ceilings.append(_Ceiling(hpa_replicas + policy.max_extra_pods, "forecast.maxExtraPods"))
    if policy.behavior is not None and policy.behavior.scale_up is not None:
        limit = scale_up_limit(current, state, scale_up_rules(policy.behavior), now_s, numbers_of(policy))
        ceilings.append(_Ceiling(limit, "the policies of behavior.scaleUp"))
    return min(ceilings, key=lambda one: one.replicas)


def _action(desired: int, current: int) -> Action:
    if desired == current:
        return Action.HOLD
    return Action.SCALE_UP if desired > current else Action.SCALE_DOWN


def _ahead(desired: int, hpa: Step, prediction: Prediction, ceiling: _Ceiling, current: int) -> str:
    """Return what a decision that a forecast made comes to, and why."""
    match _action(desired, current):
        case Action.HOLD:
            move = f"stay at {desired}"
        case Action.SCALE_UP:
            move = f"scale up from {current} to {desired}"
        case Action.SCALE_DOWN:
            move = f"scale down from {current} to {desired}"
    bounded = f", bounded by {ceiling.cause}" if desired < (prediction.replicas or 0) else ""
    return f"{move}: {prediction.message}{bounded}; without the forecast it would be {hpa.replicas}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def _candidates(hpa: Step, prediction: Prediction, policy: Policy) -> Mapping[Source, int]:
    """Return every value that was weighed."""
    found = {Source.STABILIZED: hpa.replicas, Source.FLOOR: policy.min_replicas, Source.CEILING: policy.max_replicas}
    if hpa.raw is not None:
        found[Source.REACTIVE] = hpa.raw
    if prediction.replicas is not None:
        found[Source.PREDICTED] = prediction.replicas
    return found
