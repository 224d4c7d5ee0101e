"""A full cluster is not asked for ever more pods: while some have found no node for long, the count is not raised.

Pods that wait are what a node autoscaler acts on, so they are given time to bring nodes. What the user wrote as minReplicas is
asked for anyway. The HPA goes on to ask; the pods in vain take quota, and come all at once when there is room.
"""

from collections.abc import Iterable, Sequence

from autoscaler.model import PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.draft import Draft
from autoscaler.scaling.types import Condition, Limit, Policy

SCHEDULABLE = "Schedulable"
LIMIT = "scaling.unschedulable_hold_s"


def unplaced(pods: Iterable[PodView]) -> Sequence[PodView]:
    """Return the pods for which the scheduler finds no node, the one that waits longest first."""
    found = [(pod.unschedulable_since_s, pod.name, pod) for pod in pods if pod.unschedulable_since_s is not None]
    return tuple(pod for _, _, pod in sorted(found, key=lambda one: one[:2]) if not pod.deleting)


def hold(draft: Draft, pods: Iterable[PodView], policy: Policy, now_s: float) -> Draft:
    """Return the draft not raised above the present count while pods have had no node for longer than the policy's time.

    `policy` is as the user wrote it: schedules that raise the least count are held like anything else.
    """
    waiting = unplaced(pods)
    longest_s = max((now_s - (pod.unschedulable_since_s or 0.0) for pod in waiting), default=0.0)
    if not policy.unschedulable_hold_s or longest_s <= policy.unschedulable_hold_s:
        return draft
    most = max(draft.current, min(policy.min_replicas, draft.replicas))
    if draft.replicas <= most:
        return draft
    why = f"{_words(waiting)}, for over {policy.unschedulable_hold_s:g} s, so more are not asked for"
    return draft.limited(Limit(LIMIT, draft.replicas, most, Reason.UNSCHEDULABLE, why))


def condition(pods: Iterable[PodView]) -> Condition:
    """Return whether all pods of a target have a node."""
    waiting = unplaced(pods)
    if not waiting:
        return Condition(SCHEDULABLE, status=True, reason=Reason.SCHEDULABLE, message="every pod of the target has a node")
    return Condition(SCHEDULABLE, status=False, reason=Reason.UNSCHEDULABLE, message=_words(waiting))


def _words(waiting: Sequence[PodView]) -> str:
    many = "1 pod of the target has" if len(waiting) == 1 else f"{len(waiting)} pods of the target have"
    why = waiting[0].unschedulable_why.rstrip(". ")
    return f"{many} no node ({waiting[0].name}{f': {why}' if why else ''})"
