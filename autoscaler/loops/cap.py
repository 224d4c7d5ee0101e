"""The cap on pods that are added in the whole cluster per minute: what gives way when everybody wants to grow at once.

What load asks for now, or somebody wrote, goes first, what only a forecast asks for gives way; among equals each gets one pod
in turn, so that one large workload cannot starve the small ones. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Action, Decision, Limit, Source

MINUTE_S = 60.0
_NOT_FORECAST = (Source.STABILIZED, Source.BURST, Source.FALLBACK, Source.PAUSE)


@dataclass(slots=True)
class AddedPods:
    """Pods added in the last minute, as far as this process knows; a new leader starts with none."""

    _added: list[tuple[float, int]] = field(default_factory=list)

    def record(self, at_s: float, pods: int) -> None:
        """Count pods that were added."""
        self._added.append((at_s, pods))

    def left(self, cap: int, now_s: float) -> int | None:
        """Return how many may be added now; None: any number. What lies ahead is of a clock that was put back since."""
        self._added = [(at_s, pods) for at_s, pods in self._added if now_s - MINUTE_S < at_s <= now_s]
        return max(0, cap - sum(pods for _, pods in self._added)) if cap else None


def divide(wishes: Sequence[tuple[ObjectKey, Decision]], left: int) -> Mapping[ObjectKey, int]:
    """Return how many pods each decision to scale up may add, `left` together at the most."""
    reactive = {key: _reactive_pods(decision) for key, decision in wishes}
    whole = {key: decision.desired - decision.current for key, decision in wishes}
    granted = dict.fromkeys(whole, 0)
    for limit in (reactive, whole):
        left = _in_turn(granted, limit, left)
    return granted


def capped(decision: Decision, pods: int, cap: int) -> Decision:
    """Return a decision to scale up that adds only so many pods, and says so."""
    wanted = decision.desired - decision.current
    if pods >= wanted:
        return decision
    text = (
        f"{decision.message} Only {pods} of {wanted} pods are added now: the setting scaling.max_added_pods_per_minute "
        f"allows {cap} a minute in the whole cluster."
    )
    action, desired = Action.SCALE_UP if pods else Action.HOLD, decision.current + pods
    why = f"{cap} pods a minute may be added in the whole cluster"
    limit = Limit("scaling.max_added_pods_per_minute", decision.desired, desired, Reason.CLUSTER_CAP, why)
    limits = (*decision.limits, limit)
    return replace(decision, action=action, desired=desired, reason=Reason.CLUSTER_CAP, message=text, limits=limits)


def _reactive_pods(decision: Decision) -> int:
    asked = max((decision.candidates[one] for one in _NOT_FORECAST if one in decision.candidates), default=decision.desired)
    return max(0, min(asked, decision.desired) - decision.current)


def _in_turn(granted: dict[ObjectKey, int], limit: Mapping[ObjectKey, int], left: int) -> int:
    while left > 0:
        waiting = _waiting(granted, limit)
        if not waiting:
            break
        for key in waiting[:left]:
            granted[key] += 1
        left -= min(left, len(waiting))
    return left


def _waiting(granted: Mapping[ObjectKey, int], limit: Mapping[ObjectKey, int]) -> list[ObjectKey]:
    keys: Iterable[ObjectKey] = granted
    return [key for key in keys if granted[key] < limit[key]]
