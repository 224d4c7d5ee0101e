"""A pause: what is left of a decision, what is said of it, and how a target comes back from it."""

import pytest

from autoscaler.api.overrides import Pause
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import changed, decide, initial_state
from autoscaler.scaling.types import Action, Decision, Limit, MetricReading, Policy, Source, State
from tests.builders import (
    NOW_S,
    a_forecast,
    a_metric_of_all,
    a_policy,
    a_reading,
    a_resource_metric,
    a_state,
    an_observation,
    some_pods,
)

CPU = a_resource_metric(utilization=60)
ALL, IN, OUT = Pause(all=True), Pause(scale_in=True), Pause(scale_out=True)
LOW, FITTING, HIGH = 20, 60, 95  # percent, of which 6 pods become 2, 6 and 10


def paused(pause: Pause | None, **fields: object) -> Policy:
    return a_policy(CPU, min_replicas=2, max_replicas=20, pause=pause, **fields)


def decided(usage: int | None, count: int, policy: Policy, state: State | None = None) -> tuple[Decision, State]:
    reading = MetricReading(CPU, error="no answer") if usage is None else a_reading(CPU, [usage] * count)
    return decide(an_observation(reading, pods=some_pods(count)), policy, state or a_state(), NOW_S)


def condition(decision: Decision, kind: str = "Paused") -> tuple[bool, Reason]:
    [found] = [(one.status, one.reason) for one in decision.conditions if one.type == kind]
    return found


@pytest.mark.parametrize(
    ("pause", "usage", "desired"),
    [
        (ALL, LOW, 6),
        (ALL, HIGH, 6),
        (IN, LOW, 6),
        (IN, HIGH, 10),
        (OUT, LOW, 2),
        (OUT, HIGH, 6),
        (Pause(scale_in=True, scale_out=True), LOW, 6),
        (Pause(scale_in=True, scale_out=True), HIGH, 6),
        (Pause(replicas=4), LOW, 4),
        (Pause(replicas=4), HIGH, 4),
        (Pause(replicas=4, all=True), HIGH, 4),
        (Pause(replicas=6), HIGH, 6),
        (Pause(replicas=50), LOW, 50),  # outside of the bounds, both ways
        (Pause(replicas=1), HIGH, 1),
        (Pause(replicas=0), HIGH, 0),
        (None, LOW, 2),
        (None, HIGH, 10),
    ],
)
def test_a_pause_keeps_what_it_says(pause: Pause | None, usage: int, desired: int) -> None:
    decision, _ = decided(usage, 6, paused(pause))
    assert decision.desired == desired
    assert decision.action is {-1: Action.SCALE_DOWN, 0: Action.HOLD, 1: Action.SCALE_UP}[(desired > 6) - (desired < 6)]


def test_what_would_be_done_is_said() -> None:
    decision, _ = decided(HIGH, 6, paused(ALL))
    assert decision.reason is Reason.PAUSED
    assert decision.message == (
        "Stay at 6: pause.all is set, so replicas stay as they are; "
        "without it: scale up from 6 to 10: cpu at 95% of requests (target 60%) asks for 10 pods."
    )
    text = "pause.all is set, so replicas stay as they are"
    assert decision.limits == (Limit("pause.all", 10, 6, Reason.PAUSED, text),)
    assert decision.candidates[Source.PAUSE] == 6
    assert decision.candidates[Source.STABILIZED] == 10
    assert decision.cause == ""


def test_both_directions_one_by_one_are_a_pause_of_all() -> None:
    decision, _ = decided(HIGH, 6, paused(Pause(scale_in=True, scale_out=True)))
    assert [one.name for one in decision.limits] == ["pause.all"]


def test_a_pause_that_changes_nothing_leaves_the_reason_but_is_told() -> None:
    decision, _ = decided(HIGH, 6, paused(IN))
    assert (decision.desired, decision.reason, decision.limits) == (10, Reason.ABOVE_TARGET, ())
    assert condition(decision) == (True, Reason.PAUSED)


def test_the_condition_is_there_as_in_keda_also_without_a_pause() -> None:
    assert condition(decided(HIGH, 6, paused(None))[0]) == (False, Reason.NOT_PAUSED)


