"""Raise the floor of an HPA, move it, and give minReplicas back: each time from a fresh read, and only if nobody wrote since.

Giving back takes two writes: the owner's value first, with the annotations still there, then the annotations together with our
entry in managedFields. Whoever finds the annotations after a crash in between goes on from there.
"""

from dataclasses import dataclass

from autoscaler.api.floor_standing import NAMES, Standing, notes_of, standing_of
from autoscaler.clients.ports import Conflict, FieldConflict, Json, NotFound
from autoscaler.errors import ForesailError
from autoscaler.loops.context import Context
from autoscaler.loops.scale_status import Outcome, Result
from autoscaler.loops.status import key_of
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason


@dataclass(frozen=True, slots=True)
class Fresh:
    """An HPA as the API server has it at this moment."""

    hpa: Json
    standing: Standing


async def read(context: Context, hpa: Json) -> Fresh | Outcome:
    """Return an HPA that was seen in the cache as it is now; an outcome where it cannot be had."""
    key = key_of(hpa)
    try:
        found = await context.kube.get_hpa(key.namespace, key.name)
    except ForesailError as error:
        return Outcome(Result.FAILED, Reason.FLOOR_FAILED, f"reading {named(key)}: {error}")
    if isinstance(found, NotFound) or found["metadata"].get("uid") != hpa["metadata"].get("uid"):
        return Outcome(Result.CONFLICT, None, f"{named(key)} is gone, or another one by now")
    return Fresh(found, standing_of(found))


async def move(context: Context, fresh: Fresh, floor: int, of: ObjectKey) -> Outcome:
    """Let the floor of an HPA be so high; what its owner wants is remembered in the same write."""
    what = f"setting the floor of {named(key_of(fresh.hpa))} from {fresh.standing.live} to {floor}"
    if not context.leads():
        return _not_leading(what)
    standing = fresh.standing
    try:
        written = await context.kube.apply_floor(
            fresh.hpa,
            min_replicas=floor,
            annotations=notes_of(of, standing.owner, floor),
            force=standing.raised_for is None,
        )
    except ForesailError as error:
        return Outcome(Result.FAILED, Reason.FLOOR_FAILED, f"{what}: {error}")
    return _refused(what, written) or Outcome(Result.DONE, message=what)


async def give_back(context: Context, fresh: Fresh, of: ObjectKey) -> Outcome:
    """Give minReplicas of an HPA back to its owner, and take everything of ours off it."""
    standing = fresh.standing
    what = f"giving minReplicas of {named(key_of(fresh.hpa))} back as {standing.owner_min}"
    if not context.leads():
        return _not_leading(what)
    try:
        hpa = fresh.hpa
        if standing.raised_for is not None and standing.live != standing.owner_min:
            notes = notes_of(of, standing.owner, standing.owner)
            down = await context.kube.apply_floor(hpa, min_replicas=standing.owner, annotations=notes, force=False)
            if (refused := _refused(what, down)) or not isinstance(down, dict):
                return refused or Outcome(Result.CONFLICT, None, what)
            hpa = down
            if not context.leads():
                return _not_leading(what)
        left = await context.kube.forget_floor(hpa, NAMES)
    except ForesailError as error:
        return Outcome(Result.FAILED, Reason.FLOOR_FAILED, f"{what}: {error}")
    return _refused(what, left) or Outcome(Result.DONE, message=what)


def named(key: ObjectKey) -> str:
    """Return an HPA as it is called in messages."""
    return f"HorizontalPodAutoscaler {key}"


def _refused(what: str, written: object) -> Outcome | None:
    """Return what an answer that is no HPA means; the next pass decides anew by what it finds then."""
    match written:
        case NotFound():
            return Outcome(Result.CONFLICT, None, f"{what}: it is gone")
        case Conflict():
            return Outcome(Result.CONFLICT, None, f"{what}: somebody else wrote it meanwhile")
        case FieldConflict(message=message):
            return Outcome(Result.CONFLICT, None, f"{what}: {message}")
        case _:
            return None


def _not_leading(what: str) -> Outcome:
    return Outcome(Result.BLOCKED, Reason.NOT_LEADER, f"{what}: another replica leads by now")
