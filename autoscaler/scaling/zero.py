"""Scaling to zero and back, by the rules of the HPA's feature gate HPAScaleToZero (KEP-2021, by default off in 1.36).

Zero replicas switch autoscaling off, as ever, unless it was autoscaling that went there and a metric tells when to come back.
"""

from autoscaler.api.types import MetricType
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Condition, Policy, State

SCALED_TO_ZERO = "ScaledToZero"
NOT_AT_ZERO = Condition(
    SCALED_TO_ZERO,
    status=False,
    reason=Reason.NOT_SCALED_TO_ZERO,
    message="the last change of the count was not one to zero by autoscaling",
)
BY_PAUSE = Condition(
    SCALED_TO_ZERO,
    status=True,
    reason=Reason.PAUSED,
    message="the last pod was removed by pause.replicas; autoscaling goes on when the pause ends",
)
BY_LOAD = Condition(
    SCALED_TO_ZERO,
    status=True,
    reason=Reason.SCALED_TO_ZERO,
    message="the last pod was removed because no metric asks for one",
)
BY_SCHEDULE = Condition(
    SCALED_TO_ZERO,
    status=True,
    reason=Reason.SCHEDULE_IN_FORCE,
    message="a schedule asks for 0 replicas; the target comes back when it ends",
)
_KNOWN_AT_ZERO = (MetricType.OBJECT, MetricType.EXTERNAL, MetricType.PROMETHEUS)


def allowed(policy: Policy) -> bool:
    """Say whether load may take the last pod, and a metric tells when to come back."""
    return policy.scale_to_zero and _is_known_at_zero(policy)


def is_ours(policy: Policy, state: State) -> bool:
    """Say whether it was autoscaling that removed the last pod."""
    return policy.scale_to_zero and state.scaled_to_zero is True


def comes_back(policy: Policy, state: State) -> bool:
    """Say whether metrics decide about a target that has no replicas."""
    return is_ours(policy, state) and (policy.min_replicas != 0 or _is_known_at_zero(policy))


def remembered(current: int, state: State) -> tuple[Condition, ...]:
    """Return what must be in the status of a target at zero, or nobody could bring it back after a restart."""
    if current != 0 or state.scaled_to_zero is not True:
        return ()
    return (BY_PAUSE if state.paused_to_zero else BY_SCHEDULE if state.scheduled_to_zero else BY_LOAD,)


def after_change(before: int, after: int, policy: Policy, *, paused: bool = False) -> Condition | None:
    """Return the condition ScaledToZero after a change of the count; None where going to zero is not allowed.

    `paused`: the count is that of a pause, which may be zero anywhere, and must be left again when the pause ends.
    """
    if paused and before > 0 and after == 0:
        return BY_PAUSE
    if not policy.scale_to_zero:
        return NOT_AT_ZERO if before == 0 < after else None
    if before > 0 and after == 0 and policy.min_replicas == 0 and _is_known_at_zero(policy):
        return BY_LOAD
    return NOT_AT_ZERO


def _is_known_at_zero(policy: Policy) -> bool:
    return any(spec.type in _KNOWN_AT_ZERO for spec in policy.metrics)
