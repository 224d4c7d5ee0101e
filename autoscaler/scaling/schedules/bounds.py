"""What schedules in force do to the bounds of an object, before the HPA's own step.

Of several the largest min and the largest max count, and they take the place of minReplicas and maxReplicas: both may rise and
fall. Where min and max contradict each other there is one rule: where schedules ask for pods, pods win. A max below minReplicas
lowers that too, because nobody asks for a least count at that time; but a min above maxReplicas, or above the max of another
schedule, raises it, because somebody planned that capacity for this very time, and an HPA would refuse such bounds altogether.

A schedule of which nobody knows whether today is one of its excluded days only ever raises a bound: its min counts if it is
the larger, and its max if it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from autoscaler.scaling import zero
from autoscaler.scaling.schedules.types import Active
from autoscaler.scaling.types import Policy


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds that count now, and the schedules that set them, in words; empty: the object's own do."""

    low: int
    high: int
    least: int | None = None  # that a schedule asks for; None: none does
    low_by: str = ""
    high_by: str = ""


def bounds(policy: Policy, active: Iterable[Active]) -> Bounds:
    """Return the bounds that count while these schedules are in force: low is never above high."""
    known, doubted = _divided(active)
    lows, highs = _asked(known, policy)
    high, high_by = max(highs.items()) if highs else (policy.max_replicas, "")
    low, low_by = max(lows.items()) if lows else (policy.min_replicas, "")
    if not lows and low > high:
        low, low_by = high, high_by
    more_lows, more_highs = _asked(doubted, policy)
    low, low_by = max([(low, low_by), *more_lows.items()], key=_count)
    high, high_by = max([(high, high_by), *more_highs.items(), (low, low_by)], key=_count)
    return Bounds(low, high, max([*lows, *more_lows], default=None), low_by, high_by)


def effective(policy: Policy, active: tuple[Active, ...]) -> tuple[Policy, Bounds]:
    """Return the policy with the bounds that count now."""
    if not active:
        return policy, Bounds(policy.min_replicas, policy.max_replicas)
    found = bounds(policy, active)
    if (found.low, found.high) == (policy.min_replicas, policy.max_replicas):
        return policy, found
    return replace(policy, min_replicas=found.low, max_replicas=found.high), found


def named(active: Iterable[Active]) -> str:
    """Return schedules in words."""
    names = [one.schedule.name for one in active]
    return f"schedule {names[0]}" if len(names) == 1 else f"schedules {' and '.join(names)}"


def _divided(active: Iterable[Active]) -> tuple[list[Active], list[Active]]:
    known: list[Active] = []
    doubted: list[Active] = []
    for one in active:
        (doubted if one.doubt else known).append(one)
    return known, doubted


def _asked(active: Iterable[Active], policy: Policy) -> tuple[dict[int, str], dict[int, str]]:
    """Return the least and the largest counts that schedules ask for, each with who does."""
    lows: dict[int, list[Active]] = {}
    highs: dict[int, list[Active]] = {}
    for one in active:
        schedule = one.schedule
        most = schedule.replicas if schedule.max is None else schedule.max
        least = schedule.replicas if schedule.min is None else _allowed(schedule.min, policy)
        if least is not None:
            lows.setdefault(least, []).append(one)
        if most is not None:
            highs.setdefault(most, []).append(one)
    return {count: named(who) for count, who in lows.items()}, {count: named(who) for count, who in highs.items()}


def _allowed(least: int, policy: Policy) -> int:
    """Return a least count; only `replicas` takes the last pod where load may not, for load could not bring it back."""
    return least if zero.allowed(policy) else max(1, least)


def _count(asked: tuple[int, str]) -> int:
    return asked[0]
