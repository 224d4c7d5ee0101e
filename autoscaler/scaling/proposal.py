"""How many pods one metric asks for: the formula of the Horizontal Pod Autoscaler (Kubernetes 1.36, `replica_calculator.go`).

Everything is counted in whole milli-units and divided as the HPA divides: the integer truncations are part of the result.
Metrics of all pods together (Object, External, a query) are in `totals`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from autoscaler.api.types import MetricSpec, MetricTarget, MetricType
from autoscaler.model import PodView
from autoscaler.scaling import rollouts
from autoscaler.scaling.inputs import PodCounts
from autoscaler.scaling.numbers import Numbers, ceiling, divided, truncated
from autoscaler.scaling.pods import CPU, Groups, grouped, requests
from autoscaler.scaling.policy import Tolerances, numbers_of, tolerances
from autoscaler.scaling.readings import Failure, Proposal, failure, pod_usage
from autoscaler.scaling.totals import by_total
from autoscaler.scaling.types import MetricReading, Observation, Policy


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
    numbers: Numbers

    def measure(self, values: Mapping[str, int]) -> Measured | None:
        """Compare values of pods with the target; None when those pods request nothing."""
        known = [pod for pod in values if pod in self.requests_milli]
        used = self.numbers.fit64(sum(values[pod] for pod in known))
        requested = self.numbers.fit64(sum(self.requests_milli[pod] for pod in known))
        if requested == 0:
            return None
        utilization = self.numbers.fit32(truncated(self.numbers.fit64(used * 100), requested))
        return Measured(utilization / self.percent, truncated(used, len(known)), utilization)

    def assumed_milli(self, pod: str) -> int:
        """Return what a pod without a value is taken to use before pods are removed: its request, or more if the target is."""
        return truncated(self.numbers.fit64(self.requests_milli[pod] * max(100, self.percent)), 100)

    def weight(self, pod: str) -> int:
        """Return what a pod counts beside others."""
        return self.requests_milli[pod]


@dataclass(frozen=True, slots=True)
class AverageValueTarget:
    """An amount per pod."""

    milli: int
    numbers: Numbers

    def measure(self, values: Mapping[str, int]) -> Measured:
        """Compare values of pods with the target; values of pods that nobody listed count as well."""
        average = truncated(self.numbers.fit64(sum(values.values())), len(values))
        return Measured(divided(float(average), float(self.milli)), average)

    def assumed_milli(self, _pod: str) -> int:
        """Return what a pod without a value is taken to use before pods are removed: the target."""
        return self.milli

    def weight(self, _pod: str) -> int:
        """Return what a pod counts beside others: as much as each."""
        return 1


PodTarget = UtilizationTarget | AverageValueTarget


def resource_of(spec: MetricSpec) -> tuple[str, str | None, MetricTarget]:
    """Return resource (empty: another metric), container (None: all) and target of a metric that is read by pod."""
    if spec.resource is not None:
        return spec.resource.name, None, spec.resource.target
    if spec.container_resource is not None:
        return spec.container_resource.name, spec.container_resource.container, spec.container_resource.target
    if spec.pods is not None:
        return "", None, spec.pods.target
    raise ValueError(f"a metric of type {spec.type} is not read by pod")


def propose(reading: MetricReading, observation: Observation, policy: Policy, now_s: float) -> Proposal | Failure:
    """Return how many pods one metric asks for, or why it cannot say."""
    match reading.spec.type:
        case MetricType.RESOURCE | MetricType.CONTAINER_RESOURCE | MetricType.PODS:
            return _by_pod(reading, observation, policy, now_s)
        case MetricType.OBJECT | MetricType.EXTERNAL | MetricType.PROMETHEUS:
            return by_total(reading, observation, policy, now_s)
        case _:
            assert_never(reading.spec.type)


def _by_pod(reading: MetricReading, observation: Observation, policy: Policy, now_s: float) -> Proposal | Failure:
    usage = pod_usage(reading, policy, now_s)
    if isinstance(usage, Failure):
        return usage
    if not observation.pods:
        return failure(reading.spec, "the target's selector matches no pod")
    resource, container, wanted = resource_of(reading.spec)
    groups = grouped(observation.pods, usage, resource, policy, now_s)
    values = {pod: value for pod, value in usage.values.items() if pod not in groups.ignored | groups.unready}
    if not values:
        return failure(reading.spec, "no pod that counts has a value (they may be unready)")
    target = _target(wanted, observation.pods, (resource, container), numbers_of(policy))
    if isinstance(target, str):
        return failure(reading.spec, target)
    measured = target.measure(values)
    if measured is None:
        return failure(reading.spec, f"the pods that have a value request no {resource}")
    case = _Case(target, groups, observation.spec_replicas, tolerances(policy), numbers_of(policy))
    asked = _replicas(case, values, measured)
    found = Proposal(
        asked.replicas,
        measured.ratio,
        average_milli=measured.average_milli,
        utilization=measured.utilization,
        untolerated=asked.untolerated,
        pods=PodCounts(*map(len, (groups.ready, groups.unready, groups.missing, groups.ignored))),
    )
    young_s = now_s - policy.cpu_initialization_period_s
    started = _started(observation.pods, groups, target, young_s) if resource == CPU else ()
    bounded = replace(case, is_exact=not policy.departures.discounting_rollouts)
    return _without_rollout(found, bounded, values, started)


def _started(pods: Iterable[PodView], groups: Groups, target: PodTarget, young_s: float) -> Iterator[rollouts.Started]:
    """Yield pods that count, as their starts are looked at; those that started after `young_s` are young."""
    for pod in pods:
        if pod.name in groups.ready and pod.start_s is not None:
            yield rollouts.Started(pod.name, pod.start_s, pod.start_s > young_s, target.weight(pod.name))


def _without_rollout(
    exact: Proposal, case: "_Case", values: Mapping[str, int], started: Iterable[rollouts.Started]
) -> Proposal:
    """Return the proposal without what only a roll-out asks for, and the ratio that a burst goes by.

    Never less than there is, nor more than the exact one.
    """
    values = values if case.is_exact else rollouts.calm(values, started)
    measured = None if case.is_exact else case.target.measure(values)
    if measured is None:
        return exact
    replicas = min(exact.replicas, max(case.current, _replicas(case, values, measured).replicas))
    return replace(exact, replicas=replicas, ratio=measured.ratio, exact=exact.replicas if replicas < exact.replicas else None)


def _target(wanted: MetricTarget, pods: Iterable[PodView], of: tuple[str, str | None], numbers: Numbers) -> PodTarget | str:
    """Return what the values of pods are compared with, or a sentence that says why nothing can be."""
    resource, container = of
    if wanted.average_value is not None:
        return AverageValueTarget(numbers.milli(wanted.average_value), numbers)
    if wanted.average_utilization is None:
        return "the metric has neither averageValue nor averageUtilization"
    requested = requests(pods, resource, container)
    return requested if isinstance(requested, str) else UtilizationTarget(wanted.average_utilization, requested, numbers)


@dataclass(frozen=True, slots=True)
class _Case:
    """What stays the same while the values of missing and unready pods are filled in."""

    target: PodTarget
    groups: Groups
    current: int
    tolerances: Tolerances
    numbers: Numbers
    is_exact: bool = True  # False: pods beyond the wanted ones do not multiply

    def bounded(self, asked: int, ratio: float) -> int:
        """Return what pods ask for, of which some may be there for a roll-out alone."""
        return asked if self.is_exact else rollouts.within_surge(asked, ratio, self.current, self.numbers)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A count, and what it would be without the tolerance where that is what holds it."""

    replicas: int
    untolerated: int | None = None


