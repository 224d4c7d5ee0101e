"""What becomes of replicas while metrics fail for long: when, how far, how fast, and what is left of it afterwards."""

from dataclasses import replace

import pytest

from autoscaler.api.overrides import Fallback, FallbackBehavior
from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide
from autoscaler.scaling.types import Decision, MetricReading, Observation, Policy, Recommendation, SelectorFault, Source, State
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
BROKEN = MetricReading(CPU, error="Prometheus answered 503")
STATIC, CURRENT, HIGHER, LOWER = FallbackBehavior
LONG_AGO = NOW_S - 1000


def a_fallback(behavior: FallbackBehavior = STATIC, replicas: int | None = 6, after_s: int = 180, **fields: object) -> Policy:
    fallback = Fallback(behavior=behavior, replicas=replicas, after_seconds=after_s)
    plain = {"min_replicas": 2, "max_replicas": 20, "fallback": fallback}
    return a_policy(CPU, **{**plain, **fields})


def blind(count: int) -> Observation:
    return an_observation(BROKEN, pods=some_pods(count))


def decided(
    observation: Observation, policy: Policy, *recommendations: tuple[float, int], since_s: float | None = LONG_AGO
) -> tuple[Decision, State]:
    return decide(observation, policy, a_state(*recommendations, blind_since_s=since_s), NOW_S)


def condition(decision: Decision) -> tuple[bool, Reason]:
    [found] = [(one.status, one.reason) for one in decision.conditions if one.type == "Fallback"]
    return found


@pytest.mark.parametrize(
    ("behavior", "replicas", "count", "desired"),
    [
        (STATIC, 6, 3, 6),
        (STATIC, 6, 9, 6),
        (STATIC, 6, 6, 6),
        (CURRENT, None, 9, 9),
        (HIGHER, 6, 3, 6),
        (HIGHER, 6, 9, 9),
        (LOWER, 6, 3, 3),
        (LOWER, 6, 9, 6),
        (STATIC, 50, 3, 20),  # bounds hold
        (STATIC, 1, 3, 2),
    ],
)
def test_each_behavior_asks_for_its_count(behavior: FallbackBehavior, replicas: int | None, count: int, desired: int) -> None:
    decision, _ = decided(blind(count), a_fallback(behavior, replicas))
    assert decision.desired == desired
    assert decision.computed
    assert condition(decision) == (True, Reason.FALLBACK)
    assert decision.reason is (Reason.FALLBACK if desired != count else Reason.FAILED_GET_RESOURCE_METRIC)


def test_it_says_what_was_done_and_why() -> None:
    decision, _ = decided(blind(3), a_fallback())
    assert decision.message == (
        "Scale up from 3 to 6: metrics have failed for over 180 s, and fallback.behavior Static asks for 6; "
        "without the fallback it would be 3."
    )
    assert decision.candidates == {Source.STABILIZED: 3, Source.FLOOR: 2, Source.CEILING: 20, Source.FALLBACK: 6}


@pytest.mark.parametrize(("since_s", "desired"), [(None, 3), (NOW_S - 179, 3), (NOW_S - 180, 6)])
def test_it_holds_only_after_its_time(since_s: float | None, desired: int) -> None:
    decision, after = decided(blind(3), a_fallback(), since_s=since_s)
    assert decision.desired == desired
    assert condition(decision)[0] is (desired == 6)
    assert after.blind_since_s == (NOW_S if since_s is None else since_s)


def test_without_a_delay_it_holds_at_once() -> None:
    assert decided(blind(3), a_fallback(after_s=0), since_s=None)[0].desired == 6


def test_without_a_fallback_replicas_are_held() -> None:
    decision, _ = decided(blind(3), a_fallback(fallback=None))
    assert (decision.desired, condition(decision)) == (3, (False, Reason.NO_FALLBACK))


def test_a_metric_that_works_again_ends_it() -> None:
    decision, after = decided(an_observation(a_reading(CPU, [60] * 3), pods=some_pods(3)), a_fallback())
    assert (decision.desired, condition(decision), after.blind_since_s) == (3, (False, Reason.NO_FALLBACK), None)


def test_stale_metrics_are_metrics_that_failed() -> None:
    stale = an_observation(a_reading(CPU, [60] * 3, age_s=90), pods=some_pods(3))
    assert decided(stale, a_fallback())[0].desired == 6


@pytest.mark.parametrize(
    "unknown",
    [
        replace(blind(3), selector_fault=SelectorFault(Reason.INVALID_SELECTOR, Reason.INVALID_SELECTOR, "no selector")),
        replace(blind(3), unseen=True),
    ],
)
def test_a_target_that_nobody_knows_is_held_and_its_time_goes_on(unknown: Observation) -> None:
    decision, after = decided(unknown, a_fallback())
    assert (decision.desired, after.blind_since_s) == (3, LONG_AGO)
    assert [one for one in decision.conditions if one.type == "Fallback"] == []  # nothing new is known
    assert decided(unknown, a_fallback(), since_s=None)[1].blind_since_s is None


