"""Whether the values of a metric may be used at all. Missing, stale, negative or absurd data is a failed metric, never a zero.

What a failed metric means for the count is in `metrics`; which pods then count is in `pods`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.api.types import MetricSpec, MetricType
from autoscaler.reasons import Reason
from autoscaler.scaling.types import MetricReading

_FAILED = {
    MetricType.RESOURCE: Reason.FAILED_GET_RESOURCE_METRIC,
    MetricType.CONTAINER_RESOURCE: Reason.FAILED_GET_CONTAINER_RESOURCE_METRIC,
    MetricType.PROMETHEUS: Reason.FAILED_GET_PROMETHEUS_METRIC,
}
_LARGEST = 2**63 - 1  # milli-units; the HPA counts in int64


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a metric has no proposal."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Fresh values by pod, in milli-units, with the time of each and the window that each covers."""

    values: Mapping[str, int]
    at_s: Mapping[str, float]
    window_s: float


def failure(spec: MetricSpec, message: str) -> Failure:
    """Return a failure with the HPA's reason for this type of metric."""
    return Failure(_FAILED[spec.type], message)


def pod_usage(reading: MetricReading, max_age_s: float, now_s: float) -> Usage | Failure:
    """Return the values by pod that may be used: a pod with an old value is left out, as if it had none.

    One value that cannot be (negative, NaN) fails the metric: where it comes from, the others come from as well.
    """
    if reading.error is not None:
        return Failure(reading.error_reason or _FAILED[reading.spec.type], reading.error)
    if not reading.pods_milli:
        return failure(reading.spec, "there is no value for any pod")
    absurd = sorted(pod for pod, value in reading.pods_milli.items() if not _is_possible(value))
    if absurd:
        return failure(reading.spec, f"the value of pod {absurd[0]} is {reading.pods_milli[absurd[0]]}, which cannot be")
    own = reading.pods_sampled_at_s or {}
    at_s = {pod: own.get(pod, reading.sampled_at_s) for pod in reading.pods_milli}
    fresh = {pod: at for pod, at in at_s.items() if at is not None and _is_fresh(at, max_age_s, now_s)}
    if not fresh:
        return _stale(max((at for at in at_s.values() if at is not None), default=None), max_age_s, now_s)
    return Usage({pod: min(reading.pods_milli[pod], _LARGEST) for pod in fresh}, fresh, reading.window_s)


def total(reading: MetricReading, max_age_s: float, now_s: float) -> int | Failure:
    """Return the value of a query in milli-units, if it may be used."""
    if reading.error is not None:
        return Failure(reading.error_reason or _FAILED[reading.spec.type], reading.error)
    if reading.total_milli is None:
        return failure(reading.spec, "the query gives no value")
    if not _is_possible(reading.total_milli):
        return failure(reading.spec, f"the query gives {reading.total_milli}/1000, which cannot be a load")
    if reading.sampled_at_s is None or not _is_fresh(reading.sampled_at_s, max_age_s, now_s):
        return _stale(reading.sampled_at_s, max_age_s, now_s)
    return min(reading.total_milli, _LARGEST)


def _is_possible(value: float) -> bool:
    return 0 <= value < math.inf  # false for NaN


def _is_fresh(at_s: float, max_age_s: float, now_s: float) -> bool:
    """Say whether a sample is young; one as far in the future says that the clocks differ, and nothing of its age."""
    return -max_age_s <= now_s - at_s <= max_age_s  # false for NaN


def _stale(at_s: float | None, max_age_s: float, now_s: float) -> Failure:
    if at_s is not None and at_s > now_s:
        ahead = f"the newest value is {at_s - now_s:.0f} s ahead of the clock of the service; set both clocks by NTP"
        return Failure(Reason.STALE_METRICS, ahead)
    age = "of unknown age" if at_s is None else f"{now_s - at_s:.0f} s old"
    return Failure(Reason.STALE_METRICS, f"the newest value is {age}; older than {max_age_s:g} s is not used")
