"""Policy Earned: who may decide with fewer pods than the HPA, and what still holds them.

Four pods run at their target of 50 % of 100m; the forecast needs two.
"""

from dataclasses import replace

import pytest

from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.model import Forecast
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide
from autoscaler.scaling.types import Decision, Policy
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

CPU = a_resource_metric(utilization=50)
EARNED = replace(a_policy(CPU), earned=True)
LOW = a_forecast(0.1, earned=True)


def decided(forecast: Forecast | None = LOW, policy: Policy = EARNED, *, fails: bool = False) -> Decision:
    reading = a_reading(CPU, error="no answer") if fails else a_reading(CPU, [50] * 4)
    observation = an_observation(reading, pods=some_pods(4), forecasts=(forecast,))
    return decide(observation, policy, a_state((15, 4)), NOW_S)[0]


def test_a_forecast_that_has_earned_it_may_run_leaner() -> None:
    decision = decided()
    assert (decision.desired, decision.reason) == (2, Reason.FORECAST_LEANER)
    assert "without the forecast it would be 4" in decision.message


@pytest.mark.parametrize(
    ("forecast", "policy"),
    [
        (LOW, replace(EARNED, earned=False)),
        (replace(LOW, earned=False), EARNED),
        (replace(LOW, expires_s=NOW_S - 1), EARNED),
        (None, EARNED),
    ],
    ids=["policy Conservative", "not earned", "expired", "none"],
)
def test_without_both_the_hpa_holds(forecast: Forecast | None, policy: Policy) -> None:
    assert decided(forecast, policy).desired == 4


def test_what_is_not_known_is_never_leaner() -> None:
    assert decided(fails=True).desired == 4


def test_the_bounds_hold() -> None:
    assert decided(policy=replace(EARNED, min_replicas=3)).desired == 3


def test_one_metric_that_has_not_earned_it_is_enough_to_hold() -> None:
    queue = a_query_metric("10")
    readings = (a_reading(CPU, [50] * 4), a_reading(queue, 40_000))
    policy = replace(a_policy(CPU, queue), earned=True)
    observation = an_observation(*readings, pods=some_pods(4), forecasts=(LOW, a_forecast(1.0)))
    assert decide(observation, policy, a_state((15, 4)), NOW_S)[0].reason is not Reason.FORECAST_LEANER


def test_one_metric_that_is_not_known_is_enough_to_hold() -> None:
    queue = a_query_metric("10")
    readings = (a_reading(CPU, [50] * 4), a_reading(queue, error="no answer"))
    observation = an_observation(*readings, pods=some_pods(4), forecasts=(LOW, LOW))
    policy = replace(a_policy(CPU, queue), earned=True)
    assert decide(observation, policy, a_state((15, 4)), NOW_S)[0].desired == 4


def test_scaling_in_that_somebody_slowed_down_stays_slow() -> None:
    def falling(rules: ScalingRules) -> Policy:
        return replace(EARNED, behavior=Behavior(scale_down=rules))

    one = ScalingPolicy(type=PolicyType.PODS, value=1, period_seconds=60)
    assert decided(policy=falling(ScalingRules(policies=(one,)))).desired == 3
    assert decided(policy=falling(ScalingRules(select_policy=SelectPolicy.DISABLED))).desired == 4
