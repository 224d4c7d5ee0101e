"""The walk through a load: what is seen when, when pods serve, and that nobody looks ahead."""

import sys
from typing import Self

import numpy as np

from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats
from autoscaler.reasons import Reason
from autoscaler.replay.foresight import Foreseen
from autoscaler.replay.pods import Pods
from autoscaler.replay.score import score
from autoscaler.replay.stage import UNSCORED_STEPS, Setting, Stage, seen_of
from autoscaler.replay.walk import first_count, walk

START_S = 1_700_000_000.0
DAY = 5760


def a_stage(load: Floats, cut: int) -> Stage:
    return Stage("test", START_S, np.asarray(load, dtype=float), cut, 1.0)


class Says:
    """A foresight that says the same peak at all times."""

    learns_at = sys.maxsize

    def __init__(self, peak: float, *, is_open: bool = True) -> None:
        self.peak, self.is_open = peak, is_open
        self.asked: list[tuple[int, int, int]] = []

    def copy(self) -> Self:
        return self

    def block(self, seen: Floats, first: int, last: int, full: Bools | None = None) -> Foreseen:  # noqa: ARG002
        self.asked.append((seen.size, first, last))
        size = last - first
        return Foreseen(
            np.full(size, self.peak), np.full(size, self.is_open), np.full(size, 1.0), np.full(size, 2.0), said="said"
        )


def test_what_is_seen_is_the_mean_of_the_four_steps_before_and_of_fewer_at_the_start() -> None:
    assert seen_of(np.array([4.0, 8, 0, 4, 100, 1])).tolist() == [4, 4, 6, 4, 4, 28]


def test_a_step_of_the_load_is_seen_one_step_later_and_its_pods_serve_after_their_start() -> None:
    course = walk(a_stage(np.r_[np.full(40, 7.0), np.full(40, 14.0)], 20), Setting())
    jump = 40 - 20
    assert set(course.desired[: jump + 1]) == {10}  # at the step of the jump nobody knows of it
    assert course.desired[jump + 1 : jump + 5].tolist() == [13, 15, 18, 20]
    assert course.ready[jump + 1 : jump + 9].tolist() == [10, 10, 10, 10, 13, 15, 18, 20]


def test_it_begins_with_as_many_pods_as_the_formula_asks_for_within_the_bounds() -> None:
    assert [first_count(seen, Setting()) for seen in (0.0, 7.0, 7.01, 1e6)] == [1, 10, 11, 200]


def test_pods_that_do_not_serve_yet_go_first_and_the_newest_before_the_others() -> None:
    pods = Pods(ready=5, lead=4)
    pods.change(0, 3)
    pods.change(1, 2)
    pods.change(2, -4)
    assert [pods.arrive(step) for step in (3, 4, 5, 6)] == [5, 6, 6, 6]
    pods.change(6, -2)
    assert pods.arrive(7) == 4


def test_the_hpa_waits_for_its_window_before_it_removes_pods() -> None:
    course = walk(a_stage(np.r_[np.full(40, 14.0), np.full(60, 7.0)], 20), Setting())
    falls = np.flatnonzero(np.diff(course.desired))
    last_high = 40 - 20  # the fall itself is not seen yet
    assert falls[0] + 1 == last_high + 300 // 15


def test_a_forecast_raises_the_count_and_never_lowers_it() -> None:
    stage = a_stage(np.full(300, 7.0), 20)
    assert set(walk(stage, Setting(), Says(20.0)).desired) == {20}
    assert set(walk(stage, Setting(), Says(1.0)).desired) == {10}
    shut = walk(stage, Setting(), Says(20.0, is_open=False))
    assert set(shut.desired) == {10}
    assert set(shut.predicted) == {-1}


def test_rows_say_what_was_weighed_and_why() -> None:
    course = walk(a_stage(np.full(30, 7.0), 20), Setting(), Says(20.0))
    assert (course.reactive[0], course.predicted[0], course.desired[0]) == (10, 20, 20)
    assert course.reasons[0] is Reason.FORECAST_AHEAD
    assert course.said == "said"


def test_forecasts_are_asked_for_in_blocks_that_end_with_what_was_seen_then() -> None:
    says = Says(1.0)
    walk(a_stage(np.full(2 * DAY + 20, 7.0), 20), Setting(), says)
    assert says.asked == [(DAY + 20, 20, DAY + 20), (2 * DAY + 20, DAY + 20, 2 * DAY + 20)]


def test_with_capped_nobody_sees_more_than_the_pods_could_serve() -> None:
    stage = a_stage(np.r_[np.full(40, 7.0), np.full(100, 70.0)], 20)
    seen, capped = walk(stage, Setting()), walk(stage, Setting(capped=True))
    assert seen.desired[-1] == 100
    assert capped.desired[22] < seen.desired[22]
    assert capped.desired[-1] >= 91  # it gets there within the tolerance, by and by
    assert (capped.desired <= seen.desired).all()


def test_with_capped_the_load_of_foresails_own_pods_counts_and_not_that_of_the_hpas() -> None:
    stage = a_stage(np.r_[np.full(40, 7.0), np.full(100, 30.0)], 20)
    ahead = walk(stage, Setting(capped=True), Says(40.0))
    assert ahead.reactive[22] > walk(stage, Setting(capped=True)).desired[22]


def test_the_first_hour_is_not_scored_and_the_rest_is_as_the_issue_counts_it() -> None:
    load = np.r_[np.full(40, 7.0), np.full(UNSCORED_STEPS, 500.0), np.full(4, 7.0), np.full(4, 14.0)]
    stage = a_stage(load, 40)
    course = walk(stage, Setting())
    found = score(stage, course)
    scored, ready = load[stage.scored :], course.ready[UNSCORED_STEPS:]
    assert found.overloaded_ratio == np.mean(scored > ready)
    assert found.lost_bp == 1e4 * np.maximum(scored - ready, 0).sum() / scored.sum()
    assert found.pod_hours == course.desired[UNSCORED_STEPS:].sum() * 15 / 3600
