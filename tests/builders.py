"""What tests are made of, in the words that they use: pods, metrics, readings, observations, policies, forecasts.

Everything has a plain default, so that a test says only what it is about. Times count from `NOW_S`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from autoscaler.api.types import (
    ContainerResourceMetricSource,
    DescribedObject,
    ExternalMetricSource,
    MetricIdentifier,
    MetricSpec,
    MetricTarget,
    MetricType,
    ObjectMetricSource,
    PrometheusMetricSource,
    ResourceMetricSource,
    ResourceName,
    TargetType,
)
from autoscaler.model import Forecast, GateState, PodPhase, PodView, WorkloadKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import MetricReading, Observation, Policy, Recommendation, State

NOW_S = 1_800_000_000.0
SHOP = WorkloadKey("default", "Deployment", "shop")


def a_pod(name: str = "shop-0", *, cpu_milli: int | None = 100, memory_milli: int | None = None, **fields: object) -> PodView:
    """A pod of the shop that has run and been Ready for an hour; `None` for a resource it does not request."""
    asked = {"cpu": cpu_milli, "memory": memory_milli}
    requests = {resource: milli for resource, milli in asked.items() if milli is not None}
    plain: dict[str, Any] = {
        "namespace": SHOP.namespace,
        "name": name,
        "uid": f"uid-{name}",
        "phase": PodPhase.RUNNING,
        "created_s": NOW_S - 3610,
        "workload": SHOP,
        "start_s": NOW_S - 3600,
        "ready": True,
        "ready_changed_s": NOW_S - 3580,
        "requests_milli": {"app": requests},
    }
    return PodView(**{**plain, **fields})


def some_pods(count: int, **fields: object) -> tuple[PodView, ...]:
    """That many pods, shop-0 and on."""
    return tuple(a_pod(f"shop-{index}", **fields) for index in range(count))


def a_resource_metric(
    name: ResourceName = "cpu",
    *,
    utilization: int | None = None,
    average: str | None = None,
    container: str | None = None,
) -> MetricSpec:
    """A Resource or, with a container, ContainerResource metric; cpu at 100 % of requests unless said otherwise."""
    target = MetricTarget(type=TargetType.UTILIZATION, average_utilization=utilization or 100)
    if average is not None:
        target = MetricTarget(type=TargetType.AVERAGE_VALUE, average_value=average)
    if container is None:
        return MetricSpec(type=MetricType.RESOURCE, resource=ResourceMetricSource(name=name, target=target))
    source = ContainerResourceMetricSource(name=name, container=container, target=target)
    return MetricSpec(type=MetricType.CONTAINER_RESOURCE, container_resource=source)


def a_query_metric(average: str = "10", query: str = "sum(rate(requests[1m]))") -> MetricSpec:
    """A Prometheus metric of which one pod carries `average`."""
    target = MetricTarget(type=TargetType.AVERAGE_VALUE, average_value=average)
    return MetricSpec(type=MetricType.PROMETHEUS, prometheus=PrometheusMetricSource(query=query, target=target))


def a_metric_of_all(*, value: str | None = None, average: str | None = None, outside: bool = True) -> MetricSpec:
    """An External metric, or one of an Ingress; its target is a value of all pods or an average."""
    kind = TargetType.VALUE if value is not None else TargetType.AVERAGE_VALUE
    target = MetricTarget(type=kind, value=value, average_value=average)
    metric = MetricIdentifier(name="requests")
    if outside:
        return MetricSpec(type=MetricType.EXTERNAL, external=ExternalMetricSource(metric=metric, target=target))
    source = ObjectMetricSource(described_object=DescribedObject(kind="Ingress", name="front"), metric=metric, target=target)
    return MetricSpec(type=MetricType.OBJECT, object=source)


def a_reading(
    spec: MetricSpec, values: int | Iterable[int] | Mapping[str, int] | None = None, *, age_s: float = 5.0, **fields: object
) -> MetricReading:
    """Values of a metric: one number for a query and the like, one for each pod (by order or by name) for a resource."""
    if spec.type in {MetricType.PROMETHEUS, MetricType.OBJECT, MetricType.EXTERNAL}:
        return MetricReading(spec, total_milli=values, sampled_at_s=NOW_S - age_s, **fields)
    if values is not None and not isinstance(values, Mapping):
        values = {f"shop-{index}": value for index, value in enumerate(values)}
    return MetricReading(spec, pods_milli=values, sampled_at_s=NOW_S - age_s, **fields)


def an_observation(
    *readings: MetricReading, pods: Iterable[PodView], replicas: int | None = None, **fields: object
) -> Observation:
    """What was seen of the shop; as many replicas as there are pods unless said otherwise."""
    seen = tuple(pods)
    spec_replicas = len(seen) if replicas is None else replicas
    plain: dict[str, Any] = {
        "spec_replicas": spec_replicas,
        "status_replicas": spec_replicas,
        "pods": seen,
        "readings": readings,
    }
    return Observation(**{**plain, **fields})


def a_policy(*metrics: MetricSpec, **fields: object) -> Policy:
    """From 1 to 100 replicas, the HPA's defaults, forecast allowed; cpu at 100 % unless metrics are given."""
    plain: dict[str, Any] = {
        "min_replicas": 1,
        "max_replicas": 100,
        "metrics": metrics or (a_resource_metric(),),
        "behavior": None,
        "forecast_enabled": True,
        "max_extra_pods": None,
        "tolerance": 0.1,
        "downscale_stabilization_s": 300,
        "cpu_initialization_period_s": 300.0,
        "initial_readiness_delay_s": 30.0,
        "max_metric_age_s": 60.0,
    }
    return Policy(**{**plain, **fields})


def a_state(*recommendations: tuple[float, int], **fields: object) -> State:
    """A state with recommendations as (seconds ago, replicas)."""
    kept = tuple(Recommendation(NOW_S - ago_s, replicas) for ago_s, replicas in recommendations)
    return State(recommendations=kept, **fields)


def a_forecast(peak: float, **fields: object) -> Forecast:
    """A forecast that may act: issued 10 s ago, for one minute ahead, good for five."""
    plain: dict[str, Any] = {
        "issued_s": NOW_S - 10,
        "expires_s": NOW_S + 290,
        "lead_s": 60.0,
        "risk": 0.9,
        "peak": peak,
        "model": "peaks",
        "gate": GateState.OPEN,
        "reason": Reason.FORECAST_IN_USE,
        "message": "the error of the last day was 5 %",
    }
    return Forecast(**{**plain, **fields})
