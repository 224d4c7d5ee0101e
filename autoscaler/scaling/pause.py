"""A pause: what must not be done for now, whatever was decided. The last step of a decision, so nothing comes after it.

Decisions go on and say what would be done. A fixed count is kept also outside of the bounds, as KEDA's `paused-replicas` does:
who pauses at 0 for a migration does not want to change minReplicas for it. When the pause ends, bounds count again at once. And
where it was the pause that removed the last pod, autoscaling brings pods back, although zero replicas switch it off otherwise;
the condition ScaledToZero keeps that over a restart of the service.
"""

from autoscaler.api.overrides import Pause
from autoscaler.reasons import Reason
from autoscaler.scaling import zero
from autoscaler.scaling.draft import Draft
from autoscaler.scaling.types import Condition, Limit, Policy, Source, State

CONDITION = "Paused"
_FIXED = "pause.replicas"
_NOT_PAUSED = Condition(CONDITION, status=False, reason=Reason.NOT_PAUSED, message="what is decided is not paused")


def paused(draft: Draft, policy: Policy, state: State) -> Draft:
    """Return the draft with what the pause of the object leaves of it, and the condition Paused, which is always there."""
    again = _brought_back(draft, policy, state)
    if state.paused_to_zero and not kept_to_zero(draft.current, policy, state):
        again = again.told(zero.NOT_AT_ZERO)  # somebody else brought pods back
    if policy.pause is None:
        return again.told(_NOT_PAUSED)
    name, after = _held(policy.pause, again)
    text = _words(name, after)
    weighed = again.weighed(Source.PAUSE, after if name == _FIXED else draft.current)
    limit = Limit(name, again.replicas, after, Reason.PAUSED, text)
    return weighed.limited(limit).told(Condition(CONDITION, status=True, reason=Reason.PAUSED, message=text))


def kept_to_zero(current: int, policy: Policy, state: State) -> bool:
    """Say whether it still is a pause that keeps the target without pods, or took the last one and nobody brought one back."""
    at_zero = policy.pause is not None and policy.pause.replicas == 0
    return state.paused_to_zero and (current == 0 or at_zero)


def _held(pause: Pause, draft: Draft) -> tuple[str, int]:
    """Return the field that counts, and what it makes of a count."""
    if pause.replicas is not None:
        return _FIXED, pause.replicas
    if pause.all or (pause.scale_in and pause.scale_out):
        return "pause.all", draft.current  # also where both directions are named one by one
    if pause.scale_in:
        return "pause.scaleIn", max(draft.replicas, draft.current)
    return "pause.scaleOut", min(draft.replicas, draft.current)


def _words(name: str, after: int) -> str:
    if name == _FIXED:
        return f"{name} keeps {after} replicas, whatever is decided"
    kept = {"pause.scaleIn": "no pod is removed", "pause.scaleOut": "no pod is added"}
    return f"{name} is set, so {kept.get(name, 'replicas stay as they are')}"


def _brought_back(draft: Draft, policy: Policy, state: State) -> Draft:
    """Return the draft with pods again where a pause took the last one and no metric decides about zero replicas."""
    if draft.current > 0 or draft.replicas > 0 or not state.paused_to_zero or _is_left_to_metrics(draft, policy, state):
        return draft
    if policy.max_replicas == 0:  # a schedule asks for none
        return draft
    why = f"{_FIXED} removed the last pod, so pods come back as it ends"
    return draft.moved(max(1, policy.min_replicas), Reason.NOT_PAUSED, why, _FIXED)


def _is_left_to_metrics(draft: Draft, policy: Policy, state: State) -> bool:
    """Say whether metrics that are known at zero replicas have decided that there shall be none."""
    return policy.min_replicas == 0 and zero.comes_back(policy, state) and Source.REACTIVE in draft.candidates
