"""One pass of the Horizontal Pod Autoscaler over an object: what it would write, were there no forecast.

The order of things is that of `reconcileAutoscaler` (Kubernetes 1.36, `horizontal.go`): switched off at zero, brought within
bounds at once, else metrics, windows, limits.
"""

from dataclasses import dataclass, replace

from autoscaler.reasons import Reason
from autoscaler.scaling import limits, words, zero
from autoscaler.scaling.amounts import against_target
from autoscaler.scaling.metrics import Reactive, react
from autoscaler.scaling.readings import Failure
from autoscaler.scaling.stabilization import Normalized, normalized
from autoscaler.scaling.types import (
    Condition,
    Event,
    Limit,
    MetricStatus,
    Observation,
    Policy,
    Recommendation,
    SelectorFault,
    State,
)


@dataclass(frozen=True, slots=True)
class Step:
    """What the HPA would write, and why."""

    replicas: int
    raw: int | None  # the formula's proposal; None when there was none to make
    reason: Reason
    message: str
    statuses: tuple[MetricStatus, ...]
    conditions: tuple[Condition, ...]
    recommendations: tuple[Recommendation, ...]
    cause: str = ""  # of a change, in the HPA's words
    events: tuple[Event, ...] = ()
    computed: bool = True  # False: no metric could be used
    blind: bool = False  # for the metrics' own fault, while the target and its pods are known
    limits: tuple[Limit, ...] = ()


def step(observation: Observation, policy: Policy, state: State, now_s: float) -> Step:
    """Return what the HPA would write in this pass."""
    current = observation.spec_replicas
    if current == 0:
        if not zero.comes_back(policy, state):
            message = "scaling is disabled since the replica count of the target is zero"
            return _without_metrics(0, Reason.SCALING_DISABLED, message, state)
    elif current > policy.max_replicas:
        message = f"the current {current} replicas are above maxReplicas, which is {policy.max_replicas}"
        back = _without_metrics(policy.max_replicas, Reason.TOO_MANY_REPLICAS, message, state)
        return replace(back, limits=limits.bound(current, back.replicas, back.reason, policy))
    elif current < policy.min_replicas:
        message = f"the current {current} replicas are below minReplicas, which is {policy.min_replicas}"
        back = _without_metrics(policy.min_replicas, Reason.TOO_FEW_REPLICAS, message, state)
        return replace(back, limits=limits.bound(current, back.replicas, back.reason, policy))
    if observation.selector_fault is not None:
        return _without_pods(current, observation.selector_fault, state)
    reactive = react(observation, policy, now_s)
    if reactive.replicas is None or reactive.decisive is None:
        return replace(_held(current, reactive, state), blind=not observation.unseen)
    result = normalized(reactive.replicas, current, policy, state, now_s)
    cause = words.cause(reactive.replicas, current, reactive.decisive.spec)
    held_by = (*limits.tolerance(reactive.untolerated, reactive.replicas, policy), *result.limits)
    if current == 0 and result.replicas < policy.min_replicas:
        held_by += limits.bound(result.replicas, policy.min_replicas, Reason.TOO_FEW_REPLICAS, policy)
        result, cause = replace(result, replicas=policy.min_replicas), cause or words.BELOW_MIN
    return Step(
        replicas=result.replicas,
        raw=reactive.replicas,
        reason=_reason(reactive.replicas, current, result, reactive.decisive),
        message=_message(reactive.replicas, current, result, reactive.decisive),
        statuses=reactive.statuses,
        conditions=(result.able, _metric_found(reactive.decisive, reactive.failures), result.limited),
        recommendations=result.recommendations,
        cause=cause,
        events=_of_failures(reactive.failures),
        limits=held_by,
    )


def _without_metrics(replicas: int, reason: Reason, message: str, state: State) -> Step:
    """Return a step for which metrics do not matter: off, or back within bounds without windows and limits."""
    inactive = Condition("ScalingActive", status=False, reason=reason, message=message)
    conditions = (_GOT_SCALE, inactive) if reason is Reason.SCALING_DISABLED else (_GOT_SCALE,)
    cause = {Reason.TOO_MANY_REPLICAS: words.ABOVE_MAX, Reason.TOO_FEW_REPLICAS: words.BELOW_MIN}.get(reason, "")
    return Step(replicas, None, reason, message, (), conditions, state.recommendations, cause)


