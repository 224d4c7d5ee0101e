"""The breaker: when many workloads fail at once, the cause is not in their pods and restarting them makes it worse.

It counts workloads, not pods, so that one large Deployment cannot trip it alone.
"""

from collections.abc import Set as AbstractSet

from autoscaler.api.types import HealingBreaker
from autoscaler.model import WorkloadKey

# While the share stays high the time is written to the API in steps, not in every pass; the cool-down gets longer by at
# most so much.
_STEP_S = 60.0


def tripped(failing: AbstractSet[WorkloadKey], selected: AbstractSet[WorkloadKey], breaker: HealingBreaker) -> bool:
    """Return whether more than `unhealthyPercent` of the selected workloads fail, given enough of them to tell."""
    enough = len(selected) >= max(breaker.min_workloads, 1)
    return enough and 100 * len(failing & selected) > breaker.unhealthy_percent * len(selected)


def open_until_s(before_s: float | None, *, trips: bool, breaker: HealingBreaker, now_s: float) -> float | None:
    """Return until when the breaker stays open, at least the cool-down after the last trip; None when it is closed."""
    cooldown_s = float(breaker.cooldown_seconds)
    latest_s = now_s + cooldown_s + _STEP_S
    until_s = None if before_s is None else min(before_s, latest_s)  # a clock that was set back must not keep it open
    if trips and (until_s is None or until_s < now_s + cooldown_s):
        return latest_s
    return until_s if until_s is not None and until_s > now_s else None