def test_zero_replicas_stay_zero_and_begin_the_time_anew() -> None:
    decision, after = decided(blind(0), a_fallback())
    assert (decision.desired, after.blind_since_s) == (0, None)
    awaiting = replace(a_state(blind_since_s=LONG_AGO), scaled_to_zero=True)
    query = a_query_metric()
    policy = a_fallback(metrics=(query,), min_replicas=0, scale_to_zero=True)
    broken = an_observation(MetricReading(query, error="no answer"), pods=())
    assert decide(broken, policy, awaiting, NOW_S)[0].desired == 0


def test_up_it_goes_beyond_the_doubling_of_the_default_but_as_fast_as_was_written() -> None:
    assert decided(blind(2), a_fallback(replicas=18))[0].desired == 18
    quick = ScalingRules(policies=(ScalingPolicy(type=PolicyType.PODS, value=99, period_seconds=60),))
    assert decided(blind(2), a_fallback_with(Behavior(scale_up=quick), 50))[0].desired == 20
    slow = ScalingRules(policies=(ScalingPolicy(type=PolicyType.PODS, value=3, period_seconds=60),))
    assert decided(blind(2), a_fallback_with(Behavior(scale_up=slow), 18))[0].desired == 5
    never = ScalingRules(select_policy=SelectPolicy.DISABLED)
    assert decided(blind(2), a_fallback_with(Behavior(scale_up=never), 18))[0].desired == 2
    assert decided(blind(2), a_fallback_with(Behavior(scale_down=slow), 18))[0].desired == 18


def a_fallback_with(behavior: Behavior, replicas: int) -> Policy:
    return replace(a_fallback(replicas=replicas), behavior=behavior)


def test_down_it_goes_through_the_window() -> None:
    assert decided(blind(9), a_fallback(), (299, 9))[0].desired == 9
    assert decided(blind(9), a_fallback(), (299, 8))[0].desired == 8
    assert decided(blind(9), a_fallback(), (301, 9))[0].desired == 6


def test_down_it_goes_as_slowly_as_was_written() -> None:
    slow = ScalingRules(
        stabilization_window_seconds=0, policies=(ScalingPolicy(type=PolicyType.PODS, value=1, period_seconds=60),)
    )
    assert decided(blind(9), a_fallback_with(Behavior(scale_down=slow), 6))[0].desired == 8
    never = ScalingRules(select_policy=SelectPolicy.DISABLED)
    assert decided(blind(9), a_fallback_with(Behavior(scale_down=never), 6), (400, 2))[0].desired == 9


def test_an_old_recommendation_does_not_let_it_grow() -> None:
    """Somebody took pods away by hand; without metrics nobody may say that they should come back."""
    assert decided(blind(4), a_fallback(LOWER, 6), (100, 9))[0].desired == 4


def test_a_metric_that_still_works_is_a_floor() -> None:
    """Of two metrics one failed: the count was held at 9, and the other one asks for 8."""
    query = a_query_metric("10")
    observation = an_observation(BROKEN, a_reading(query, 75_000), pods=some_pods(9))
    policy = a_fallback(metrics=(CPU, query))
    assert decided(observation, policy)[0].desired == 8


def test_its_count_is_a_recommendation_so_that_the_first_low_values_do_not_undo_it() -> None:
    policy = a_fallback(replicas=12)
    decision, state = decided(blind(3), policy)
    assert decision.desired == 12
    assert state.recommendations[-1] == Recommendation(NOW_S, 12)
    back = an_observation(a_reading(CPU, [5] * 12, age_s=-10), pods=some_pods(12))
    assert decide(back, policy, state, NOW_S + 15)[0].desired == 12


def test_a_forecast_in_force_raises_it() -> None:
    observation = replace(blind(3), forecasts=(a_forecast(0.6),))  # cores, of which a pod carries 0.06
    assert decided(observation, a_fallback())[0].desired == 10


def test_a_pass_that_sees_nothing_does_not_say_that_metrics_work_again() -> None:
    decision, state = decided(blind(3), a_fallback())
    assert condition(decision) == (True, Reason.FALLBACK)
    unseen = replace(blind(6), unseen=True)
    decision, state = decide(unseen, a_fallback(), state, NOW_S + 15)
    assert decision.desired == 6
    assert [one for one in decision.conditions if one.type == "Fallback"] == []  # the one that is there stays
    decision, _ = decide(blind(6), a_fallback(), state, NOW_S + 30)
    assert condition(decision) == (True, Reason.FALLBACK)
    decision, _ = decide(an_observation(a_reading(CPU, [60] * 6), pods=some_pods(6)), a_fallback(), state, NOW_S + 45)
    assert condition(decision) == (False, Reason.NO_FALLBACK)
