"""How many pods a metric of all of them together asks for: Object, External and our query (`replica_calculator.go` of the HPA).

AverageValue is what one pod can carry; it is compared with the count in the scale's status, and that count stays within the
tolerance. Value is what all pods together should stand at; the pods that are Ready are multiplied.

`activation`, which the HPA does not have, is about the first pod alone: a value that is not above it asks for none, where no
pod runs or the last one may go.
"""

import math
from dataclasses import replace

from autoscaler.api.types import MetricSpec, MetricType
from autoscaler.model import PodPhase
from autoscaler.scaling.amounts import activation_of, target_of
from autoscaler.scaling.numbers import INT32_MAX, INT64_MAX, Numbers, ceiling, divided
from autoscaler.scaling.policy import numbers_of, tolerances
from autoscaler.scaling.readings import Failure, Proposal, failure, totals
from autoscaler.scaling.rollouts import within_surge
from autoscaler.scaling.types import MetricReading, Observation, Policy


def by_total(reading: MetricReading, observation: Observation, policy: Policy, now_s: float) -> Proposal | Failure:
    """Return how many pods a metric of all of them together asks for, or why it cannot say."""
    values = totals(reading, policy, now_s)
    if isinstance(values, Failure):
        return values
    found = _compared(reading, values, observation, policy)
    if isinstance(found, Failure) or (activation := activation_of(reading.spec)) is None:
        return found
    numbers = numbers_of(policy)
    if _sum(values, numbers) > numbers.milli(activation):
        return replace(found, active=True)
    none = observation.spec_replicas == 0 or (policy.min_replicas == 0 and policy.scale_to_zero)
    return replace(found, active=False, replicas=0 if none else found.replicas)


def _compared(reading: MetricReading, values: tuple[int, ...], observation: Observation, policy: Policy) -> Proposal | Failure:
    target = target_of(reading.spec)
    if target is not None and target.average_value is not None:
        usage = values[0] if reading.spec.object else _sum_per_pod(values, numbers_of(policy))
        return _by_average(usage, numbers_of(policy).milli(target.average_value), reading.spec.type, observation, policy)
    if target is not None and target.value is not None:
        return _by_value(
            _sum(values, numbers_of(policy)), numbers_of(policy).milli(target.value), reading.spec, observation, policy
        )
    return failure(reading.spec, "the metric has neither value nor averageValue")


def _sum(values: tuple[int, ...], numbers: Numbers) -> int:
    """Return the sum; one that would be too large is the largest, one that would be too small what 64 bits make of it."""
    usage = 0
    for value in values:
        if value > 0 and usage > INT64_MAX - value:
            return INT64_MAX
        usage = numbers.fit64(usage + value)
    return usage


def _sum_per_pod(values: tuple[int, ...], numbers: Numbers) -> int:
    """Return the sum; one below zero is taken for one that was too large, as the HPA does."""
    usage = 0
    for value in values:
        usage = numbers.fit64(usage + value)
        if usage < 0:
            return INT64_MAX
    return usage


def _by_value(usage: int, target_milli: int, spec: MetricSpec, observation: Observation, policy: Policy) -> Proposal | Failure:
    numbers, ratio = numbers_of(policy), divided(float(usage), float(target_milli))
    if observation.spec_replicas == 0:  # neither tolerance nor pods that could be multiplied
        return Proposal(numbers.whole32(ceiling(ratio)), ratio, value_milli=usage)
    ready = sum(pod.phase is PodPhase.RUNNING and pod.ready is True for pod in observation.pods)
    needed = ratio * ready
    if tolerances(policy).hold(ratio):
        untolerated = numbers.whole32(ceiling(needed)) if ready else None
        return Proposal(observation.spec_replicas, ratio, value_milli=usage, untolerated=untolerated)
    if not observation.pods:
        return failure(spec, "the target's selector matches no pod")
    exact = Proposal(INT32_MAX if needed > INT32_MAX else numbers.whole32(ceiling(needed)), ratio, value_milli=usage)
    if not policy.departures.discounting_rollouts:
        return exact
    return _instead(exact, within_surge(exact.replicas, ratio, observation.spec_replicas, numbers))


def _by_average(usage: int, target_milli: int, kind: MetricType, observation: Observation, policy: Policy) -> Proposal:
    numbers, running = numbers_of(policy), observation.status_replicas
    ratio = divided(float(usage), float(target_milli) * float(running))
    needed = ceiling(divided(float(usage), float(target_milli)))
    capped = kind is not MetricType.OBJECT and needed > INT32_MAX
    held = tolerances(policy).hold(ratio)
    untolerated = INT32_MAX if capped else numbers.whole32(needed)
    replicas = running if held else untolerated
    if running == 0 and not numbers.overflows:
        return Proposal(replicas, None)
    average = numbers.whole64(ceiling(divided(float(usage), float(running))))
    if kind is not MetricType.OBJECT and float(usage) >= float(INT64_MAX):
        average = INT64_MAX
    finite = ratio if math.isfinite(ratio) else None
    exact = Proposal(replicas, finite, average_milli=average, untolerated=untolerated if held else None)
    wanted = observation.spec_replicas
    if not policy.departures.discounting_rollouts or not 0 < wanted < min(running, replicas):
        return exact
    # Within the tolerance of more pods than are wanted: these stay, and not what a roll-out has added to them.
    fits = tolerances(policy).hold(divided(float(usage), float(target_milli) * float(wanted)))
    return _instead(exact, wanted if fits else min(replicas, max(wanted, numbers.whole32(needed))))


def _instead(exact: Proposal, replicas: int) -> Proposal:
    """Return a proposal without the pods that only a roll-out asks for."""
    same = replicas == exact.replicas
    return exact if same else replace(exact, replicas=replicas, exact=exact.replicas, untolerated=None)
