"""The versions of HorizontalPodAutoscaler before v2, as v2.

v1 has one CPU target; everything else went into annotations in the form of v2beta1, and `behavior` with the names of Go's own
fields. Source: Kubernetes 1.36, `pkg/apis/autoscaling/v1/conversion.go`, `annotations.go`; v2beta1 is that of 1.24.
"""

import json
from typing import Any

from autoscaler.api.convert.parts import Fields, Json, Note
from autoscaler.api.structure import a_list, is_nested_deeper, without_nulls

ANNOTATIONS = "autoscaling.alpha.kubernetes.io/"  # what begins so is the API server's own
_METRICS, _BEHAVIOR = f"{ANNOTATIONS}metrics", f"{ANNOTATIONS}behavior"
_CPU_TARGET = "targetCPUUtilizationPercentage"
_MOST_LEVELS = 50  # of an annotation: metrics have ten, and those who read the values recurse


def as_v2(version: object, spec: Json, annotations: Json, notes: list[Note]) -> Fields:
    """Return the spec of an HPA as autoscaling/v2 has it; v2beta2 has the same fields."""
    match version:
        case "autoscaling/v1":
            return _behaved(_from_v1(spec, annotations, notes), annotations, notes)
        case "autoscaling/v2beta1":
            metrics = {"metrics": _metrics(spec["metrics"])} if "metrics" in spec else {}
            return _behaved({**spec, **metrics}, annotations, notes)
        case _:
            return dict(spec)


def _from_v1(spec: Json, annotations: Json, notes: list[Note]) -> Fields:
    """Return the spec with its metrics: those of the annotation, then the CPU target, as the API server puts them."""
    metrics = list(a_list(_metrics(_annotation(_METRICS, annotations, list, notes))))
    if (percent := spec.get(_CPU_TARGET)) is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    others = {name: value for name, value in spec.items() if name != _CPU_TARGET}
    return others | ({"metrics": metrics} if metrics else {})


def _behaved(spec: Fields, annotations: Json, notes: list[Note]) -> Fields:
    behavior = _lower(_annotation(_BEHAVIOR, annotations, dict, notes))
    return {**spec, "behavior": behavior} if behavior else spec


def _annotation(name: str, annotations: Json, kind: type, notes: list[Note]) -> Any:  # noqa: ANN401 - JSON
    """Return what an annotation says; None when there is none, or none that the API server would understand."""
    text = annotations.get(name)
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind) or is_nested_deeper(value, _MOST_LEVELS):
        notes.append(
            Note(f"metadata.annotations[{name}]", "left out: it is not the JSON that it should be; the API server ignores it")
        )
        return None
    return without_nulls(value)


def _lower(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON in which each key begins with a small letter, as fields do in the API."""
    if isinstance(value, dict):
        return {f"{key[:1].lower()}{key[1:]}": _lower(item) for key, item in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


def _metrics(value: Any) -> Any:  # noqa: ANN401 - whatever stands for the list
    return [_metric(one) if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value


def _metric(metric: Fields) -> Fields:
    """Return a metric of v2beta1 as one of v2; a source that is no object stays what it is."""
    readers = {
        "resource": _resource,
        "containerResource": _resource,
        "pods": _pods,
        "object": _of_object,
        "external": _external,
    }
    return {
        name: readers[name](value) if name in readers and isinstance(value, dict) else value for name, value in metric.items()
    }


def _resource(source: Fields) -> Fields:
    names = {"targetAverageUtilization": "averageUtilization", "targetAverageValue": "averageValue"}
    kind = "Utilization" if "targetAverageUtilization" in source else "AverageValue"
    return _moved(source, names, kind)


def _pods(source: Fields) -> Fields:
    return _identified(_moved(source, {"targetAverageValue": "averageValue"}, "AverageValue"), "selector")


def _external(source: Fields) -> Fields:
    names = {"targetAverageValue": "averageValue", "targetValue": "value"}
    return _identified(_moved(source, names, "Value" if "targetValue" in source else "AverageValue"), "metricSelector")


def _of_object(source: Fields) -> Fields:
    """Return an Object source; its `target` was the object, and `targetValue` is 0 where `averageValue` counts."""
    described = {"describedObject": source["target"]} if "target" in source else {}
    others = {name: value for name, value in source.items() if name != "target"}
    average = "averageValue" in others
    if average:
        others.pop("targetValue", None)
    moved = _moved(others, {"averageValue": "averageValue", "targetValue": "value"}, "AverageValue" if average else "Value")
    return described | _identified(moved, "selector")


def _moved(source: Fields, names: dict[str, str], kind: str) -> Fields:
    """Return a source whose target is in an object of its own."""
    target = {new: source[old] for old, new in names.items() if old in source}
    return {name: value for name, value in source.items() if name not in names} | {"target": {"type": kind} | target}


def _identified(source: Fields, selector: str) -> Fields:
    """Return a source whose metric is in an object of its own."""
    metric = {new: source[old] for old, new in (("metricName", "name"), (selector, "selector")) if old in source}
    return {name: value for name, value in source.items() if name not in ("metricName", selector)} | {"metric": metric}
