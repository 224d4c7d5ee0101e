"""Load as Kubernetes' metrics APIs tell it: Pods, Object and External metrics, and CPU and memory where an object says so.

These APIs have no question for a whole fleet, so each metric of each object is one, asked once where several objects have the
same. As with Prometheus, nothing found is no load known, and never zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from autoscaler.api.selector_text import selector_text
from autoscaler.api.types import LabelSelector, MetricIdentifier, MetricSpec, ResourceMetrics
from autoscaler.clients.ports import ExternalMetric, Kube, MetricQuestion, MetricValue, ObjectMetric, PodsMetric, UsageMetric
from autoscaler.errors import ForesailError
from autoscaler.loops.asking import METRICS_APIS, ask
from autoscaler.scaling.types import MetricReading

Answers = Mapping[MetricQuestion, Sequence[MetricValue] | ForesailError]


async def read(kube: Kube, questions: Iterable[MetricQuestion], *, within_s: float) -> Answers:
    """Ask each question once, all of them within `within_s` seconds; what fails is kept beside what worked."""
    wanted = list(dict.fromkeys(questions))
    found = await ask([partial(kube.metric, question) for question in wanted], within_s, METRICS_APIS)
    return dict(zip(wanted, found, strict=True))


def question_of(
    spec: MetricSpec, namespace: str, pods: LabelSelector, source: ResourceMetrics = ResourceMetrics.PROMETHEUS
) -> MetricQuestion | None:
    """Return what is asked for a metric of an object whose target has these pods; None for a metric of Prometheus."""
    if (by_pod := spec.resource or spec.container_resource) is not None and source is ResourceMetrics.METRICS_API:
        container = spec.container_resource.container if spec.container_resource is not None else None
        return UsageMetric(namespace, by_pod.name, container, selector_text(pods))
    if spec.pods is not None:
        return PodsMetric(namespace, spec.pods.metric.name, selector_text(pods), _series(spec.pods.metric))
    if spec.object is not None:
        about, metric = spec.object.described_object, spec.object.metric
        return ObjectMetric(namespace, metric.name, about.api_version or "", about.kind, about.name, _series(metric))
    if spec.external is not None:
        return ExternalMetric(namespace, spec.external.metric.name, _series(spec.external.metric))
    return None


def reading(spec: MetricSpec, answer: Sequence[MetricValue] | ForesailError) -> MetricReading:
    """Return the reading that an answer comes to."""
    return replace(_reading(spec, answer), source=_api_of(spec))


def _reading(spec: MetricSpec, answer: Sequence[MetricValue] | ForesailError) -> MetricReading:
    if isinstance(answer, ForesailError):
        return MetricReading(spec, error=str(answer))
    if spec.pods or spec.resource or spec.container_resource:
        return by_pod(spec, {value.of: value for value in answer})
    return of_all(spec, answer)


def _api_of(spec: MetricSpec) -> str:
    if spec.external is not None:
        return "external.metrics.k8s.io"
    return "metrics.k8s.io" if spec.resource or spec.container_resource else "custom.metrics.k8s.io"


def _series(metric: MetricIdentifier) -> str:
    return selector_text(metric.selector) if metric.selector is not None else ""


def by_pod(spec: MetricSpec, values: Mapping[str, MetricValue]) -> MetricReading:
    """Return the reading of a metric that each pod has."""
    if not values:
        return MetricReading(spec, error="the metrics API has no value of any pod")
    known = {pod: value.at_s for pod, value in values.items() if value.at_s is not None}
    return MetricReading(
        spec,
        pods_milli={pod: value.milli for pod, value in values.items()},
        pods_sampled_at_s=known,
        sampled_at_s=max(known.values(), default=None),
        pods_window_s={pod: value.window_s for pod, value in values.items()},
    )


def of_all(spec: MetricSpec, values: Sequence[MetricValue]) -> MetricReading:
    """Return the reading of a metric of all pods together; several values are summed. The oldest tells its age."""
    if not values:
        return MetricReading(spec, error="the metrics API has no value")
    times = [value.at_s for value in values]
    return MetricReading(
        spec,
        parts_milli=tuple(value.milli for value in values),
        total_milli=sum(value.milli for value in values),
        sampled_at_s=None if None in times else min(time for time in times if time is not None),
    )
