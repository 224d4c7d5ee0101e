"""What a decision was made from is kept with it: sources, ages, pods."""

from dataclasses import replace

from autoscaler.model import GateState, PodPhase
from autoscaler.scaling.decide import decide
from autoscaler.scaling.inputs import ForecastInput, Inputs, PodCounts, PodTally
from autoscaler.scaling.types import MetricReading, Observation, State
from tests.builders import (
    NOW_S,
    a_forecast,
    a_pod,
    a_policy,
    a_query_metric,
    a_reading,
    a_resource_metric,
    an_observation,
    some_pods,
)

CPU = a_resource_metric(utilization=80)


def inputs(observation: Observation, **fields: object) -> Inputs:
    specs = tuple(reading.spec for reading in observation.readings)
    return decide(observation, a_policy(*specs, **fields), State(), NOW_S)[0].inputs


def test_every_metric_tells_its_source_its_age_and_where_it_stands() -> None:
    query = a_query_metric("10")
    other = replace(a_reading(query, 35_000, age_s=12.0), source="external.metrics.k8s.io")
    found = inputs(an_observation(a_reading(CPU, [120, 120]), other, pods=some_pods(2)))
    assert [(one.source, one.age_s) for one in found.metrics] == [("Prometheus", 5.0), ("external.metrics.k8s.io", 12.0)]
    assert found.metrics[0].stands == "cpu at 120% of requests (target 80%)"
    assert found.metrics[1].stands == "the query at 17.5 per pod (target 10)"


def test_every_pod_is_in_one_group_of_the_target_and_of_the_metric() -> None:
    young = a_pod("young", start_s=NOW_S - 20, ready=False, ready_changed_s=NOW_S - 20)
    waiting = a_pod("waiting", phase=PodPhase.PENDING, ready=None, start_s=None)
    pods = (*some_pods(3), young, waiting, a_pod("going", deleting=True))
    reading = a_reading(CPU, {"shop-0": 80, "shop-1": 80, "young": 80})
    found = inputs(an_observation(reading, pods=pods))
    assert found.pods == PodTally(ready=3, unready=1, pending=1, ignored=1)
    assert found.metrics[0].pods == PodCounts(counted=2, unready=2, missing=1, ignored=1)
    assert (found.metrics[0].with_value, found.metrics[0].without_value) == (3, 3)


def test_a_forecast_tells_its_gate_its_age_and_how_far_it_looks() -> None:
    forecast = a_forecast(0.3, gate=GateState.SHUT)
    observation = an_observation(a_reading(CPU, [80]), pods=some_pods(1), forecasts=(forecast,))
    expected = ForecastInput(GateState.SHUT, NOW_S - forecast.issued_s, forecast.lead_s)
    assert inputs(observation).metrics[0].forecast == expected


def test_a_metric_that_failed_has_no_age_and_stands_nowhere() -> None:
    found = inputs(an_observation(MetricReading(CPU, error="Prometheus answered 503"), pods=some_pods(1)))
    assert (found.metrics[0].age_s, found.metrics[0].stands, found.metrics[0].with_value) == (None, "", None)


def test_a_time_that_is_no_number_is_no_age() -> None:
    assert inputs(an_observation(a_reading(CPU, [80], age_s=float("nan")), pods=some_pods(1))).metrics[0].age_s is None


def test_where_the_load_is_not_looked_at_its_age_is_told_all_the_same() -> None:
    found = inputs(an_observation(a_reading(CPU, [80, 80]), pods=some_pods(2)), max_replicas=1)
    assert (found.metrics[0].age_s, found.metrics[0].stands) == (5.0, "")
