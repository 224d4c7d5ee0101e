"""From what the API server sent to the types of our resources, or to an error that names every wrong field.

The way to read one of our objects: structure first, then what fields must fulfil together, then the defaults that the HPA has.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, TypeVar

import msgspec

from autoscaler.api import API_VERSION
from autoscaler.api.structure import mismatches, shown, without_nulls
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
from autoscaler.api.validation import autoscaler_faults, healing_faults, metadata_faults
from autoscaler.errors import FieldError, InvalidObject

Json = Mapping[str, Any]
_Spec = TypeVar("_Spec", bound=msgspec.Struct)
_Faults = Callable[[object], Iterator[FieldError]]
_TOP_LEVEL = ("apiVersion", "kind", "metadata", "spec", "status")
_MOST_FAULTS = 50  # told of one object; a condition and a line of the log have to hold them
_LONGEST_FIELD = 200  # characters of a path in a message: it may hold a key of any length …
_LONGEST_MESSAGE = 400  # … and so may what is said of it

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
    found = chain(
        _wrong_type_meta(fields, kind),
        _unknown_at_the_top(fields),
        mismatches(metadata, Metadata, "metadata"),
        metadata_faults(metadata),
        mismatches(spec, expected, "spec"),
        faults(spec),
    )
    if errors := tuple(_told(found)):
        raise InvalidObject(_named(kind, metadata), errors)
    try:
        return msgspec.convert(metadata, Metadata), msgspec.convert(spec, expected)
    except (msgspec.ValidationError, UnicodeError) as error:  # text that is no Unicode, say
        raise InvalidObject(_named(kind, metadata), (FieldError("spec", str(error)),)) from error


def _wrong_type_meta(fields: Json, kind: str) -> Iterator[FieldError]:
    """Yield faults of `apiVersion` and `kind`; items of a list come without them, so absent is right."""
    for name, expected in (("apiVersion", API_VERSION), ("kind", kind)):
        if fields.get(name) not in (None, "", expected):
            yield FieldError(name, f"must be {expected}, not {shown(fields[name])}")


def _unknown_at_the_top(fields: Json) -> Iterator[FieldError]:
    """Yield keys beside `spec` that no object of ours has: a `sepc` or a `mode` there would count for nothing."""
    for name in fields:
        if name not in _TOP_LEVEL:
            near = difflib.get_close_matches(str(name), _TOP_LEVEL, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(_TOP_LEVEL)}"
            yield FieldError(str(name) or '""', f"is not a known field; {hint}")


def _told(found: Iterator[FieldError]) -> Iterator[FieldError]:
    """Yield the first faults, none of them longer than a message should be."""
    for error in islice(found, _MOST_FAULTS):
        yield FieldError(_cut(error.field, _LONGEST_FIELD), _cut(error.message, _LONGEST_MESSAGE))
    if next(found, None):
        yield FieldError("spec", f"and more is wrong than these {_MOST_FAULTS} faults; mend them first")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _named(kind: str, metadata: object) -> str:
    known = metadata if isinstance(metadata, Mapping) else {}
    namespace, name = (_cut(str(known.get(key, "?")), _LONGEST_FIELD) for key in ("namespace", "name"))
    return f"{kind} {namespace}/{name}"


def _status(obj: Json) -> dict[str, object]:
    """Return the status as it was sent; it is ours to write, so one that is no object counts as none."""
    status = obj.get("status")
    return dict(status) if isinstance(status, Mapping) else {}
