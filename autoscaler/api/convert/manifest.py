"""Any object of a manifest to the PredictiveAutoscaler that stands for it, with notes about what was not carried over."""

from dataclasses import dataclass
from enum import StrEnum

from autoscaler.api import API_VERSION
from autoscaler.api.convert.fit import Part, fits, fitting_items
from autoscaler.api.convert.hpa import made_by_keda, read_hpa
from autoscaler.api.convert.keda import read_scaled_object
from autoscaler.api.convert.metadata import carried
from autoscaler.api.convert.order import ordered
from autoscaler.api.convert.parts import Fields, Json, Note, Refusal
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.api.structure import a_list, an_object, shown, without_nulls
from autoscaler.errors import InvalidObject

KIND = "PredictiveAutoscaler"
_HPA, _SCALED_OBJECT = "HorizontalPodAutoscaler", "ScaledObject"
CONVERTED_KINDS = (_HPA, _SCALED_OBJECT)
_VERSIONS = {
    _HPA: ("autoscaling/v2", "autoscaling/v1", "autoscaling/v2beta2", "autoscaling/v2beta1"),
    _SCALED_OBJECT: ("keda.sh/v1alpha1",),
}
_NAMES_OF_KEDA = {"spec.minReplicas": "spec.minReplicaCount", "spec.maxReplicas": "spec.maxReplicaCount"}


class Result(StrEnum):
    """What came of an object."""

    CONVERTED = "converted"
    REFUSED = "refused"  # the notes begin with the reasons
    PASSED_OVER = "passed over"  # nothing that this is for; the note says why


@dataclass(frozen=True, slots=True)
class Converted:
    """The objects that an object became, none when it was refused or passed over, and what is to be said of it."""

    result: Result
    objects: tuple[Fields, ...] = ()
    notes: tuple[Note, ...] = ()


def from_manifest(obj: Json, mode: str = "Observe") -> Converted:
    """Return what stands for an object of any kind; every object returned is one that our own parser takes."""
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if not isinstance(kind, str) or kind not in _VERSIONS:
        return Converted(Result.PASSED_OVER, notes=(Note("", f"passed over, it is none of {', '.join(CONVERTED_KINDS)}"),))
    if version not in _VERSIONS[kind]:
        text = f"must be one of {', '.join(_VERSIONS[kind])}, not {shown(version)}"
        return Converted(Result.REFUSED, notes=(Note("apiVersion", text),))
    if kind == _HPA and (owner := made_by_keda(obj)) is not None:
        text = f"passed over, KEDA made it from the ScaledObject {owner}; convert that one"
        return Converted(Result.PASSED_OVER, notes=(Note("", text),))
    notes: list[Note] = []
    try:
        return Converted(Result.CONVERTED, (_converted(obj, mode, notes),), tuple(notes))
    except Refusal as refusal:
        return Converted(Result.REFUSED, notes=(*refusal.reasons, *notes))


def _converted(obj: Json, mode: str, notes: list[Note]) -> Fields:
    """Return the new object; raises Refusal when there is none."""
    metadata = carried(an_object(without_nulls(obj.get("metadata"))), notes)
    spec = _of_hpa(obj, notes) if obj["kind"] == _HPA else read_scaled_object(obj, notes)
    new: Fields = ordered({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {**spec, "mode": mode}})
    namespace = {"namespace": "default"} if metadata.get("namespace") in (None, "") else {}
    try:
        predictive_autoscaler({**new, "metadata": {**metadata, **namespace}})
    except InvalidObject as error:
        names = _NAMES_OF_KEDA if obj["kind"] == _SCALED_OBJECT else {}
        raise Refusal(*(Note(names.get(fault.field, fault.field), fault.message) for fault in error.errors)) from error
    return new


def _of_hpa(obj: Json, notes: list[Note]) -> Fields:
    spec = read_hpa(obj, notes)
    given = a_list(spec.get("metrics"))
    if given:
        parts = (Part(f"spec.metrics[{index}]", metric) for index, metric in enumerate(given))
        spec["metrics"] = fitting_items("metrics", parts, notes)
        if not spec["metrics"]:
            raise Refusal(Note("spec.metrics", "none of them can be carried over, and nothing else would decide"))
    for direction in ("scaleUp", "scaleDown"):
        rules = an_object(spec.get("behavior")).get(direction)
        part = Part(f"spec.behavior.{direction}", {direction: rules})
        if rules is not None and not fits("behavior", part, notes):
            spec["behavior"] = {name: value for name, value in spec["behavior"].items() if name != direction}
    return spec
