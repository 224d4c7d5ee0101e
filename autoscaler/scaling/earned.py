"""Policy Earned: a forecast that has paid for it on this very workload may decide with fewer pods than the HPA would have.

Only then: every metric is known, and each has a forecast in force that says it has earned this. What is left of the HPA is
its say where it wants less still, the bounds, and how fast somebody's `behavior.scaleDown` lets pods go. The stabilization
window, a guess that what was needed minutes ago may be needed again, gives way to the forecast, which is a better one.
"""

from autoscaler.reasons import Reason
from autoscaler.scaling.draft import Draft
from autoscaler.scaling.policy import rules_down
from autoscaler.scaling.prediction import Prediction
from autoscaler.scaling.rates import scale_down_limit
from autoscaler.scaling.types import Limit, Policy, State

_WHY = "by what forecasts were worth here they may decide alone"


def leaner(draft: Draft, prediction: Prediction, policy: Policy, state: State, now_s: float) -> Draft:
    """Return the draft, in which every metric is known, lowered to what forecasts ask for where they have earned it."""
    if not policy.earned or prediction.replicas is None or not all(need.earned for need in prediction.needs):
        return draft
    wanted = max(prediction.replicas, policy.min_replicas)
    if wanted >= draft.replicas:
        return draft
    slowest = _slowest(draft, policy, state, now_s)
    lowered = min(max(wanted, slowest), draft.replicas)
    held = Limit("behavior.scaleDown.policies", wanted, lowered, Reason.SCALE_DOWN_LIMIT, f"no fewer than {lowered} yet")
    return draft.moved(lowered, Reason.FORECAST_LEANER, _WHY, "the forecast", held if lowered > wanted else None)


def _slowest(draft: Draft, policy: Policy, state: State, now_s: float) -> int:
    """Return the least that the policies which somebody wrote let the count fall to now."""
    if policy.behavior is None or policy.behavior.scale_down is None:
        return 0
    return scale_down_limit(draft.current, state, rules_down(policy), now_s)
