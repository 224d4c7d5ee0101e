"""All that Foresail holds in a cluster, given back at once: what a user does before it is uninstalled, or after it died.

What is done is listed first. One that fails does not stop the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from autoscaler.api.marks import ADOPTED, FLOOR_OF, RESTORE_FINALIZER
from autoscaler.api.restored import Scalers, original_of, rival_of
from autoscaler.api.types import Mode
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS as OURS
from autoscaler.clients.kube.resources import SCALED_OBJECTS
from autoscaler.clients.ports import Json, Scale, Target
from autoscaler.errors import ForesailError, Permanent
from autoscaler.handover import floors
from autoscaler.handover.driver import driver_of
from autoscaler.handover.record import annotation, named, target_text
from autoscaler.handover.release import Service, Terms, hpa_for, release, terms_for
from autoscaler.handover.session import Session, Waiting, key_of

Act = Callable[[Session], Awaitable[None]]
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to give back: what it is, in words, and how."""

    words: str
    act: Act


@dataclass(frozen=True, slots=True)
class Work:
    """What a release of everything does, in this order, and what it leaves."""

    tasks: tuple[Task, ...]
    left: tuple[str, ...]


async def look_around(session: Session, namespaces: Sequence[str], terms: Terms) -> Work:
    """Find all that Foresail holds, in some namespaces or in all."""
    where: Sequence[str | None] = namespaces or (None,)
    ours = [obj for one in where for obj in await session.objects.list(OURS, one)]
    hpas = [obj for one in where for obj in await session.objects.list(HPAS, one)]
    return work(ours, hpas, terms)


def work(ours: Sequence[Json], hpas: Sequence[Json], terms: Terms) -> Work:
    """Say what is to be done: HPAs first, as workloads need a driver; then floors; then what only holds objects back."""
    service = Service()
    released = [obj for obj in ours if _is_released(obj, terms)]
    owners = {str(key_of(obj)) for obj in released}
    floored = [hpa for hpa in hpas if floors.has_floor(hpa) and (annotation(hpa, FLOOR_OF) or "") not in owners]
    held = [obj for obj in ours if obj not in released and RESTORE_FINALIZER in (obj["metadata"].get("finalizers") or ())]
    idle = [obj for obj in ours if obj not in released and obj["spec"].get("mode") == Mode.SCALE]
    tasks = (
        *(Task(_words(obj, terms, hpas), partial(release, key=key_of(obj), terms=terms, service=service)) for obj in released),
        *(Task(floors.told(hpa), partial(floors.give_back, hpa=hpa)) for hpa in floored),
        *(Task(_held_words(obj), partial(let_go, obj=obj)) for obj in held),
    )
    left = (
        f"{named(obj)} took over no HPA: it stays, and {target_text(obj)} keeps its replicas when the service is gone "
        "(--make-hpa makes an HPA of it)"
        for obj in idle
    )
    return Work(tasks, tuple(left))


async def carry_out(session: Session, found: Work) -> int:
    """Do it all, several at a time, as each may wait for a pass of the service; return how many failed."""
    bound = asyncio.Semaphore(_AT_ONCE)

    async def do(task: Task) -> bool:
        async with bound:
            try:
                await task.act(session)
            except ForesailError as error:
                session.say(f"failed: {task.words}: {error}")
                return False
            return True

    return (await asyncio.gather(*map(do, found.tasks))).count(False)


async def let_go(session: Session, obj: Json) -> None:
    """Take our finalizer off an object; where that lets it be deleted, put the replicas back first as it asks for."""

    async def look(_: Waiting) -> bool | None:
        found = await session.ours(key_of(obj))
        held = (found or obj)["metadata"].get("finalizers") or []
        if found is None or RESTORE_FINALIZER not in held:
            return True
        if "deletionTimestamp" in found["metadata"]:
            await _restore(session, found)
        rest = [one for one in held if one != RESTORE_FINALIZER]
        await session.objects.merge(OURS, found, {"metadata": {"finalizers": rest or None}})
        return None

    await session.until(f"{named(obj)} to be let go", look)


async def _restore(session: Session, obj: Json) -> None:
    """Put replicas back to what they were before an object that is being deleted changed them, by the rules of the service."""
    before = original_of(obj)
    if before is None:
        return
    if rival := await _rival(session, obj):
        session.say(f"{target_text(obj)}: its replicas stay as they are, as {rival} scales it by now")
        return
    ref = obj["spec"]["scaleTargetRef"]
    target = Target(ref.get("apiVersion", "apps/v1"), ref["kind"], obj["metadata"]["namespace"], ref["name"])
    seen = await session.kube.get_scale(target)
    if not isinstance(seen, Scale) or seen.spec_replicas == before:
        return
    if not isinstance(await session.kube.set_scale(target, replicas=before, seen=seen), Scale):
        raise Permanent(f"scaling {target_text(obj)} back to {before} replicas: somebody else writes it too; try again")
    session.say(f"{target_text(obj)}: replicas {seen.spec_replicas} -> {before}, as they were before {named(obj)}")


async def _rival(session: Session, obj: Json) -> str | None:
    """Return who else scales the target of an object at this moment; None where nobody does."""
    namespace, objects = obj["metadata"]["namespace"], session.objects
    ours, hpas = await objects.list(OURS, namespace), await objects.list(HPAS, namespace)
    return rival_of(obj, Scalers(ours, hpas, await objects.list(SCALED_OBJECTS, namespace)))


def _is_released(obj: Json, terms: Terms) -> bool:
    mode = obj["spec"].get("mode")
    if annotation(obj, ADOPTED) is not None or mode == Mode.HPA_FLOOR:
        return True
    return terms.make is not None and mode == Mode.SCALE


def _words(obj: Json, terms: Terms, hpas: Sequence[Json]) -> str:
    terms = terms_for(obj, terms)
    end = "sets it to mode Observe" if terms.keep else "deletes it"
    if obj["spec"].get("mode") == Mode.HPA_FLOOR:
        return f"{named(obj)}: deletes it, and gives the HPA its own minReplicas back"
    try:
        hpa, _ = hpa_for(obj, terms)
        there = driver_of(hpas, hpa)
    except ForesailError as error:
        return f"{named(obj)}: cannot be given back ({error})"
    if there is not None:
        return f"{named(obj)}: leaves its target to {named(there)}, then {end}"
    return f"{named(obj)}: makes {named(hpa)}, then {end}"


def _held_words(obj: Json) -> str:
    end = ", and it is gone then" if "deletionTimestamp" in obj["metadata"] else ""
    return f"{named(obj)}: takes the finalizer {RESTORE_FINALIZER} off{end}"
