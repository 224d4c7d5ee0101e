"""Several metrics together, and which values may be used at all."""

from typing import Any

import pytest

from autoscaler.api.types import MetricSpec
from autoscaler.reasons import Reason
from autoscaler.scaling.metrics import Reactive, react
from autoscaler.scaling.readings import Failure
from autoscaler.scaling.types import MetricReading
from tests.builders import NOW_S, a_policy, a_query_metric, a_reading, a_resource_metric, an_observation, some_pods

CPU = a_resource_metric(utilization=100)
MEMORY = a_resource_metric("memory", average="100")
QUERY = a_query_metric("10")

AT_CPU = {"above": [200] * 4, "at": [100] * 4, "below": [50] * 4}  # of 4 pods: asks for 8, 4, 2
ABOVE, AT, BELOW = (a_reading(CPU, values) for values in AT_CPU.values())
QUERY_ABOVE = a_reading(QUERY, 60_000)  # asks for 6
QUERY_BELOW = a_reading(QUERY, 10_000)  # asks for 1
BROKEN = MetricReading(QUERY, error="Prometheus answered 503", error_reason=Reason.FAILED_GET_PROMETHEUS_METRIC)
BROKEN_CPU = MetricReading(CPU, error="Prometheus answered 503")


def reaction(*readings: MetricReading) -> Reactive:
    metrics = [reading.spec for reading in readings]
    return react(an_observation(*readings, pods=some_pods(4)), a_policy(*metrics), NOW_S)


def only_failure(reading: MetricReading) -> Failure:
    found = reaction(reading)
    assert found.replicas is None
    (failure,) = found.failures
    assert found.statuses[0].error == failure.message
    return failure


@pytest.mark.parametrize(
    ("readings", "replicas"),
    [
        ((BELOW, QUERY_ABOVE), 6),
        ((QUERY_ABOVE, BELOW), 6),
        ((ABOVE, QUERY_ABOVE), 8),
        ((BELOW, QUERY_BELOW), 2),
    ],
)
def test_the_metric_that_asks_for_the_most_decides(readings: tuple[MetricReading, ...], replicas: int) -> None:
    found = reaction(*readings)
    assert found.replicas == replicas
    assert found.decisive is not None
    assert found.decisive.proposal == replicas
    assert found.failures == ()


def test_of_equals_the_first_decides() -> None:
    found = reaction(a_reading(QUERY, 80_000), ABOVE)
    assert found.decisive is not None
    assert found.decisive.spec is QUERY


@pytest.mark.parametrize("readings", [(BROKEN, BELOW), (BELOW, BROKEN)])
def test_a_failed_metric_forbids_to_scale_down(readings: tuple[MetricReading, ...]) -> None:
    found = reaction(*readings)
    assert found.replicas is None
    assert found.failures == (Failure(Reason.FAILED_GET_PROMETHEUS_METRIC, "Prometheus answered 503"),)


def test_a_failed_metric_does_not_forbid_to_scale_up_or_stay() -> None:
    assert reaction(BROKEN, ABOVE).replicas == 8
    assert reaction(AT, BROKEN).replicas == 4
    assert reaction(BROKEN, ABOVE).failures != ()


def test_with_all_failed_the_first_failure_is_told() -> None:
    found = reaction(BROKEN_CPU, BROKEN)
    assert found.replicas is None
    assert found.failures[0] == Failure(Reason.FAILED_GET_RESOURCE_METRIC, "Prometheus answered 503")
    assert [status.error for status in found.statuses] == ["Prometheus answered 503"] * 2


def test_a_metric_that_was_not_read_has_failed() -> None:
    found = react(an_observation(BELOW, pods=some_pods(4)), a_policy(CPU, QUERY), NOW_S)
    assert found.replicas is None
    assert found.statuses[1].error == "the metric has not been read yet"


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
@pytest.mark.parametrize("metric", [CPU, MEMORY])
def test_one_value_that_cannot_be_fails_the_metric(metric: MetricSpec, value: float) -> None:
    failure = only_failure(a_reading(metric, [50, 50, value, 50]))
    assert failure.reason is Reason.FAILED_GET_RESOURCE_METRIC
    assert "pod shop-2" in failure.message


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_query_with_a_value_that_cannot_be_fails(value: float) -> None:
    assert only_failure(a_reading(QUERY, value)).reason is Reason.FAILED_GET_PROMETHEUS_METRIC


@pytest.mark.parametrize("values", [None, {}])
def test_no_value_is_not_zero(values: dict[str, int] | None) -> None:
    assert only_failure(a_reading(CPU, values)).reason is Reason.FAILED_GET_RESOURCE_METRIC


@pytest.mark.parametrize("metric", [CPU, QUERY])
def test_a_value_may_be_as_old_as_the_policy_says_and_no_older(metric: MetricSpec) -> None:
    values = 10_000 if metric is QUERY else [50] * 4
    assert reaction(a_reading(metric, values, age_s=60)).replicas is not None
    failure = only_failure(a_reading(metric, values, age_s=61))
    assert failure == Failure(Reason.STALE_METRICS, "the newest value is 61 s old; older than 60 s is not used")


@pytest.mark.parametrize("metric", [CPU, QUERY])
def test_a_value_from_the_future_has_no_age_that_could_be_trusted(metric: MetricSpec) -> None:
    values = 10_000 if metric is QUERY else [50] * 4
    assert reaction(a_reading(metric, values, age_s=-60)).replicas is not None
    failure = only_failure(a_reading(metric, values, age_s=-61))
    assert failure.reason is Reason.STALE_METRICS
    assert "61 s ahead of the clock of the service" in failure.message


@pytest.mark.parametrize("metric", [CPU, QUERY])
@pytest.mark.parametrize("at_s", [None, float("nan")])
def test_a_value_of_unknown_age_is_stale(metric: MetricSpec, at_s: float | None) -> None:
    values: Any = {"total_milli": 10_000} if metric is QUERY else {"pods_milli": {"shop-0": 50}}
    assert only_failure(MetricReading(metric, sampled_at_s=at_s, **values)).reason is Reason.STALE_METRICS


def test_one_pod_with_an_old_value_is_a_missing_pod_and_not_a_stale_metric() -> None:
    """Three at 50 and one taken for 100: 250 of 400 is 62 %; 0.62 x 4 = 2.48, so 3 instead of 2."""
    own = {f"shop-{index}": NOW_S - 5 for index in range(3)} | {"shop-3": NOW_S - 61}
    assert reaction(a_reading(CPU, [50, 50, 50, 0], pods_sampled_at_s=own)).replicas == 3
