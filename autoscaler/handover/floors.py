"""Give minReplicas back that mode HPAFloor raised: the owner's value, none of our annotations, and no field that is ours.

Two writes, because the API server notes whoever changes a field as its owner: the first one puts the value back, the second
takes our name off. A run that dies in between is ended by the next one.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from autoscaler.api.marks import FLOOR, FLOOR_MANAGER, FLOOR_OF, OWNER_MIN
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.ports import Json
from autoscaler.errors import Permanent
from autoscaler.handover.record import annotation, named
from autoscaler.handover.session import Session, Waiting, key_of

_COUNT = re.compile("[0-9]{1,10}")


def has_floor(hpa: Json) -> bool:
    """Say whether anything of a floor is left on an HPA."""
    return _marked(hpa) or any(one.get("manager") == FLOOR_MANAGER for one in _entries(hpa))


def change_back(hpa: Json) -> Json | None:
    """Return the next merge patch that takes a floor off; None when nothing of it is left.

    The owner's value is put back only where minReplicas is still ours: whoever wrote it since meant what they wrote.
    Raises Permanent when somebody has changed the annotation so that the owner's value cannot be read.
    """
    if _marked(hpa):
        change: Json = {"metadata": {"annotations": dict.fromkeys((FLOOR_OF, OWNER_MIN, FLOOR))}}
        return {**change, "spec": {"minReplicas": _owners(hpa)}} if _is_ours(hpa) else change
    others = [one for one in _entries(hpa) if one.get("manager") != FLOOR_MANAGER]
    return None if len(others) == len(_entries(hpa)) else {"metadata": {"managedFields": others or [{}]}}


async def give_back(session: Session, hpa: Json) -> None:
    """Take the floor off an HPA, whatever of it is left."""
    objects = replace(session.objects, manager=FLOOR_MANAGER)

    async def look(_: Waiting) -> bool | None:
        found = await session.hpa(key_of(hpa))
        change = None if found is None else change_back(found)
        if found is None or change is None:
            return True
        await objects.merge(HPAS, found, change)
        return None

    await session.until(f"minReplicas of {named(hpa)} to be its owner's again", look)


def told(hpa: Json) -> str:
    """Say what giving back means for an HPA."""
    if not _marked(hpa):
        return f"{named(hpa)}: takes the field manager {FLOOR_MANAGER} off"
    if not _is_ours(hpa):
        return f"{named(hpa)}: takes our annotations off; its minReplicas was written by somebody else since, and stays"
    owners = _owners(hpa)
    return f"{named(hpa)}: minReplicas {hpa['spec'].get('minReplicas')} -> {'none, as before' if owners is None else owners}"


def of_owner(hpas: Iterable[Json], owner: str) -> list[Json]:
    """Return the HPAs whose minReplicas an object of ours (namespace/name) raised."""
    return [one for one in hpas if annotation(one, FLOOR_OF) == owner]


def _marked(hpa: Json) -> bool:
    return any(annotation(hpa, name) is not None for name in (FLOOR_OF, OWNER_MIN, FLOOR))


def _owners(hpa: Json) -> int | None:
    text = annotation(hpa, OWNER_MIN)
    if not text:
        return None
    if not _COUNT.fullmatch(text):
        raise Permanent(
            f"giving {named(hpa)} its minReplicas back: the annotation {OWNER_MIN} is {text[:40]!r} and no number; write the "
            "minReplicas that you want, and take both annotations off"
        )
    return int(text)


def _is_ours(hpa: Json) -> bool:
    entries = _entries(hpa)
    if not entries:  # somebody has cleared them: only the annotations tell
        return annotation(hpa, FLOOR) in (None, str(hpa["spec"].get("minReplicas")))
    return any(
        one.get("manager") == FLOOR_MANAGER and "f:minReplicas" in (one.get("fieldsV1") or {}).get("f:spec", {})
        for one in entries
    )


def _entries(hpa: Json) -> list[Json]:
    return list(hpa["metadata"].get("managedFields") or ())
