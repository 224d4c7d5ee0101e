from dataclasses import replace

import numpy as np
import pytest

from autoscaler.forecasting import backtest, gate
from autoscaler.forecasting.backtest import Record
from autoscaler.forecasting.choice import Choice, choose
from autoscaler.forecasting.forecasters import CANDIDATES, YARDSTICK
from autoscaler.forecasting.series import Series, clean
from autoscaler.forecasting.types import NotEnoughHistory
from autoscaler.model import GateState
from tests.unit.forecasting.scenes import a_history, busy_days


def a_record(said: float, came: list[float], floor: float = 0.25) -> Record:
    actual = np.array(came)
    return Record(np.full(actual.size, said), actual, np.full(actual.size, said), actual, floor)


def test_the_margin_is_the_quantile_of_what_was_missed() -> None:
    record = a_record(1.0, [1.0 + at / 10 for at in range(9)], floor=0.0)
    assert record.margin(0.5) == pytest.approx(0.4)
    assert record.margin(0.9) == pytest.approx(0.8)
    assert record.upper(np.array([2.0]), record.margin(0.9)) == pytest.approx([3.6])


def test_an_upper_bound_is_never_negative() -> None:
    record = a_record(10.0, [0.0] * 9)
    assert (record.upper(np.array([0.0, 1.0, 10.0]), record.margin(0.9)) >= 0).all()


def test_the_pinball_loss_punishes_too_little_more_than_too_much_at_a_high_risk() -> None:
    came = [1.0] * 49 + [3.0]
    assert a_record(1.0, came).pinball(0.99) > a_record(1.0, [1.0] * 50).pinball(0.99)


def test_the_error_ratio_is_the_absolute_error_over_the_load() -> None:
    assert a_record(1.5, [1.0, 2.0]).error_ratio() == pytest.approx(1.0 / 3.0)


def test_a_yardstick_that_misses_nothing_cannot_be_beaten() -> None:
    perfect = a_record(1.0, [1.0] * 10)
    assert backtest.loss_ratio(a_record(2.0, [1.0] * 10), perfect, 0.9) >= 1.0
    assert backtest.loss_ratio(perfect, perfect, 0.9) == 1.0


def test_being_better_in_one_way_does_not_excuse_being_worse_in_the_other() -> None:
    came = list(np.linspace(1.0, 2.0, 50))
    yardstick = a_record(1.5, came)
    mixed = replace(yardstick, peak=np.array(came), at_lead=np.full(50, 5.0))
    assert backtest.loss_ratio(mixed, yardstick, 0.9) > 1.0


def test_the_moments_asked_about_lie_in_the_newest_seasons_and_leave_one_before() -> None:
    values = busy_days(10.0)
    asked = backtest.plan(values, (48.0,), 8)
    origins = np.concatenate(asked.folds)
    assert origins[-1] == values.size - 1 - 8
    assert origins[0] == values.size - 8 - 3 * 48
    assert len(asked.folds) == 3


def test_a_short_history_is_asked_about_its_newest_season() -> None:
    asked = backtest.plan(busy_days(2.4), (48.0,), 8)
    origins = np.concatenate(asked.folds)
    assert origins[0] > 48
    assert origins[-1] - origins[0] >= 40


def test_a_history_of_one_season_cannot_be_tested() -> None:
    with pytest.raises(NotEnoughHistory):
        backtest.plan(busy_days(1.3), (48.0,), 8)


def test_each_fold_is_forecast_by_what_came_before_it() -> None:
    values = busy_days(6.0)
    asked = backtest.plan(values, (48.0,), 8)
    poisoned = values.copy()
    poisoned[asked.folds[0][-1] + 9 :] = 1e3
    for forecaster in (YARDSTICK, *CANDIDATES):
        honest, other = (backtest.run(forecaster, series, 48.0, asked) for series in (values, poisoned))
        first = asked.folds[0].size
        np.testing.assert_array_equal(honest.peak[:first], other.peak[:first])


def test_moments_next_to_a_gap_are_not_asked_about() -> None:
    values = busy_days(6.0)
    values[200:220] = np.nan
    origins = np.concatenate(backtest.plan(values, (48.0,), 8).folds)
    assert not set(range(192, 220)) & set(origins.tolist())


def test_the_best_forecaster_is_chosen_and_a_wrong_season_is_not() -> None:
    choice = choose(busy_days(10.0), (31.0, 48.0), 8, 0.9)
    assert choice.season == 48.0
    assert choice.loss_ratio < 0.5


@pytest.mark.parametrize(
    ("ratio", "was_open", "state"),
    [
        (0.79, False, GateState.OPEN),
        (0.80, False, GateState.SHUT),
        (0.94, False, GateState.SHUT),
        (0.94, True, GateState.OPEN),
        (0.95, True, GateState.SHUT),
        (float("nan"), True, GateState.SHUT),
    ],
)
def test_the_gate_opens_by_a_margin_and_shuts_by_a_smaller_one(ratio: float, *, was_open: bool, state: GateState) -> None:
    record = a_record(1.0, [1.0, 1.2])
    verdict = gate.verdict(Choice(YARDSTICK, 48.0, record, record, ratio), was_open=was_open)
    assert verdict.gate is state


def test_short_gaps_are_bridged_by_the_value_before_and_long_ones_stay() -> None:
    values = np.array([np.nan, 1.0, np.nan, np.nan, 4.0, *[np.nan] * 6, 5.0, np.nan])
    cleaned = clean(a_history(values), a_history(values).end_s)
    assert isinstance(cleaned, Series)
    np.testing.assert_array_equal(cleaned.values, [1.0, 1.0, 1.0, 4.0, *[np.nan] * 6, 5.0])
    assert cleaned.end_s == a_history(values).end_s - 5.0
    assert cleaned.known == 3
