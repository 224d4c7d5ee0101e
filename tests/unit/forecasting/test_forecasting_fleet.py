from dataclasses import replace

import numpy as np
import pytest

from autoscaler.forecasting.fleet import forecast
from autoscaler.forecasting.types import Request
from autoscaler.model import Floats, GateState, History
from autoscaler.reasons import Reason
from tests.unit.forecasting.scenes import (
    DAY_S,
    EXPIRY_S,
    START_S,
    STEP_S,
    a_history,
    busy_days,
    flat_noise,
    the_forecast,
    true_rate,
)

POINTS_A_DAY = round(DAY_S / STEP_S)


@pytest.mark.parametrize("day_s", [180.0, 240.0])
@pytest.mark.parametrize("lead_s", [35.0, 45.0])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_the_gate_opens_within_three_days_of_compressed_load(day_s: float, lead_s: float, seed: int, *, told: bool) -> None:
    made = the_forecast(busy_days(3.0, day_s=day_s, seed=seed), lead_s=lead_s, seasons_s=(day_s,) if told else None)
    assert (made.gate, made.reason) == (GateState.OPEN, Reason.FORECAST_IN_USE), made.message
    assert made.season_s == pytest.approx(day_s, rel=0.03)
    assert made.error_ratio is not None
    assert made.naive_error_ratio is not None
    assert made.error_ratio < 0.6 * made.naive_error_ratio


def test_after_six_days_the_error_is_well_below_half_of_staying_as_it_is() -> None:
    made = the_forecast(busy_days(6.0), seasons_s=None)
    assert made.error_ratio is not None
    assert made.naive_error_ratio is not None
    assert made.error_ratio < 0.4 * made.naive_error_ratio


def _crossing_s(times_s: Floats, values: Floats, level: float) -> float:
    return float(times_s[np.flatnonzero(values >= level)[0]])


@pytest.mark.parametrize("level", [4.5, 9.0])  # halfway up the morning ramp, halfway up the evening peak
def test_the_forecast_rises_before_the_load_does(level: float) -> None:
    values, lead_s = busy_days(5.0, seed=3), 40.0
    points = np.arange(4 * POINTS_A_DAY, 5 * POINTS_A_DAY)
    peaks = np.array([the_forecast(values[: point + 1], lead_s=lead_s, risk=0.5).peak for point in points])
    times_s = points * STEP_S
    gained_s = _crossing_s(times_s, true_rate(times_s), level) - _crossing_s(times_s, peaks, level)
    assert 0.6 * lead_s <= gained_s <= 1.6 * lead_s


def test_the_peak_holds_as_often_as_the_risk_says() -> None:
    values, lead = busy_days(9.0, seed=5), 8
    asked = range(3 * POINTS_A_DAY, values.size - lead, 5)
    held = [values[at + 1 : at + 1 + lead].max() <= the_forecast(values[: at + 1], risk=0.9).peak for at in asked]
    assert 0.84 <= np.mean(held) <= 0.97


def test_a_higher_risk_quantile_asks_for_more() -> None:
    values = busy_days(6.0)
    peaks = [the_forecast(values, risk=risk).peak for risk in (0.5, 0.8, 0.9, 0.98)]
    assert peaks == sorted(peaks)
    assert peaks[0] < peaks[-1]


def test_a_series_says_how_much_of_two_seasons_it_has() -> None:
    made = the_forecast(busy_days(1.45))
    assert (made.gate, made.reason) == (GateState.LEARNING, Reason.FORECAST_LEARNING)
    assert made.message == "learning, 1.4 of 2 seasons"
    assert made.error_ratio is None


def test_gaps_do_not_count_as_history() -> None:
    values = busy_days(3.0)
    values[20 : 20 + 60] = np.nan
    assert the_forecast(values).message == "learning, 1.7 of 2 seasons"


def test_a_short_history_without_a_known_season_is_learning() -> None:
    made = the_forecast(busy_days(1.5), seasons_s=None)
    assert made.gate is GateState.LEARNING
    assert made.message == "learning: no season was found in 6.0 minutes of history yet; one shows after two cycles"


@pytest.mark.parametrize("seasons_s", [None, (240.0,), (1200.0,), (7200.0,)])
@pytest.mark.parametrize("seed", range(3))
def test_a_flat_noisy_load_keeps_the_gate_shut_whatever_season_is_claimed(
    seasons_s: tuple[float, ...] | None, seed: int
) -> None:
    made = the_forecast(flat_noise(3000, seed=seed), seasons_s=seasons_s, step_s=60.0, lead_s=120.0)
    assert (made.gate, made.reason) == (GateState.SHUT, Reason.FORECAST_INACCURATE)


