"""What replicas become while no metric can be used for long. Without a fallback they are held, as by the HPA.

Only metrics that fail count. Where nobody knows the target itself (its selector, or its pods behind a watch that is silent),
the count is held whatever is asked for.

The time is counted by this process: after a restart it begins anew, which holds the count for a while longer. That is the safe
side, as a service that has just started cannot tell an outage from its own start; and a fallback that was carried out already
stays, as nothing moves replicas without metrics.
"""

from autoscaler.api.overrides import Fallback, FallbackBehavior
from autoscaler.reasons import Reason
from autoscaler.scaling.draft import Draft
from autoscaler.scaling.rates import fastest
from autoscaler.scaling.reactive import Step
from autoscaler.scaling.stabilization import normalized
from autoscaler.scaling.types import Condition, Policy, Recommendation, Source, State

CONDITION = "Fallback"


def blind_since(hpa: Step, current: int, state: State, now_s: float) -> float | None:
    """Return since when metrics have failed; passes in which they were not looked at neither begin nor end that time."""
    if hpa.raw is not None or current == 0:
        return None
    if not hpa.blind:
        return state.blind_since_s
    return now_s if state.blind_since_s is None else state.blind_since_s


def fall_back(draft: Draft, hpa: Step, policy: Policy, state: State, now_s: float) -> tuple[Draft, tuple[Recommendation, ...]]:
    """Return the draft with the count of the fallback, and the recommendations with it.

    `state.blind_since_s` is that of this pass. Up it goes at once, but only as fast as a `behavior.scaleUp` that somebody
    wrote; down as any recommendation: through the stabilization window and the policies for removing pods, and never below
    what a metric that still works asks for. As it is a recommendation itself, low first values after an outage do not undo it.
    """
    fallback, since_s = policy.fallback, state.blind_since_s
    if fallback is None:
        return draft.told(_not("no fallback is given: while metrics fail, replicas are held")), hpa.recommendations
    if since_s is None or now_s - since_s < fallback.after_seconds:
        text = f"metrics have not failed for the {fallback.after_seconds} s of fallback.afterSeconds"
        return draft.told(_not(text)), hpa.recommendations
    if not hpa.blind:  # nobody looked, and metrics may still fail: what was said of that stays
        return draft, hpa.recommendations
    asked = _asked(fallback, draft.current)
    known = max((one.proposal for one in hpa.statuses if one.proposal is not None), default=0)
    wanted = max(asked, known)
    result = normalized(wanted, draft.current, policy, state, now_s)
    after = min(draft.current, result.replicas)
    if wanted > draft.current:
        after = max(draft.current, min(wanted, fastest(draft.current, policy, state, now_s)))
    asks = f"fallback.behavior {fallback.behavior.value} asks for {asked}"
    text = f"metrics have failed for over {fallback.after_seconds} s, and {asks}"
    condition = Condition(CONDITION, status=True, reason=Reason.FALLBACK, message=text)
    moved = draft.weighed(Source.FALLBACK, asked).moved(after, Reason.FALLBACK, text, "the fallback")
    return moved.told(condition), result.recommendations


def _asked(fallback: Fallback, current: int) -> int:
    given = current if fallback.replicas is None else fallback.replicas
    match fallback.behavior:
        case FallbackBehavior.STATIC:
            return given
        case FallbackBehavior.CURRENT:
            return current
        case FallbackBehavior.CURRENT_IF_HIGHER:
            return max(current, given)
        case FallbackBehavior.CURRENT_IF_LOWER:
            return min(current, given)


def _not(message: str) -> Condition:
    return Condition(CONDITION, status=False, reason=Reason.NO_FALLBACK, message=message)