def _replicas(case: _Case, values: Mapping[str, int], first: Measured) -> _Asked:
    """Return the count that brings the average to the target; what is not known about pods only ever damps the change."""
    groups = case.groups
    grows_with_unready = bool(groups.unready) and first.ratio > 1
    if not grows_with_unready and not groups.missing:
        needed = case.numbers.whole32(ceiling(first.ratio * len(groups.ready)))
        asked = case.bounded(needed, first.ratio)
        return _Asked(case.current, asked) if case.tolerances.hold(first.ratio) else _Asked(asked)

    filled = dict(values)
    if first.ratio < 1:
        filled |= {pod: case.target.assumed_milli(pod) for pod in groups.missing}
    elif first.ratio > 1:
        filled |= dict.fromkeys(groups.missing, 0)
    if grows_with_unready:
        filled |= dict.fromkeys(groups.unready, 0)

    second = case.target.measure(filled)
    if second is None or _turns(first.ratio, second.ratio):
        return _Asked(case.current)
    replicas = case.numbers.whole32(ceiling(second.ratio * len(filled)))
    contradicts = (second.ratio < 1 and replicas > case.current) or (second.ratio > 1 and replicas < case.current)
    asked = case.current if contradicts else case.bounded(replicas, second.ratio)
    return _Asked(case.current, asked) if case.tolerances.hold(second.ratio) else _Asked(asked)


def _turns(first: float, second: float) -> bool:
    """Say whether one ratio asks for more pods and the other for fewer."""
    return (first < 1 < second) or (second < 1 < first)