def test_a_shut_gate_says_why_with_figures() -> None:
    made = the_forecast(flat_noise(), seasons_s=(DAY_S,))
    assert made.gate is GateState.SHUT
    assert "loss ratio" in made.message
    assert "a forecast is used once this is below 0.80, and until it reaches 0.95" in made.message


@pytest.mark.parametrize("seed", range(6))
def test_a_random_walk_keeps_the_gate_shut(seed: int) -> None:
    walk = 100 + np.cumsum(np.random.default_rng(seed).normal(size=800))
    assert the_forecast(np.maximum(walk, 0.0), seasons_s=None).gate is not GateState.OPEN


@pytest.mark.parametrize("level", [0.0, 7.5, 1e12])
def test_a_constant_load_is_named_and_forecast_as_it_is(level: float) -> None:
    made = the_forecast(np.full(400, level))
    assert (made.gate, made.reason) == (GateState.SHUT, Reason.FORECAST_INACCURATE)
    assert "never changed" in made.message
    assert made.peak == level


@pytest.mark.parametrize("values", [np.empty(0), np.full(500, np.nan)])
def test_no_load_at_all_is_learning(values: Floats) -> None:
    made = the_forecast(values)
    assert (made.gate, made.reason, made.peak) == (GateState.LEARNING, Reason.FORECAST_LEARNING, 0.0)


@pytest.mark.parametrize("wrong", [-1.0, np.inf, -np.inf])
def test_many_impossible_values_point_at_the_query(wrong: float) -> None:
    values = busy_days(4.0)
    values[::4] = wrong
    made = the_forecast(values)
    assert (made.gate, made.reason) == (GateState.SHUT, Reason.FORECAST_FAILED)
    assert "negative or infinite; check the query" in made.message


@pytest.mark.parametrize("wrong", [-1.0, np.inf, np.nan])
def test_a_few_impossible_values_are_gaps(wrong: float) -> None:
    values = busy_days(5.0)
    values[::17] = wrong
    assert the_forecast(values).gate is GateState.OPEN


def test_long_gaps_leave_the_rest_of_use() -> None:
    values = busy_days(6.0)
    values[POINTS_A_DAY : POINTS_A_DAY + 30] = np.nan
    values[-POINTS_A_DAY - 30 : -POINTS_A_DAY] = np.nan
    made = the_forecast(values)
    assert made.gate is GateState.OPEN, made.message
    assert np.isfinite([point.upper for point in made.curve]).all()


def test_an_old_newest_point_shuts_the_gate() -> None:
    values = busy_days(5.0)
    assert the_forecast(values, age_s=60.0).gate is GateState.OPEN
    stale = the_forecast(values, age_s=61.0)
    assert (stale.gate, stale.reason) == (GateState.SHUT, Reason.STALE_METRICS)
    assert "61 s old" in stale.message


def test_missing_newest_points_count_as_age() -> None:
    values = busy_days(5.0)
    values[-20:] = np.nan
    assert the_forecast(values).reason is Reason.STALE_METRICS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lead_s": 0.0}, "lead time is 0.0 s"),
        ({"lead_s": float("nan")}, "lead time is nan s"),
        ({"lead_s": float("inf")}, "lead time is inf s"),
        ({"risk": 0.0}, "risk is 0.0"),
        ({"risk": 1.0}, "risk is 1.0"),
        ({"step_s": 0.0}, "a step of 0.0 s, which is no grid"),
        ({"step_s": float("nan")}, "a step of nan s, which is no grid"),
    ],
)
def test_a_request_that_makes_no_sense_is_answered_by_name(changes: dict[str, float], says: str) -> None:
    made = the_forecast(busy_days(4.0), **changes)
    assert (made.gate, made.reason) == (GateState.SHUT, Reason.FORECAST_FAILED)
    assert says in made.message


def test_a_lead_longer_than_the_history_is_learning() -> None:
    assert the_forecast(busy_days(4.0), lead_s=4000.0).gate is GateState.LEARNING


def test_a_season_too_short_for_the_step_is_ignored() -> None:
    assert the_forecast(busy_days(5.0), seasons_s=(1.0, float("inf"), DAY_S)).season_s == DAY_S


