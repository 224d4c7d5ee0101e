"""From the raw proposal to what the HPA writes: windows, limits, bounds, with and without `behavior`."""

import pytest

from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.reasons import Reason
from autoscaler.scaling.stabilization import Normalized, normalized
from autoscaler.scaling.types import Policy, Recommendation, ScaleEvent, State
from tests.builders import NOW_S, a_policy, a_state

LEGACY = a_policy(min_replicas=2, max_replicas=20)


def result(raw: int, current: int, policy: Policy, state: State | None = None) -> Normalized:
    return normalized(raw, current, policy, state or a_state(), NOW_S)


def outcome(raw: int, current: int, policy: Policy, state: State | None = None) -> tuple[int, Reason, Reason]:
    found = result(raw, current, policy, state)
    return found.replicas, found.able.reason, found.limited.reason


def behaving(*, up: ScalingRules | None = None, down: ScalingRules | None = None) -> Policy:
    return a_policy(min_replicas=2, max_replicas=20, behavior=Behavior(scale_up=up, scale_down=down))


def pods(value: int, period_s: int = 60) -> ScalingPolicy:
    return ScalingPolicy(type=PolicyType.PODS, value=value, period_seconds=period_s)


def percent(value: int, period_s: int = 60) -> ScalingPolicy:
    return ScalingPolicy(type=PolicyType.PERCENT, value=value, period_seconds=period_s)


# Without behavior


def test_without_behavior_the_highest_recommendation_of_the_window_counts() -> None:
    assert outcome(3, 8, LEGACY, a_state((300, 7), (100, 5))) == (7, Reason.SCALE_DOWN_STABILIZED, Reason.DESIRED_WITHIN_RANGE)


def test_without_behavior_a_recommendation_older_than_the_window_does_not_count() -> None:
    assert outcome(3, 8, LEGACY, a_state((300.1, 7), (100, 5))) == (
        5,
        Reason.SCALE_DOWN_STABILIZED,
        Reason.DESIRED_WITHIN_RANGE,
    )


def test_without_behavior_an_old_recommendation_can_bring_back_what_somebody_took_away() -> None:
    """Scaled from 8 to 3 by hand: the HPA goes back to 6 (not 8, which doubling allows no more than)."""
    assert outcome(3, 3, LEGACY, a_state((100, 8)))[0] == 6


def test_without_behavior_nothing_recorded_means_nothing_to_wait_for() -> None:
    assert outcome(3, 8, LEGACY) == (3, Reason.READY_FOR_NEW_SCALE, Reason.DESIRED_WITHIN_RANGE)


@pytest.mark.parametrize(
    ("raw", "current", "replicas", "reason"),
    [
        (9, 4, 8, Reason.SCALE_UP_LIMIT),  # at most double,
        (9, 1, 4, Reason.SCALE_UP_LIMIT),  # or four
        (50, 12, 20, Reason.TOO_MANY_REPLICAS),
        (30, 10, 20, Reason.TOO_MANY_REPLICAS),  # limit and maximum are equal: the maximum is told
        (1, 4, 2, Reason.TOO_FEW_REPLICAS),
        (0, 4, 2, Reason.TOO_FEW_REPLICAS),
        (20, 12, 20, Reason.DESIRED_WITHIN_RANGE),
    ],
)
def test_without_behavior_limit_and_bounds(raw: int, current: int, replicas: int, reason: Reason) -> None:
    found = result(raw, current, LEGACY)
    assert (found.replicas, found.limited.reason) == (replicas, reason)
    assert found.limited.status is (reason is not Reason.DESIRED_WITHIN_RANGE)


def test_the_raw_proposal_is_recorded_in_the_place_of_the_last_outdated_one() -> None:
    found = result(1, 4, LEGACY, a_state((400, 7), (301, 9), (300, 4)))
    kept = (Recommendation(NOW_S - 400, 7), Recommendation(NOW_S, 1), Recommendation(NOW_S - 300, 4))
    assert found.recommendations == kept
    assert result(1, 4, LEGACY, a_state((300, 4))).recommendations == (Recommendation(NOW_S - 300, 4), Recommendation(NOW_S, 1))


# With behavior: windows


def test_with_behavior_scaling_up_is_not_stabilised_by_default() -> None:
    assert outcome(6, 4, behaving(), a_state((10, 4))) == (6, Reason.READY_FOR_NEW_SCALE, Reason.DESIRED_WITHIN_RANGE)


