"""Whether acts of the past helped: the workload had all its replicas Ready within the time for it, or it had not."""

from collections.abc import Iterable
from dataclasses import replace

from autoscaler.healing import book
from autoscaler.healing.types import ActRecord, ActState, Limits, Observation


def judge(acts: Iterable[ActRecord], observation: Observation, limits: Limits, now_s: float) -> tuple[ActRecord, ...]:
    """Return the acts with what is known of their outcome by now; a stale observation tells nothing.

    A look that comes too late (the service was away) and finds all Ready counts as healed.
    """
    if not observation.age_s <= limits.stale_s:
        return tuple(acts)
    full = {view.key for view in observation.workloads if view.ready >= view.replicas}
    still_there = {pod.uid for pod in observation.pods if pod.ready is not True and not pod.deleting}
    judged = []
    for act in acts:
        if not book.is_pending(act):
            judged.append(act)
        elif act.workload in full and act.uid not in still_there:
            judged.append(replace(act, state=ActState.HEALED))
        elif now_s - act.at_s >= limits.outcome_s:
            judged.append(replace(act, state=ActState.UNHEALED))
        else:
            judged.append(act)
    return tuple(judged)