def test_every_request_gets_its_forecast_in_order() -> None:
    histories = [a_history(busy_days(5.0)), a_history(np.empty(0)), a_history(np.full(50, 3.0)), a_history(flat_noise(300))]
    requests = [Request(replace(history, start_s=START_S - history.end_s), 40.0, 0.9, (DAY_S,)) for history in histories]
    together = forecast(requests, [], START_S, EXPIRY_S)
    alone = [forecast([request], [None], START_S, EXPIRY_S)[0] for request in requests]
    assert list(together) == alone
    assert forecast([], [], START_S, EXPIRY_S) == ()


def test_a_restart_changes_nothing() -> None:
    values = busy_days(5.0)
    first = the_forecast(values)
    assert the_forecast(values, previous=first) == first == the_forecast(values.copy())


def test_a_forecast_says_when_it_was_made_for_how_long_and_until_when_it_counts() -> None:
    values = busy_days(4.0)
    made, now_s = the_forecast(values, lead_s=40.0, risk=0.95), a_history(values).end_s
    assert (made.issued_s, made.expires_s, made.lead_s, made.risk) == (now_s, now_s + EXPIRY_S, 40.0, 0.95)


@pytest.mark.parametrize(("lead_s", "reach_s"), [(40.0, DAY_S), (300.0, 300.0)])
def test_the_curve_shows_the_next_season_or_the_lead_if_that_is_longer(lead_s: float, reach_s: float) -> None:
    values = busy_days(6.0)
    made, end_s = the_forecast(values, lead_s=lead_s), a_history(values).end_s
    times_s = [point.at_s for point in made.curve]
    assert times_s == sorted(set(times_s))
    assert times_s[0] == end_s + STEP_S
    assert times_s[-1] == end_s + reach_s
    assert all(0 <= point.median <= 1.5 * values.max() for point in made.curve)


def test_the_curve_of_a_real_day_is_thinned() -> None:
    times_s = np.arange(4 * 1440) * 60.0
    values = np.random.default_rng(0).poisson(60 * true_rate(times_s, 86_400.0)) / 60
    made = the_forecast(values, seasons_s=None, step_s=60.0, lead_s=600.0)
    assert made.season_s == 86_400.0
    assert len(made.curve) == 120
    assert made.curve[-1].at_s == a_history(values, 60.0).end_s + 86_400.0


def test_the_peak_stays_within_one_and_a_half_times_the_highest_load() -> None:
    values = busy_days(5.6)
    values[4 * POINTS_A_DAY + 5] = 60.0  # thirty times what nights are; missed by as much before an evening it would be 170
    made = the_forecast(values, risk=0.999)
    assert made.peak == pytest.approx(90.0)
    assert max(point.upper for point in made.curve) == pytest.approx(90.0)


def test_a_load_at_a_new_level_is_forecast_at_that_level() -> None:
    values = busy_days(5.5, seed=2)
    values[-POINTS_A_DAY // 2 :] *= 2.0
    usual, now = the_forecast(busy_days(5.5, seed=2), risk=0.5).peak, the_forecast(values, risk=0.5).peak
    assert now > 1.4 * usual


def test_an_open_gate_stays_open_where_a_shut_one_would_not_open() -> None:
    rng = np.random.default_rng(0)
    found = []
    for noise in np.linspace(5.0, 40.0, 36):
        values = np.maximum(100 + 8 * np.sin(np.arange(480) * 2 * np.pi / 48) + rng.normal(size=480) * noise, 0.0)
        shut = the_forecast(values)
        stays = the_forecast(values, previous=replace(shut, gate=GateState.OPEN))
        found.append((shut.gate, stays.gate))
    assert (GateState.OPEN, GateState.OPEN) in found
    assert (GateState.SHUT, GateState.OPEN) in found
    assert (GateState.SHUT, GateState.SHUT) in found
    assert (GateState.OPEN, GateState.SHUT) not in found


def test_the_input_is_not_changed() -> None:
    values = busy_days(4.0)
    values[5:9] = [-1.0, np.nan, np.inf, 2.0]
    before, history = values.copy(), History(START_S, STEP_S, values)
    values.setflags(write=False)
    forecast([Request(history, 40.0, 0.9)], [None], history.end_s, EXPIRY_S)
    np.testing.assert_array_equal(values, before)
