"""The steps back: an HPA that was taken over, or one made of what the object asks for; the service may be dead.

    1. make the HPA                                        it drives from here on: the service stops as soon as it sees it
    2. wait a while for the service to say so              no more than that: a service that is dead writes nothing either
    3. delete the object, or set its mode to Observe       the HPA drives

kube-controller-manager looks at a new HPA for the first time after one sync period (15 s), so nobody else writes before step 2.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from autoscaler.api.marks import ADOPTING, HANDOVER, ORIGIN
from autoscaler.api.types import Mode
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS as OURS
from autoscaler.clients.ports import Json
from autoscaler.errors import Permanent
from autoscaler.handover import floors
from autoscaler.handover.driver import driver_of, removed_ours, settled, standing_hpa, stays
from autoscaler.handover.plan import Origin
from autoscaler.handover.record import adopted, annotation, named, target_text, with_bounds_of
from autoscaler.handover.session import Session, Unready, Waiting, key_of
from autoscaler.handover.word import SAID_OF_NOTHING, names_hpa, word_of
from autoscaler.model import ObjectKey

MakeHpa = Callable[[Json], tuple[Json, list[str]]]  # of an object of ours: the HPA, and what it cannot say


@dataclass(frozen=True, slots=True)
class Terms:
    """How objects are given back."""

    make: MakeHpa | None = None  # for those that took over none; None: they are refused
    as_it_was: bool = False  # the HPA with its own bounds, though the object has others by now
    keep: bool = False  # the object stays, in mode Observe


@dataclass(slots=True)
class Service:
    """What the objects of one run have in common."""

    silent: bool = False  # whether the service was not heard; one silence is enough
    making: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))  # by target, one HPA each


def terms_for(obj: Json, terms: Terms) -> Terms:
    """Return how an object is given back: one that observed before it took over is the user's own, and does so again."""
    observed = Origin.OBSERVED in (annotation(obj, ADOPTING), annotation(obj, ORIGIN))
    return replace(terms, keep=True) if observed else terms


def hpa_for(obj: Json, terms: Terms) -> tuple[Json, list[str]]:
    """Return the HPA that takes the place of an object, and what differs from before; raises Permanent where there is none."""
    try:
        record = adopted(obj)
    except Permanent:
        if terms.make is None:
            raise
        record = None
    if record is not None:
        return (record, []) if terms.as_it_was else with_bounds_of(record, obj)
    if terms.make is None:
        raise Permanent(
            f"{named(obj)} took over no HPA, so there is none to give back; --make-hpa makes one of its spec, and without it "
            "kubectl delete is enough: replicas stay as they are"
        )
    return terms.make(obj)


async def release(session: Session, key: ObjectKey, terms: Terms, service: Service) -> None:
    """Give one object back; a second run after one that died brings it to its end."""
    obj = await session.ours(key)
    if obj is None:
        await _without_object(session, key)
    elif obj["spec"].get("mode") == Mode.HPA_FLOOR:
        await _floor(session, obj, terms)
    else:
        terms = terms_for(obj, terms)
        hpa, lines = hpa_for(obj, terms)
        for line in lines:
            session.say(f"{named(hpa)}: {line}")
        if session.dry_run:
            there = driver_of(await session.objects.list(HPAS, key.namespace), hpa)
            _rehearse(session, obj, hpa if there is None else there, terms, made=there is None)
            return
        async with service.making[target_text(obj)]:
            driver = await standing_hpa(session, hpa)
        since_s = session.clock.monotonic_s()
        session.say(f"1. {named(driver)} is there, and drives {target_text(driver)}")
        await _stood_back(session, obj, driver, service)
        await settled(session, driver, obj, since_s)
        await _observing(session, obj, driver) if terms.keep else await removed_ours(session, obj, driver)
        session.say(f"3. {named(obj)} is {'in mode Observe' if terms.keep else 'deleted'}")


def _rehearse(session: Session, obj: Json, hpa: Json, terms: Terms, *, made: bool) -> None:
    target = target_text(hpa)
    session.say(
        f"1. would make {named(hpa)}, which drives {target} from then on" if made else f"1. {named(hpa)} drives {target}"
    )
    session.say(f"2. would wait until the service says that {named(obj)} stands back")
    session.say(f"3. would {'set it to mode Observe' if terms.keep else 'delete it'}")


