"""What forecasts ask for, and how far they may raise the count.

Pods request 100m of CPU at a target of 50 %: one pod carries 0.05 cores.
"""

from dataclasses import replace

import pytest

from autoscaler.api.types import Behavior, MetricSpec, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.model import Forecast, GateState, PodPhase
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide
from autoscaler.scaling.types import (
    Action,
    Condition,
    Decision,
    MetricReading,
    Observation,
    Policy,
    Recommendation,
    ScaleEvent,
    Source,
    State,
)
from tests.builders import (
    NOW_S,
    a_forecast,
    a_pod,
    a_policy,
    a_query_metric,
    a_reading,
    a_resource_metric,
    a_state,
    an_observation,
    some_pods,
)

CPU = a_resource_metric(utilization=50)
QUERY = a_query_metric("10")
POLICY = a_policy(CPU)
SETTLED = a_state((15, 4))
AT_TARGET = a_reading(CPU, [50] * 4)  # four pods, as many as the load needs


def told_of_forecast(decision: Decision) -> Condition:
    [found] = [one for one in decision.conditions if one.type == "ForecastActive"]
    return found


def ahead(
    *forecasts: Forecast | None, policy: Policy = POLICY, state: State = SETTLED, observation: Observation | None = None
) -> Decision:
    """The decision about four pods at their target, with these forecasts."""
    seen = observation or an_observation(AT_TARGET, pods=some_pods(4), forecasts=forecasts)
    return decide(seen, policy, state, NOW_S)[0]


def predicted(spec: MetricSpec, peak: float, **fields: object) -> int | None:
    """What one forecast alone asks for, of four pods."""
    reading = AT_TARGET if spec is CPU else a_reading(spec, 40_000 if spec.prometheus else [50] * 4)
    observation = an_observation(reading, pods=some_pods(4, memory_milli=1_000), forecasts=(a_forecast(peak, **fields),))
    decision = decide(observation, a_policy(spec), SETTLED, NOW_S)[0]
    assert decision.metrics[0].predicted == decision.candidates.get(Source.PREDICTED)
    return decision.metrics[0].predicted


# From load to pods


@pytest.mark.parametrize(
    ("peak_cores", "replicas"),
    [(0.30, 6), (0.3000000001, 6), (0.31, 7), (0.05, 1), (0.0, 0), (0.2, 4), (1e300, 2**31 - 1)],
)
def test_utilization_needs_as_many_pods_as_carry_the_peak_at_the_target(peak_cores: float, replicas: int) -> None:
    assert predicted(CPU, peak_cores) == replicas


def test_the_tolerance_does_not_apply_to_a_forecast() -> None:
    """4.2 pods: within 10 % of the four that run, yet five."""
    assert ahead(a_forecast(0.21)).desired == 5


def test_what_floating_point_adds_does_not_cost_a_pod() -> None:
    """0.15000000000000002 cores are three pods, not four."""
    assert predicted(CPU, 0.05 * 3) == 3
    assert 0.05 * 3 > 0.15


def test_an_average_value_divides_the_peak() -> None:
    assert predicted(a_resource_metric(average="200m"), 1.5) == 8  # 7.5
    assert predicted(a_resource_metric("memory", average="100Mi"), 450 * 2**20) == 5
    assert predicted(QUERY, 75.0) == 8


def test_a_peak_may_use_what_a_pod_serves_beyond_its_target() -> None:
    """A pod carries 0.05 cores at its target and 0.1 within its SLO."""
    fuller = ahead(a_forecast(0.5), policy=replace(POLICY, capacity_ratio=2.0))
    assert fuller.desired == 5
    assert "which needs 5 pods at 2 times the target" in fuller.message
    assert "times the target" not in ahead(a_forecast(0.5)).message
    assert ahead(a_forecast(0.5)).desired == 10


def test_a_container_metric_goes_by_the_request_of_that_container() -> None:
    """100m at 50 %, not the 1000m of the pod: 0.3 cores need 6 pods."""
    metric = a_resource_metric(utilization=50, container="app")
    pods = some_pods(4, requests_milli={"app": {"cpu": 100}, "proxy": {"cpu": 900}})
    observation = an_observation(a_reading(metric, [50] * 4), pods=pods, forecasts=(a_forecast(0.3),))
    assert decide(observation, a_policy(metric), SETTLED, NOW_S)[0].desired == 6


