"""Load as Kubernetes' metrics APIs tell it, for metrics that are named by them: Pods, Object, External.

As with Prometheus, nothing found is no load known, and never zero.
"""

from collections.abc import Mapping, Sequence

from autoscaler.api.types import MetricSpec
from autoscaler.clients.ports import MetricValue
from autoscaler.scaling.types import MetricReading


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
