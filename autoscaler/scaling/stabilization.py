"""From the raw proposal to the count that the HPA would write: windows, rate limits and bounds.

Two sets of rules, as in the HPA (Kubernetes 1.36, `horizontal.go`): the older ones for objects without `behavior`, the newer
ones for all others. Recommendations are kept raw, so that what was limited once does not limit again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from autoscaler.reasons import Reason
from autoscaler.scaling import limits
from autoscaler.scaling.policy import numbers_of, rules_down, rules_up
from autoscaler.scaling.rates import scale_down_limit, scale_up_limit
from autoscaler.scaling.types import Condition, Limit, Policy, Recommendation, State

_GROWTH_FACTOR = 2  # without behavior, one pass may double the count,
_GROWTH_MINIMUM = 4  # or bring it to this

_LOWER_RECENTLY = "recent recommendations were lower than current one, applying the lowest recent recommendation"
_HIGHER_RECENTLY = "recent recommendations were higher than current one, applying the highest recent recommendation"
_LIMITED = {
    Reason.DESIRED_WITHIN_RANGE: "the desired count is within the acceptable range",
    Reason.TOO_FEW_REPLICAS: "the desired replica count is less than the minimum replica count",
    Reason.TOO_MANY_REPLICAS: "the desired replica count is more than the maximum replica count",
    Reason.SCALE_UP_LIMIT: "the desired replica count is increasing faster than the maximum scale rate",
    Reason.SCALE_DOWN_LIMIT: "the desired replica count is decreasing faster than the maximum scale rate",
}


@dataclass(frozen=True, slots=True)
class Normalized:
    """What the HPA would write, and how it got there."""

    replicas: int
    able: Condition
    limited: Condition
    recommendations: tuple[Recommendation, ...]
    limits: tuple[Limit, ...] = ()  # what led from the raw proposal to the count


def normalized(raw: int, current: int, policy: Policy, state: State, now_s: float) -> Normalized:
    """Return the count that the HPA would write for a raw proposal, with its conditions AbleToScale and ScalingLimited."""
    if policy.behavior is None:
        return _without_behavior(raw, current, policy, state, now_s)
    return _with_behavior(raw, current, policy, state, now_s)


def _limits(raw: int, stabilized: int, bounded: tuple[int, Reason], policy: Policy, window_s: int) -> tuple[Limit, ...]:
    return (*limits.window(raw, stabilized, policy, window_s), *limits.bound(stabilized, *bounded, policy))


def _without_behavior(raw: int, current: int, policy: Policy, state: State, now_s: float) -> Normalized:
    cutoff_s = now_s - policy.downscale_stabilization_s
    stabilized = max([raw, *(old.replicas for old in state.recommendations if old.at_s >= cutoff_s)])
    held = _able(Reason.SCALE_DOWN_STABILIZED, _HIGHER_RECENTLY)
    bounded = _bounded_without_behavior(stabilized, current, policy)
    return _result(
        stabilized,
        bounded,
        able=held if stabilized != raw else _READY,
        limits=_limits(raw, stabilized, bounded, policy, policy.downscale_stabilization_s),
        recommendations=_recorded(state, Recommendation(now_s, raw), lambda old: old.at_s < cutoff_s),
    )


def _recorded(state: State, new: Recommendation, is_outdated: Callable[[Recommendation], bool]) -> tuple[Recommendation, ...]:
    """Return the recommendations with a new one, in the place of the last that is outdated.

    One at a time, as the HPA does: with a longer window, or other rules, the rest may count again.
    """
    known = state.recommendations
    outdated = [index for index, old in enumerate(known) if is_outdated(old)]
    if not outdated:
        return (*known, new)
    return (*known[: outdated[-1]], new, *known[outdated[-1] + 1 :])


def _bounded_without_behavior(stabilized: int, current: int, policy: Policy) -> tuple[int, Reason]:
    limit = numbers_of(policy).whole32(max(_GROWTH_FACTOR * current, _GROWTH_MINIMUM))
    if stabilized < policy.min_replicas:
        return policy.min_replicas, Reason.TOO_FEW_REPLICAS
    if stabilized > min(policy.max_replicas, limit):
        if policy.max_replicas > limit:
            return limit, Reason.SCALE_UP_LIMIT
        return policy.max_replicas, Reason.TOO_MANY_REPLICAS
    return stabilized, Reason.DESIRED_WITHIN_RANGE


def _with_behavior(raw: int, current: int, policy: Policy, state: State, now_s: float) -> Normalized:
    up, down = rules_up(policy), rules_down(policy)
    stabilized = _between_recent(raw, current, state, (up.window_s, down.window_s), now_s)
    held = _able(Reason.SCALE_UP_STABILIZED, _LOWER_RECENTLY)
    if raw < current:
        held = _able(Reason.SCALE_DOWN_STABILIZED, _HIGHER_RECENTLY)
    cutoff_s = now_s - max(up.window_s, down.window_s)
    bounded = _bounded_with_behavior(stabilized, current, policy, state, now_s)
    return _result(
        stabilized,
        bounded,
        able=held if stabilized != raw else _READY,
        limits=_limits(raw, stabilized, bounded, policy, up.window_s if raw > stabilized else down.window_s),
        recommendations=_recorded(state, Recommendation(now_s, raw), lambda old: old.at_s < cutoff_s),
    )


def _between_recent(raw: int, current: int, state: State, windows_s: tuple[int, int], now_s: float) -> int:
    """Return the current count, moved as little as recent recommendations allow: up to the lowest, down to the highest."""
    up_s, down_s = windows_s
    lowest = min([raw, *(old.replicas for old in state.recommendations if old.at_s > now_s - up_s)])
    highest = max([raw, *(old.replicas for old in state.recommendations if old.at_s > now_s - down_s)])
    return min(max(current, lowest), highest)


def _bounded_with_behavior(stabilized: int, current: int, policy: Policy, state: State, now_s: float) -> tuple[int, Reason]:
    if stabilized > current:
        limit = scale_up_limit(current, state, rules_up(policy), now_s, numbers_of(policy))
        if stabilized > min(policy.max_replicas, limit):
            if policy.max_replicas > limit:
                return limit, Reason.SCALE_UP_LIMIT
            return policy.max_replicas, Reason.TOO_MANY_REPLICAS
    elif stabilized < current:
        limit = scale_down_limit(current, state, rules_down(policy), now_s, numbers_of(policy))
        if stabilized < max(policy.min_replicas, limit):
            if policy.min_replicas < limit:
                return limit, Reason.SCALE_DOWN_LIMIT
            return policy.min_replicas, Reason.TOO_FEW_REPLICAS
    return stabilized, Reason.DESIRED_WITHIN_RANGE


def _result(
    stabilized: int,
    bounded: tuple[int, Reason],
    *,
    able: Condition,
    limits: tuple[Limit, ...],
    recommendations: tuple[Recommendation, ...],
) -> Normalized:
    replicas, reason = bounded
    limited = Condition("ScalingLimited", status=replicas != stabilized, reason=reason, message=_LIMITED[reason])
    return Normalized(replicas, able, limited, recommendations, limits)


def _able(reason: Reason, message: str) -> Condition:
    return Condition("AbleToScale", status=True, reason=reason, message=message)


_READY = _able(Reason.READY_FOR_NEW_SCALE, "recommended size matches current size")
