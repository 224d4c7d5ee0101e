"""The one entry to scaling decisions: what the HPA would do, and what a forecast adds to it.

    schedules ──► bounds in force
    observation ──► reactive.step ──► replicas of the HPA ─┐
                                                           ├─► the larger of both ──► steps of our own ──► Decision
    forecasts ────► prediction.predict ──► bounded ────────┘

Nothing here writes anything: `changed` is told of a write that succeeded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from autoscaler.api.types import INT32_MAX
from autoscaler.reasons import Reason
from autoscaler.scaling import full_cluster, zero
from autoscaler.scaling.account import inputs_of
from autoscaler.scaling.burst import hold_up
from autoscaler.scaling.clocks import not_ahead
from autoscaler.scaling.draft import Draft, action, sentence
from autoscaler.scaling.earned import leaner
from autoscaler.scaling.fallback import blind_since, fall_back
from autoscaler.scaling.pause import kept_to_zero, paused
from autoscaler.scaling.policy import policy_of
from autoscaler.scaling.prediction import Need, Prediction, predict
from autoscaler.scaling.rates import fastest, record_scale
from autoscaler.scaling.reactive import Step, step
from autoscaler.scaling.schedules.bounds import effective
from autoscaler.scaling.schedules.padding import Asked
from autoscaler.scaling.schedules.padding import add as add_padding
from autoscaler.scaling.schedules.steps import (
    after_change,
    at_zero,
    brought_back_by_others,
    calendars_condition,
    calendars_event,
    scheduled,
)
from autoscaler.scaling.schedules.timetable import kept
from autoscaler.scaling.types import (
    Decision,
    Limit,
    MetricStatus,
    Observation,
    Policy,
    Recommendation,
    ScaleEvent,
    Source,
    State,
)

__all__ = ["after_blindness", "changed", "decide", "initial_state", "policy_of", "record_scale"]

_DECIDING = {Source.FALLBACK, Source.PAUSE}  # they say how many there shall be, with metrics or without


def initial_state(
    spec_replicas: int,
    now_s: float,
    *,
    scaled_to_zero: bool | None = None,
    paused_to_zero: bool = False,
    events: tuple[tuple[ScaleEvent, ...], tuple[ScaleEvent, ...]] = ((), ()),
) -> State:
    """Return the state of an object that is seen for the first time.

    The present count is its first recommendation, so that a restart of the service cannot scale down before the window has
    passed. `scaled_to_zero` is what the condition ScaledToZero of the object says, `paused_to_zero` whether it says that for
    a pause; `events` are the changes, up and down, that the rate limits still look back to.
    """
    return State(
        recommendations=(Recommendation(now_s, spec_replicas),),
        scale_ups=events[0],
        scale_downs=events[1],
        scaled_to_zero=scaled_to_zero,
        paused_to_zero=paused_to_zero,
    )


def changed(state: State, decision: Decision, policy: Policy, now_s: float) -> State:
    """Return the state after a decision was carried out; call it after a write that succeeded."""
    to_zero = decision.desired == 0 and decision.reason is Reason.PAUSED
    told = next((one for one in decision.once_written if one.type == zero.SCALED_TO_ZERO), None)
    recorded = record_scale(state, decision.current, decision.desired, now_s, policy.behavior)
    scheduled_to_zero = told is not None and told.status and told.reason is Reason.SCHEDULE_IN_FORCE
    at_zero = None if told is None else told.status
    return replace(recorded, scaled_to_zero=at_zero, paused_to_zero=to_zero, scheduled_to_zero=scheduled_to_zero)


def after_blindness(state: State, spec_replicas: int, now_s: float) -> State:
    """Return the state of an object whose load was not known for long and is again: its present count is a recommendation.

    What was recommended before has left the window or soon will, and the first values after an outage are low: a rate
    over few samples is (Prometheus extrapolates by half an interval only), and so is a sum while not all is scraped yet.
    """
    return replace(state, recommendations=(*state.recommendations, Recommendation(now_s, spec_replicas)))


def decide(observation: Observation, policy: Policy, state: State, now_s: float) -> tuple[Decision, State]:
    """Return how many replicas a workload should have, and the state for the next decision.

    Without schedules and a forecast this is the HPA of Kubernetes 1.36, to the last replica. Schedules change the bounds that
    the HPA's step goes by. A forecast that is in force can raise the count, never lower it: from the same state, the result is
    at least the HPA's (policy Conservative; under Earned one that has earned it may lower it). How far it can raise:

    - to `maxReplicas`, and to `forecast.maxExtraPods` above what the HPA would do;
    - as fast as it wants, because it is there to be ahead; but where the user wrote `behavior.scaleUp`, only as fast as
      those policies let the HPA, because they say what the cluster can take (its stabilization window does not apply: it is
      a remedy for noise that a forecast does not have);
    - not at all while the target is at zero replicas, which switches autoscaling off.
    """
    current, state = observation.spec_replicas, not_ahead(state, now_s)
    times = kept(state.timetable, policy.schedules, policy.calendars, now_s) if policy.schedules else None
    own, active = policy, times.active if times else ()
    policy, bounds = effective(own, active)
    hpa = step(observation, policy, state, now_s)
    prediction = predict(observation, policy, state, now_s)
    draft = Draft(current, hpa.replicas, hpa.reason, hpa.message, hpa.cause, _weighed(hpa, own), hpa.limits, hpa.conditions)
    draft = scheduled(draft, hpa, hpa if policy is own else step(observation, own, state, now_s), bounds)
    draft = at_zero(draft, bounds, own, state)
    if (since_s := blind_since(hpa, current, state, now_s)) != state.blind_since_s:
        state = replace(state, blind_since_s=since_s)
    draft, recommendations = fall_back(draft, hpa, policy, state, now_s)
    most, extra = _most(policy, bounds.high_by, state, current, now_s), _extra(hpa.replicas, policy)
    draft = _ahead(draft, prediction, min(most, extra, key=lambda one: one.replicas))
    if hpa.raw is not None and all(status.error is None for status in hpa.statuses):
        draft = leaner(draft, prediction, policy, state, now_s)
    predicted = None if prediction.replicas is None else min(prediction.replicas, extra.replicas)
    asked = Asked(active, observation, hpa, predicted, most.replicas, most.cause)
    draft, padding = add_padding(draft, asked, policy, state, now_s)
    draft, burst = hold_up(draft, observation, policy, state, now_s)
    draft = full_cluster.hold(draft, observation.pods, own, now_s)
    draft = paused(draft, policy, state)
    if read := calendars_condition(own, times):
        draft = draft.told(read)
    told = after_change(current, draft.replicas, policy, state, paused=draft.reason is Reason.PAUSED)
    decision = Decision(
        action=action(draft.replicas, current),
        desired=draft.replicas,
        current=current,
        reason=draft.reason,
        message=sentence(draft.message),
        candidates=draft.candidates,
        metrics=tuple(_foretold(status, need) for status, need in zip(hpa.statuses, prediction.needs, strict=False)),
        conditions=draft.conditions,
        events=(*hpa.events, *calendars_event(read)),
        cause=draft.cause,
        computed=hpa.computed or draft.candidates.keys() & _DECIDING != set(),
        limits=draft.limits,
        once_written=() if told is None else (told,),
        remembered=zero.remembered(current, state),
        inputs=inputs_of(observation, hpa.statuses, now_s),
        timetable=times,
    )
    after = replace(
        state,
        recommendations=recommendations,
        predicted=prediction.recent,
        timetable=times,
        padding=padding,
        burst=burst,
        paused_to_zero=kept_to_zero(current, policy, state),
    )
    return decision, brought_back_by_others(after, current, bounds, policy)


def _foretold(status: MetricStatus, need: Need) -> MetricStatus:
    return status if need.replicas is None else replace(status, predicted=need.replicas)


def _ahead(draft: Draft, prediction: Prediction, ceiling: "_Ceiling") -> Draft:
    """Return the draft raised to what the forecast asks for, as far as it may."""
    told = draft.told(prediction.condition)
    if prediction.replicas is None:
        return told
    weighed = told.weighed(Source.PREDICTED, prediction.replicas)
    wanted = prediction.replicas
    raised = max(draft.replicas, min(wanted, ceiling.replicas))
    if raised >= wanted:
        return weighed.moved(raised, Reason.FORECAST_AHEAD, prediction.message, "the forecast")
    held = Limit(ceiling.name, wanted, raised, ceiling.reason, f"{ceiling.cause} let a forecast ask for no more than {raised}")
    why = f"{prediction.message}, bounded by {ceiling.cause}"
    return weighed.moved(raised, Reason.FORECAST_AHEAD, why, "the forecast", held)


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """How high a forecast may raise the count now, and what says so."""

    replicas: int
    cause: str
    name: str
    reason: Reason


def _most(policy: Policy, high_by: str, state: State, current: int, now_s: float) -> _Ceiling:
    """Return how high anything beside the HPA's step may raise the count."""
    name = "schedules" if high_by else "maxReplicas"
    most = _Ceiling(policy.max_replicas, f"the most of {high_by}" if high_by else name, name, Reason.TOO_MANY_REPLICAS)
    limit = fastest(current, policy, state, now_s)
    if limit >= most.replicas:
        return most
    return _Ceiling(limit, "the policies of behavior.scaleUp", "behavior.scaleUp.policies", Reason.SCALE_UP_LIMIT)


def _extra(hpa_replicas: int, policy: Policy) -> _Ceiling:
    extra, name = policy.max_extra_pods, "forecast.maxExtraPods"
    return _Ceiling(INT32_MAX if extra is None else hpa_replicas + extra, name, name, Reason.SCALE_UP_LIMIT)


def _weighed(hpa: Step, policy: Policy) -> Mapping[Source, int]:
    """Return what the HPA weighs."""
    found = {Source.STABILIZED: hpa.replicas, Source.FLOOR: policy.min_replicas, Source.CEILING: policy.max_replicas}
    return found if hpa.raw is None else found | {Source.REACTIVE: hpa.raw}
