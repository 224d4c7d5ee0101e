"""What may be adopted, and by which object of ours. Pure; a refusal is an answer that names every reason and the remedy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from autoscaler.api import API_VERSION
from autoscaler.api.marks import ADOPTED, ADOPTING, FLOOR_OF, TOOLS
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.api.types import Mode
from autoscaler.clients.ports import Json
from autoscaler.errors import ForesailError, InvalidObject, Permanent
from autoscaler.handover.record import adopted, annotation, named, record_of, same_target, target_text
from autoscaler.model import ObjectKey

Convert = Callable[[Json], Json]
_KEDA = "scaledobject.keda.sh/name"


class Origin(StrEnum):
    """How an object came to be adopting, which says what going back means for it."""

    CREATED = "created"  # by us: it is deleted again
    OBSERVED = "observed"  # it watched in mode Observe: it does so again


@dataclass(frozen=True, slots=True)
class TakeOver:
    """An HPA that may be adopted: the object of ours that is there for it, or the one to be created."""

    hpa: Json
    body: Json  # what is created where `there` is None
    there: Json | None
    warnings: tuple[str, ...] = ()
    stale: Json | None = None  # what an earlier run made of the HPA as it was then; `body` takes its place


@dataclass(frozen=True, slots=True)
class Finish:
    """An HPA that is gone, because an earlier run has deleted it: what is left is to see that its successor drives."""

    hpa: Json  # by the record
    there: Json


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an HPA is not adopted."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """The scalers of one namespace."""

    hpas: Sequence[Json]
    ours: Sequence[Json]


def plan(key: ObjectKey, scene: Scene, name: str | None, convert: Convert) -> TakeOver | Finish | Refusal:
    """Say how an HPA is adopted; `name` is that of the object of ours, by default the HPA's or of the one that observes."""
    hpa = next((one for one in scene.hpas if one["metadata"]["name"] == key.name), None)
    if hpa is None:
        return _without_hpa(key, scene)
    there = object_for(hpa, scene, name)
    reasons = [*_of_the_hpa(hpa, scene), *_of_ours(hpa, there, name or key.name, scene)]
    stale = None
    try:
        body = body_of(hpa, name or key.name, convert)
        if there is not None and _is_of_another_hpa(there, hpa):
            if is_untouched(there, convert):
                stale, there = there, None
                body["metadata"]["name"] = name or stale["metadata"]["name"]
            elif not _asks_the_same(body, _made_of(there, convert)):
                reasons.append(
                    f"an earlier run made {named(there)} of it, and since then somebody has changed both; set the mode of that "
                    "object to Observe (it takes over with all that it says then), or delete it (it is made anew)"
                )
        if not reasons and not same_target(body, hpa):
            reasons.append(
                f"its target is named by apiVersion {hpa['spec']['scaleTargetRef'].get('apiVersion') or '(none)'}, under which "
                "nobody finds it today; correct the HPA first"
            )
    except InvalidObject as error:
        reasons += [f"it cannot be a PredictiveAutoscaler: {one}" for one in error.errors]
    except ForesailError as error:
        reasons.append(f"it cannot be a PredictiveAutoscaler: {error}")
    if reasons:
        return Refusal(tuple(reasons))
    return TakeOver(hpa, body, there, tuple(_warnings(hpa)), stale)


def body_of(hpa: Json, name: str, convert: Convert) -> Json:
    """Return the object that takes the place of an HPA; raises InvalidObject where an HPA says what ours cannot.

    Labels are not taken along: tools know by them what is theirs, and would remove an object that is not in Git. Owners are:
    what is collected with the HPA's owner must be collected with it still.
    """
    meta = hpa["metadata"]
    owners = {"ownerReferences": meta["ownerReferences"]} if meta.get("ownerReferences") else {}
    annotations = {ADOPTED: record_of(hpa), ADOPTING: Origin.CREATED.value}
    body = {
        "apiVersion": API_VERSION,
        "kind": "PredictiveAutoscaler",
        "metadata": {"name": name, "namespace": meta["namespace"], "annotations": annotations, **owners},
        "spec": {**convert(hpa), "mode": Mode.SCALE.value},
    }
    predictive_autoscaler(body)
    return body


def manifest_of(body: Json) -> Json:
    """Return what belongs in Git of an object: no record of what it took over, and no status."""
    meta = {"name": body["metadata"]["name"], "namespace": body["metadata"]["namespace"]}
    return {"apiVersion": API_VERSION, "kind": "PredictiveAutoscaler", "metadata": meta, "spec": body["spec"]}


def is_untouched(obj: Json, convert: Convert) -> bool:
    """Say whether an object is as a run made it of the HPA that it records, so that its deletion loses nobody's work."""
    meta = obj["metadata"]
    marked = bool(meta.get("labels")) or not {ADOPTED, ADOPTING} >= (meta.get("annotations") or {}).keys()
    return not marked and _asks_the_same(obj, _made_of(obj, convert))


