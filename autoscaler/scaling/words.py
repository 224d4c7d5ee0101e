"""The HPA's own words for its metrics and for why it changes a count, as in its Events (Kubernetes 1.36, `horizontal.go`)."""

from autoscaler.api.types import LabelSelector, MetricIdentifier, MetricSpec

ABOVE_MAX = "Current number of replicas above Spec.MaxReplicas"
BELOW_MIN = "Current number of replicas below Spec.MinReplicas"
ALL_BELOW = "All metrics below target"


def cause(raw: int, current: int, decisive: MetricSpec) -> str:
    """Return why the HPA would say that it changes a count; it looks at what the metrics ask for, not at what comes of it."""
    if raw > current:
        return f"{metric_name(decisive)} above target"
    return ALL_BELOW if raw < current else ""


def metric_name(spec: MetricSpec) -> str:
    """Return what the HPA calls a metric."""
    if (by_pod := spec.resource or spec.container_resource) is not None:
        if by_pod.target.average_value is not None:
            return f"{by_pod.name} resource"
        container = "" if spec.container_resource is None else "container "
        return f"{by_pod.name} {container}resource utilization (percentage of request)"
    if spec.pods is not None:
        return f"pods metric {spec.pods.metric.name}"
    if spec.object is not None and spec.object.target.average_value is None:
        return f"{spec.object.described_object.kind} metric {spec.object.metric.name}"
    if (of_all := spec.object or spec.external) is not None:
        return _external(of_all.metric)
    return f"query {spec.prometheus.query}" if spec.prometheus is not None else "unknown metric"


def _external(metric: MetricIdentifier) -> str:
    return f"external metric {metric.name}({_as_go_prints(metric.selector)})"


def _as_go_prints(selector: LabelSelector | None) -> str:
    """Return a label selector as Go's protocol buffers print it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {selector.match_labels[key]}," for key in sorted(selector.match_labels))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{one.key},Operator:{one.operator.value},Values:[{' '.join(one.values)}],}},"
        for one in selector.match_expressions
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