def test_different_requests_count_by_their_mean_over_the_pods_that_are_not_going() -> None:
    """(100 + 300) / 2 at 50 % is 100m each: 0.5 cores need 5 pods. The failed pod and the one being deleted have no say."""
    pods = (
        a_pod("shop-0", cpu_milli=100),
        a_pod("shop-1", cpu_milli=300),
        a_pod("shop-2", cpu_milli=9_000, phase=PodPhase.FAILED),
        a_pod("shop-3", cpu_milli=9_000, deleting=True),
    )
    reading = a_reading(CPU, {"shop-0": 50, "shop-1": 150})
    observation = an_observation(reading, pods=pods, replicas=2, forecasts=(a_forecast(0.5),))
    assert decide(observation, POLICY, a_state(), NOW_S)[0].desired == 5


def test_without_a_request_there_is_no_prediction_but_a_message() -> None:
    reading = a_reading(CPU, [50])
    observation = an_observation(reading, pods=(a_pod(cpu_milli=None),), forecasts=(a_forecast(9),))
    decision = decide(observation, POLICY, a_state(), NOW_S)[0]
    assert decision.desired == 1
    assert Source.PREDICTED not in decision.candidates
    condition = told_of_forecast(decision)
    assert (condition.type, condition.status, condition.reason) == ("ForecastActive", False, Reason.FORECAST_FAILED)
    assert "container app of pod shop-0 has no cpu request" in condition.message


def test_the_metric_that_needs_most_decides() -> None:
    policy = a_policy(CPU, QUERY)
    observation = an_observation(
        AT_TARGET, a_reading(QUERY, 40_000), pods=some_pods(4), forecasts=(a_forecast(0.3), a_forecast(75.0))
    )
    decision = decide(observation, policy, SETTLED, NOW_S)[0]
    assert [metric.predicted for metric in decision.metrics] == [6, 8]
    assert decision.desired == 8
    assert "the query is forecast to reach 75" in decision.message


# Whether a forecast may act


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"gate": GateState.LEARNING, "reason": Reason.FORECAST_LEARNING}, Reason.FORECAST_LEARNING),
        ({"gate": GateState.SHUT, "reason": Reason.FORECAST_DOES_NOT_PAY}, Reason.FORECAST_DOES_NOT_PAY),
        ({"expires_s": NOW_S}, Reason.FORECAST_EXPIRED),
        ({"expires_s": float("nan")}, Reason.FORECAST_EXPIRED),
        ({"peak": float("nan")}, Reason.FORECAST_FAILED),
        ({"peak": float("inf")}, Reason.FORECAST_FAILED),
        ({"peak": -1.0}, Reason.FORECAST_FAILED),
    ],
)
def test_a_forecast_that_is_not_in_force_does_nothing(fields: dict[str, object], reason: Reason) -> None:
    decision = ahead(a_forecast(**{"peak": 9.0, **fields}))
    assert (decision.desired, decision.action) == (4, Action.HOLD)
    assert decision.metrics[0].predicted is None
    assert (told_of_forecast(decision).status, told_of_forecast(decision).reason) == (False, reason)


def test_a_shut_gate_says_why_in_the_words_of_the_gate() -> None:
    forecast = a_forecast(9.0, gate=GateState.SHUT, reason=Reason.FORECAST_DOES_NOT_PAY, message="it missed by 80 %")
    assert told_of_forecast(ahead(forecast)).message == "it missed by 80 %"


@pytest.mark.parametrize("forecasts", [(), (None,)])
def test_no_forecast_yet_is_learning(forecasts: tuple[None, ...]) -> None:
    decision = ahead(*forecasts)
    assert decision.desired == 4
    assert told_of_forecast(decision).reason is Reason.FORECAST_LEARNING


