"""A clock that is put back by hours must not make what is remembered last for hours."""

from dataclasses import replace

from autoscaler.api.overrides import Burst, Fallback, FallbackBehavior
from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules
from autoscaler.scaling.clocks import not_ahead
from autoscaler.scaling.decide import decide
from autoscaler.scaling.schedules.types import Padding
from autoscaler.scaling.types import Bursting, Decision, Policy, Recommendation, ScaleEvent, State
from tests.builders import NOW_S, a_policy, a_query_metric, a_reading, an_observation, some_pods

QUERY = a_query_metric("10")
LATER_S = NOW_S + 7200  # what the clock showed before it was put back
FULL = State(
    recommendations=(Recommendation(LATER_S, 8), Recommendation(NOW_S - 20, 5)),
    predicted=(Recommendation(LATER_S, 8),),
    scale_ups=(ScaleEvent(LATER_S, 4),),
    scale_downs=(ScaleEvent(LATER_S, 2, outdated=True),),
    blind_since_s=LATER_S,
    burst=Bursting(LATER_S - 7300, 9, LATER_S),
    padding=Padding(3, ((LATER_S, 6), (NOW_S - 5, 4))),
)


def follows(load: int | None, policy: Policy, state: State, within_s: int) -> Decision:
    """Return the decision about four pods after so many seconds of passes under a load of so many pods."""
    reading = a_reading(QUERY, None if load is None else load * 10_000)
    reading = replace(reading, error="Prometheus answers 503") if load is None else reading
    for ago_s in range(0, within_s + 15, 15):
        seen = an_observation(replace(reading, sampled_at_s=NOW_S + ago_s), pods=some_pods(4))
        decision, state = decide(seen, policy, state, NOW_S + ago_s)
    return decision


def test_nothing_is_remembered_as_later_than_now() -> None:
    assert not_ahead(FULL, NOW_S) == State(
        recommendations=(Recommendation(NOW_S, 8), Recommendation(NOW_S - 20, 5)),
        predicted=(Recommendation(NOW_S, 8),),
        scale_ups=(ScaleEvent(NOW_S, 4),),
        scale_downs=(ScaleEvent(NOW_S, 2, outdated=True),),
        blind_since_s=NOW_S,
        burst=Bursting(NOW_S - 100, 9, NOW_S),
        padding=Padding(3, ((NOW_S, 6), (NOW_S - 5, 4))),
    )


def test_on_a_clock_that_runs_forwards_nothing_changes() -> None:
    assert not_ahead(FULL, LATER_S) is FULL
    assert not_ahead(State(), 0.0) == State()


def test_a_window_holds_for_its_own_length_once_more() -> None:
    state = State(recommendations=(Recommendation(LATER_S, 4),))
    assert follows(2, a_policy(QUERY), state, 285).desired == 4
    assert follows(2, a_policy(QUERY), state, 330).desired == 2


def test_a_rate_limit_and_a_window_for_adding_pods_end() -> None:
    one = ScalingPolicy(type=PolicyType.PODS, value=1, period_seconds=60)
    rules = ScalingRules(policies=(one,), stabilization_window_seconds=120)
    policy = a_policy(QUERY, behavior=Behavior(scale_up=rules))
    state = State(recommendations=(Recommendation(LATER_S, 4),), scale_ups=(ScaleEvent(LATER_S, 1),))
    assert follows(9, policy, state, 105).desired == 4
    assert follows(9, policy, state, 120).desired == 5


def test_a_burst_ends() -> None:
    policy = replace(a_policy(QUERY, downscale_stabilization_s=0), burst=Burst(hold_seconds=60))
    state = State(burst=Bursting(LATER_S - 30, 4, LATER_S))
    assert follows(2, policy, state, 45).desired == 4
    assert follows(2, policy, state, 75).desired == 2


def test_a_fallback_begins_after_its_time() -> None:
    fallback = Fallback(behavior=FallbackBehavior.STATIC, replicas=9, after_seconds=60)
    policy = replace(a_policy(QUERY), fallback=fallback)
    assert follows(None, policy, State(blind_since_s=LATER_S), 45).desired == 4
    assert follows(None, policy, State(blind_since_s=LATER_S), 75).desired == 9
