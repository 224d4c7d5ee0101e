"""One pass from observation to decision, in the order of the HPA, with its conditions and reasons."""

import copy

import pytest

from autoscaler.api.types import Behavior, ScalingRules
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide, initial_state, record_scale
from autoscaler.scaling.types import Action, Decision, MetricReading, Policy, Recommendation, Source, State
from tests.builders import (
    NOW_S,
    a_forecast,
    a_policy,
    a_query_metric,
    a_reading,
    a_resource_metric,
    a_state,
    an_observation,
    some_pods,
)

CPU = a_resource_metric(utilization=60)
POLICY = a_policy(CPU, min_replicas=2, max_replicas=10)
PLAIN = {"Fallback": (False, Reason.NO_FALLBACK), "Paused": (False, Reason.NOT_PAUSED)}  # of an object that has neither
BROKEN = MetricReading(CPU, error="Prometheus answered 503")


def decided(usage_milli: int, count: int, policy: Policy = POLICY, state: State | None = None) -> Decision:
    """The decision about so many pods, each using so much of its 100m."""
    observation = an_observation(a_reading(CPU, [usage_milli] * count), pods=some_pods(count))
    return decide(observation, policy, state or a_state((15, count)), NOW_S)[0]


def conditions(decision: Decision) -> dict[str, tuple[bool, Reason]]:
    return {condition.type: (condition.status, condition.reason) for condition in decision.conditions}


def test_above_the_target_it_scales_up_and_says_so() -> None:
    decision = decided(95, 3)
    assert (decision.action, decision.current, decision.desired) == (Action.SCALE_UP, 3, 5)
    assert decision.reason is Reason.ABOVE_TARGET
    assert decision.message == "Scale up from 3 to 5: cpu at 95% of requests (target 60%) asks for 5 pods."
    assert decision.candidates == {Source.REACTIVE: 5, Source.STABILIZED: 5, Source.FLOOR: 2, Source.CEILING: 10}
    assert conditions(decision) == {
        "AbleToScale": (True, Reason.READY_FOR_NEW_SCALE),
        "ScalingActive": (True, Reason.VALID_METRIC_FOUND),
        "ScalingLimited": (False, Reason.DESIRED_WITHIN_RANGE),
        "ForecastActive": (False, Reason.FORECAST_LEARNING),
        **PLAIN,
    }
    (status,) = decision.metrics
    assert (status.proposal, status.average_utilization, status.average_value_milli) == (5, 95, 95)


def test_below_the_target_it_scales_down_once_the_window_is_over() -> None:
    decision = decided(20, 6, state=a_state())
    assert (decision.action, decision.desired, decision.reason) == (Action.SCALE_DOWN, 2, Reason.BELOW_TARGET)
    assert decision.message == (
        "Scale down from 6 to 2: cpu at 20% of requests (target 60%) asks for 2 pods, and no metric for more."
    )


@pytest.mark.parametrize(
    ("usage", "count", "state", "policy", "reason"),
    [
        (60, 3, a_state(), POLICY, Reason.WITHIN_TOLERANCE),
        (20, 6, a_state((15, 6)), POLICY, Reason.SCALE_DOWN_STABILIZED),
        (20, 2, a_state(), POLICY, Reason.TOO_FEW_REPLICAS),
        (95, 10, a_state(), POLICY, Reason.TOO_MANY_REPLICAS),
        (
            95,
            3,
            a_state((15, 3)),
            a_policy(CPU, behavior=Behavior(scale_up=ScalingRules(stabilization_window_seconds=60))),
            Reason.SCALE_UP_STABILIZED,
        ),
    ],
)
def test_staying_has_the_reason_that_keeps_it(usage: int, count: int, state: State, policy: Policy, reason: Reason) -> None:
    decision = decided(usage, count, policy, state)
    assert (decision.action, decision.desired, decision.reason) == (Action.HOLD, count, reason)
    assert decision.message.startswith(f"Stay at {count} pods: cpu at {usage}% of requests (target 60%)")


def test_a_limit_that_clips_a_move_is_told_beside_its_cause() -> None:
    """190 % of 60 % asks for 10; doubling allows 6."""
    decision = decided(190, 3)
    assert (decision.desired, decision.reason) == (6, Reason.ABOVE_TARGET)
    assert conditions(decision)["ScalingLimited"] == (True, Reason.SCALE_UP_LIMIT)
    assert decision.message.endswith("the desired replica count is increasing faster than the maximum scale rate.")


def test_an_old_recommendation_that_raises_the_count_is_not_called_above_target() -> None:
    decision = decided(60, 3, state=a_state((100, 5)))
    assert (decision.action, decision.desired, decision.reason) == (Action.SCALE_UP, 5, Reason.SCALE_DOWN_STABILIZED)


@pytest.mark.parametrize(("count", "desired", "reason"), [(12, 10, Reason.TOO_MANY_REPLICAS), (1, 2, Reason.TOO_FEW_REPLICAS)])
def test_a_count_out_of_bounds_is_brought_back_at_once(count: int, desired: int, reason: Reason) -> None:
    """Without metrics, window and limits; ScalingActive and ScalingLimited keep what they were."""
    observation = an_observation(BROKEN, pods=some_pods(count))
    state = a_state((15, count))
    decision, after = decide(observation, POLICY, state, NOW_S)
    assert (decision.desired, decision.reason, decision.metrics) == (desired, reason, ())
    assert conditions(decision).keys() == {"AbleToScale", "ForecastActive", *PLAIN}
    assert after.recommendations == state.recommendations