def test_a_forecast_in_force_is_told_with_its_figures() -> None:
    decision = ahead(a_forecast(0.3))
    assert decision.reason is Reason.FORECAST_AHEAD
    assert decision.action is Action.SCALE_UP
    assert decision.message == (
        "Scale up from 4 to 6: cpu is forecast to reach 300m within 60 s (quantile 0.9), which needs 6 pods; "
        "without the forecast it would be 4."
    )
    assert (told_of_forecast(decision).status, told_of_forecast(decision).reason) == (True, Reason.FORECAST_IN_USE)
    assert decision.candidates == {
        Source.REACTIVE: 4,
        Source.STABILIZED: 4,
        Source.PREDICTED: 6,
        Source.FLOOR: 1,
        Source.CEILING: 100,
    }


def test_a_forecast_never_lowers_the_count() -> None:
    """The load asks for 8; that little is expected changes nothing."""
    observation = an_observation(a_reading(CPU, [100] * 4), pods=some_pods(4), forecasts=(a_forecast(0.05),))
    decision = decide(observation, POLICY, SETTLED, NOW_S)[0]
    assert (decision.desired, decision.reason) == (8, Reason.ABOVE_TARGET)


def test_a_forecast_that_is_switched_off_does_nothing_even_with_what_it_asked_for_before() -> None:
    state = a_state((15, 2), predicted=(Recommendation(NOW_S - 15, 4),))
    low = an_observation(a_reading(CPU, [20] * 4), pods=some_pods(4), forecasts=(a_forecast(9.0),))
    decision, after = decide(low, a_policy(CPU, forecast_enabled=False), state, NOW_S)
    assert decision.desired == 2
    assert told_of_forecast(decision).reason is Reason.FORECAST_DISABLED
    assert after.predicted == ()


def test_a_target_at_zero_is_left_alone() -> None:
    observation = an_observation(AT_TARGET, pods=(), replicas=0, forecasts=(a_forecast(9.0),))
    decision = decide(observation, POLICY, SETTLED, NOW_S)[0]
    assert (decision.desired, decision.action, decision.reason) == (0, Action.HOLD, Reason.SCALING_DISABLED)
    assert told_of_forecast(decision).reason is Reason.SCALING_DISABLED


@pytest.mark.parametrize("reading", [MetricReading(CPU, error="503"), a_reading(CPU, [50] * 4, age_s=600)])
def test_with_all_metrics_failed_a_forecast_may_raise_but_not_lower(reading: MetricReading) -> None:
    def decided(peak: float) -> int:
        observation = an_observation(reading, pods=some_pods(4), forecasts=(a_forecast(peak),))
        return decide(observation, POLICY, SETTLED, NOW_S)[0].desired

    assert decided(0.3) == 6
    assert decided(0.05) == 4


# How far a forecast may raise


def test_a_forecast_is_bounded_by_max_replicas() -> None:
    decision = ahead(a_forecast(9.0), policy=a_policy(CPU, max_replicas=10))
    assert decision.desired == 10
    assert "bounded by maxReplicas" in decision.message


def test_a_forecast_is_bounded_by_the_extra_pods_above_the_hpa() -> None:
    decision = ahead(a_forecast(9.0), policy=a_policy(CPU, max_extra_pods=2))
    assert decision.desired == 6
    assert "bounded by forecast.maxExtraPods" in decision.message
    assert ahead(a_forecast(9.0), policy=a_policy(CPU, max_extra_pods=0)).desired == 4


def test_without_behavior_a_forecast_is_not_slowed_down() -> None:
    """The HPA would double at most; a forecast knows where it goes."""
    assert ahead(a_forecast(1.0)).desired == 20


def scaling_up(rules: ScalingRules | None) -> Policy:
    return a_policy(CPU, behavior=Behavior(scale_up=rules))


def one_pod_a_minute(**fields: object) -> ScalingRules:
    return ScalingRules(policies=(ScalingPolicy(type=PolicyType.PODS, value=1, period_seconds=60),), **fields)


