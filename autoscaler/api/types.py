"""The fields of our resources, under the names of HorizontalPodAutoscaler v2 wherever it has one.

Quantities (`500m`, `1Gi`) stay text here, as in the API; `quantity.parse_milli` reads them. Unknown fields are refused, as a
misspelt `maxReplica` must not be a default in silence. Bounds of one field stand beside it, those of an HPA's field are the
HPA's (Kubernetes 1.36, `pkg/apis/autoscaling/validation`); what concerns several fields is in `validation`. `parse` checks
all of it; making one of these by hand checks nothing.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from autoscaler.api.base import INT32_MAX, Auto, NotNegative, Object, Percent, Positive, Quantity, Text
from autoscaler.api.overrides import Burst, Exclusion, Fallback, OnDelete, Pause, Schedule

__all__ = ["INT32_MAX"]  # of what is only passed on

ResourceName = Literal["cpu", "memory"]
LONGEST_HISTORY_S = 28 * 24 * 3600  # four weeks have every season of the week four times; more costs memory and tells little


class Mode(StrEnum):
    """What is done with a decision."""

    OBSERVE = "Observe"
    SCALE = "Scale"
    HPA_FLOOR = "HPAFloor"  # raise minReplicas of the HPA that scaleTargetRef names, whose metrics, bounds and behavior count


class CrossVersionObjectReference(Object, frozen=True, kw_only=True):
    """The object that is scaled: any kind that has a scale subresource."""

    kind: Text
    name: Text
    api_version: Text = "apps/v1"


class MetricType(StrEnum):
    """Where a metric comes from."""

    RESOURCE = "Resource"
    CONTAINER_RESOURCE = "ContainerResource"
    PODS = "Pods"
    OBJECT = "Object"
    EXTERNAL = "External"
    PROMETHEUS = "Prometheus"


class TargetType(StrEnum):
    """How a value compares with its target."""

    UTILIZATION = "Utilization"  # percent of the pods' requests
    AVERAGE_VALUE = "AverageValue"  # per pod
    VALUE = "Value"  # of all pods together


class MetricTarget(Object, frozen=True, kw_only=True):
    """One of `averageUtilization` (percent), `averageValue` and `value` (quantities), as `type` says."""

    type: TargetType
    average_utilization: Positive | None = None
    average_value: Quantity | None = None
    value: Quantity | None = None


class ResourceMetricSource(Object, frozen=True, kw_only=True):
    """Usage of a resource by all containers of a pod."""

    name: ResourceName
    target: MetricTarget


class ContainerResourceMetricSource(Object, frozen=True, kw_only=True):
    """Usage of a resource by one container of a pod."""

    name: ResourceName
    container: Text
    target: MetricTarget


class SelectorOperator(StrEnum):
    """Operators of a label selector."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelSelectorRequirement(Object, frozen=True, kw_only=True):
    """One expression of a label selector."""

    key: Text
    operator: SelectorOperator
    values: tuple[str, ...] = ()


class LabelSelector(Object, frozen=True, kw_only=True):
    """Kubernetes' label selector."""

    match_labels: dict[str, str] = msgspec.field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class MetricIdentifier(Object, frozen=True, kw_only=True):
    """A metric of the custom or external metrics API; `selector` chooses among its series, None takes all."""

    name: Text
    selector: LabelSelector | None = None


class PodsMetricSource(Object, frozen=True, kw_only=True):
    """A metric that each pod has (custom.metrics.k8s.io)."""

    metric: MetricIdentifier
    target: MetricTarget  # AverageValue


class DescribedObject(Object, frozen=True, kw_only=True):
    """The object that an Object metric is about, in the namespace of the target; the core group when no version is named."""

    kind: Text
    name: Text
    api_version: str | None = None


class ObjectMetricSource(Object, frozen=True, kw_only=True):
    """A metric of one other object, such as the requests of an Ingress (custom.metrics.k8s.io)."""

    described_object: DescribedObject
    metric: MetricIdentifier
    target: MetricTarget  # Value or AverageValue
    activation: Quantity | None = None  # from zero pods, only a value above this asks for the first one


class ExternalMetricSource(Object, frozen=True, kw_only=True):
    """A metric of nothing in the cluster, such as the length of a queue (external.metrics.k8s.io); its series are summed."""

    metric: MetricIdentifier
    target: MetricTarget  # Value or AverageValue
    activation: Quantity | None = None  # from zero pods, only a value above this asks for the first one


class PrometheusMetricSource(Object, frozen=True, kw_only=True):
    """A PromQL query that answers with one value: the load of the whole workload (requests per second, queue length)."""

    query: Text
    target: MetricTarget  # AverageValue: what one pod can carry; Value: what all pods together should stand at
    activation: Quantity | None = None  # from zero pods, only a value above this asks for the first one


class MetricSpec(Object, frozen=True, kw_only=True):
    """One metric; exactly the source that `type` names is set."""

    type: MetricType
    resource: ResourceMetricSource | None = None
    container_resource: ContainerResourceMetricSource | None = None
    pods: PodsMetricSource | None = None
    object: ObjectMetricSource | None = None
    external: ExternalMetricSource | None = None
    prometheus: PrometheusMetricSource | None = None


class PolicyType(StrEnum):
    """Unit of a scaling policy."""

    PODS = "Pods"
    PERCENT = "Percent"


