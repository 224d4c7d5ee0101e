"""How many pods one metric asks for: the formula of the Horizontal Pod Autoscaler (Kubernetes 1.36, `replica_calculator.go`).

Everything is counted in whole milli-units and divided as the HPA divides: the integer truncations are part of the result.
Only where its 32 bits would overflow is the answer another: the largest count there is, instead of a negative one.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from autoscaler.api.quantity import parse_milli
from autoscaler.api.types import INT32_MAX, MetricSpec, MetricTarget, MetricType
from autoscaler.model import PodView
from autoscaler.scaling.pods import Groups, grouped, requests
from autoscaler.scaling.policy import Tolerances, tolerances
from autoscaler.scaling.readings import Failure, failure, pod_usage, total
from autoscaler.scaling.types import MetricReading, Observation, Policy


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one metric asks for, and what it stood at when it did."""

    replicas: int
    ratio: float | None  # to the target; None when nothing runs that could be compared
    average_milli: int | None
    utilization: int | None = None  # percent


@dataclass(frozen=True, slots=True)
class Measured:
    """How a set of values compares with a target."""

    ratio: float
    average_milli: int
    utilization: int | None = None


@dataclass(frozen=True, slots=True)
class UtilizationTarget:
    """A percentage of what pods request."""

    percent: int
    requests_milli: Mapping[str, int]

    def measure(self, values: Mapping[str, int]) -> Measured | None:
        """Compare values of pods with the target; None when those pods request nothing."""
        known = [pod for pod in values if pod in self.requests_milli]
        used = sum(values[pod] for pod in known)
        requested = sum(self.requests_milli[pod] for pod in known)
        if requested == 0:
            return None
        utilization = used * 100 // requested
        return Measured(utilization / self.percent, used // len(known), utilization)

    def assumed_milli(self, pod: str) -> int:
        """Return what a pod without a value is taken to use before pods are removed: its request, or more if the target is."""
        return self.requests_milli[pod] * max(100, self.percent) // 100


@dataclass(frozen=True, slots=True)
class AverageValueTarget:
    """An amount per pod."""

    milli: int

    def measure(self, values: Mapping[str, int]) -> Measured:
        """Compare values of pods with the target; values of pods that nobody listed count as well."""
        average = sum(values.values()) // len(values)
        return Measured(float(average) / float(self.milli), average)

    def assumed_milli(self, _pod: str) -> int:
        """Return what a pod without a value is taken to use before pods are removed: the target."""
        return self.milli


PodTarget = UtilizationTarget | AverageValueTarget


def resource_of(spec: MetricSpec) -> tuple[str, str | None, MetricTarget]:
    """Return resource, container (None: all of the pod's) and target of a metric that is read by pod."""
    if spec.resource is not None:
        return spec.resource.name, None, spec.resource.target
    if spec.container_resource is not None:
        return spec.container_resource.name, spec.container_resource.container, spec.container_resource.target
    raise ValueError(f"a metric of type {spec.type} is not read by pod")


def propose(reading: MetricReading, observation: Observation, policy: Policy, now_s: float) -> Proposal | Failure:
    """Return how many pods one metric asks for, or why it cannot say."""
    match reading.spec.type:
        case MetricType.RESOURCE | MetricType.CONTAINER_RESOURCE:
            return _by_resource(reading, observation, policy, now_s)
        case MetricType.PROMETHEUS:
            return _by_query(reading, observation, policy, now_s)
        case _:
            assert_never(reading.spec.type)


def _by_resource(reading: MetricReading, observation: Observation, policy: Policy, now_s: float) -> Proposal | Failure:
    usage = pod_usage(reading, policy.max_metric_age_s, now_s)
    if isinstance(usage, Failure):
        return usage
    if not observation.pods:
        return failure(reading.spec, "the target's selector matches no pod")
    resource, container, wanted = resource_of(reading.spec)
    groups = grouped(observation.pods, usage, resource, policy, now_s)
    values = {pod: value for pod, value in usage.values.items() if pod not in groups.ignored | groups.unready}
    if not values:
        return failure(reading.spec, "no pod that counts has a value (they may be unready)")
    target = _target(wanted, observation.pods, resource, container)
    if isinstance(target, str):
        return failure(reading.spec, target)
    measured = target.measure(values)
    if measured is None:
        return failure(reading.spec, f"the pods that have a value request no {resource}")
    replicas = _replicas(_Case(target, groups, observation.spec_replicas, tolerances(policy)), values, measured)
    return Proposal(min(replicas, INT32_MAX), measured.ratio, measured.average_milli, measured.utilization)


def _target(wanted: MetricTarget, pods: Iterable[PodView], resource: str, container: str | None) -> PodTarget | str:
    """Return what the values of pods are compared with, or a sentence that says why nothing can be."""
    if wanted.average_value is not None:
        return AverageValueTarget(parse_milli(wanted.average_value))
    if wanted.average_utilization is None:
        return "the metric has neither averageValue nor averageUtilization"
    requested = requests(pods, resource, container)
    return requested if isinstance(requested, str) else UtilizationTarget(wanted.average_utilization, requested)


@dataclass(frozen=True, slots=True)
class _Case:
    """What stays the same while the values of missing and unready pods are filled in."""

    target: PodTarget
    groups: Groups
    current: int
    tolerances: Tolerances


def _replicas(case: _Case, values: Mapping[str, int], first: Measured) -> int:
    """Return the count that brings the average to the target; what is not known about pods only ever damps the change."""
    groups = case.groups
    grows_with_unready = bool(groups.unready) and first.ratio > 1
    if not grows_with_unready and not groups.missing:
        return case.current if case.tolerances.hold(first.ratio) else math.ceil(first.ratio * len(groups.ready))

    filled = dict(values)
    if first.ratio < 1:
        filled |= {pod: case.target.assumed_milli(pod) for pod in groups.missing}
    elif first.ratio > 1:
        filled |= dict.fromkeys(groups.missing, 0)
    if grows_with_unready:
        filled |= dict.fromkeys(groups.unready, 0)

    second = case.target.measure(filled)
    if second is None or case.tolerances.hold(second.ratio) or _turns(first.ratio, second.ratio):
        return case.current
    replicas = math.ceil(second.ratio * len(filled))
    contradicts = (second.ratio < 1 and replicas > case.current) or (second.ratio > 1 and replicas < case.current)
    return case.current if contradicts else replicas


def _turns(first: float, second: float) -> bool:
    """Say whether one ratio asks for more pods and the other for fewer."""
    return (first < 1 < second) or (second < 1 < first)


def _by_query(reading: MetricReading, observation: Observation, policy: Policy, now_s: float) -> Proposal | Failure:
    """Return the count that carries the value of a query: the HPA's External metric with an AverageValue.

    Within tolerance the count is that of the scale's status, not of its spec.
    """
    value = total(reading, policy.max_metric_age_s, now_s)
    if isinstance(value, Failure):
        return value
    if reading.spec.prometheus is None or reading.spec.prometheus.target.average_value is None:
        return failure(reading.spec, "the metric names no query with an averageValue")
    target_milli = parse_milli(reading.spec.prometheus.target.average_value)
    running = observation.status_replicas
    needed = min(math.ceil(float(value) / float(target_milli)), INT32_MAX)
    if running == 0:
        return Proposal(needed, None, None)
    ratio = float(value) / (float(target_milli) * float(running))
    return Proposal(running if tolerances(policy).hold(ratio) else needed, ratio, math.ceil(float(value) / float(running)))
