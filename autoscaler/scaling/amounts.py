"""Amounts as people read them, for messages: `250m`, `300Mi`, `cpu at 95% of requests (target 60%)`."""

from autoscaler.api.base import Quantity
from autoscaler.api.quantity import parse_milli
from autoscaler.api.types import MetricSpec, MetricTarget
from autoscaler.scaling.types import MetricStatus

_BINARY = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def amount(milli: int, resource: str | None) -> str:
    """Return milli-units as text: memory in binary units, what is below one in `m`, everything else as a plain number."""
    if resource == "memory":
        for suffix, size in _BINARY:
            if milli >= size * 1000:
                return f"{milli / 1000 / size:.4g}{suffix}"
    if 0 < milli < 1000 and resource == "cpu":  # noqa: PLR2004 - one core
        return f"{milli}m"
    return f"{milli / 1000:.6g}"


def named(spec: MetricSpec) -> str:
    """Return what a metric is called in a sentence."""
    if spec.resource is not None:
        return spec.resource.name
    if spec.container_resource is not None:
        return f"{spec.container_resource.name} of container {spec.container_resource.container}"
    if spec.object is not None:
        return f"{spec.object.metric.name} of {spec.object.described_object.kind} {spec.object.described_object.name}"
    source = spec.pods or spec.external
    return "the query" if source is None else source.metric.name


def target_of(spec: MetricSpec) -> MetricTarget | None:
    """Return the target of a metric, whatever its source."""
    source = spec.resource or spec.container_resource or spec.pods or spec.object or spec.external or spec.prometheus
    return None if source is None else source.target


def activation_of(spec: MetricSpec) -> Quantity | None:
    """Return above which value a metric asks for a first pod; None where it does not say."""
    source = spec.object or spec.external or spec.prometheus
    return None if source is None else source.activation


def against_target(status: MetricStatus) -> str:
    """Return where a metric stands, beside its target, and beside its activation where it is not above that."""
    activation = activation_of(status.spec)
    if status.active is not False or activation is None:
        return _against_target(status)
    return f"{_against_target(status)}, not above its activation of {amount(parse_milli(activation), None)},"


def _against_target(status: MetricStatus) -> str:
    spec, target = status.spec, target_of(status.spec)
    if target is None:
        return named(spec)
    by_pod = spec.resource or spec.container_resource
    resource = by_pod.name if by_pod is not None else None
    if target.value is not None:
        current = "an unknown amount" if status.value_milli is None else amount(status.value_milli, resource)
        return f"{named(spec)} at {current} (target {amount(parse_milli(target.value), resource)})"
    if target.average_value is None:
        return f"{named(spec)} at {status.average_utilization}% of requests (target {target.average_utilization}%)"
    current = "an unknown amount" if status.average_value_milli is None else amount(status.average_value_milli, resource)
    return f"{named(spec)} at {current} per pod (target {amount(parse_milli(target.average_value), resource)})"
