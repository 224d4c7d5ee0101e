"""Who else scales a target: of two PredictiveAutoscalers in mode Scale the older wins; an HPA or a ScaledObject always does.

Two writers of `spec.replicas` would fight for ever, so the one that comes second only reports. KEDA's ScaledObject counts even
without the HPA that KEDA makes for it: at zero replicas KEDA has none, and one that is paused goes on some day. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.api.types import Mode
from autoscaler.clients.ports import Json, Target
from autoscaler.loops.observe import Served
from autoscaler.loops.status import key_of
from autoscaler.model import ObjectKey

_Scaled = tuple[str, str, str, str]  # namespace, API group, kind, name
_SCALED_OBJECT = "ScaledObject"
_KEDA = "keda.sh"


@dataclass(frozen=True, slots=True)
class Others:
    """Objects of others that scale something; empty where there are none or nobody knows."""

    hpas: Iterable[Json] = ()
    scaled_objects: Iterable[Json] = ()


def find(served: Sequence[Served], others: Others) -> Mapping[ObjectKey, str]:
    """Return for each object whose target somebody else scales, who that is."""
    native = {_of_keda(one): f"{_SCALED_OBJECT} {key_of(one)}" for one in others.scaled_objects}
    native |= {_of_hpa(hpa): _named(hpa) for hpa in others.hpas}
    ours: dict[_Scaled, list[Served]] = defaultdict(list)
    for one in sorted((one for one in served if one.autoscaler.spec.mode is Mode.SCALE), key=_age):
        ours[_of_target(one.target)].append(one)
    rivals: dict[ObjectKey, str] = {}
    for one in served:
        scaled = _of_target(one.target)
        if scaled in native:
            rivals[one.key] = native[scaled]
        elif (first := next(iter(ours[scaled]), None)) and first.key != one.key:
            rivals[one.key] = f"PredictiveAutoscaler {first.key}"
    return rivals


def _named(hpa: Json) -> str:
    """Return an HPA in words; one that KEDA made comes back when it is deleted, so its ScaledObject is named."""
    text = f"HorizontalPodAutoscaler {key_of(hpa)}"
    owners: Sequence[Json] = hpa["metadata"].get("ownerReferences") or ()
    owner: Json = next((one for one in owners if one.get("controller")), {})
    if owner.get("kind") != _SCALED_OBJECT or _group(owner.get("apiVersion", "")) != _KEDA:
        return text
    return f"{_SCALED_OBJECT} {ObjectKey(key_of(hpa).namespace, owner.get('name', ''))} (by its {text})"


def _age(one: Served) -> tuple[str, str]:
    return one.obj["metadata"].get("creationTimestamp") or "", str(one.key)


def _of_target(target: Target) -> _Scaled:
    return target.namespace, _group(target.api_version), target.kind, target.name


def _of_hpa(hpa: Json) -> _Scaled:
    ref = hpa.get("spec", {}).get("scaleTargetRef", {})
    return hpa["metadata"].get("namespace", ""), _group(ref.get("apiVersion", "")), ref.get("kind", ""), ref.get("name", "")


def _of_keda(scaled_object: Json) -> _Scaled:
    """Return what a ScaledObject scales: a Deployment unless it says otherwise."""
    ref = scaled_object.get("spec", {}).get("scaleTargetRef") or {}
    api_version = ref.get("apiVersion") or "apps/v1"
    kind = ref.get("kind") or "Deployment"
    return scaled_object["metadata"].get("namespace", ""), _group(api_version), kind, ref.get("name", "")


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
