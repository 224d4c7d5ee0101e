"""Which part of a recording is played, how it is held onto steps, and what a pod serves."""

import numpy as np
import pytest

from autoscaler.replay.recorded import DAY_S, Recorded, Unusable
from autoscaler.replay.stage import Setting, Stage, Wanted, held, iso, staged

START_S = 1_700_000_000.0


def recorded(values: object, step_s: float = 60.0) -> Recorded:
    return Recorded("shop", START_S, step_s, np.asarray(values, dtype=float))


def a_day(step_s: float = 60.0, days: float = 1.0) -> Recorded:
    return recorded(np.arange(1, days * DAY_S / step_s + 1), step_s)


def test_a_sample_holds_until_the_next() -> None:
    assert held(recorded([1, 5], 60)).tolist() == [1, 1, 1, 1, 5, 5, 5, 5]


def test_a_step_that_is_no_multiple_of_15_s_holds_the_newest_sample() -> None:
    assert held(recorded([1, 2, 3], 20)).tolist() == [1, 1, 2, 3]


def test_of_finer_samples_each_step_has_the_mean() -> None:
    assert held(recorded([1, 2, 3, 4, 5, 9], 5)).tolist() == [2, 6]
    assert held(recorded([3, 3, 6], 10)).tolist() == [3, 5]


def test_by_default_the_second_half_of_the_last_21_days_is_played_and_that_is_said() -> None:
    stage = staged(a_day(300, 50), Wanted())
    assert (stage.load.size, stage.cut) == (21 * 5760, 21 * 2880)
    assert stage.start_s == START_S + 29 * DAY_S
    assert any("of 50.0 days only the last 21 days are used (--history)" in note for note in stage.notes)


def test_more_history_is_used_where_it_is_asked_for() -> None:
    assert staged(a_day(300, 50), Wanted(history_days=40)).load.size == 40 * 5760


def test_everything_from_the_given_time_on_is_played_and_the_days_before_it_train() -> None:
    stage = staged(a_day(300, 50), Wanted(evaluate_from_s=START_S + 30 * DAY_S))
    assert (stage.start_s, stage.cut, stage.steps) == (START_S + 9 * DAY_S, 21 * 5760, 20 * 5760)
    assert any("21 days before the cut" in note for note in stage.notes)


def test_a_time_between_two_steps_begins_with_the_next() -> None:
    assert staged(a_day(), Wanted(evaluate_from_s=START_S + 3601)).cut == 241


@pytest.mark.parametrize(
    ("at_s", "said"),
    [
        (START_S, "something must be left before it to train on"),
        (START_S - 5 * DAY_S, "something must be left before it"),
        (START_S + DAY_S - 3600, "there is 60 min of load, and the first hour is not scored"),
        (START_S + 5 * DAY_S, "there is 0 min of load"),
        (START_S + 50 * DAY_S, "before anything could be evaluated"),
    ],
)
def test_a_cut_that_leaves_nothing_to_train_on_or_to_score_is_refused(at_s: float, said: str) -> None:
    with pytest.raises(Unusable, match=said):
        staged(a_day(), Wanted(evaluate_from_s=at_s))


def test_a_pod_serves_a_fortieth_of_the_highest_load_but_for_a_thousandth_of_the_time() -> None:
    source = recorded(np.random.default_rng(0).exponential(10, 1440))
    stage = staged(source, Wanted())
    assert stage.capacity == np.quantile(source.values, 0.999) / 40
    assert stage.load[0] == source.values[0] / stage.capacity
    assert any("99.9 % quantile" in note for note in stage.notes)


def test_a_given_capacity_counts_and_is_not_explained() -> None:
    stage = staged(a_day(), Wanted(pod_capacity=10.0))
    assert (stage.load[0], stage.notes) == (0.1, ())


def test_a_load_of_zero_can_be_played() -> None:
    assert staged(recorded(np.zeros(1440)), Wanted()).capacity == 1.0


def test_a_load_that_is_nearly_always_zero_is_scaled_by_its_highest() -> None:
    assert staged(recorded([*np.zeros(5000), 80.0]), Wanted()).capacity == 2.0


def test_a_series_that_is_absurdly_long_is_refused() -> None:
    with pytest.raises(Unusable, match="more than can be replayed"):
        staged(recorded(np.ones(10), 1e9), Wanted())


def test_times_are_iso_8601_in_utc() -> None:
    assert [iso(at_s) for at_s in (0.0, 1.5)] == ["1970-01-01T00:00:00Z", "1970-01-01T00:00:01.500Z"]


@pytest.mark.parametrize(("start_s", "lead"), [(60, 4), (59, 4), (61, 5), (15, 1), (0, 1), (3600, 240)])
def test_pods_serve_a_whole_number_of_steps_later(start_s: float, lead: int) -> None:
    assert Setting(start_s=start_s).lead == lead


def test_steps_have_times() -> None:
    stage = Stage("shop", START_S, np.ones(500), 100, 1.0)
    assert (stage.at_s(2), stage.steps, stage.scored) == (START_S + 30, 400, 340)
