"""Activation: which value of a metric asks for the first pod, and which for none."""

import msgspec
import pytest

from autoscaler.api.types import MetricSpec
from autoscaler.scaling.decide import decide
from autoscaler.scaling.types import Decision, MetricReading, Policy
from tests.builders import NOW_S, a_forecast, a_policy, a_state, an_observation, some_pods

PER_POD = {"type": "AverageValue", "averageValue": "10"}
WHOLE = {"type": "Value", "value": "10"}


def external(target: object, activation: str | None = "5") -> MetricSpec:
    source = {"metric": {"name": "queue"}, "target": target, "activation": activation}
    return msgspec.convert({"type": "External", "external": source}, MetricSpec)


def of_object(target: object, activation: str | None = "5") -> MetricSpec:
    source = {"metric": {"name": "queue"}, "describedObject": {"kind": "Ingress", "name": "front"}, "target": target}
    return msgspec.convert({"type": "Object", "object": {**source, "activation": activation}}, MetricSpec)


def a_query(target: object, activation: str | None = "5") -> MetricSpec:
    source = {"query": "queue", "target": target, "activation": activation}
    return msgspec.convert({"type": "Prometheus", "prometheus": source}, MetricSpec)


def to_zero(spec: MetricSpec, **fields: object) -> Policy:
    return a_policy(spec, **{"min_replicas": 0, "scale_to_zero": True, "downscale_stabilization_s": 0, **fields})


def decided(spec: MetricSpec, values: tuple[int, ...], replicas: int, policy: Policy, **seen: object) -> Decision:
    reading = MetricReading(spec, parts_milli=values, total_milli=sum(values), sampled_at_s=NOW_S)
    observation = an_observation(reading, pods=some_pods(replicas), **seen)
    return decide(observation, policy, a_state(scaled_to_zero=True), NOW_S)[0]


@pytest.mark.parametrize("kind", [external, of_object, a_query])
@pytest.mark.parametrize("target", [PER_POD, WHOLE])
@pytest.mark.parametrize(("value", "first"), [(0, 0), (4999, 0), (5000, 0), (5001, 1), (25_000, 3)])
def test_from_zero_pods_only_a_value_above_it_asks_for_the_first(kind: object, target: object, value: int, first: int) -> None:
    spec = kind(target)
    decision = decided(spec, (value,), 0, to_zero(spec))
    assert decision.desired == first
    assert decision.metrics[0].active is (first > 0)


@pytest.mark.parametrize("kind", [external, of_object, a_query])
def test_where_zero_is_allowed_a_value_not_above_it_asks_for_no_pod(kind: object) -> None:
    spec = kind(PER_POD)
    decision = decided(spec, (5000,), 3, to_zero(spec))
    assert (decision.desired, decision.metrics[0].active) == (0, False)
    assert decision.message.endswith(
        "at 1.667 per pod (target 10), not above its activation of 5, asks for 0 pods, and no metric for more."
    )
    assert decided(spec, (5001,), 3, to_zero(spec)).desired == 1


@pytest.mark.parametrize("fields", [{"min_replicas": 1}, {"scale_to_zero": False}])
def test_elsewhere_it_has_no_effect_but_is_told(fields: dict[str, object]) -> None:
    spec = external(PER_POD, activation="50")
    decision = decided(spec, (35_000,), 3, to_zero(spec, **fields))
    assert (decision.desired, decision.metrics[0].active) == (4, False)


def test_several_series_are_summed_before_they_are_compared() -> None:
    spec = external(PER_POD)
    assert decided(spec, (3000, 2000), 0, to_zero(spec)).desired == 0
    assert decided(spec, (3000, 2001), 0, to_zero(spec)).desired == 1


def test_without_one_any_load_asks_for_a_pod_as_with_the_hpa() -> None:
    spec = external(PER_POD, activation=None)
    decision = decided(spec, (1,), 0, to_zero(spec))
    assert (decision.desired, decision.metrics[0].active) == (1, None)


def test_one_metric_above_its_activation_is_enough() -> None:
    low, high = external(PER_POD), a_query(PER_POD)
    readings = [
        MetricReading(low, parts_milli=(1000,), total_milli=1000, sampled_at_s=NOW_S),
        MetricReading(high, total_milli=12_000, sampled_at_s=NOW_S),
    ]
    policy = a_policy(low, high, min_replicas=0, scale_to_zero=True)
    decision, _ = decide(an_observation(*readings, pods=()), policy, a_state(scaled_to_zero=True), NOW_S)
    assert decision.desired == 2


def test_a_minimum_that_was_raised_is_kept_to_by_a_value_below_it() -> None:
    spec = external(PER_POD)
    decision = decided(spec, (1000,), 0, to_zero(spec, min_replicas=2))
    assert (decision.desired, decision.metrics[0].proposal) == (2, 0)


def test_a_forecast_keeps_pods_that_the_value_does_not_ask_for() -> None:
    spec = a_query(PER_POD)
    assert decided(spec, (1000,), 3, to_zero(spec), forecasts=(a_forecast(15.0),)).desired == 2


def test_a_metric_that_failed_is_neither_above_nor_below() -> None:
    spec = external(PER_POD)
    observation = an_observation(MetricReading(spec, error="no answer"), pods=some_pods(3))
    decision, _ = decide(observation, to_zero(spec), a_state(), NOW_S)
    assert (decision.desired, decision.metrics[0].active) == (3, None)