class SelectPolicy(StrEnum):
    """Which of several policies counts."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class ScalingPolicy(Object, frozen=True, kw_only=True):
    """At most `value` pods or percent within `periodSeconds`."""

    type: PolicyType
    value: Positive
    period_seconds: Annotated[int, Meta(ge=1, le=1800)]


class ScalingRules(Object, frozen=True, kw_only=True):
    """One direction of `behavior`; None means the HPA's default for that direction."""

    stabilization_window_seconds: Annotated[int, Meta(ge=0, le=3600)] | None = None
    select_policy: SelectPolicy | None = None
    policies: Annotated[tuple[ScalingPolicy, ...], Meta(min_length=1)] | None = None
    tolerance: Quantity | None = None


class Behavior(Object, frozen=True, kw_only=True):
    """How fast the count may move, per direction."""

    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


class ForecastPolicy(StrEnum):
    """What a forecast may do."""

    CONSERVATIVE = "Conservative"  # only ever add to what the HPA's formula asks for
    EARNED = "Earned"  # also decide with fewer pods, while that has proven to lose less on this very workload


class ForecastSpec(Object, frozen=True, kw_only=True):
    """How load is forecast for this object."""

    enabled: bool = True
    policy: ForecastPolicy = ForecastPolicy.CONSERVATIVE
    risk: Annotated[float, Meta(gt=0, lt=1)] = 0.95  # quantile of the load that must be servable
    capacity_ratio: Annotated[float, Meta(ge=1, le=10)] = 1.0  # what a pod serves within its SLO, over its target
    lead_seconds: Positive | Auto = "auto"  # seconds, or auto: learnt from how long pods took to become Ready
    max_extra_pods: NotNegative | None = None  # above what the HPA's formula asks for; None: up to maxReplicas
    history_seconds: Annotated[int, Meta(ge=1, le=LONGEST_HISTORY_S)] = 14 * 24 * 3600  # how far back load is read
    seasons: tuple[Positive, ...] | Auto = "auto"  # seconds of each season, or auto: hours, days, weeks and what is found
    time_zone: Text | None = None  # whose clocks the load goes by, an IANA name; None: the service's setting, as for the next
    holidays: tuple[Exclusion, ...] | None = None  # days on which the load is as on Sundays; empty: there are none


class ResourceMetrics(StrEnum):
    """Where the usage of CPU and memory is read."""

    PROMETHEUS = "Prometheus"  # for the whole fleet at once
    METRICS_API = "MetricsAPI"  # metrics.k8s.io, as the HPA: one request an object and metric


class PredictiveAutoscalerSpec(Object, frozen=True, kw_only=True):
    """What a user asks for; the HPA's fields, what of its controller's flags differs here, and `mode` and `forecast`."""

    scale_target_ref: CrossVersionObjectReference
    mode: Mode
    max_replicas: Positive = INT32_MAX  # required unless mode is HPAFloor
    min_replicas: NotNegative = 1  # 0 needs a metric that says something while no pod runs
    metrics: tuple[MetricSpec, ...] = ()  # empty: cpu at 80 % of requests, as the HPA
    resource_metrics: ResourceMetrics = ResourceMetrics.PROMETHEUS
    behavior: Behavior | None = None
    cpu_initialization_period_seconds: NotNegative | None = None  # None: the service's setting, as for the next
    initial_readiness_delay_seconds: NotNegative | None = None
    forecast: ForecastSpec = ForecastSpec()
    schedules: tuple[Schedule, ...] = ()
    burst: Burst | None = None
    fallback: Fallback | None = None  # None: hold, as the HPA
    pause: Pause | None = None
    on_delete: OnDelete = OnDelete.KEEP


class HealingMode(StrEnum):
    """What is done with a healing decision."""

    OBSERVE = "Observe"
    HEAL = "Heal"


class NotReadyFault(Object, frozen=True, kw_only=True):
    """A pod whose Ready condition has been False for so long."""

    for_seconds: Positive = 300


class Faults(Object, frozen=True, kw_only=True):
    """Which faults are looked for; one that is absent is not."""

    not_ready: NotReadyFault | None = None


class HealingAction(StrEnum):
    """What is done about a fault."""

    NOTIFY = "Notify"
    EVICT = "Evict"


class HealingBudget(Object, frozen=True, kw_only=True):
    """The brakes on acts under this policy."""

    interval_seconds: NotNegative = 300  # between two acts on the same workload; doubles while acts do not help
    max_unavailable: Positive | str = 1  # pods of the workload unready or gone, the one acted on included; number or percent
    per_hour: Positive = 6  # acts under this policy


class HealingBreaker(Object, frozen=True, kw_only=True):
    """When so many workloads fail at once that restarting pods cannot be the answer."""

    unhealthy_percent: Percent = 50  # of the workloads that the policy selects
    min_workloads: Positive = 3  # below so many selected workloads the share says nothing
    cooldown_seconds: NotNegative = 600


class HealingPolicySpec(Object, frozen=True, kw_only=True):
    """Which pods are watched for which faults, what is done, and the brakes."""

    mode: HealingMode
    selector: LabelSelector  # an empty one is refused, so that nobody heals a whole namespace by accident
    faults: Faults
    actions: Annotated[tuple[HealingAction, ...], Meta(min_length=1)] = (HealingAction.NOTIFY, HealingAction.EVICT)
    budget: HealingBudget = HealingBudget()
    breaker: HealingBreaker = HealingBreaker()


class Metadata(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the service reads of an object's metadata; everything else is ignored."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""


class PredictiveAutoscaler(msgspec.Struct, frozen=True, kw_only=True):
    """One PredictiveAutoscaler as the API server has it; `status` is kept as it was sent."""

    metadata: Metadata
    spec: PredictiveAutoscalerSpec
    status: dict[str, object] = {}


class HealingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One HealingPolicy as the API server has it; `status` is kept as it was sent."""

    metadata: Metadata
    spec: HealingPolicySpec
    status: dict[str, object] = {}
