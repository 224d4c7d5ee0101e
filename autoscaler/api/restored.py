"""`onDelete: Restore`: what a target gets back when its object goes, and who else scales it by now. Pure.

The service and `foresail release --all`, which does it without the service, go by the same answers about objects as the API
server has them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.api import scaled
from autoscaler.api.overrides import OnDelete
from autoscaler.api.structure import an_object, whole
from autoscaler.api.types import Mode

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scalers:
    """All objects that scale something, ours and those of others."""

    ours: Iterable[Json] = ()
    hpas: Iterable[Json] = ()
    scaled_objects: Iterable[Json] = ()


def is_restored(mode: object, on_delete: object) -> bool:
    """Say whether an object brings replicas back when it goes."""
    return mode == Mode.SCALE and on_delete == OnDelete.RESTORE


def original_of(obj: Json) -> int | None:
    """Return the replicas that come back when an object goes; None where it brings back none.

    What was written down for another target than the present one says nothing about this one.
    """
    spec, status = an_object(obj.get("spec")), an_object(obj.get("status"))
    ref = an_object(spec.get("scaleTargetRef"))
    if not is_restored(spec.get("mode"), spec.get("onDelete")):
        return None
    if status.get("originalTarget") != target_name(str(ref.get("kind")), str(ref.get("name"))):
        return None
    return whole(status.get("originalReplicas"))


def target_name(kind: str, name: str) -> str:
    """Return a target as `status.originalTarget` has it."""
    return f"{kind}/{name}"


def rival_of(obj: Json, scalers: Scalers) -> str | None:
    """Return who else scales the target of an object that goes, whichever of them is older; None where nobody does."""
    target = scaled.by_ours(obj)
    hpas = (scaled.named_hpa(one) for one in scalers.hpas if scaled.by_hpa(one) == target)
    keda = (scaled.named(one, scaled.SCALED_OBJECT) for one in scalers.scaled_objects if scaled.by_keda(one) == target)
    ours = (
        scaled.named(one, "PredictiveAutoscaler")
        for one in scalers.ours
        if scaled.by_ours(one) == target and one["metadata"]["name"] != obj["metadata"]["name"] and _stays_scaling(one)
    )
    return next((who for group in (hpas, keda, ours) for who in group), None)


def _stays_scaling(one: Json) -> bool:
    return an_object(one.get("spec")).get("mode") == Mode.SCALE and "deletionTimestamp" not in one["metadata"]
