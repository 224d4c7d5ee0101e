"""What an object in mode HPAFloor comes to: the HPA that it names, under our forecast, schedules and pause. Pure.

The result is an ordinary PredictiveAutoscaler whose target, bounds, metrics and behavior are the HPA's, so that whatever
observes, forecasts, decides and shows needs to know nothing of the mode. `minReplicas` is that of the HPA's owner, not the
floor that we may have put there.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from autoscaler.api.convert.hpa import FIELDS, spec_of_hpa
from autoscaler.api.floor_standing import standing_of
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.api.types import Mode, PredictiveAutoscaler
from autoscaler.clients.ports import Json, Store
from autoscaler.errors import InvalidObject
from autoscaler.loops.targets import MissingTarget


def hpa_of(autoscaler: PredictiveAutoscaler, hpas: Store | None) -> Json | MissingTarget:
    """Return the HPA that an object names, or why there is none."""
    namespace, name = autoscaler.metadata.namespace, autoscaler.spec.scale_target_ref.name
    if hpas is None:
        return MissingTarget("mode HPAFloor needs the watch of HorizontalPodAutoscalers, which is off here", not_found=False)
    if found := hpas.get(namespace, name):
        return found
    text = f"HorizontalPodAutoscaler {namespace}/{name} was not found; create it or correct spec.scaleTargetRef"
    return MissingTarget(text, not_found=True)


def effective(obj: Json, hpa: Json) -> PredictiveAutoscaler | MissingTarget:
    """Return the object as the HPA makes it, or why it cannot be used.

    Of the HPA's metrics those count that we can read; the others are its own business, as long as one is left.
    """
    theirs = spec_of_hpa(hpa)
    metrics = theirs.get("metrics") or []
    try:
        return _joined(obj, hpa, theirs)
    except InvalidObject as error:
        faults = error
    readable = [one for one in metrics if _is_readable(obj, hpa, {**theirs, "metrics": [one]})]
    if readable and len(readable) < len(metrics):
        return _joined(obj, hpa, {**theirs, "metrics": readable})
    where = f"HorizontalPodAutoscaler {hpa['metadata'].get('namespace', '')}/{hpa['metadata']['name']}"
    wrong = "; ".join(str(one) for one in faults.errors)
    text = f"{where} cannot be forecast ({wrong}); give it a metric of type Resource, Pods, Object or External that can be read"
    return MissingTarget(text, not_found=False)


def _is_readable(obj: Json, hpa: Json, theirs: Mapping[str, Any]) -> bool:
    try:
        _joined(obj, hpa, theirs)
    except InvalidObject:
        return False
    return True


def _joined(obj: Json, hpa: Json, theirs: Mapping[str, Any]) -> PredictiveAutoscaler:
    """Return our own fields beside those of the HPA, read like any object that scales by itself."""
    ours: Mapping[str, Any] = {key: value for key, value in (obj.get("spec") or {}).items() if key not in FIELDS}
    spec = {**ours, **theirs, "minReplicas": standing_of(hpa).owner_min, "mode": Mode.SCALE.value}
    parsed = predictive_autoscaler({**obj, "spec": spec})
    return msgspec.structs.replace(parsed, spec=msgspec.structs.replace(parsed.spec, mode=Mode.HPA_FLOOR))