def _made_of(obj: Json, convert: Convert) -> Json | None:
    """Return what a run makes of the HPA that an object records; None where that cannot be said."""
    record = _record(obj)
    try:
        return None if record is None else body_of(record, obj["metadata"]["name"], convert)
    except ForesailError:
        return None


def _asks_the_same(one: Json, other: Json | None) -> bool:
    try:
        return other is not None and predictive_autoscaler(one).spec == predictive_autoscaler(other).spec
    except ForesailError:
        return False


def _is_of_another_hpa(there: Json, hpa: Json) -> bool:
    """Say whether an object that drives nothing yet was made of the HPA as it was before somebody changed that."""
    made = annotation(there, ADOPTING) == Origin.CREATED and there["spec"].get("mode") == Mode.SCALE
    return made and annotation(there, ADOPTED) != record_of(hpa)


def took_over(autoscaler: Json, name: str) -> bool:
    """Say whether an object of ours has the record of an HPA of that name; one that cannot be read is no record."""
    record = _record(autoscaler)
    return record is not None and record["metadata"]["name"] == name


def _record(autoscaler: Json) -> Json | None:
    try:
        return adopted(autoscaler)
    except Permanent:  # of another object perhaps, which must not stand in the way; `release` tells of it
        return None


def _without_hpa(key: ObjectKey, scene: Scene) -> Finish | Refusal:
    for one in scene.ours:
        record = _record(one)
        if record is not None and record["metadata"]["name"] == key.name:
            return Finish(record, one)
    return Refusal((f"there is no HorizontalPodAutoscaler {key}, and no object of Foresail has taken one of that name over",))


def object_for(hpa: Json, scene: Scene, name: str | None) -> Json | None:
    """Return the object of ours that is to take over: one that already began to, else the one that observes the target."""
    same = [one for one in scene.ours if same_target(one, hpa)]
    for one in same:
        if took_over(one, hpa["metadata"]["name"]):
            return one
    observing = [one for one in same if one["spec"].get("mode") == Mode.OBSERVE]
    wanted = [one for one in observing if one["metadata"]["name"] == (name or hpa["metadata"]["name"])]
    if wanted:
        return wanted[0]
    return observing[0] if len(observing) == 1 and name is None else None


def _of_the_hpa(hpa: Json, scene: Scene) -> Iterator[str]:
    meta = hpa["metadata"]
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            yield f"{owner.get('kind')} {owner.get('name')} controls it and would make it again; {_remedy(owner)}"
    if _KEDA in (meta.get("labels") or {}) and not any(one.get("controller") for one in meta.get("ownerReferences") or ()):
        yield f"KEDA made it for ScaledObject {meta['labels'][_KEDA]}; convert that (foresail convert), then delete it"
    if "deletionTimestamp" in meta:
        yield "it is being deleted"
    elif meta.get("finalizers"):
        yield f"the finalizer {', '.join(meta['finalizers'])} would keep it after its deletion; take that off first"
    if floor := annotation(hpa, FLOOR_OF):
        yield f"PredictiveAutoscaler {floor} raises its minReplicas (mode HPAFloor); give it back: foresail release {floor}"
    for other in scene.hpas:
        if other["metadata"]["name"] != meta["name"] and same_target(other, hpa):
            yield f"{named(other)} has the same target and would go on to drive it; delete one of the two first"


def _of_ours(hpa: Json, there: Json | None, name: str, scene: Scene) -> Iterator[str]:
    for one in scene.ours:
        if there is not None and one["metadata"]["name"] == there["metadata"]["name"]:
            if "deletionTimestamp" in one["metadata"]:
                yield f"{named(one)}, which is there for its target, is being deleted; wait until it is gone"
        elif same_target(one, hpa) and one["spec"].get("mode") == Mode.SCALE:
            yield (
                f"{named(one)} scales the same target (mode Scale); delete it, or set its mode to Observe: then it is the one "
                "that takes over"
            )
        elif there is None and one["metadata"]["name"] == name:
            yield f"{named(one)} has that name and another target ({target_text(one)}); give another one by --name"
        elif one["spec"].get("mode") == Mode.HPA_FLOOR and _floors(one, hpa):
            yield f"{named(one)} raises its minReplicas (mode HPAFloor); delete that object first"


def _floors(one: Json, hpa: Json) -> bool:
    ref = one["spec"].get("scaleTargetRef", {})
    return (ref.get("kind"), ref.get("name")) == (hpa["kind"], hpa["metadata"]["name"])


def _remedy(owner: Json) -> str:
    if owner.get("kind") == "ScaledObject":
        return "convert the ScaledObject (foresail convert), then delete it"
    return "have that controller make no HPA, and apply what --manifest prints"


def _warnings(hpa: Json) -> Iterator[str]:
    meta = hpa["metadata"]
    marks = {**(meta.get("labels") or {}), **(meta.get("annotations") or {})}
    for tool in sorted({tool for mark, tool in TOOLS.items() if mark in marks}):
        yield (
            f"{tool} manages this HPA and may make it again, which would end the take-over: replace it in its source by what "
            "--manifest prints"
        )
