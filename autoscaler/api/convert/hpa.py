"""HorizontalPodAutoscalers of every version that was ever served, as the fields of a PredictiveAutoscaler's spec.

Ours has the fields of autoscaling/v2 under the same names, so that little is left to do: what the API server takes in an HPA
and we refuse is put right here where its meaning is clear.
"""

from typing import Any

from autoscaler.api.convert.hpa_versions import as_v2
from autoscaler.api.convert.parts import Fields, Json, Note
from autoscaler.api.floor_standing import count_of
from autoscaler.api.marks import OWNER_MIN
from autoscaler.api.structure import a_list, an_object, without_nulls

FIELDS = ("scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior")
_APPS = ("Deployment", "StatefulSet", "ReplicaSet")
_OLD_APPS = ("apps/v1beta1", "apps/v1beta2", "extensions/v1beta1")
_VALUES = {"Utilization": "averageUtilization", "AverageValue": "averageValue", "Value": "value"}
_BY_FIELD = {  # sources whose target the HPA reads by the field that is set, whatever `type` says; the first one counts
    "resource": ("AverageValue", "Utilization"),
    "containerResource": ("AverageValue", "Utilization"),
    "pods": ("AverageValue",),
    "external": ("AverageValue", "Value"),
}


def spec_of_hpa(hpa: Json) -> Fields:
    """Return what an HPA stands for: scaleTargetRef, minReplicas, maxReplicas, metrics and behavior, where they are given.

    Any version of autoscaling is read; without an apiVersion it is v2. A minReplicas that mode HPAFloor raised is given as its
    owner wrote it. Fields that are wrong stay wrong, for `parse` to name them.
    """
    return read_hpa(hpa, [])


def read_hpa(hpa: Json, notes: list[Note]) -> Fields:
    """Return the same, and add to the notes what was not taken as it is."""
    metadata = an_object(hpa.get("metadata"))
    annotations = an_object(metadata.get("annotations"))
    given = as_v2(hpa.get("apiVersion"), an_object(without_nulls(hpa.get("spec"))), annotations, notes)
    unknown = "left out: an HPA has no such field, so it never counted; check the spelling"
    notes.extend(Note(f"spec.{name}", unknown) for name in given if name not in FIELDS)
    spec: Fields = {name: given[name] for name in FIELDS if name in given and given[name] != []}
    if isinstance(target := spec.get("scaleTargetRef"), dict):
        spec["scaleTargetRef"] = _target(target, notes)
    if isinstance(metrics := spec.get("metrics"), list):
        spec["metrics"] = [_metric(metric) for metric in metrics]
    return _without_our_floor(spec, annotations, notes)


def _target(target: Fields, notes: list[Note]) -> Fields:
    """Return the reference with the group and version by which the target is found today."""
    version, kind = target.get("apiVersion"), target.get("kind")
    if version in _OLD_APPS and kind in _APPS:
        message = f"{version} is not served any more since Kubernetes 1.16; apps/v1 is written instead"
        notes.append(Note("spec.scaleTargetRef.apiVersion", message))
        return {**target, "apiVersion": "apps/v1"}
    if version in (None, ""):  # the core group for an HPA, where these kinds never were
        return {**target, "apiVersion": "apps/v1" if kind in _APPS else "v1"}
    return target


def _metric(metric: Any) -> Any:  # noqa: ANN401 - whatever the list holds
    """Return a metric whose target says in `type` how the HPA reads it."""
    for source, types in _BY_FIELD.items():
        fields = an_object(an_object(metric).get(source))
        target = an_object(fields.get("target"))
        meant = next((one for one in types if target.get(_VALUES[one]) is not None), None)
        if meant is not None and sum(_VALUES[one] in target for one in types) == 1:
            return {**metric, source: {**fields, "target": _only(meant, target)}}
    described = an_object(an_object(metric).get("object"))
    target = an_object(described.get("target"))
    kind = target.get("type")
    if kind in ("Value", "AverageValue") and _VALUES[kind] in target:  # both may be there, and `type` counts
        return {**metric, "object": {**described, "target": _only(kind, target)}}
    return metric


def _only(kind: str, target: Json) -> Fields:
    others = set(_VALUES.values()) - {_VALUES[kind]}
    return {"type": kind} | {name: value for name, value in target.items() if name != "type" and name not in others}


def _without_our_floor(spec: Fields, annotations: Json, notes: list[Note]) -> Fields:
    """Return the spec with the minReplicas of the HPA's owner, where mode HPAFloor has raised it."""
    if not isinstance(own := annotations.get(OWNER_MIN), str):
        return spec
    others = {name: value for name, value in spec.items() if name != "minReplicas"}
    count = count_of(own)
    if own and count is None:
        return spec
    text = f"Foresail had raised it in mode HPAFloor; taken as its owner wrote it: {own or 'not at all, which is 1'}"
    notes.append(Note("spec.minReplicas", text))
    return others | ({} if count is None else {"minReplicas": count})


def made_by_keda(hpa: Json) -> str | None:
    """Return the name of the ScaledObject that KEDA made an HPA from; None when it was not KEDA."""
    for owner in a_list(an_object(hpa.get("metadata")).get("ownerReferences")):
        fields = an_object(owner)
        if fields.get("controller") is False:  # it owns it beside another who made it
            continue
        if fields.get("kind") == "ScaledObject" and str(fields.get("apiVersion")).partition("/")[0] == "keda.sh":
            return str(fields.get("name"))
    return None
