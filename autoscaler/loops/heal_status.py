"""The status of a HealingPolicy, and its series, from what one pass saw, decided and did.

The book of acts in it is what the brakes go by, also after a restart. Texts that change with every second are left out, or
every pass would be a write. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler import telemetry
from autoscaler.api.types import HealingMode, HealingPolicy
from autoscaler.clients.ports import Json
from autoscaler.healing import book
from autoscaler.healing.types import Decision, PodDecision, State
from autoscaler.loops import status
from autoscaler.loops.series import Series
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Condition

SHOWN_PODS = 50


@dataclass(frozen=True, slots=True)
class Moment:
    """When a pass is, and which setting forbids acts, if one does."""

    now_s: float
    switched_off: str | None


def of_pass(policy: HealingPolicy, decision: Decision, state: State, before: Json, moment: Moment) -> Json:
    """Return the status of a valid policy; `decision.pods` say what was really done."""
    generation = policy.metadata.generation
    conditions = (_valid(), _acting(policy.spec.mode, moment.switched_off), _healthy(decision))
    return {
        **book.to_status(state),
        "observedGeneration": generation,
        "healthyPods": decision.healthy,
        "unhealthyPods": unhealthy(decision),
        "pods": [_pod(one) for one in decision.pods[:SHOWN_PODS]],
        "conditions": status.merge(before.get("conditions"), conditions, moment.now_s, generation),
    }


def of_refused(errors: Sequence[object], generation: int, before: Json, now_s: float) -> Json:
    """Return the status of a policy that cannot be used as written; the book stays, as its acts still count."""
    text = "; ".join(map(str, errors))
    conditions = (Condition("Valid", status=False, reason=Reason.INVALID_SPEC, message=text),)
    kept: Json = {name: before[name] for name in ("acts", "breakerOpenUntil") if name in before}
    merged = status.merge(before.get("conditions"), conditions, now_s, generation)
    return {**kept, "observedGeneration": generation, "conditions": merged}


def unhealthy(decision: Decision) -> int:
    """Return how many pods have a fault that is not tolerated any more."""
    return sum(one.fault is not None for one in decision.pods)


def series(key: ObjectKey, decision: Decision) -> dict[Series, float]:
    """Return the series of a policy."""
    labels = (key.namespace, key.name)
    return {(telemetry.UNHEALTHY_PODS, labels): unhealthy(decision), (telemetry.BREAKER_OPEN, labels): decision.breaker_open}


def _valid() -> Condition:
    return Condition("Valid", status=True, reason=Reason.VALID, message="the spec can be used")


def _acting(mode: HealingMode, switched_off: str | None) -> Condition:
    if mode is HealingMode.OBSERVE:
        text = "mode is Observe: decisions are reported and not carried out"
        return Condition("Acting", status=False, reason=Reason.MODE_OBSERVE, message=text)
    if switched_off:
        text = f"the setting {switched_off} is false: decisions are reported and nothing is changed in the cluster"
        return Condition("Acting", status=False, reason=Reason.ACTS_DISABLED, message=text)
    return Condition("Acting", status=True, reason=Reason.MODE_HEAL, message="what is decided may be carried out")


def _healthy(decision: Decision) -> Condition:
    faults = sorted({one.fault for one in decision.pods if one.fault})
    reason = faults[0] if faults else Reason.TOLERATING if decision.pods else Reason.HEALTHY
    return Condition("PodsHealthy", status=not faults, reason=reason, message=decision.message)


def _pod(one: PodDecision) -> Json:
    row: Json = {"name": one.pod.name, "uid": one.pod.uid, "verb": one.verb.value, "reason": one.reason.value}
    if one.fault:
        row["fault"] = one.fault.value
    if one.pod.ready is False and one.pod.ready_changed_s is not None:
        row["notReadySince"] = status.timestamp(one.pod.ready_changed_s)
    return row
