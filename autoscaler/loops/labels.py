"""Names of an object's metrics in labels, status and notices: `cpu`, `memory`, `cpu-container-app`, `queue`, `prometheus-0`."""

from autoscaler.api.types import MetricSpec


def metric_names(metrics: tuple[MetricSpec, ...]) -> tuple[str, ...]:
    """Return one name per metric, in their order, all different; the number of a query is its place in `spec.metrics`."""
    names: list[str] = []
    for index, metric in enumerate(metrics):
        if metric.prometheus:
            name = f"prometheus-{index}"
        elif metric.container_resource:
            name = f"{metric.container_resource.name}-container-{metric.container_resource.container}"
        elif metric.resource:
            name = metric.resource.name
        elif metric.object:
            described = metric.object.described_object
            name = f"{metric.object.metric.name}-of-{described.kind}-{described.name}"
        elif source := metric.pods or metric.external:
            name = source.metric.name
        else:
            name = "unknown"
        names.append(f"{name}-{index}" if name in names else name)
    return tuple(names)
