"""The limits of the HPA's own steps by the names of the fields and settings that set them, so that a decision can be explained.

They say what `reactive` and `stabilization` did, and never decide anything themselves.
"""

from autoscaler.api.types import ScalingRules, SelectPolicy
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Limit, Policy

MIN, MAX = "minReplicas", "maxReplicas"
LEGACY_RATE = "scaleUpLimit"  # of the HPA without `behavior`: no field has it
_DOWN_WINDOW_SETTING = "scaling.downscale_stabilization_s"


def tolerance(untolerated: int | None, asked: int, policy: Policy) -> tuple[Limit, ...]:
    """Return the limit that a tolerance was."""
    if untolerated is None:
        return ()
    up = untolerated > asked
    rules = _rules(policy, up=up)
    own = rules is not None and rules.tolerance is not None
    name = f"behavior.{_direction(up=up)}.tolerance" if own else "scaling.tolerance"
    return _limit(name, untolerated, asked, Reason.WITHIN_TOLERANCE, "the load is so near to its target that it is left alone")


def window(asked: int, stabilized: int, policy: Policy, window_s: int) -> tuple[Limit, ...]:
    """Return the limit that a stabilization window was; `window_s` is that of its direction."""
    up = asked > stabilized
    rules = _rules(policy, up=up)
    name = f"behavior.{_direction(up=up)}.stabilizationWindowSeconds"
    if not up and (rules is None or rules.stabilization_window_seconds is None):
        name = _DOWN_WINDOW_SETTING
    reason = Reason.SCALE_UP_STABILIZED if up else Reason.SCALE_DOWN_STABILIZED
    asked_once = f"no more than {stabilized}" if up else f"at least {stabilized}"
    text = f"within the last {window_s} s {asked_once} were asked for"
    return _limit(name, asked, stabilized, reason, text)


def bound(asked: int, bounded: int, reason: Reason, policy: Policy) -> tuple[Limit, ...]:
    """Return the limit that a bound or a rate was, by the HPA's reason for it."""
    match reason:
        case Reason.TOO_FEW_REPLICAS:
            name, text = MIN, f"the least is {policy.min_replicas}"
        case Reason.TOO_MANY_REPLICAS:
            name, text = MAX, f"the most is {policy.max_replicas}"
        case Reason.SCALE_UP_LIMIT if policy.behavior is None:
            name, text = LEGACY_RATE, "without behavior, a pass at most doubles the count, or brings it to 4"
        case _:
            name, text = _rate(policy, up=reason is Reason.SCALE_UP_LIMIT)
    return _limit(name, asked, bounded, reason, text)


def _rate(policy: Policy, *, up: bool) -> tuple[str, str]:
    field, rules = f"behavior.{_direction(up=up)}", _rules(policy, up=up)
    if rules is not None and rules.select_policy is SelectPolicy.DISABLED:
        return f"{field}.selectPolicy", "it is Disabled"
    return f"{field}.policies", f"they let no more pods {'come' if up else 'go'} now"


def _limit(name: str, before: int, after: int, reason: Reason, text: str) -> tuple[Limit, ...]:
    return () if before == after else (Limit(name, before, after, reason, text),)


def _rules(policy: Policy, *, up: bool) -> ScalingRules | None:
    if policy.behavior is None:
        return None
    return policy.behavior.scale_up if up else policy.behavior.scale_down


def _direction(*, up: bool) -> str:
    return "scaleUp" if up else "scaleDown"
