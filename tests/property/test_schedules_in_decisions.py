"""What must hold of every decision with schedules in force."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.api.overrides import Schedule
from autoscaler.api.types import Behavior
from autoscaler.scaling.decide import decide, initial_state
from autoscaler.scaling.schedules.bounds import bounds
from autoscaler.scaling.schedules.types import Active
from autoscaler.scaling.types import Policy, State
from tests.builders import NOW_S, a_policy, a_reading, a_resource_metric, an_observation, some_pods

CPU = a_resource_metric(utilization=50)
counts = st.none() | st.integers(0, 40)


@st.composite
def a_schedule(draw: st.DrawFn, number: int) -> Schedule:
    """A schedule that holds at NOW_S."""
    low, most = draw(counts), draw(counts)
    fields: dict[str, object] = {"min": low, "max": None if most is None else max(1, low or 0, most)}
    if draw(st.integers(0, 3)) == 0:
        fields = {"replicas": draw(st.integers(0, 40))}
    padding = draw(st.none() | st.integers(1, 1000))
    return Schedule(name=f"s{number}", from_="2026-01-01", padding_percent=padding, **fields)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    low = draw(st.integers(0, 20))
    schedules = tuple(draw(a_schedule(number)) for number in range(draw(st.integers(0, 4))))
    plain = a_policy(CPU, min_replicas=low, max_replicas=max(1, low + draw(st.integers(0, 20))))
    return replace(
        plain, schedules=schedules, behavior=draw(st.none() | st.just(Behavior())), scale_to_zero=draw(st.booleans())
    )


@given(policies(), st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_least_is_never_above_the_most_and_doubt_never_lowers_either(policy: Policy, doubts: list[bool]) -> None:
    active = [Active(one, "not known" if doubt else "") for one, doubt in zip(policy.schedules, doubts, strict=False)]
    found = bounds(policy, active)
    assert 0 <= found.low <= found.high
    known = bounds(policy, [one for one in active if not one.doubt])
    assert (found.low, found.high) >= (known.low, known.high)
    assert found.low >= known.low
    assert found.high >= known.high


@given(policies(), st.integers(0, 60), st.integers(0, 300), st.sampled_from([0, 1]))
@settings(deadline=None)
def test_a_decision_is_within_the_bounds_in_force_and_the_same_each_time(
    policy: Policy, count: int, usage: int, ours: int
) -> None:
    observation = an_observation(a_reading(CPU, [usage] * count), pods=some_pods(count))
    state = replace(initial_state(count, NOW_S - 15), scaled_to_zero=bool(ours))
    decision, after = decide(observation, policy, state, NOW_S)
    found = bounds(policy, [Active(one) for one in policy.schedules])
    assert decision.desired <= max(found.high, 0)
    assert decision.desired >= found.low or count == 0
    assert decide(observation, policy, state, NOW_S) == (decision, after)
    assert decide(observation, policy, replace(state, timetable=after.timetable), NOW_S)[0] == decision


@given(st.integers(1, 30), st.integers(1, 200), st.integers(10, 2000))
@settings(deadline=None)
def test_padding_never_grows_by_what_it_added(start: int, percent: int, load_milli: int) -> None:
    """Under a load that stays the same it never asks for more than its part of what the load needs."""
    schedule = Schedule(name="fair", from_="2026-01-01", padding_percent=percent)
    policy = replace(a_policy(CPU, max_replicas=10_000), schedules=(schedule,), behavior=Behavior())
    needed = -(-load_milli // 50)
    count, state = start, State()
    for turn in range(12):
        ready = count if turn % 3 else max(1, count - 3)  # from time to time some have only just come
        seen = some_pods(ready) + tuple(
            replace(pod, ready=False, start_s=NOW_S - 5, ready_changed_s=NOW_S - 5) for pod in some_pods(count)[ready:]
        )
        reading = a_reading(CPU, [load_milli // ready] * ready)
        decision, state = decide(an_observation(reading, pods=seen), policy, state, NOW_S + turn)
        allowed = max(start, needed + 1 + needed // 9) * (100 + percent) // 100 + 1
        assert decision.desired <= max(allowed, start)
        count = decision.desired
