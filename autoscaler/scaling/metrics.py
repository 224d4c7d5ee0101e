"""What all metrics of an object ask for together: the most of them, and never less while one of them is blind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoscaler.scaling.proposal import propose
from autoscaler.scaling.readings import Failure, Proposal
from autoscaler.scaling.types import MetricReading, MetricStatus, Observation, Policy


@dataclass(frozen=True, slots=True)
class Reactive:
    """The raw proposal of the HPA's formula."""

    replicas: int | None  # None: hold, for the reason of `failure`
    decisive: MetricStatus | None  # of the metric that asks for the most
    failures: tuple[Failure, ...]  # of the metrics that failed, also where the others are enough to act on
    statuses: tuple[MetricStatus, ...]
    untolerated: int | None = None  # what they would ask for, were there no tolerance; None: it does not matter


def react(observation: Observation, policy: Policy, now_s: float) -> Reactive:
    """Return the largest proposal of the metrics.

    The HPA takes zero for no proposal yet. That matters only with proposals below zero, which come of overflows.

    A failed metric might have asked for more than the others did. So with one that failed the count can rise or stay, but
    not fall; with all failed it stays.
    """
    outcomes = [(reading, propose(reading, observation, policy, now_s)) for reading in _readings(observation, policy)]
    statuses = tuple(_status(reading, outcome) for reading, outcome in outcomes)
    failures = tuple(outcome for _, outcome in outcomes if isinstance(outcome, Failure))
    replicas, decisive = 0, None
    for status in statuses:
        if status.proposal is not None and (replicas == 0 or status.proposal > replicas):  # the first of equals, but of zeros
            replicas, decisive = status.proposal, status
    if decisive is None:
        return Reactive(None, None, failures, statuses)
    if failures and replicas < observation.spec_replicas:
        return Reactive(None, None, failures, statuses)
    return Reactive(max(0, replicas), decisive, failures, statuses, _untolerated(statuses, failures, observation.spec_replicas))


def _untolerated(statuses: Iterable[MetricStatus], failures: Sequence[Failure], current: int) -> int | None:
    """Return what would be asked for without a tolerance, where one holds the count; only explained, never decided by."""
    if not any(status.untolerated is not None for status in statuses):
        return None
    asked = [status.proposal if status.untolerated is None else status.untolerated for status in statuses]
    most = max(one for one in asked if one is not None)
    return None if failures and most < current else max(0, most)


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
        value_milli=outcome.value_milli,
        ratio=outcome.ratio,
        active=outcome.active,
        exact=outcome.exact,
        untolerated=outcome.untolerated,
        pods=outcome.pods,
    )
