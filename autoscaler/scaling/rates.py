"""How fast the count may move: the policies of `behavior`, and the changes that they are held against.

The HPA's rules (Kubernetes 1.36, `horizontal.go`). Which recommendation is moved to is in `stabilization`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, SelectPolicy
from autoscaler.scaling.numbers import Numbers, ceiling
from autoscaler.scaling.policy import Rules, numbers_of, rules_up, scale_down_rules, scale_up_rules
from autoscaler.scaling.types import Policy, ScaleEvent, State

_SATURATING = Numbers()


def scale_up_limit(current: int, state: State, rules: Rules, now_s: float, numbers: Numbers = _SATURATING) -> int:
    """Return the largest count that the policies allow now; never below the current one."""
    if rules.select is SelectPolicy.DISABLED:
        return current
    limits = []
    for policy, start in _with_start(current, state, rules, now_s, numbers):
        if policy.type is PolicyType.PODS:
            limits.append(numbers.fit32(start + policy.value))
        else:
            limits.append(numbers.whole32(ceiling((start or rules.of_none) * (1 + policy.value / 100))))
    limit = min(limits) if rules.select is SelectPolicy.MIN else max(limits)
    return max(limit, current)


def scale_down_limit(current: int, state: State, rules: Rules, now_s: float, numbers: Numbers = _SATURATING) -> int:
    """Return the smallest count that the policies allow now; never above the current one."""
    if rules.select is SelectPolicy.DISABLED:
        return current
    limits = []
    for policy, start in _with_start(current, state, rules, now_s, numbers):
        if policy.type is PolicyType.PODS:
            limits.append(numbers.fit32(start - policy.value))
        else:
            limits.append(numbers.whole32(start * (1 - policy.value / 100)))
    limit = max(limits) if rules.select is SelectPolicy.MIN else min(limits)
    return min(limit, current)


def fastest(current: int, policy: Policy, state: State, now_s: float) -> int:
    """Return how high the count may go now where the HPA's own limits do not hold: to what somebody wrote, and maxReplicas."""
    if policy.behavior is None or policy.behavior.scale_up is None:
        return policy.max_replicas
    limit = scale_up_limit(current, state, rules_up(policy), now_s, numbers_of(policy))
    return min(policy.max_replicas, limit)


def record_scale(state: State, before: int, after: int, now_s: float, behavior: Behavior | None) -> State:
    """Return the state after the count was changed, so that the rate limits know of it.

    Without `behavior` there are no rate limits to keep, so nothing is recorded, as in the HPA.
    """
    if behavior is None or before == after:
        return state
    if after > before:
        periods = [policy.period_seconds for policy in scale_up_rules(behavior).policies]
        return replace(state, scale_ups=_added(state.scale_ups, after - before, max(periods), now_s))
    periods = [policy.period_seconds for policy in scale_down_rules(behavior, 0).policies]
    return replace(state, scale_downs=_added(state.scale_downs, before - after, max(periods), now_s))


def _added(events: tuple[ScaleEvent, ...], change: int, longest_s: int, now_s: float) -> tuple[ScaleEvent, ...]:
    """Return events with one more, in the place of the last one that is or was older than every policy of its direction.

    One at a time, as the HPA does: the policies of the other direction may have longer periods and still count the rest.
    """
    event = ScaleEvent(now_s, change)
    known = tuple(replace(old, outdated=True) if old.at_s < now_s - longest_s else old for old in events)
    outdated = [index for index, old in enumerate(known) if old.outdated]
    if not outdated:
        return (*known, event)
    return (*known[: outdated[-1]], event, *known[outdated[-1] + 1 :])


def _with_start(
    current: int, state: State, rules: Rules, now_s: float, numbers: Numbers
) -> Iterator[tuple[ScalingPolicy, int]]:
    """Yield each policy with what the count was before the changes of its period."""
    for policy in rules.policies:
        added = _changed(state.scale_ups, policy.period_seconds, now_s)
        removed = _changed(state.scale_downs, policy.period_seconds, now_s)
        yield policy, numbers.fit32(current - added + removed)


def _changed(events: Iterable[ScaleEvent], period_s: int, now_s: float) -> int:
    return sum(event.change for event in events if event.at_s > now_s - period_s)