def _without_pods(current: int, fault: SelectorFault, state: State) -> Step:
    """Return a step that stays, because nobody can say which pods are the target's."""
    inactive = Condition("ScalingActive", status=False, reason=fault.reason, message=fault.message)
    events = (Event(fault.event, fault.message), Event(Reason.FAILED_COMPUTE_METRICS_REPLICAS, fault.message))
    message = f"stay at {_pods(current)}: {fault.message}"
    return Step(
        replicas=current,
        raw=None,
        reason=fault.reason,
        message=message,
        statuses=(),
        conditions=(_GOT_SCALE, inactive),
        recommendations=state.recommendations,
        events=events,
        computed=False,
    )


def _held(current: int, reactive: Reactive, state: State) -> Step:
    """Return a step that stays, because a metric failed and the others do not ask for more than there is."""
    failures = reactive.failures or (Failure(Reason.FAILED_COMPUTE_METRICS_REPLICAS, "the object has no metric"),)
    first = failures[0]
    failed = f"{len(failures)} of {len(reactive.statuses)} metrics failed, first: {first.message}"
    inactive = Condition("ScalingActive", status=False, reason=first.reason, message=_UNABLE.format(first.message))
    return Step(
        replicas=current,
        raw=None,
        reason=first.reason,
        message=f"stay at {_pods(current)}: {failed}",
        statuses=reactive.statuses,
        conditions=(_GOT_SCALE, inactive),
        recommendations=state.recommendations,
        events=(*_of_failures(reactive.failures), Event(Reason.FAILED_COMPUTE_METRICS_REPLICAS, failed)),
        computed=False,
    )


def _of_failures(failures: tuple[Failure, ...]) -> tuple[Event, ...]:
    return tuple(Event(failure.reason, failure.message) for failure in failures)


def _reason(raw: int, current: int, result: Normalized, decisive: MetricStatus) -> Reason:
    """Return why the count moves; or, where it does not although the formula asks for it, what keeps it."""
    if result.replicas > current:
        return Reason.ABOVE_TARGET if raw > current else Reason.SCALE_DOWN_STABILIZED
    if result.replicas < current:
        return Reason.BELOW_TARGET
    if raw == current:
        return Reason.WITHIN_TOLERANCE if decisive.exact is None else Reason.ROLLOUT_DISCOUNTED
    return result.limited.reason if result.limited.status else result.able.reason


def _message(raw: int, current: int, result: Normalized, decisive: MetricStatus) -> str:
    """Return what happens, with the figures that decided."""
    stands = against_target(decisive)
    if result.replicas > current:
        text = f"scale up from {current} to {result.replicas}: {stands} asks for {_pods(raw)}"
    elif result.replicas < current:
        text = f"scale down from {current} to {result.replicas}: {stands} asks for {_pods(raw)}, and no metric for more"
    elif raw == current:
        text = f"stay at {_pods(current)}: {stands} asks for no other count"
    else:
        text = f"stay at {_pods(current)}: {stands} asks for {_pods(raw)}"
    if decisive.exact is not None:
        text += f" ({decisive.exact} with what a roll-out added and the CPU of starts)"
    if result.able.reason in (Reason.SCALE_UP_STABILIZED, Reason.SCALE_DOWN_STABILIZED):
        text += f"; {result.able.message}"
    if result.limited.status:
        text += f"; {result.limited.message}"
    return text


def _metric_found(decisive: MetricStatus, failures: tuple[Failure, ...]) -> Condition:
    message = f"the replica count was calculated from {against_target(decisive)}"
    if failures:
        message += f"; another metric failed: {failures[0].message}"
    return Condition("ScalingActive", status=True, reason=Reason.VALID_METRIC_FOUND, message=message)


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


_UNABLE = "the replica count could not be computed: {}"
_GOT_SCALE = Condition(
    "AbleToScale", status=True, reason=Reason.SUCCEEDED_GET_SCALE, message="the target's current scale was read"
)
