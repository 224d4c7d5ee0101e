"""How high the floor of an HPA should be: what forecast and schedules ask for, between its owner's minReplicas and its maximum.

What load asks for is the HPA's own business, so load alone moves nothing here. The floor goes up at once, and down to the
highest that was asked for within the scale-down stabilization window, like any recommendation: each step down may cost pods
that the next forecast wants back.
"""

from dataclasses import dataclass, replace

from autoscaler.api.overrides import Pause
from autoscaler.reasons import Reason
from autoscaler.scaling.policy import down_window_s
from autoscaler.scaling.types import Decision, Policy, Recommendation, Source

_BY_SCHEDULE = (Source.SCHEDULE, Source.FLOOR)


@dataclass(frozen=True, slots=True)
class FloorState:
    """What one floor hands to the next: what was asked for, and when."""

    asked: tuple[Recommendation, ...] = ()


@dataclass(frozen=True, slots=True)
class Floor:
    """How high, and why: half a sentence."""

    replicas: int
    message: str


def initial_floor(raised_to: int | None, now_s: float) -> FloorState:
    """Return the state of a floor seen for the first time: one that is up stays for a window, as nobody knows what for."""
    return FloorState(() if raised_to is None else (Recommendation(now_s, raised_to),))


def floor_of(decision: Decision, policy: Policy, live: int, state: FloorState, now_s: float) -> tuple[Floor, FloorState]:
    """Return the floor of an HPA and the state for the next; `live` is the floor now, its owner's minReplicas where none is up.

    `policy` has the owner's minReplicas. What a forecast asks for is bounded as if it were to scale by itself: by
    `maxExtraPods`, by the policies of `behavior.scaleUp`, and by all else that limited the decision.
    """
    asked, who = _asked(decision, policy)
    window_s = down_window_s(policy) if policy.forecast_enabled else 0
    known = (replace(old, at_s=min(old.at_s, now_s)) for old in state.asked)  # the clock may have been put back
    recent = tuple(old for old in known if old.at_s > now_s - window_s)
    highest = max((old.replicas for old in recent), default=asked)
    wanted, why = (asked, who) if asked >= highest else (highest, f"{highest} were asked for within the last {window_s} s")
    kept = FloorState((*recent, Recommendation(now_s, asked)))
    bounded = max(policy.min_replicas, min(wanted, policy.max_replicas))
    return _paused(Floor(bounded, why), policy, live), kept


def _asked(decision: Decision, policy: Policy) -> tuple[int, str]:
    scheduled = max((decision.candidates.get(source, 0) for source in _BY_SCHEDULE), default=0)
    predicted = _predicted(decision)
    asked = min(max(scheduled, predicted), max(_unpaused(decision), policy.min_replicas))
    if asked <= policy.min_replicas:
        return policy.min_replicas, "neither forecast nor schedule asks for more than its owner does"
    bounded = f", bounded by what may be added now: {asked}" if asked < max(scheduled, predicted) else ""
    if predicted >= scheduled:
        return asked, f"the forecast asks for {predicted} pods{bounded}"
    return asked, f"the schedule asks for {scheduled} pods{bounded}"


def _unpaused(decision: Decision) -> int:
    """Return what is decided but for a pause, which holds the floor in its own way and must not let it go."""
    return next((limit.before for limit in decision.limits if limit.reason is Reason.PAUSED), decision.desired)


def _predicted(decision: Decision) -> int:
    """Return what the forecasts of this moment ask for; the decision's candidate has a window of its own behind it."""
    if decision.metrics:
        return max((one.predicted or 0 for one in decision.metrics), default=0)
    return decision.candidates.get(Source.PREDICTED, 0)


def _paused(floor: Floor, policy: Policy, live: int) -> Floor:
    """Return the floor as far as a pause lets it move."""
    pause = policy.pause or Pause()
    low, high = (live if pause.all or pause.scale_in else 0), (live if pause.all or pause.scale_out else floor.replicas)
    wanted = max(low, min(floor.replicas, high))
    if pause.replicas is not None:
        wanted = pause.replicas
    bounded = max(policy.min_replicas, min(wanted, policy.max_replicas))
    if bounded == floor.replicas:
        return floor
    return Floor(bounded, f"spec.pause holds it at {bounded}; without it: {floor.message}")
