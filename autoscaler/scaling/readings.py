"""Whether the values of a metric may be used at all. Missing, stale, negative or absurd data is a failed metric, never a zero.

What a failed metric means for the count is in `metrics`; which pods then count is in `pods`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.api.types import MetricSpec, MetricType
from autoscaler.reasons import Reason
from autoscaler.scaling.inputs import PodCounts
from autoscaler.scaling.policy import numbers_of
from autoscaler.scaling.types import MetricReading, Policy

_FAILED = {
    MetricType.RESOURCE: Reason.FAILED_GET_RESOURCE_METRIC,
    MetricType.CONTAINER_RESOURCE: Reason.FAILED_GET_CONTAINER_RESOURCE_METRIC,
    MetricType.PODS: Reason.FAILED_GET_PODS_METRIC,
    MetricType.OBJECT: Reason.FAILED_GET_OBJECT_METRIC,
    MetricType.EXTERNAL: Reason.FAILED_GET_EXTERNAL_METRIC,
    MetricType.PROMETHEUS: Reason.FAILED_GET_PROMETHEUS_METRIC,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a metric has no proposal."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one metric asks for, and what it stood at when it did."""

    replicas: int
    ratio: float | None  # to the target; None when nothing runs that could be compared
    average_milli: int | None = None
    utilization: int | None = None  # percent
    value_milli: int | None = None  # of all pods together
    active: bool | None = None  # whether the value is above `activation`; None where none is given
    exact: int | None = None  # the HPA's, where pods of a roll-out are left out of this one
    untolerated: int | None = field(default=None, compare=False)  # without the tolerance, where that is what holds the count
    pods: PodCounts | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Fresh values by pod, in milli-units, with the time of each and the seconds that each covers."""

    values: Mapping[str, int]
    at_s: Mapping[str, float]
    window_s: Mapping[str, float]


def failure(spec: MetricSpec, message: str) -> Failure:
    """Return a failure with the HPA's reason for this type of metric."""
    return Failure(_FAILED[spec.type], message)


def pod_usage(reading: MetricReading, policy: Policy, now_s: float) -> Usage | Failure:
    """Return the values by pod that may be used: a pod with an old value is left out, as if it had none.

    One value that cannot be (negative, NaN) fails the metric: where it comes from, the others come from as well.
    """
    if reading.error is not None:
        return Failure(reading.error_reason or _FAILED[reading.spec.type], reading.error)
    if not reading.pods_milli:
        return failure(reading.spec, "there is no value for any pod")
    max_age_s, numbers = policy.max_metric_age_s, numbers_of(policy)
    absurd = sorted(pod for pod, value in reading.pods_milli.items() if not _is_possible(value, policy))
    if absurd:
        return failure(reading.spec, f"the value of pod {absurd[0]} is {reading.pods_milli[absurd[0]]}, which cannot be")
    own = reading.pods_sampled_at_s or {}
    windows_s = dict.fromkeys(reading.pods_milli, reading.window_s) | dict(reading.pods_window_s or {})
    at_s = {pod: own.get(pod, reading.sampled_at_s) for pod in reading.pods_milli}
    fresh = {pod: at for pod, at in at_s.items() if at is not None and _is_fresh(at, max_age_s, now_s)}
    if not fresh:
        return _stale(max((at for at in at_s.values() if at is not None), default=None), max_age_s, now_s)
    return Usage({pod: numbers.fit64(reading.pods_milli[pod]) for pod in fresh}, fresh, windows_s)


def totals(reading: MetricReading, policy: Policy, now_s: float) -> tuple[int, ...] | Failure:
    """Return the values in milli-units that together are a metric of all pods, if they may be used: one, or several to sum."""
    if reading.error is not None:
        return Failure(reading.error_reason or _FAILED[reading.spec.type], reading.error)
    values = reading.parts_milli or (() if reading.total_milli is None else (reading.total_milli,))
    what = "query" if reading.spec.type is MetricType.PROMETHEUS else "metric"
    if not values:
        return failure(reading.spec, f"the {what} gives no value")
    for value in values:
        if not _is_possible(value, policy):
            return failure(reading.spec, f"the {what} gives {value}/1000, which cannot be a load")
    if reading.sampled_at_s is None or not _is_fresh(reading.sampled_at_s, policy.max_metric_age_s, now_s):
        return _stale(reading.sampled_at_s, policy.max_metric_age_s, now_s)
    return tuple(map(numbers_of(policy).fit64, values))


def _is_possible(value: float, policy: Policy) -> bool:
    if value < 0:
        return value > -math.inf and not policy.departures.refusing_negative
    return value < math.inf  # false for NaN


def _is_fresh(at_s: float, max_age_s: float, now_s: float) -> bool:
    """Say whether a sample is young; one as far in the future says that the clocks differ, and nothing of its age."""
    return -max_age_s <= now_s - at_s <= max_age_s  # false for NaN


def _stale(at_s: float | None, max_age_s: float, now_s: float) -> Failure:
    if at_s is not None and at_s > now_s:
        ahead = f"the newest value is {at_s - now_s:.0f} s ahead of the clock of the service; set both clocks by NTP"
        return Failure(Reason.STALE_METRICS, ahead)
    age = "of unknown age" if at_s is None else f"{now_s - at_s:.0f} s old"
    return Failure(Reason.STALE_METRICS, f"the newest value is {age}; older than {max_age_s:g} s is not used")