def test_with_a_window_for_scaling_up_the_lowest_recommendation_in_it_counts() -> None:
    policy = behaving(up=ScalingRules(stabilization_window_seconds=60))
    assert outcome(8, 4, policy, a_state((30, 6), (61, 4))) == (6, Reason.SCALE_UP_STABILIZED, Reason.DESIRED_WITHIN_RANGE)


def test_with_behavior_the_edge_of_a_window_is_outside_of_it() -> None:
    policy = behaving(up=ScalingRules(stabilization_window_seconds=60))
    assert outcome(8, 4, policy, a_state((60, 6)))[0] == 8
    assert outcome(3, 8, behaving(), a_state((300, 7)))[0] == 3


def test_with_behavior_old_recommendations_never_raise_the_count() -> None:
    """Unlike without behavior: 8 was asked for 100 s ago, but the count stays at the present 5."""
    assert outcome(3, 5, behaving(), a_state((100, 8))) == (5, Reason.SCALE_DOWN_STABILIZED, Reason.DESIRED_WITHIN_RANGE)


def test_a_recommendation_between_both_windows_is_followed() -> None:
    policy = behaving(up=ScalingRules(stabilization_window_seconds=60))
    assert outcome(4, 4, policy, a_state((30, 3), (30, 6)))[0] == 4
    assert outcome(9, 4, policy, a_state((30, 6), (30, 12))) == (6, Reason.SCALE_UP_STABILIZED, Reason.DESIRED_WITHIN_RANGE)


def test_recommendations_are_kept_for_the_longer_window() -> None:
    policy = behaving(up=ScalingRules(stabilization_window_seconds=600), down=ScalingRules(stabilization_window_seconds=0))
    found = result(5, 5, policy, a_state((600, 9), (601, 9)))
    assert found.recommendations == (Recommendation(NOW_S - 600, 9), Recommendation(NOW_S, 5))


# With behavior: bounds and limits


@pytest.mark.parametrize(
    ("raw", "current", "replicas", "reason"),
    [
        (9, 4, 8, Reason.SCALE_UP_LIMIT),  # 4 more or double: both 8
        (9, 2, 6, Reason.SCALE_UP_LIMIT),  # 4 more
        (30, 6, 12, Reason.SCALE_UP_LIMIT),  # double
        (30, 12, 20, Reason.TOO_MANY_REPLICAS),
        (1, 10, 2, Reason.TOO_FEW_REPLICAS),  # 100 % may go, minReplicas stay
        (5, 10, 5, Reason.DESIRED_WITHIN_RANGE),
    ],
)
def test_with_behavior_the_default_limits(raw: int, current: int, replicas: int, reason: Reason) -> None:
    found = result(raw, current, behaving())
    assert (found.replicas, found.limited.reason) == (replicas, reason)
    assert found.limited.status is (reason is not Reason.DESIRED_WITHIN_RANGE)


def test_scaling_down_is_limited_from_the_start_of_the_period() -> None:
    """At most 2 within 60 s, and 1 went 30 s ago: from the 11 of then to 9, so one more from 10."""
    policy = behaving(down=ScalingRules(policies=(pods(2),)))
    state = State(scale_downs=(ScaleEvent(NOW_S - 30, 1),))
    assert outcome(3, 10, policy, state) == (9, Reason.READY_FOR_NEW_SCALE, Reason.SCALE_DOWN_LIMIT)


def test_a_direction_can_be_switched_off() -> None:
    policy = behaving(
        up=ScalingRules(select_policy=SelectPolicy.DISABLED), down=ScalingRules(select_policy=SelectPolicy.DISABLED)
    )
    assert outcome(9, 5, policy)[::2] == (5, Reason.SCALE_UP_LIMIT)
    assert outcome(3, 5, policy)[::2] == (5, Reason.SCALE_DOWN_LIMIT)


def test_limits_act_on_the_stabilised_value() -> None:
    """8 was the lowest in the window, one pod a minute is allowed: 5."""
    policy = behaving(up=ScalingRules(stabilization_window_seconds=60, policies=(pods(1),)))
    assert outcome(12, 4, policy, a_state((30, 8))) == (5, Reason.SCALE_UP_STABILIZED, Reason.SCALE_UP_LIMIT)


def test_a_percentage_of_few_pods_still_moves() -> None:
    """10 % more of 2 is 2.2, so 3; 10 % less of 10 is exactly 9."""
    policy = behaving(up=ScalingRules(policies=(percent(10),)), down=ScalingRules(policies=(percent(10),)))
    assert outcome(9, 2, policy)[0] == 3
    assert outcome(3, 10, policy)[0] == 9
