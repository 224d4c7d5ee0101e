"""Questions to Kubernetes' metrics APIs: metrics.k8s.io (metrics-server), custom. and external.metrics.k8s.io (adapters).

One request a question; who asks sees to it that the same one is not asked twice in a pass. The paths are those of the HPA's own
clients (`k8s.io/metrics`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from autoscaler.clients.kube import metric_values
from autoscaler.clients.kube.connection import Call, Connection
from autoscaler.clients.kube.discovery import Discovery
from autoscaler.clients.kube.resources import Json, Resource
from autoscaler.clients.ports import ExternalMetric, MetricQuestion, MetricValue, ObjectMetric, PodsMetric, UsageMetric
from autoscaler.errors import ForesailError, Permanent

RESOURCE, CUSTOM, EXTERNAL = "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"
_SERVERS = {
    RESOURCE: "metrics-server",
    CUSTOM: "an adapter, such as prometheus-adapter",
    EXTERNAL: "an adapter, such as KEDA's",
}
_NOT_FOUND = 404


@dataclass(slots=True)
class MetricsApis:
    """Asks the three APIs, in the versions that are preferred there."""

    connection: Connection
    discovery: Discovery
    _versions: dict[str, str] = field(default_factory=dict)  # by group

    async def ask(self, question: MetricQuestion) -> Sequence[MetricValue]:
        """Return the values of a metric, none when there are none; raises Permanent when nobody serves the API."""
        group = _group(question)
        try:
            version = self._versions.get(group) or await self._version(group)
            answer = await self.connection.send(await self._call(question, version))
        except ForesailError:
            self._versions.pop(group, None)  # another adapter may serve another version
            raise
        self._versions[group] = version
        items: list[Json] = answer.body.get("items") or []
        if isinstance(question, UsageMetric):
            return list(metric_values.usage_of_pods(items, question.resource, question.container).values())
        return [metric_values.value(item) for item in items]

    async def _version(self, group: str) -> str:
        answer = await self.connection.send(Call("get", Resource(group, "", "", "")), expect=frozenset({_NOT_FOUND}))
        version = (answer.body.get("preferredVersion") or {}).get("version") if answer.ok else None
        if not version:
            raise Permanent(f"nobody serves {group} in this cluster; install {_SERVERS[group]}")
        return str(version)

    async def _call(self, question: MetricQuestion, version: str) -> Call:
        match question:
            case UsageMetric():
                query = _query(labelSelector=question.pods)
                resource, name, part = Resource(RESOURCE, version, "pods", "PodMetrics"), "", ""
            case PodsMetric():
                query = _query(labelSelector=question.pods, metricLabelSelector=question.series)
                resource, name, part = Resource(CUSTOM, version, "pods", "Pod"), "*", question.metric
            case ObjectMetric(api_version="" | "v1", kind="Namespace"):  # as the HPA: the namespace itself, whatever the name
                query = _query(metricLabelSelector=question.series)
                resource, name, part = Resource(CUSTOM, version, "metrics", "MetricValueList"), question.metric, ""
            case ObjectMetric():
                query = _query(metricLabelSelector=question.series)
                about = await self.discovery.named(question.api_version or "v1", question.kind)
                plural = f"{about.plural}.{about.group}" if about.group else about.plural
                resource, name, part = Resource(CUSTOM, version, plural, question.kind), question.name, question.metric
            case ExternalMetric():
                query = _query(labelSelector=question.series)
                resource, name, part = Resource(EXTERNAL, version, question.metric, "ExternalMetricValueList"), "", ""
            case _:
                assert_never(question)
        verb = "get" if name else "list"
        return Call(verb, resource, question.namespace, name or None, part, query=query, counted_as="metrics")


def _group(question: MetricQuestion) -> str:
    match question:
        case UsageMetric():
            return RESOURCE
        case ExternalMetric():
            return EXTERNAL
        case _:
            return CUSTOM


def _query(**selectors: str) -> Mapping[str, Any]:
    return {name: text for name, text in selectors.items() if text}
