"""The steps back: an HPA that was taken over, or one made of what the object asks for; the service may be dead.

    1. make the HPA                                        it drives from here on: the service stops as soon as it sees it
    2. wait a while for the service to say so              no more than that: a service that is dead writes nothing either
    3. delete the object, or set its mode to Observe       the HPA drives

kube-controller-manager looks at a new HPA for the first time after one sync period (15 s), so nobody else writes before step 2.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from autoscaler.api.marks import ADOPTED, ADOPTING
from autoscaler.api.types import Mode
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS as OURS
from autoscaler.clients.ports import Json
from autoscaler.errors import Permanent
from autoscaler.handover import floors
from autoscaler.handover.plan import Origin
from autoscaler.handover.record import adopted, annotation, named, target_text, with_bounds_of
from autoscaler.handover.session import Session, Unready, Waiting, created_hpa, key_of, removed_ours
from autoscaler.handover.word import names_hpa, word_of
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
    """Whether the service was heard; one silence is enough for all objects of a run."""

    silent: bool = False


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
        if annotation(obj, ADOPTING) == Origin.OBSERVED:  # a take-over that was not ended: it is the user's own object
            terms = replace(terms, keep=True)
        hpa, lines = hpa_for(obj, terms)
        for line in lines:
            session.say(f"{named(hpa)}: {line}")
        if session.dry_run:
            _rehearse(session, obj, hpa, terms)
            return
        await created_hpa(session, hpa)
        session.say(f"1. {named(hpa)} is there, and drives {target_text(hpa)}")
        await _stood_back(session, obj, hpa, service)
        await _observing(session, obj) if terms.keep else await removed_ours(session, obj)
        session.say(f"3. {named(obj)} is {'in mode Observe' if terms.keep else 'deleted'}")


def _rehearse(session: Session, obj: Json, hpa: Json, terms: Terms) -> None:
    session.say(f"1. would make {named(hpa)}, which drives {target_text(hpa)} from then on")
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
    """Wait until the service says that it does not act because of the HPA."""
    if obj["spec"].get("mode") != Mode.SCALE:
        return

    async def look(waiting: Waiting) -> bool | None:
        found = await session.ours(key_of(obj))
        word = word_of(found) if found is not None else None
        if word is None or word.hopeless or names_hpa(word, hpa):  # hopeless: it could not act anyhow
            return True
        waiting.why = word.trouble or "its status does not name the HPA"
        return None

    try:
        patience = session.within(0.0) if service.silent else session
        await patience.until(f"the service to stand back from {target_text(hpa)}", look)
        session.say(f"2. the service stands back from {target_text(hpa)}")
    except Unready as error:
        service.silent = True
        session.say(f"2. {error}. It seems not to run; what it may write all the same, the HPA corrects")


async def _observing(session: Session, obj: Json) -> None:
    async def look(_: Waiting) -> bool | None:
        found = await session.ours(key_of(obj))
        if found is None:
            return True
        marks = found["metadata"].get("annotations") or {}
        if found["spec"].get("mode") == Mode.OBSERVE and not {ADOPTED, ADOPTING} & marks.keys():
            return True
        change = {"metadata": {"annotations": {ADOPTED: None, ADOPTING: None}}, "spec": {"mode": Mode.OBSERVE.value}}
        await session.objects.merge(OURS, found, change)
        return None

    await session.until(f"{named(obj)} to be in mode Observe", look)
