"""Who else scales a target: of two PredictiveAutoscalers in mode Scale the older wins; a HorizontalPodAutoscaler always does.

Two writers of `spec.replicas` would fight for ever, so the one that comes second only reports. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from autoscaler.api.types import Mode
from autoscaler.clients.ports import Json, Target
from autoscaler.loops.observe import Served
from autoscaler.loops.status import key_of
from autoscaler.model import ObjectKey

_Scaled = tuple[str, str, str, str]  # namespace, API group, kind, name


def find(served: Sequence[Served], hpas: Iterable[Json] | None) -> Mapping[ObjectKey, str]:
    """Return for each object whose target somebody else scales, who that is."""
    native = {_of_hpa(hpa): f"HorizontalPodAutoscaler {key_of(hpa)}" for hpa in hpas or ()}
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


def _age(one: Served) -> tuple[str, str]:
    return one.obj["metadata"].get("creationTimestamp") or "", str(one.key)


def _of_target(target: Target) -> _Scaled:
    return target.namespace, _group(target.api_version), target.kind, target.name


def _of_hpa(hpa: Json) -> _Scaled:
    ref = hpa.get("spec", {}).get("scaleTargetRef", {})
    return hpa["metadata"].get("namespace", ""), _group(ref.get("apiVersion", "")), ref.get("kind", ""), ref.get("name", "")


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