async def _without_object(session: Session, key: ObjectKey) -> None:
    """End what an earlier run began: floors of an object that is gone, or nothing."""
    left = floors.of_owner(await session.objects.list(HPAS, key.namespace), str(key))
    for hpa in left:
        session.say(("would: " if session.dry_run else "") + floors.told(hpa))
        if not session.dry_run:
            await floors.give_back(session, hpa)
    if left:
        return
    if await session.hpa(key) is None:
        raise Permanent(f"there is no PredictiveAutoscaler {key}")
    session.say(f"there is no PredictiveAutoscaler {key}, and HorizontalPodAutoscaler {key} is there: nothing to give back")


async def _floor(session: Session, obj: Json, terms: Terms) -> None:
    if terms.keep:
        raise Permanent(f"{named(obj)} is in mode HPAFloor and would raise minReplicas again: it cannot be kept")
    key = key_of(obj)
    hpas = floors.of_owner(await session.objects.list(HPAS, key.namespace), str(key))
    if session.dry_run:
        session.say(f"would delete {named(obj)}")
        for hpa in hpas:
            session.say(f"would: {floors.told(hpa)}")
        return
    await removed_ours(session, obj)  # first, or the service would raise it again
    session.say(f"{named(obj)} is deleted")
    for hpa in floors.of_owner(await session.objects.list(HPAS, key.namespace), str(key)):
        session.say(floors.told(hpa))
        await floors.give_back(session, hpa)


async def _stood_back(session: Session, obj: Json, hpa: Json, service: Service) -> None:
    """Wait until the service says that it does not act because of the HPA, or for another reason that it gives now."""
    if obj["spec"].get("mode") != Mode.SCALE:
        return
    old: Json | None = obj.get("status")
    told, asked = False, service.silent  # nothing is asked of one that says nothing

    async def look(waiting: Waiting) -> str | None:
        nonlocal old, told, asked
        await stays(session, hpa, obj)
        found = await session.ours(key_of(obj))
        if found is None:
            return f"{named(obj)} is gone"
        word, told = word_of(found), told or found.get("status") != old
        if word.hopeless or names_hpa(word, hpa):  # hopeless: it could not act anyhow
            return f"the service stands back from {target_text(hpa)}"
        if not asked:  # what it said before the HPA was there may be as old as the service is dead: have it said again
            asked, old = await _asked(session, found)
            return None
        if told and word.said and not (word.able and word.acts):
            return f"the service does not scale {target_text(hpa)}: {word.trouble}"
        waiting.why = word.trouble or "its status does not name the HPA"
        return None

    try:
        patience = session.within(0.0) if service.silent else session
        session.say(f"2. {await patience.until(f'the service to stand back from {target_text(hpa)}', look)}")
    except Unready as error:
        service.silent = service.silent or not told
        who = "It runs all the same" if told else "It seems not to run"
        session.say(f"2. {error}. {who}; what it may write, the HPA corrects")


async def _asked(session: Session, obj: Json) -> tuple[bool, Json | None]:
    """Have the service say its status again; return whether that is done, and what the status is until it does."""
    try:
        silent = await session.objects.merge(OURS, obj, SAID_OF_NOTHING, subresource="status")
    except Permanent:  # without the right to it, the status as it is must do
        return True, obj.get("status")
    return (True, silent.get("status")) if isinstance(silent, dict) else (False, obj.get("status"))


async def _observing(session: Session, obj: Json, driver: Json) -> None:
    async def look(_: Waiting) -> bool | None:
        found = await session.ours(key_of(obj))
        if found is None:
            return True
        marks = found["metadata"].get("annotations") or {}
        if found["spec"].get("mode") == Mode.OBSERVE and not HANDOVER & marks.keys():
            return True
        await stays(session, driver, obj)
        change = {"metadata": {"annotations": dict.fromkeys(HANDOVER)}, "spec": {"mode": Mode.OBSERVE.value}}
        await session.objects.merge(OURS, found, change)
        return None

    await session.until(f"{named(obj)} to be in mode Observe", look)
