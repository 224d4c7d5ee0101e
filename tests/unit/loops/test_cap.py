from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.loops.cap import AddedPods, capped, divide
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Action, Decision, Source


def a_wish(name: str, *, current: int, reactive: int, desired: int) -> tuple[ObjectKey, Decision]:
    decision = Decision(
        action=Action.SCALE_UP,
        desired=desired,
        current=current,
        reason=Reason.ABOVE_TARGET,
        message="cpu above target.",
        candidates={Source.STABILIZED: reactive},
        metrics=(),
        conditions=(),
    )
    return ObjectKey("default", name), decision


def test_what_only_a_forecast_asks_for_gives_way_first() -> None:
    forecast = a_wish("a", current=2, reactive=2, desired=10)
    reactive = a_wish("b", current=2, reactive=5, desired=5)
    granted = divide([forecast, reactive], 4)
    assert granted == {forecast[0]: 1, reactive[0]: 3}


@pytest.mark.parametrize("source", [Source.BURST, Source.FALLBACK, Source.PAUSE])
def test_a_burst_a_fallback_and_a_fixed_count_are_no_forecast(source: Source) -> None:
    forecast = a_wish("a", current=2, reactive=2, desired=10)
    key, decision = a_wish("b", current=2, reactive=2, desired=5)
    burst = (key, replace(decision, candidates={**decision.candidates, source: 5}))
    assert divide([forecast, burst], 4) == {forecast[0]: 1, key: 3}


def test_each_gets_one_pod_in_turn() -> None:
    big = a_wish("big", current=0, reactive=100, desired=100)
    small = a_wish("small", current=0, reactive=2, desired=2)
    assert divide([big, small], 5) == {big[0]: 3, small[0]: 2}


@given(
    wishes=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20)), max_size=6),
    left=st.integers(0, 60),
)
def test_no_more_than_what_is_left_nor_than_what_is_asked_is_granted(wishes: list[tuple[int, int, int]], left: int) -> None:
    asked = [
        a_wish(str(index), current=current, reactive=current + reactive, desired=current + extra)
        for index, (current, reactive, extra) in enumerate(wishes)
    ]
    granted = divide(asked, left)
    assert sum(granted.values()) == min(left, sum(decision.desired - decision.current for _, decision in asked))
    assert all(0 <= granted[key] <= decision.desired - decision.current for key, decision in asked)


def test_a_wish_that_gets_nothing_is_held_and_says_so() -> None:
    _, decision = a_wish("a", current=2, reactive=4, desired=4)
    held = capped(decision, 0, 10)
    assert (held.action, held.desired, held.reason) == (Action.HOLD, 2, Reason.CLUSTER_CAP)
    assert "scaling.max_added_pods_per_minute" in held.message
    assert [(one.name, one.before, one.after) for one in held.limits] == [("scaling.max_added_pods_per_minute", 4, 2)]
    assert capped(decision, 2, 10) is decision


def test_a_pod_counts_for_one_minute() -> None:
    added = AddedPods()
    added.record(100.0, 3)
    assert added.left(5, 159.9) == 2
    assert added.left(5, 160.0) == 5
    assert added.left(0, 100.0) is None


def test_pods_that_were_added_before_the_clock_was_put_back_do_not_count_for_hours() -> None:
    added = AddedPods()
    added.record(7200, 5)
    assert added.left(5, 7201) == 0
    assert added.left(5, 3600) == 5
