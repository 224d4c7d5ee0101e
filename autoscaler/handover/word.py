"""What the status of an object of ours says about who drives its target, and how far both counts are apart. Pure."""

import math
import re
from dataclasses import dataclass

from autoscaler.clients.ports import Json
from autoscaler.reasons import Reason

_FINAL = frozenset({Reason.INVALID_SPEC, Reason.ACTS_DISABLED})  # waiting changes none of them

# Makes the status of an object count as said of nothing that is now, so that a service that runs says it again. Its conditions
# stay, for people and for when they turned: where the service is dead they are the last that it said.
SAID_OF_NOTHING: Json = {"status": {"observedGeneration": None}}


@dataclass(frozen=True, slots=True)
class Word:
    """What the service has said about an object as it is written now; `said` is False when it has said nothing of it yet."""

    said: bool
    desired: int | None = None
    refuses_for: str = ""  # why AbleToScale is TargetConflict: it names who drives
    able: bool = False
    active: bool = False
    acts: bool = False
    trouble: str = ""  # the first condition that keeps it from driving, in words
    hopeless: bool = False  # waiting does not help: the spec or a setting must be changed

    @property
    def drives(self) -> bool:
        """Whether it scales its target now, or would if there were something to do."""
        return self.said and self.able and self.active and self.acts


def word_of(obj: Json) -> Word:
    """Read the status of an object of ours."""
    status = obj.get("status") or {}
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    if not conditions or status.get("observedGeneration") != obj["metadata"].get("generation"):
        return Word(said=False, trouble="the service has said nothing about it yet")
    able = conditions.get("AbleToScale", {})
    conflict = able.get("reason") == Reason.TARGET_CONFLICT
    names = ("Valid", "AbleToScale", "ScalingActive", "Acting")
    bad = [conditions.get(name, {"type": name}) for name in names if not _true(conditions, name)]
    bad = [one for one in bad if one.get("reason") != Reason.TARGET_CONFLICT]  # that is `refuses_for`, and no trouble
    bad.sort(key=lambda one: (one.get("reason") not in _FINAL, "status" not in one))  # what matters most is told
    return Word(
        said=True,
        desired=status.get("desiredReplicas"),
        refuses_for=str(able.get("message", "")) if conflict else "",
        able=_true(conditions, "AbleToScale"),
        active=_true(conditions, "ScalingActive"),
        acts=_true(conditions, "Acting"),
        trouble="; ".join(_told(one) for one in bad[:1]),
        hopeless=any(one.get("reason") in _FINAL for one in bad),
    )


def names_hpa(word: Word, hpa: Json) -> bool:
    """Say whether the service refuses to act because of this very HPA."""
    name = re.escape(f"{hpa['metadata']['namespace']}/{hpa['metadata']['name']}")
    return re.search(rf"HorizontalPodAutoscaler {name}(?![\w-]|\.\w)", word.refuses_for) is not None


def wanted_by_hpa(hpa: Json) -> int | None:
    """Return the replicas that an HPA asks for: while it cannot read its metrics it asks for those that are there."""
    status = hpa.get("status") or {}
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    known = conditions.get("ScalingActive", {}).get("status") != "False"
    found = status.get("desiredReplicas") if known else status.get("currentReplicas")
    return None if found is None else int(found)


def far_apart(ours: int, theirs: int, tolerance: float) -> bool:
    """Say whether two counts differ by more than the tolerance (a ratio of the HPA's); one pod is never too much."""
    return abs(ours - theirs) > max(1, math.ceil(tolerance * theirs))


def _true(conditions: dict[object, Json], name: str) -> bool:
    return bool(conditions.get(name, {}).get("status") == "True")


def _told(condition: Json) -> str:
    if "status" not in condition:
        return f"it has no condition {condition['type']}"
    return f"{condition['type']} is {condition['status']}: {condition.get('message') or condition.get('reason')}"