def test_at_zero_replicas_autoscaling_is_off() -> None:
    decision, after = decide(an_observation(BROKEN, pods=()), POLICY, a_state((15, 3)), NOW_S)
    assert (decision.action, decision.desired, decision.reason) == (Action.HOLD, 0, Reason.SCALING_DISABLED)
    assert conditions(decision)["ScalingActive"] == (False, Reason.SCALING_DISABLED)
    assert after.recommendations == (Recommendation(NOW_S - 15, 3),)


def test_failed_metrics_hold_and_leave_no_recommendation() -> None:
    decision, after = decide(an_observation(BROKEN, pods=some_pods(4)), POLICY, a_state((15, 4)), NOW_S)
    assert (decision.action, decision.desired) == (Action.HOLD, 4)
    assert decision.reason is Reason.FAILED_GET_RESOURCE_METRIC
    assert decision.message == "Stay at 4 pods: 1 of 1 metrics failed, first: Prometheus answered 503."
    assert conditions(decision) == {
        "AbleToScale": (True, Reason.SUCCEEDED_GET_SCALE),
        "ScalingActive": (False, Reason.FAILED_GET_RESOURCE_METRIC),
        "ForecastActive": (False, Reason.FORECAST_LEARNING),
        **PLAIN,
    }
    assert decision.metrics[0].error == "Prometheus answered 503"
    assert after.recommendations == (Recommendation(NOW_S - 15, 4),)


def test_stale_metrics_hold_and_say_so() -> None:
    observation = an_observation(a_reading(CPU, [10] * 4, age_s=90), pods=some_pods(4))
    decision = decide(observation, POLICY, a_state(), NOW_S)[0]
    assert (decision.desired, decision.reason) == (4, Reason.STALE_METRICS)
    assert conditions(decision)["ScalingActive"] == (False, Reason.STALE_METRICS)


def test_a_failed_metric_beside_one_that_asks_for_more_is_told_but_does_not_stop_it() -> None:
    query = a_query_metric("10")
    broken = MetricReading(query, error="no such metric")
    observation = an_observation(a_reading(CPU, [95] * 3), broken, pods=some_pods(3))
    decision = decide(observation, a_policy(CPU, query), a_state(), NOW_S)[0]
    assert decision.desired == 5
    (active,) = [condition for condition in decision.conditions if condition.type == "ScalingActive"]
    assert active.status
    assert active.message.endswith("another metric failed: no such metric")


def test_the_first_recommendation_is_the_present_count() -> None:
    """A service that starts anew cannot scale down before the window has passed."""
    state = initial_state(6, NOW_S)
    assert state == State(recommendations=(Recommendation(NOW_S, 6),))
    assert decided(20, 6, state=state).desired == 6


def test_the_raw_proposal_is_remembered() -> None:
    observation = an_observation(a_reading(CPU, [190] * 3), pods=some_pods(3))
    _, after = decide(observation, POLICY, a_state(), NOW_S)
    assert after.recommendations == (Recommendation(NOW_S, 10),)


def test_a_change_that_was_made_slows_down_the_next() -> None:
    """4 came with the last write; within 15 s no more than 4, or double the 3 of before, may."""
    policy = a_policy(CPU, behavior=Behavior())
    state = record_scale(a_state(), 3, 7, NOW_S - 5, policy.behavior)
    assert decided(190, 7, policy, state).desired == 7
    assert decided(190, 7, policy, a_state()).desired == 14


@pytest.mark.parametrize(
    ("observation", "text"),
    [
        (
            an_observation(a_reading(a_query_metric("2500m"), 12_000), pods=some_pods(3)),
            "the query at 4 per pod (target 2.5) asks for 5 pods",
        ),
        (
            an_observation(
                a_reading(a_resource_metric("memory", average="200Mi"), [300 * 2**20 * 1000] * 2), pods=some_pods(2)
            ),
            "memory at 300Mi per pod (target 200Mi) asks for 3 pods",
        ),
        (
            an_observation(a_reading(a_resource_metric(average="50m", container="app"), [75] * 2), pods=some_pods(2)),
            "cpu of container app at 75m per pod (target 50m) asks for 3 pods",
        ),
    ],
)
def test_messages_speak_of_each_metric_in_its_own_units(observation: object, text: str) -> None:
    metrics = [reading.spec for reading in observation.readings]
    assert text in decide(observation, a_policy(*metrics), a_state(), NOW_S)[0].message


def test_a_decision_leaves_its_inputs_as_they_were() -> None:
    observation = an_observation(a_reading(CPU, {"shop-0": 95}), pods=some_pods(3), forecasts=(a_forecast(1.0),))
    state = a_state((400, 9), (15, 3))
    inputs = (observation, POLICY, state)
    before = copy.deepcopy(inputs)
    first = decide(*inputs, NOW_S)
    assert inputs == before
    assert decide(*inputs, NOW_S) == first
