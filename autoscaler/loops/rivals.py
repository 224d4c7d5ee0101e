"""Who else scales a target: of two PredictiveAutoscalers in mode Scale the older wins; an HPA or a ScaledObject always does.

Two writers of `spec.replicas` would fight for ever, so the one that comes second only reports. KEDA's ScaledObject counts even
without the HPA that KEDA makes for it: at zero replicas KEDA has none, and one that is paused goes on some day. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.api import scaled
from autoscaler.api.scaled import Scaled
from autoscaler.api.types import Mode
from autoscaler.clients.ports import Json, Target
from autoscaler.loops.observe import Served
from autoscaler.model import ObjectKey


@dataclass(frozen=True, slots=True)
class Others:
    """Objects of others that scale something; empty where there are none or nobody knows."""

    hpas: Iterable[Json] = ()
    scaled_objects: Iterable[Json] = ()


def find(served: Sequence[Served], others: Others) -> Mapping[ObjectKey, str]:
    """Return for each object whose target somebody else scales, who that is."""
    native = {scaled.by_keda(one): scaled.named(one, scaled.SCALED_OBJECT) for one in others.scaled_objects}
    native |= {scaled.by_hpa(hpa): scaled.named_hpa(hpa) for hpa in others.hpas}
    ours: dict[Scaled, list[Served]] = defaultdict(list)
    for one in sorted((one for one in served if one.autoscaler.spec.mode is Mode.SCALE), key=_age):
        ours[_of_target(one.target)].append(one)
    rivals: dict[ObjectKey, str] = {}
    for one in served:
        target = _of_target(one.target)
        if target in native:
            rivals[one.key] = native[target]
        elif (first := next(iter(ours[target]), None)) and first.key != one.key:
            rivals[one.key] = f"PredictiveAutoscaler {first.key}"
    return rivals


def _age(one: Served) -> tuple[str, str]:
    return one.obj["metadata"].get("creationTimestamp") or "", str(one.key)


def _of_target(target: Target) -> Scaled:
    return target.namespace, scaled.group_of(target.api_version), target.kind, target.name
