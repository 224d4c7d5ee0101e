"""The HPA that drives a target, and the removal of an object of ours that leaves the target to it.

An HPA that was just made may go again: a GitOps tool prunes it, or Kubernetes collects it with an owner that is gone. So it is
looked at before each step that relies on it, and watched for a while before the last one.
"""

import asyncio
from collections.abc import Iterable

from autoscaler.api.marks import RESTORE_FINALIZER
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS as OURS
from autoscaler.clients.ports import Json
from autoscaler.errors import Permanent
from autoscaler.handover.record import named, same_target, target_text
from autoscaler.handover.session import MANAGER, Session, Waiting, key_of


async def standing_hpa(session: Session, hpa: Json) -> Json:
    """Return the HPA that drives a target: the one that does already, whatever its name, else the one that is made.

    A second one of the same target would stop both (AmbiguousSelector). One that is being deleted drives until it is gone, and
    that is waited for. No field of it is ours afterwards. Raises Permanent where two drive, or where another one has its name.
    """
    key = key_of(hpa)

    async def look(waiting: Waiting) -> Json | None:
        there = await session.objects.list(HPAS, key.namespace)
        found = driver_of(there, hpa)
        if found is not None:
            return found if await _is_nobodys(session, found) else None
        for one in there:
            if one["metadata"]["name"] == key.name or same_target(one, hpa):
                if not is_going(one):
                    raise Permanent(f"making {named(hpa)}: there is one of that name for another target; delete or rename it")
                waiting.why = f"{named(one)} is being deleted{_held_by(one)}"
                return None
        await session.objects.create(HPAS, hpa)
        return None

    return await session.until(f"{named(hpa)} to be made", look)


def driver_of(hpas: Iterable[Json], other: Json) -> Json | None:
    """Return the HPA that drives the target of another object and stays; raises Permanent where there are several."""
    found = [one for one in hpas if same_target(one, other) and not is_going(one)]
    if len(found) > 1:
        names = " and ".join(map(named, found))
        raise Permanent(f"{names} both have the target {target_text(other)}, so neither scales it; delete one of them")
    return found[0] if found else None


def is_going(obj: Json) -> bool:
    """Say whether an object is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


async def stays(session: Session, hpa: Json, ours: Json) -> None:
    """Raise Permanent unless an HPA is there to drive in the place of an object of ours, which must stay otherwise."""
    found = await session.hpa(key_of(hpa))
    if found is None:
        what = "was deleted again (does a tool prune it, or is the owner gone that it names?)"
    elif is_going(found):
        what = f"is being deleted{_held_by(found)}"
    elif not same_target(found, hpa):
        what = f"has another target by now ({target_text(found)})"
    else:
        return
    raise Permanent(f"{named(hpa)} {what}; {named(ours)} stays, and goes on to drive {target_text(hpa)}")


async def settled(session: Session, hpa: Json, ours: Json, since_s: float) -> None:
    """Watch an HPA until it has stood long enough: a garbage collector takes what it does not like within moments."""
    while True:
        await session.until(f"{named(hpa)} to be read", lambda _: _stays(session, hpa, ours))
        if session.clock.monotonic_s() >= since_s + session.settle_s:
            return
        await asyncio.sleep(session.poll_s)


async def _stays(session: Session, hpa: Json, ours: Json) -> bool:
    await stays(session, hpa, ours)
    return True


async def _is_nobodys(session: Session, hpa: Json) -> bool:
    """Take the name of this command off the fields of an HPA; say whether there was nothing to take off.

    Else whoever applies the HPA from Git would conflict with a command that nobody remembers.
    """
    entries = hpa["metadata"].get("managedFields") or []
    others = [one for one in entries if one.get("manager") != MANAGER]
    if len(others) == len(entries):
        return True
    await session.objects.merge(HPAS, hpa, {"metadata": {"managedFields": others or [{}]}})
    return False


def _held_by(obj: Json) -> str:
    held = obj["metadata"].get("finalizers")
    return f", and the finalizer {', '.join(held)} holds it" if held else ""


async def removed_ours(session: Session, obj: Json, driver: Json | None = None) -> None:
    """Delete an object of ours, without putting back what replicas were before it: somebody else drives by now.

    With a `driver`, an HPA, only while that is there: raises Permanent otherwise.
    """
    key, uid = key_of(obj), obj["metadata"]["uid"]

    async def look(waiting: Waiting) -> bool | None:
        found = await session.ours(key)
        if found is None or found["metadata"]["uid"] != uid:
            return True
        if driver is not None:
            await stays(session, driver, obj)
        meta = found["metadata"]
        held = meta.get("finalizers") or []
        if RESTORE_FINALIZER in held:
            rest = [one for one in held if one != RESTORE_FINALIZER]
            change = {"metadata": {"finalizers": rest or None}, "spec": {"onDelete": "Keep"}}
            await session.objects.merge(OURS, found, change)
        elif is_going(found):
            waiting.why = f"the finalizer {', '.join(held)} holds it; whoever set it must take it off"
        else:
            await session.objects.delete(OURS, found)
        return None

    await session.until(f"{named(obj)} to be deleted", look)
