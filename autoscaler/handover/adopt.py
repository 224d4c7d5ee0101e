"""The steps of taking over an HPA, each of which can be the last one that this run gets to.

    1. an object of ours in mode Scale, with the record of the HPA      the HPA drives, ours only says what it would do
    2. wait until the service has decided about it, and compare         likewise
    3. delete the HPA                                                   ours drives, from the service's next pass on
    4. wait until the object says that it drives                        ours drives; if not, the HPA is made again

The object is in mode Scale from its first moment, so that it takes over whoever deletes the HPA, even if nobody goes on here.
"""

from dataclasses import dataclass
from enum import Enum

from autoscaler.api.marks import ADOPTED, ADOPTING, HANDOVER, ORIGIN
from autoscaler.api.types import Mode
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS as OURS
from autoscaler.clients.ports import Conflict, Json
from autoscaler.errors import ForesailError, Permanent
from autoscaler.handover.driver import is_going, removed_ours, standing_hpa, stays
from autoscaler.handover.plan import (
    Convert,
    Finish,
    Origin,
    Refusal,
    Scene,
    TakeOver,
    body_of,
    is_untouched,
    manifest_of,
    object_for,
    plan,
)
from autoscaler.handover.record import annotation, made_again, named, record_of, same_target, target_text
from autoscaler.handover.session import Session, Waiting, key_of
from autoscaler.handover.word import SAID_OF_NOTHING, far_apart, names_hpa, wanted_by_hpa, word_of
from autoscaler.model import ObjectKey
from autoscaler.terminal_text import plain
from autoscaler.yaml_text.written import written


class Refused(Permanent):
    """An HPA is not adopted; everything is as it was before."""


