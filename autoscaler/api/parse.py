"""From what the API server sent to the types of our resources, or to an error that names every wrong field.

The way to read one of our objects: structure first, then what fields must fulfil together, then the defaults that the HPA has.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from autoscaler.api import API_VERSION
from autoscaler.api.structure import mismatches, without_nulls
from autoscaler.api.types import (
    HealingPolicy,
    HealingPolicySpec,
    Metadata,
    MetricSpec,
    MetricTarget,
    MetricType,
    PredictiveAutoscaler,
    PredictiveAutoscalerSpec,
    ResourceMetricSource,
    TargetType,
)
from autoscaler.api.validation import autoscaler_faults, healing_faults
from autoscaler.errors import FieldError, InvalidObject

Json = Mapping[str, Any]
_Spec = TypeVar("_Spec", bound=msgspec.Struct)
_Faults = Callable[[object], Iterator[FieldError]]

DEFAULT_METRICS = (
    MetricSpec(
        type=MetricType.RESOURCE,
        resource=ResourceMetricSource(name="cpu", target=MetricTarget(type=TargetType.UTILIZATION, average_utilization=80)),
    ),
)  # what an HPA without metrics gets


def predictive_autoscaler(obj: Json) -> PredictiveAutoscaler:
    """Return a PredictiveAutoscaler from its JSON, with the HPA's default metric where it names none.

    Raises InvalidObject, which names the object and every wrong field as the user wrote it.
    """
    metadata, spec = _checked(obj, "PredictiveAutoscaler", PredictiveAutoscalerSpec, autoscaler_faults)
    if not spec.metrics:
        spec = msgspec.structs.replace(spec, metrics=DEFAULT_METRICS)
    return PredictiveAutoscaler(metadata=metadata, spec=spec, status=_status(obj))


def healing_policy(obj: Json) -> HealingPolicy:
    """Return a HealingPolicy from its JSON.

    Raises InvalidObject, which names the object and every wrong field as the user wrote it.
    """
    metadata, spec = _checked(obj, "HealingPolicy", HealingPolicySpec, healing_faults)
    return HealingPolicy(metadata=metadata, spec=spec, status=_status(obj))


def _checked(obj: Json, kind: str, expected: type[_Spec], faults: _Faults) -> tuple[Metadata, _Spec]:
    fields: Json = obj if isinstance(obj, Mapping) else {}
    metadata, spec = without_nulls(fields.get("metadata")), without_nulls(fields.get("spec"))
    errors = [
        *_wrong_type_meta(fields, kind),
        *mismatches(metadata, Metadata, "metadata"),
        *mismatches(spec, expected, "spec"),
        *faults(spec),
    ]
    if errors:
        raise InvalidObject(_named(kind, metadata), tuple(errors))
    try:
        return msgspec.convert(metadata, Metadata), msgspec.convert(spec, expected)
    except (msgspec.ValidationError, UnicodeError) as error:  # text that is no Unicode, say
        raise InvalidObject(_named(kind, metadata), (FieldError("spec", str(error)),)) from error


def _wrong_type_meta(fields: Json, kind: str) -> Iterator[FieldError]:
    """Yield faults of `apiVersion` and `kind`; items of a list come without them, so absent is right."""
    for name, expected in (("apiVersion", API_VERSION), ("kind", kind)):
        if fields.get(name) not in (None, "", expected):
            yield FieldError(name, f"must be {expected}, not {fields[name]!r}")


def _named(kind: str, metadata: object) -> str:
    known = metadata if isinstance(metadata, Mapping) else {}
    return f"{kind} {known.get('namespace', '?')}/{known.get('name', '?')}"


def _status(obj: Json) -> dict[str, object]:
    """Return the status as it was sent; it is ours to write, so one that is no object counts as none."""
    status = obj.get("status")
    return dict(status) if isinstance(status, Mapping) else {}