def test_policies_that_the_user_wrote_slow_down_a_forecast() -> None:
    decision = ahead(a_forecast(1.0), policy=scaling_up(one_pod_a_minute()))
    assert decision.desired == 5
    assert "bounded by the policies of behavior.scaleUp" in decision.message
    used_up = a_state((15, 4), scale_ups=(ScaleEvent(NOW_S - 30, 1),))
    assert ahead(a_forecast(1.0), policy=scaling_up(one_pod_a_minute()), state=used_up).desired == 4


def test_scaling_up_that_is_switched_off_is_off_for_a_forecast() -> None:
    rules = ScalingRules(select_policy=SelectPolicy.DISABLED)
    assert ahead(a_forecast(1.0), policy=scaling_up(rules)).desired == 4


def test_rules_that_nobody_wrote_do_not_slow_down_a_forecast() -> None:
    assert ahead(a_forecast(1.0), policy=scaling_up(None)).desired == 20


def test_the_window_for_scaling_up_does_not_hold_a_forecast_back() -> None:
    """The HPA waits for the lowest of the last five minutes; its rates (double, or four more) still hold."""
    rules = ScalingRules(stabilization_window_seconds=300)
    assert ahead(a_forecast(0.3), policy=scaling_up(rules)).desired == 6


# What forecasts asked for before


def test_a_lower_forecast_waits_for_the_window_like_a_lower_load() -> None:
    state = a_state((15, 2), predicted=(Recommendation(NOW_S - 299, 4),))
    observation = an_observation(a_reading(CPU, [20] * 4), pods=some_pods(4), forecasts=(a_forecast(0.15),))
    decision, after = decide(observation, POLICY, state, NOW_S)
    assert (decision.desired, decision.reason) == (4, Reason.FORECAST_AHEAD)
    assert decision.message == (
        "Stay at 4: a forecast within the last 300 s needed 4 pods; without the forecast it would be 2."
    )
    assert after.predicted == (Recommendation(NOW_S - 299, 4), Recommendation(NOW_S, 3))


def test_what_was_asked_for_a_whole_window_ago_is_over() -> None:
    state = a_state((15, 2), predicted=(Recommendation(NOW_S - 300, 4),))
    observation = an_observation(a_reading(CPU, [20] * 4), pods=some_pods(4), forecasts=(a_forecast(0.15),))
    assert decide(observation, POLICY, state, NOW_S)[0].desired == 3


def test_a_forecast_that_ends_gives_its_pods_back_only_after_the_window() -> None:
    """Expired in the middle of a rise: the pods that came for it stay for now."""
    state = a_state((15, 2), predicted=(Recommendation(NOW_S - 60, 4),))
    low = a_reading(CPU, [20] * 4)
    observation = an_observation(low, pods=some_pods(4), forecasts=(a_forecast(0.2, expires_s=NOW_S - 1),))
    decision = decide(observation, POLICY, state, NOW_S)[0]
    assert decision.desired == 4
    assert told_of_forecast(decision).reason is Reason.FORECAST_EXPIRED


def test_pods_that_came_for_a_forecast_stay_as_long_as_the_policy_says() -> None:
    low = a_reading(CPU, [20] * 4)
    observation = an_observation(low, pods=some_pods(4))
    state = a_state((600, 2), predicted=(Recommendation(NOW_S - 60, 4),))
    left = {
        hold_s: decide(observation, replace(POLICY, forecast_hold_s=hold_s), state, NOW_S)[0].desired for hold_s in (60.0, 61.0)
    }
    assert left == {60.0: 2, 61.0: 4}


def test_what_forecasts_asked_for_before_adds_no_pod() -> None:
    state = a_state((15, 4), predicted=(Recommendation(NOW_S - 60, 9),))
    assert ahead(None, state=state).desired == 4


def test_the_window_is_that_of_the_users_behavior() -> None:
    policy = a_policy(CPU, behavior=Behavior(scale_down=ScalingRules(stabilization_window_seconds=0)))
    state = a_state((15, 2), predicted=(Recommendation(NOW_S - 1, 4),))
    observation = an_observation(a_reading(CPU, [20] * 4), pods=some_pods(4), forecasts=(None,))
    assert decide(observation, policy, state, NOW_S)[0].desired == 2
