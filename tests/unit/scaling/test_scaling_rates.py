"""How fast the count may move, and how changes are remembered."""

import pytest

from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.scaling.policy import Rules
from autoscaler.scaling.rates import record_scale, scale_down_limit, scale_up_limit
from autoscaler.scaling.types import ScaleEvent, State
from tests.builders import NOW_S


def pods(value: int, period_s: int = 60) -> ScalingPolicy:
    return ScalingPolicy(type=PolicyType.PODS, value=value, period_seconds=period_s)


def percent(value: int, period_s: int = 60) -> ScalingPolicy:
    return ScalingPolicy(type=PolicyType.PERCENT, value=value, period_seconds=period_s)


def rules(*policies: ScalingPolicy, select: SelectPolicy = SelectPolicy.MAX) -> Rules:
    return Rules(0, select, policies)


def changed(*, ups: tuple[tuple[float, int], ...] = (), downs: tuple[tuple[float, int], ...] = ()) -> State:
    """A state with changes as (seconds ago, pods)."""
    return State(
        scale_ups=tuple(ScaleEvent(NOW_S - ago_s, change) for ago_s, change in ups),
        scale_downs=tuple(ScaleEvent(NOW_S - ago_s, change) for ago_s, change in downs),
    )


def up(current: int, limit: Rules, state: State | None = None) -> int:
    return scale_up_limit(current, state or State(), limit, NOW_S)


def down(current: int, limit: Rules, state: State | None = None) -> int:
    return scale_down_limit(current, state or State(), limit, NOW_S)


def test_pods_are_counted_from_the_start_of_the_period() -> None:
    """3 came within the minute: it began with 7, so 4 more than that is 11."""
    assert up(10, rules(pods(4)), changed(ups=((30, 3),))) == 11
    assert down(10, rules(pods(4)), changed(downs=((30, 3),))) == 9


def test_changes_of_both_directions_count() -> None:
    """3 came and 5 went: it began with 12; up to 16 or down to 8."""
    state = changed(ups=((30, 3),), downs=((20, 5),))
    assert up(10, rules(pods(4)), state) == 16
    assert down(10, rules(pods(4)), state) == 8


def test_a_change_exactly_one_period_ago_is_over() -> None:
    assert up(10, rules(pods(4)), changed(ups=((60, 3),))) == 14
    assert up(10, rules(pods(4)), changed(ups=((59.9, 3),))) == 11


def test_each_policy_looks_back_over_its_own_period() -> None:
    """Within 15 s nothing came: 4 more is 14. Within 600 s 5 came: 7 more than 5 is 12."""
    state = changed(ups=((100, 5),))
    limit = (pods(4, 15), pods(7, 600))
    assert up(10, rules(*limit), state) == 14
    assert up(10, rules(*limit, select=SelectPolicy.MIN), state) == 12


def test_a_used_up_limit_never_asks_for_the_other_direction() -> None:
    assert up(10, rules(pods(1)), changed(ups=((30, 5),))) == 10
    assert down(10, rules(pods(1)), changed(downs=((30, 5),))) == 10


def test_percent_up_is_rounded_up_and_percent_down_is_cut() -> None:
    assert up(15, rules(percent(50))) == 23
    assert down(15, rules(percent(50))) == 7
    assert down(1, rules(percent(10))) == 0


def test_percent_up_carries_the_error_of_floating_point_like_the_hpa() -> None:
    """100 x 1.1 is 110.00000000000001 in IEEE doubles: 111. 10 x 1.1 is exactly 11."""
    assert up(100, rules(percent(10))) == 111
    assert up(10, rules(percent(10))) == 11


@pytest.mark.parametrize(("select", "expected"), [(SelectPolicy.MAX, (20, 0)), (SelectPolicy.MIN, (12, 8))])
def test_max_is_the_largest_change_and_min_the_smallest(select: SelectPolicy, expected: tuple[int, int]) -> None:
    limit = rules(pods(2), percent(100), select=select)
    assert (up(10, limit), down(10, limit)) == expected


def test_disabled_means_no_change() -> None:
    limit = rules(pods(5), select=SelectPolicy.DISABLED)
    assert (up(10, limit), down(10, limit)) == (10, 10)


def test_a_change_is_remembered_in_its_direction() -> None:
    state = record_scale(State(), 3, 5, NOW_S, Behavior())
    state = record_scale(state, 5, 4, NOW_S + 15, Behavior())
    assert state == State(scale_ups=(ScaleEvent(NOW_S, 2),), scale_downs=(ScaleEvent(NOW_S + 15, 1),))


@pytest.mark.parametrize(("before", "after", "behavior"), [(3, 5, None), (3, 3, Behavior())])
def test_nothing_is_remembered_that_no_limit_asks_for(before: int, after: int, behavior: Behavior | None) -> None:
    assert record_scale(State(), before, after, NOW_S, behavior) == State()


def test_a_change_takes_the_place_of_one_that_is_older_than_all_policies_of_its_direction() -> None:
    """Longest period up is 60 s, so of 61 s, 90 s and 30 s ago the last outdated one in the list goes."""
    behavior = Behavior(scale_up=ScalingRules(policies=(pods(1, 15), pods(1, 60))))
    state = changed(ups=((61, 1), (90, 2), (30, 3)))
    assert [event.change for event in record_scale(state, 3, 7, NOW_S, behavior).scale_ups] == [1, 4, 3]


def test_a_change_exactly_as_old_as_the_longest_policy_stays() -> None:
    behavior = Behavior(scale_down=ScalingRules(policies=(pods(1, 60),)))
    state = changed(downs=((60, 1),))
    assert [event.change for event in record_scale(state, 7, 3, NOW_S, behavior).scale_downs] == [1, 4]