class _Hpa(Enum):
    """What somebody else did to the HPA while we waited."""

    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asks for."""

    hpa: ObjectKey
    name: str | None = None  # of the object of ours; None: the HPA's
    tolerance: float = 0.1  # ratio by which both counts may differ
    force: bool = False  # take over though they differ more


async def scene_of(session: Session, namespace: str) -> Scene:
    """Read the scalers of a namespace."""
    return Scene(await session.objects.list(HPAS, namespace), await session.objects.list(OURS, namespace))


async def adopt(session: Session, order: Order, convert: Convert) -> None:
    """Take over an HPA; raises Refused where it must not be, and ForesailError where it went wrong and was taken back."""
    found = plan(order.hpa, await scene_of(session, order.hpa.namespace), order.name, convert)
    match found:
        case Refusal(reasons):
            raise Refused(
                f"HorizontalPodAutoscaler {order.hpa} is not adopted:" + "".join(f"\n- {plain(one)}" for one in reasons)
            )
        case Finish(hpa, there) if annotation(there, ADOPTING) is None:
            word = word_of(there)
            how = f"drives {target_text(there)}" if word.drives else f"does not drive: {word.trouble or word.refuses_for}"
            session.say(f"HorizontalPodAutoscaler {order.hpa} was adopted before; {named(there)} {how}")
        case Finish(hpa, there):
            session.say(f"HorizontalPodAutoscaler {order.hpa} is deleted already, and {named(there)} has its record")
            if not session.dry_run:
                await _finish(session, hpa, await _in_mode_scale(session, there), convert)
        case TakeOver():
            for warning in found.warnings:
                session.say(f"warning: {warning}")
            if session.dry_run:
                await _rehearse(session, found)
            else:
                await _take_over(session, order, found, convert)


async def manifest(session: Session, order: Order, convert: Convert) -> str:
    """Return what belongs in Git in the place of an HPA, as YAML; also after it was adopted, or where it is refused."""
    scene = await scene_of(session, order.hpa.namespace)
    there: Json | None
    match plan(order.hpa, scene, order.name, convert):
        case TakeOver(body=body, there=there):
            pass
        case Finish(there=body):
            there = None
        case Refusal():
            hpa = next((one for one in scene.hpas if one["metadata"]["name"] == order.hpa.name), None)
            if hpa is None:
                raise Permanent(f"there is no HorizontalPodAutoscaler {order.hpa}, and none of that name was adopted")
            there = object_for(hpa, scene, order.name)
            body = body_of(hpa, order.name or order.hpa.name, convert) if there is None else there
    if there is not None:
        body = {**there, "spec": {**there["spec"], "mode": Mode.SCALE.value}}
    return written([manifest_of(body)])


async def _rehearse(session: Session, found: TakeOver) -> None:
    hpa, there = named(found.hpa), found.there
    if found.stale is not None:
        session.say(f"1. would make {named(found.stale)} anew, as the HPA was changed since an earlier run made it")
    elif there is None:
        if await session.objects.create(OURS, found.body, dry_run=True) is Conflict.CONFLICT:
            raise Refused(f"{named(found.body)} is there by now; try again")
        session.say(f"1. would create {named(found.body)} in mode Scale (the API server would take it)")
    else:
        session.say(f"1. would set {named(there)} to mode Scale, with the record of the HPA")
    session.say(f"2. would wait until the service has decided about it, and compare both counts; {hpa} goes on to drive")
    session.say(f"3. would delete {hpa}")
    session.say(f"4. would wait until {named(there or found.body)} says that it drives, else make the HPA again")


async def _take_over(session: Session, order: Order, found: TakeOver, convert: Convert) -> None:
    hpa = found.hpa
    if found.stale is not None:
        session.say(f"{named(hpa)} was changed since an earlier run made {named(found.stale)} of it, which is made anew")
        await removed_ours(session, found.stale, hpa)
    obj = await _with_object(session, found)
    session.say(f"1. {named(obj)} is there, in mode Scale; {named(hpa)} goes on to drive {target_text(hpa)}")
    try:
        seen = await _agreed(session, order, hpa, obj)
        if seen is not _Hpa.GONE:
            await _tried(session, hpa)
            await _deleted(session, hpa)
    except ForesailError as error:
        left = await session.hpa(order.hpa)
        if left is not None:
            if is_going(left):  # that cannot be taken back, so ours must stay
                raise Permanent(f"{error}; {named(obj)} drives as soon as the HPA is gone") from error
            try:
                await _undo(session, obj, left, convert)
            except ForesailError as worse:
                rest = f"{named(obj)} could not be taken back ({worse}); type: foresail release {key_of(obj)}"
                raise Permanent(f"{named(hpa)} is not adopted, and goes on to drive: {error}; {rest}") from worse
            raise Refused(f"{named(hpa)} is not adopted, and goes on to drive: {error}") from error
    session.say(f"3. {named(hpa)} is deleted")
    await _finish(session, hpa, obj, convert)


async def _with_object(session: Session, found: TakeOver) -> Json:
    """Return the object of ours in mode Scale with the record; created, or the one that is there."""
    key, record = key_of(found.there or found.body), record_of(found.hpa)
    asked_again = found.there is None or found.there["spec"].get("mode") != Mode.SCALE

    async def look(waiting: Waiting) -> Json | None:
        nonlocal asked_again
        obj = await session.ours(key)
        if obj is None:
            await session.objects.create(OURS, found.body)
            return None
        if not same_target(obj, found.hpa) or (found.there is None and annotation(obj, ADOPTED) is None):
            raise Refused(f"somebody made {named(obj)} meanwhile; type the command again")
        if annotation(obj, ADOPTED) != record or obj["spec"].get("mode") != Mode.SCALE:
            begun = obj["spec"].get("mode") == Mode.SCALE and annotation(obj, ADOPTING)
            origin = begun or Origin.OBSERVED.value
            marks = {ADOPTED: record, ADOPTING: origin}
            await session.objects.merge(OURS, obj, {"metadata": {"annotations": marks}, "spec": {"mode": Mode.SCALE.value}})
            return None
        if not asked_again:  # what an earlier run left has a status that may be as old as that run: have it said again
            told = await session.objects.merge(OURS, obj, SAID_OF_NOTHING, subresource="status")
            asked_again = isinstance(told, dict)
            return None
        waiting.why = ""
        return obj

    return await session.until(f"{named(found.body)} to be made", look)


async def _in_mode_scale(session: Session, there: Json) -> Json:
    """Return the object of ours in mode Scale, whose HPA is gone."""

    async def look(_: Waiting) -> Json | None:
        obj = await session.ours(key_of(there))
        if obj is None:
            raise Permanent(f"{named(there)} is gone")
        if obj["spec"].get("mode") == Mode.SCALE:
            return obj
        await session.objects.merge(OURS, obj, {"spec": {"mode": Mode.SCALE.value}})
        return None

    return await session.until(f"{named(there)} to be in mode Scale", look)


async def _agreed(session: Session, order: Order, hpa: Json, obj: Json) -> Json | _Hpa:
    """Wait until the service has decided about the object, and both want about the same; return the HPA as it is then."""

    async def look(waiting: Waiting) -> Json | _Hpa | None:
        theirs, ours = await session.hpa(order.hpa), await session.ours(key_of(obj))
        if ours is None:
            raise Permanent(f"somebody deleted {named(obj)}")
        if theirs is None:
            return _Hpa.GONE
        word = word_of(ours)
        waiting.why = f"{word.trouble}; is the service running, and does it serve this namespace?" if not word.said else ""
        if word.hopeless:
            raise Permanent(f"{named(obj)} could not drive: {word.trouble}")
        if not word.said:
            return None
        waiting.why = word.trouble or f"{named(obj)} does not say that it stands back for the HPA"
        if word.trouble or not names_hpa(word, hpa) or word.desired is None:
            return None
        wanted = wanted_by_hpa(theirs)
        if wanted is None:
            waiting.why = f"{named(theirs)} has not said yet what it wants"
            return None
        counts = f"{named(theirs)} wants {wanted} replicas, {named(obj)} {word.desired}"
        waiting.why = f"{counts}; --force takes over all the same"
        if order.force or not far_apart(word.desired, wanted, order.tolerance):
            session.say(f"2. {counts}")
            return theirs
        return None

    return await session.until(f"the service to decide about {named(obj)} as the HPA does", look)


async def _tried(session: Session, hpa: Json) -> None:
    """Ask the API server, before the HPA is deleted, whether this user may make it again: going back needs that."""

    async def look(_: Waiting) -> bool:
        await session.objects.create(HPAS, made_again(hpa), dry_run=True)  # Conflict: it is there, and all else was allowed
        return True

    await session.until(f"the API server to say that {named(hpa)} could be made again", look)


async def _deleted(session: Session, hpa: Json) -> None:
    """Delete the HPA that was compared: this very one, and only as it is recorded."""
    record = record_of(hpa)

    async def look(waiting: Waiting) -> bool | None:
        found = await session.hpa(key_of(hpa))
        if found is None:
            return True
        if found["metadata"]["uid"] != hpa["metadata"]["uid"] or record_of(found) != record:
            raise Permanent(f"somebody changed {named(hpa)} meanwhile; type the command again")
        if is_going(found):
            waiting.why = "a finalizer holds it"
        else:
            await session.objects.delete(HPAS, found)
        return None

    await session.until(f"{named(hpa)} to be deleted", look)


async def _finish(session: Session, hpa: Json, obj: Json, convert: Convert) -> None:
    """Wait until the object says that it drives; if it does not, make the HPA again."""
    try:
        count = await _driving(session, hpa, obj)
        await _unmark(session, obj)
    except ForesailError as error:
        session.say(f"{named(obj)} does not drive: {error}")
        try:
            driver = await standing_hpa(session, hpa)
            await _undo(session, obj, driver, convert)
        except ForesailError as worse:
            key = key_of(obj)
            raise Permanent(f"{error}; going back failed too ({worse}); type: foresail release {key}") from worse
        how = "again, as it was before" if key_of(driver) == key_of(hpa) else target_text(hpa)
        raise Refused(f"{named(driver)} drives {how}: {error}") from error
    session.say(f"4. {named(obj)} drives {target_text(obj)}: {count} replicas. To go back: foresail release {key_of(obj)}")


async def _driving(session: Session, hpa: Json, obj: Json) -> int | None:
    counted: list[int | None] = []

    async def look(waiting: Waiting) -> bool | None:
        if await session.hpa(key_of(hpa)) is not None:
            raise Permanent(f"somebody made {named(hpa)} again (a tool that applies it from Git?), and it drives")
        ours = await session.ours(key_of(obj))
        if ours is None:
            raise Permanent(f"somebody deleted {named(obj)}")
        word = word_of(ours)
        waiting.why = word.trouble or word.refuses_for
        if not word.drives:
            return None
        counted.append(word.desired)
        return True

    await session.until(f"{named(obj)} to say that it drives", look)
    return counted[-1]


async def _unmark(session: Session, obj: Json) -> None:
    async def look(_: Waiting) -> bool | None:
        found = await session.ours(key_of(obj))
        if found is None or annotation(found, ADOPTING) is None:
            return True
        own = {ORIGIN: Origin.OBSERVED.value} if annotation(found, ADOPTING) == Origin.OBSERVED else {}
        await session.objects.merge(OURS, found, {"metadata": {"annotations": {ADOPTING: None, **own}}})
        return None

    await session.until(f"{named(obj)} to be marked as done", look)


async def _undo(session: Session, obj: Json, driver: Json, convert: Convert) -> None:
    """Leave the object as it was before, while an HPA drives: gone, if a take-over made it, else in mode Observe.

    What somebody has written into it meanwhile is nothing to delete: then it stays, too, and observes.
    """
    made = annotation(obj, ADOPTING) == Origin.CREATED

    async def look(_: Waiting) -> str | None:
        found = await session.ours(key_of(obj))
        if found is None or (made and is_untouched(found, convert)):
            return "deleted again"
        await stays(session, driver, obj)
        if annotation(found, ADOPTED) is None and found["spec"].get("mode") != Mode.SCALE:
            return "in mode Observe" if made else "in mode Observe again"
        change = {"metadata": {"annotations": dict.fromkeys(HANDOVER)}, "spec": {"mode": Mode.OBSERVE.value}}
        await session.objects.merge(OURS, found, change)
        return None

    end = await session.until(f"{named(obj)} to be as it was before", look)
    if end == "deleted again":
        await removed_ours(session, obj, driver)
    session.say(f"{named(obj)} is {end}{', as somebody has changed it' if end == 'in mode Observe' else ''}")
