"""Give minReplicas back that mode HPAFloor raised: the owner's value, none of our annotations, and no field that is ours.

What the owner's value is, and whether minReplicas is still ours to change, is asked as the service asks it (`standing_of`).
Two writes, because the API server notes whoever changes a field as its owner: the first one puts the value back, the second
takes our name off. A run that dies in between is ended by the next one.
"""

from collections.abc import Iterable
from dataclasses import replace

from autoscaler.api.floor_standing import NAMES, standing_of
from autoscaler.api.marks import FLOOR_MANAGER, FLOOR_OF, OWNER_MIN
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.ports import Json
from autoscaler.handover.record import annotation, named
from autoscaler.handover.session import Session, Waiting, key_of


def has_floor(hpa: Json) -> bool:
    """Say whether anything of a floor is left on an HPA."""
    return standing_of(hpa).marked


def change_back(hpa: Json) -> Json | None:
    """Return the next merge patch that takes a floor off; None when nothing of it is left.

    The owner's value is put back only where minReplicas is still ours: whoever wrote it since meant what they wrote, and where
    the annotations do not tell the owner's value nobody knows a better one than what is there.
    """
    if _noted(hpa):
        standing = standing_of(hpa)
        change: Json = {"metadata": {"annotations": dict.fromkeys(NAMES)}}
        return {**change, "spec": {"minReplicas": standing.owner}} if standing.raised_for else change
    entries = list(hpa["metadata"].get("managedFields") or ())
    others = [one for one in entries if one.get("manager") != FLOOR_MANAGER]
    return None if len(others) == len(entries) else {"metadata": {"managedFields": others or [{}]}}


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
    standing, now = standing_of(hpa), hpa["spec"].get("minReplicas")
    if not _noted(hpa):
        return f"{named(hpa)}: takes the field manager {FLOOR_MANAGER} off"
    if standing.raised_for:
        return f"{named(hpa)}: minReplicas {now} -> {'none, as before' if standing.owner is None else standing.owner}"
    if standing.reverted:
        why = f"its minReplicas, {now}, was written by somebody else since, and stays"
    else:
        why = f"its annotations do not tell what its owner wants (see {OWNER_MIN}), so its minReplicas, {now}, stays"
    return f"{named(hpa)}: takes our annotations off; {why}"


def of_owner(hpas: Iterable[Json], owner: str) -> list[Json]:
    """Return the HPAs whose minReplicas an object of ours (namespace/name) raised."""
    return [one for one in hpas if annotation(one, FLOOR_OF) == owner]


def _noted(hpa: Json) -> bool:
    return any(annotation(hpa, name) is not None for name in NAMES)
