"""To zero and back: only where the service allows it, and only if it was autoscaling that went there."""

from dataclasses import replace

import msgspec

from autoscaler.api.types import Behavior, MetricSpec, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import changed, decide, initial_state
from autoscaler.scaling.policy import EXACT
from autoscaler.scaling.types import Decision, MetricReading, Policy, State
from tests.builders import NOW_S, a_policy, an_observation, some_pods

QUEUE = msgspec.convert(
    {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
    MetricSpec,
)
TO_ZERO = a_policy(QUEUE, min_replicas=0, scale_to_zero=True, downscale_stabilization_s=0)


def decided(length: int, replicas: int, state: State, policy: Policy = TO_ZERO) -> tuple[Decision, State]:
    reading = MetricReading(QUEUE, parts_milli=(length * 1000,), total_milli=length * 1000, sampled_at_s=NOW_S)
    return decide(an_observation(reading, pods=some_pods(replicas)), policy, state, NOW_S)


def test_an_empty_queue_takes_the_last_pod_and_a_full_one_brings_pods_back() -> None:
    down, state = decided(0, 1, initial_state(1, NOW_S - 1))
    assert down.desired == 0
    assert [condition.reason for condition in down.once_written] == [Reason.SCALED_TO_ZERO]
    state = changed(state, down, TO_ZERO, NOW_S)
    assert state.scaled_to_zero is True
    up, state = decided(25, 0, state)
    assert up.desired == 3
    assert up.cause == "external metric queue(nil) above target"
    assert changed(state, up, TO_ZERO, NOW_S).scaled_to_zero is False


def test_zero_set_by_somebody_else_stays_off() -> None:
    off, _ = decided(25, 0, initial_state(0, NOW_S))
    assert (off.desired, off.reason) == (0, Reason.SCALING_DISABLED)


def test_after_a_restart_the_condition_of_the_object_tells_who_went_to_zero() -> None:
    up, _ = decided(25, 0, initial_state(0, NOW_S, scaled_to_zero=True))
    assert up.desired == 3


def test_zero_stays_zero_where_the_service_does_not_allow_to_come_back() -> None:
    forbidden = a_policy(QUEUE, min_replicas=0)
    off, _ = decided(25, 0, State(scaled_to_zero=True), forbidden)
    assert (off.desired, off.reason) == (0, Reason.SCALING_DISABLED)
    assert off.once_written == ()


def test_a_minimum_that_was_raised_meanwhile_is_kept_to_even_by_an_empty_queue() -> None:
    raised = a_policy(QUEUE, min_replicas=2, scale_to_zero=True)
    up, _ = decided(0, 0, State(scaled_to_zero=True), raised)
    assert up.desired == 2


def test_percentages_alone_leave_zero_where_the_hpa_stays_for_ever() -> None:
    doubled = ScalingRules(policies=(ScalingPolicy(type=PolicyType.PERCENT, value=100, period_seconds=15),))
    by = replace(TO_ZERO, behavior=Behavior(scale_up=doubled))
    up, _ = decided(25, 0, State(scaled_to_zero=True), by)
    assert up.desired == 2
    exact, _ = decided(25, 0, State(scaled_to_zero=True), replace(by, departures=EXACT))
    assert exact.desired == 0


def test_who_forbids_to_add_pods_stays_at_zero() -> None:
    disabled = ScalingRules(select_policy=SelectPolicy.DISABLED)
    off, _ = decided(25, 0, State(scaled_to_zero=True), replace(TO_ZERO, behavior=Behavior(scale_up=disabled)))
    assert off.desired == 0
