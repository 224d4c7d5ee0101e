"""What all metrics of an object ask for together: the most of them, and never less while one of them is blind."""

from dataclasses import dataclass

from autoscaler.scaling.proposal import Proposal, propose
from autoscaler.scaling.readings import Failure
from autoscaler.scaling.types import MetricReading, MetricStatus, Observation, Policy


@dataclass(frozen=True, slots=True)
class Reactive:
    """The raw proposal of the HPA's formula."""

    replicas: int | None  # None: hold, for the reason of `failure`
    decisive: MetricStatus | None  # of the metric that asks for the most
    failure: Failure | None  # of the first metric that failed, also where the others are enough to act on
    statuses: tuple[MetricStatus, ...]


def react(observation: Observation, policy: Policy, now_s: float) -> Reactive:
    """Return the largest proposal of the metrics.

    A failed metric might have asked for more than the others did. So with one that failed the count can rise or stay, but
    not fall; with all failed it stays.
    """
    outcomes = [(reading, propose(reading, observation, policy, now_s)) for reading in _readings(observation, policy)]
    statuses = tuple(_status(reading, outcome) for reading, outcome in outcomes)
    first_failure = next((outcome for _, outcome in outcomes if isinstance(outcome, Failure)), None)
    proposed = [(status.proposal, status) for status in statuses if status.proposal is not None]
    if not proposed:
        return Reactive(None, None, first_failure, statuses)
    replicas, decisive = max(proposed, key=lambda one: one[0])  # the first of equals
    if first_failure is not None and replicas < observation.spec_replicas:
        return Reactive(None, None, first_failure, statuses)
    return Reactive(replicas, decisive, first_failure, statuses)


def _readings(observation: Observation, policy: Policy) -> list[MetricReading]:
    """Return one reading for each metric of the policy; one that is not there has failed."""
    found = list(observation.readings[: len(policy.metrics)])
    missing = policy.metrics[len(found) :]
    return found + [MetricReading(spec, error="the metric has not been read yet") for spec in missing]


def _status(reading: MetricReading, outcome: Proposal | Failure) -> MetricStatus:
    if isinstance(outcome, Failure):
        return MetricStatus(reading.spec, None, error=outcome.message)
    return MetricStatus(
        reading.spec,
        outcome.replicas,
        average_utilization=outcome.utilization,
        average_value_milli=outcome.average_milli,
        ratio=outcome.ratio,
    )