def test_a_forecast_is_paused_as_well() -> None:
    observation = an_observation(a_reading(CPU, [60] * 6), pods=some_pods(6), forecasts=(a_forecast(1.0),))
    decision, _ = decide(observation, paused(OUT), a_state(), NOW_S)
    assert (decision.desired, decision.candidates[Source.PREDICTED]) == (6, 17)


def test_a_fixed_count_needs_no_metrics_and_is_what_is_desired() -> None:
    decision, _ = decided(None, 6, paused(Pause(replicas=3)))
    assert (decision.desired, decision.computed) == (3, True)
    assert not decided(None, 6, paused(None))[0].computed


def test_after_a_pause_outside_of_the_bounds_they_count_again_at_once() -> None:
    assert decided(HIGH, 50, paused(None))[0].desired == 20
    assert decided(LOW, 1, paused(None))[0].desired == 2


def test_a_fixed_count_brings_a_target_back_from_zero() -> None:
    decision, _ = decided(None, 0, paused(Pause(replicas=3)))
    assert (decision.action, decision.desired) == (Action.SCALE_UP, 3)
    assert decided(None, 0, paused(ALL))[0].desired == 0


def at_zero_by_pause() -> State:
    """The state after pause.replicas 0 was carried out."""
    policy = paused(Pause(replicas=0))
    decision, state = decided(HIGH, 6, policy)
    [told] = decision.once_written
    assert (told.type, told.status, told.reason) == ("ScaledToZero", True, Reason.PAUSED)
    return changed(state, decision, policy, NOW_S)


def test_what_a_pause_took_to_zero_comes_back_when_the_pause_ends() -> None:
    state = at_zero_by_pause()
    _, state = decided(None, 0, paused(Pause(replicas=0)), state)
    _, state = decided(None, 0, paused(ALL), state)
    policy = paused(None)
    decision, state = decided(None, 0, policy, state)
    assert (decision.desired, decision.reason) == (2, Reason.NOT_PAUSED)
    text = "pause.replicas removed the last pod, so pods come back as it ends"
    assert decision.message == f"Scale up from 0 to 2: {text}; without pause.replicas it would be 0."
    assert decision.limits == (Limit("pause.replicas", 0, 2, Reason.NOT_PAUSED, text, asked=True),)
    [told] = decision.once_written
    assert (told.type, told.status) == ("ScaledToZero", False)
    state = changed(state, decision, policy, NOW_S)
    assert decided(None, 0, policy, state)[0].desired == 0  # who then takes the pods away has switched autoscaling off


def test_the_memory_of_a_pause_at_zero_survives_a_restart() -> None:
    state = initial_state(0, NOW_S, scaled_to_zero=True, paused_to_zero=True)
    assert decided(None, 0, paused(None), state)[0].desired == 2
    assert decided(None, 0, paused(None), initial_state(0, NOW_S))[0].desired == 0


def test_somebody_who_brings_pods_back_ends_the_memory_of_a_pause_at_zero() -> None:
    state = at_zero_by_pause()
    decision, state = decided(FITTING, 3, paused(None), state)
    assert condition(decision, "ScaledToZero") == (False, Reason.NOT_SCALED_TO_ZERO)
    assert decided(None, 0, paused(None), state)[0].desired == 0


def test_a_cache_that_still_shows_pods_does_not_end_the_memory_of_a_pause_at_zero() -> None:
    _, state = decided(HIGH, 6, paused(Pause(replicas=0)), at_zero_by_pause())
    assert decided(None, 0, paused(None), state)[0].desired == 2


@pytest.mark.parametrize(("value", "desired"), [(0, 0), (25_000, 3)])
def test_after_a_pause_at_zero_metrics_that_are_known_there_decide_where_zero_is_allowed(value: int, desired: int) -> None:
    queue = a_metric_of_all(average="10")
    policy = a_policy(queue, min_replicas=0, scale_to_zero=True)
    state = initial_state(0, NOW_S - 400, scaled_to_zero=True, paused_to_zero=True)
    decision, _ = decide(an_observation(a_reading(queue, value), pods=()), policy, state, NOW_S)
    assert decision.desired == desired
