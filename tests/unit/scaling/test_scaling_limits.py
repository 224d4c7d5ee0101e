"""What changed a decision on its way is named by the field or setting that a user can turn, in its order."""

import pytest

from autoscaler.api.types import Behavior, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide
from autoscaler.scaling.types import Decision, Limit, Observation, Policy, State
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

CPU = a_resource_metric(utilization=100)
FEW = (ScalingPolicy(type=PolicyType.PODS, value=1, period_seconds=60),)


def seen(load: list[int], **fields: object) -> Observation:
    return an_observation(a_reading(CPU, load), pods=some_pods(len(load)), **fields)


def decided(load: list[int], policy: Policy, state: State | None = None, **fields: object) -> Decision:
    return decide(seen(load, **fields), policy, state or State(), NOW_S)[0]


def steps(decision: Decision) -> list[tuple[str, int, int]]:
    return [(one.name, one.before, one.after) for one in decision.limits]


def cpu(**fields: object) -> Policy:
    return a_policy(CPU, **fields)


def up(**rules: object) -> Behavior:
    return Behavior(scale_up=ScalingRules(**rules))


def down(**rules: object) -> Behavior:
    return Behavior(scale_down=ScalingRules(**rules))


@pytest.mark.parametrize(
    ("load", "policy", "past", "expected"),
    [
        ([100, 100], cpu(), (), []),
        ([105, 105], cpu(), (), [("scaling.tolerance", 3, 2)]),
        ([105, 105], cpu(behavior=up(tolerance="0.2")), (), [("behavior.scaleUp.tolerance", 3, 2)]),
        ([95] * 20, cpu(behavior=down(tolerance="0.2")), (), [("behavior.scaleDown.tolerance", 19, 20)]),
        ([20, 20], cpu(), ((100, 2),), [("scaling.downscale_stabilization_s", 1, 2)]),
        ([20, 20], cpu(behavior=Behavior()), ((100, 2),), [("scaling.downscale_stabilization_s", 1, 2)]),
        (
            [20, 20],
            cpu(behavior=down(stabilization_window_seconds=60)),
            ((10, 2),),
            [("behavior.scaleDown.stabilizationWindowSeconds", 1, 2)],
        ),
        (
            [300, 300],
            cpu(behavior=up(stabilization_window_seconds=60)),
            ((10, 3),),
            [("behavior.scaleUp.stabilizationWindowSeconds", 6, 3)],
        ),
        ([900, 900], cpu(), (), [("scaleUpLimit", 18, 4)]),
        ([200, 200], cpu(max_replicas=3), (), [("maxReplicas", 4, 3)]),
        ([10, 10, 10], cpu(min_replicas=2), (), [("minReplicas", 1, 2)]),
        ([300, 300], cpu(behavior=up(policies=FEW)), (), [("behavior.scaleUp.policies", 6, 3)]),
        ([300, 300], cpu(behavior=up(select_policy=SelectPolicy.DISABLED)), (), [("behavior.scaleUp.selectPolicy", 6, 2)]),
        (
            [10, 10, 10],
            cpu(behavior=down(stabilization_window_seconds=0, policies=FEW)),
            (),
            [("behavior.scaleDown.policies", 1, 2)],
        ),
        (
            [900, 900],
            cpu(max_replicas=5, behavior=up(stabilization_window_seconds=60)),
            ((10, 9),),
            [("behavior.scaleUp.stabilizationWindowSeconds", 18, 9), ("maxReplicas", 9, 5)],
        ),
        ([100] * 5, cpu(max_replicas=3), (), [("maxReplicas", 5, 3)]),
        ([100], cpu(min_replicas=3), (), [("minReplicas", 1, 3)]),
    ],
)
def test_each_limit_of_the_hpa_is_named_with_the_counts_before_and_after_it(
    load: list[int], policy: Policy, past: tuple[tuple[int, int], ...], expected: list[tuple[str, int, int]]
) -> None:
    assert steps(decided(load, policy, a_state(*past))) == expected


def test_what_stops_a_forecast_is_a_limit_after_what_it_asks_for() -> None:
    forecasts = (a_forecast(1.2),)
    assert steps(decided([100, 100], cpu(), forecasts=forecasts)) == [("forecast", 2, 12)]
    extra = decided([100, 100], cpu(max_extra_pods=3), forecasts=forecasts)
    assert steps(extra) == [("forecast", 2, 12), ("forecast.maxExtraPods", 12, 5)]
    assert extra.limits[0].asked
    assert steps(decided([100, 100], cpu(max_replicas=4), forecasts=forecasts))[-1] == ("maxReplicas", 12, 4)
    slow = decided([100, 100], cpu(behavior=up(policies=FEW)), forecasts=forecasts)
    assert steps(slow)[-1] == ("behavior.scaleUp.policies", 12, 3)


def test_a_forecast_that_may_not_add_a_pod_leaves_the_decision_as_it_is_and_says_why() -> None:
    decision = decided([100, 100], cpu(max_extra_pods=0), forecasts=(a_forecast(1.2),))
    assert (decision.desired, decision.reason) == (2, Reason.WITHIN_TOLERANCE)
    assert steps(decision) == [("forecast", 2, 12), ("forecast.maxExtraPods", 12, 2)]


def test_a_metric_that_asks_for_more_than_the_tolerant_one_leaves_no_limit() -> None:
    query = a_query_metric("10")
    observation = an_observation(a_reading(CPU, [105, 105]), a_reading(query, 60_000), pods=some_pods(2))
    assert steps(decide(observation, a_policy(CPU, query), State(), NOW_S)[0]) == [("scaleUpLimit", 6, 4)]


def test_load_that_is_not_known_has_no_limit() -> None:
    decision = decide(an_observation(a_reading(CPU), pods=some_pods(2)), cpu(), State(), NOW_S)[0]
    assert decision.limits == ()


def test_a_limit_tells_its_reason_and_half_a_sentence() -> None:
    (limit,) = decided([200, 200], cpu(max_replicas=3)).limits
    assert limit == Limit("maxReplicas", 4, 3, Reason.TOO_MANY_REPLICAS, "the most is 3")
