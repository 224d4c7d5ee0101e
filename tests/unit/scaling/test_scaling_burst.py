"""Bursts: when one begins and ends, how high it goes, how fast, and what it leaves alone."""

from dataclasses import replace

import pytest

from autoscaler.api.overrides import Burst, Fallback, FallbackBehavior
from autoscaler.api.types import Behavior, MetricSpec, PolicyType, ScalingPolicy, ScalingRules, SelectPolicy
from autoscaler.model import PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import decide, initial_state
from autoscaler.scaling.types import (
    Bursting,
    Decision,
    MetricReading,
    Observation,
    Policy,
    SelectorFault,
    Source,
    State,
)
from tests.builders import (
    NOW_S,
    a_metric_of_all,
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
RULES = Burst(threshold_percent=200, window_seconds=30, hold_seconds=60)


def bursting(*metrics: MetricSpec, **fields: object) -> Policy:
    plain = {"max_replicas": 50, "burst": RULES, "downscale_stabilization_s": 0, "forecast_enabled": False}
    return a_policy(*(metrics or (CPU,)), **{**plain, **fields})


def seen(minute: int, short: int | None, count: int, *, pods: tuple[PodView, ...] | None = None) -> Observation:
    """Pods that use so many percent of their requests over a minute, and over the short window (None: not known)."""
    over_short = MetricReading(CPU, error="no samples") if short is None else a_reading(CPU, [short] * count, window_s=30.0)
    return an_observation(a_reading(CPU, [minute] * count), pods=pods or some_pods(count), replicas=count, short=(over_short,))


def later(observation: Observation, by_s: float) -> Observation:
    def moved(reading: MetricReading | None) -> MetricReading | None:
        return reading and replace(reading, sampled_at_s=(reading.sampled_at_s or 0) + by_s)

    readings = tuple(moved(one) for one in observation.readings)
    return replace(observation, readings=readings, short=tuple(moved(one) for one in observation.short))


def decided(observation: Observation, policy: Policy, state: State | None = None) -> tuple[Decision, State]:
    return decide(observation, policy, state or a_state(), NOW_S)


def condition(decision: Decision) -> tuple[bool, Reason]:
    [found] = [(one.status, one.reason) for one in decision.conditions if one.type == "Burst"]
    return found


def test_a_metric_that_passes_its_threshold_over_the_short_window_begins_one() -> None:
    """A minute knows of 60 % only; half a minute of 210 %, which asks for 13."""
    decision, state = decided(seen(60, 210, 3), bursting())
    assert (decision.desired, decision.reason) == (13, Reason.BURST)
    assert decision.message == (
        "Scale up from 3 to 13: cpu is at 420% of its target over 30 s, which is a burst; without the burst it would be 4."
    )
    assert decision.candidates[Source.BURST] == 13
    assert condition(decision) == (True, Reason.BURST)
    assert state.burst == Bursting(NOW_S, 13, NOW_S)


@pytest.mark.parametrize(("short", "begins"), [(100, False), (101, True), (60, False), (0, False)])
def test_the_threshold_must_be_passed(short: int, begins: bool) -> None:  # noqa: FBT001
    decision, state = decided(seen(50, short, 4), bursting())
    assert (state.burst is not None) is begins
    assert condition(decision)[0] is begins
    assert decision.desired == (9 if begins else 4)


def test_without_burst_in_the_object_there_is_none() -> None:
    decision, state = decided(seen(60, 210, 3), bursting(burst=None))
    assert (decision.desired, state.burst) == (4, None)
    assert "Burst" not in {one.type for one in decision.conditions}


def test_while_it_lasts_no_pod_is_removed_and_the_highest_count_is_kept() -> None:
    policy = bursting()
    state = a_state(burst=Bursting(NOW_S - 50, 20, NOW_S - 30))
    decision, after = decided(seen(20, 20, 15), policy, state)
    assert (decision.desired, decision.reason) == (20, Reason.BURST)
    assert "a burst lasts in which no pod is removed" in decision.message
    assert after.burst == state.burst
    more, after = decided(seen(20, 20, 25), policy, state)  # somebody added pods
    assert more.desired == 25
    assert after.burst == Bursting(NOW_S - 50, 25, NOW_S - 30)


@pytest.mark.parametrize(("ago_s", "lasts"), [(59, True), (60, False), (300, False)])
def test_it_ends_when_the_threshold_was_not_passed_for_its_time(ago_s: float, lasts: bool) -> None:  # noqa: FBT001
    state = a_state(burst=Bursting(NOW_S - 500, 20, NOW_S - ago_s))
    decision, after = decided(seen(20, 20, 20), bursting(), state)
    assert (after.burst is not None, condition(decision)[0]) == (lasts, lasts)
    assert decision.desired == (20 if lasts else 8)


def test_passing_the_threshold_again_makes_it_last() -> None:
    state = a_state(burst=Bursting(NOW_S - 500, 20, NOW_S - 55))
    _, after = decided(seen(50, 110, 20), bursting(), state)
    assert after.burst == Bursting(NOW_S - 500, 44, NOW_S)


def test_it_is_not_slowed_by_the_defaults_but_by_what_somebody_wrote() -> None:
    """13 of 3 at once: twice is the default without behavior, four pods or twice the one with it."""
    slow = ScalingRules(policies=(ScalingPolicy(type=PolicyType.PODS, value=2, period_seconds=60),))
    wanted = seen(60, 210, 3)
    assert decided(wanted, bursting())[0].desired == 13
    assert decided(wanted, bursting(behavior=Behavior()))[0].desired == 13
    assert decided(wanted, bursting(behavior=Behavior(scale_down=slow)))[0].desired == 13
    limited, state = decided(wanted, bursting(behavior=Behavior(scale_up=slow)))
    assert limited.desired == 5
    assert state.burst == Bursting(NOW_S, 13, NOW_S)  # what it asks for is not forgotten
    never = ScalingRules(select_policy=SelectPolicy.DISABLED)
    assert decided(wanted, bursting(behavior=Behavior(scale_up=never)))[0].desired == 3


def test_it_is_bounded_by_the_maximum() -> None:
    decision, state = decided(seen(60, 210, 3), bursting(max_replicas=8))
    assert (decision.desired, state.burst) == (8, Bursting(NOW_S, 8, NOW_S))


def test_what_the_hpa_remembers_knows_nothing_of_it() -> None:
    _, with_burst = decided(seen(60, 210, 3), bursting())
    _, without = decided(seen(60, 210, 3), bursting(burst=None))
    assert replace(with_burst, burst=None) == without


def test_the_formula_is_never_undercut() -> None:
    """The minute asks for more than the short window: load falls already."""
    decision, _ = decided(seen(300, 110, 2), bursting(behavior=Behavior()))
    assert (decision.desired, decision.reason) == (6, Reason.ABOVE_TARGET)
    assert (decision.candidates[Source.STABILIZED], decision.candidates[Source.BURST]) == (6, 5)


@pytest.mark.parametrize(
    ("metric", "value", "percent"),
    [
        (a_query_metric("10"), 41_000, "205%"),
        (a_metric_of_all(average="10"), 41_000, "205%"),
        (a_metric_of_all(average="10", outside=False), 41_000, "205%"),
        (a_metric_of_all(value="10"), 20_500, "205%"),
        (a_metric_of_all(value="10", outside=False), 20_500, "205%"),
    ],
)
def test_a_metric_of_all_pods_is_taken_as_it_is_over_the_ready_ones(metric: MetricSpec, value: int, percent: str) -> None:
    """Two of four pods are Ready: what one can carry is compared with a half of the pods, a value of all with itself."""
    pods = (*some_pods(2), *(a_pod(f"new-{index}", ready=False, ready_changed_s=NOW_S - 5) for index in range(2)))
    observation = an_observation(a_reading(metric, value), pods=pods)
    decision, _ = decided(observation, bursting(metric))
    assert condition(decision) == (True, Reason.BURST)
    assert percent in decision.message or decision.desired == decision.candidates[Source.STABILIZED]
    calm = an_observation(a_reading(metric, value * 2 // 3), pods=pods)
    assert condition(decided(calm, bursting(metric))[0]) == (False, Reason.NO_BURST)


def test_memory_and_what_has_no_short_window_is_taken_as_it_is() -> None:
    memory = a_resource_metric("memory", average="10Mi")
    usage = [21 * 2**20 * 1000] * 4
    decision, _ = decided(an_observation(a_reading(memory, usage), pods=some_pods(4), short=(None,)), bursting(memory))
    assert condition(decision) == (True, Reason.BURST)


def test_one_of_several_metrics_is_enough() -> None:
    query = a_query_metric("10")
    calm, high = a_reading(CPU, [50] * 4), a_reading(query, 90_000)
    decision, _ = decided(an_observation(calm, high, pods=some_pods(4)), bursting(CPU, query))
    assert (condition(decision)[0], decision.desired) == (True, 9)


def test_starts_of_new_pods_are_no_burst() -> None:
    """Two of ten pods have just started, and burn ten times what they will."""
    young = {"start_s": NOW_S - 100, "ready_changed_s": NOW_S - 80}
    pods = (*some_pods(8), *(a_pod(f"shop-{index}", **young) for index in (8, 9)))
    hot = a_reading(CPU, [50] * 8 + [500] * 2, window_s=30.0)
    observation = an_observation(a_reading(CPU, [50] * 10), pods=pods, short=(hot,))
    decision, _ = decided(observation, bursting())
    assert (condition(decision)[0], decision.desired) == (False, 10)


def test_a_short_window_that_cannot_be_read_begins_none_and_says_so() -> None:
    decision, state = decided(seen(50, None, 4), bursting())
    assert (decision.desired, state.burst) == (4, None)
    [said] = [one.message for one in decision.conditions if one.type == "Burst"]
    assert said == "no metric passes 200% of its target over 30 s; cpu cannot be read over that time: no samples"


def test_metrics_that_fail_in_a_burst_keep_what_it_has_asked_for_until_it_ends() -> None:
    policy = bursting()
    blind = an_observation(MetricReading(CPU, error="down"), pods=some_pods(10))
    decision, after = decided(blind, policy, a_state(burst=Bursting(NOW_S - 50, 20, NOW_S - 30)))
    assert (decision.desired, after.burst) == (20, Bursting(NOW_S - 50, 20, NOW_S - 30))
    decision, after = decided(blind, policy, a_state(burst=Bursting(NOW_S - 99, 20, NOW_S - 60)))
    assert (decision.desired, after.burst) == (10, None)


@pytest.mark.parametrize(
    "unknown",
    [
        {"unseen": True},
        {"selector_fault": SelectorFault(Reason.INVALID_SELECTOR, Reason.INVALID_SELECTOR, "no selector")},
    ],
)
def test_a_target_that_nobody_knows_is_held_and_its_burst_kept(unknown: dict[str, object]) -> None:
    blind = replace(an_observation(MetricReading(CPU, error="silent"), pods=some_pods(10)), **unknown)
    burst = Bursting(NOW_S - 50, 20, NOW_S - 30)
    decision, after = decided(blind, bursting(), a_state(burst=burst))
    assert (decision.desired, after.burst, condition(decision)[0]) == (10, burst, True)
    assert condition(decided(blind, bursting())[0])[0] is False


def test_at_zero_replicas_there_is_none() -> None:
    decision, after = decided(seen(0, 0, 0, pods=()), bursting(), a_state(burst=Bursting(NOW_S, 9, NOW_S)))
    assert (decision.desired, after.burst) == (0, None)


def test_after_a_restart_it_begins_anew_or_the_present_count_holds() -> None:
    policy = bursting(downscale_stabilization_s=300)
    state = initial_state(20, NOW_S - 15)
    assert decided(seen(20, 20, 20), policy, state)[0].desired == 20
    again, after = decided(seen(20, 110, 20), policy, state)
    assert (again.desired, after.burst) == (44, Bursting(NOW_S, 44, NOW_S))


def test_a_fallback_does_not_go_below_it() -> None:
    lower = Fallback(behavior=FallbackBehavior.STATIC, replicas=3, after_seconds=0)
    blind = an_observation(MetricReading(CPU, error="down"), pods=some_pods(10))
    state = a_state(burst=Bursting(NOW_S - 50, 10, NOW_S - 30))
    assert decided(blind, bursting(fallback=lower), state)[0].desired == 10
    assert decided(blind, bursting(fallback=lower), a_state())[0].desired == 3


def test_a_flash_crowd_is_met_faster_than_by_the_hpa_and_kept_until_it_is_over() -> None:
    """Load jumps to eight times; a rate over a minute learns it within a minute, one over half a minute within half of it."""

    def run(policy: Policy) -> list[int]:
        count, state, counts = 4, initial_state(4, NOW_S - 600), []
        for tick in range(24):
            now_s, at_s = NOW_S + 15 * tick, 15 * tick
            load = [200 + 1400 * min(1.0, max(0.0, at_s - 30) / window_s) for window_s in (60, 30)]
            load = [200.0, 200.0] if at_s > 150 else load
            minute, half = (round(one / count) for one in load)
            observation = later(seen(minute, half, count), 15.0 * tick)
            decision, state = decide(observation, policy, state, now_s)
            count = decision.desired
            counts.append(count)
        return counts

    ours, hpa = run(bursting()), run(bursting(burst=None))
    first = next(index for index, count in enumerate(ours) if count >= 30)
    assert first < next(index for index, count in enumerate(hpa) if count >= 30)
    drops = [index for index in range(1, len(ours)) if ours[index] < ours[index - 1]]
    assert ours[drops[0]] == 4
    assert drops[0] * 15 >= 60 + 30  # a hold after the last pass above the threshold
