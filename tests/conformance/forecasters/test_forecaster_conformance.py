"""What every forecaster must keep, whatever it is good at; a new one is tested by being in the list."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from autoscaler.forecasting import backtest
from autoscaler.forecasting.forecasters import FORECASTERS
from autoscaler.forecasting.types import Fitted, Forecaster, NotEnoughHistory, Task
from autoscaler.model import Floats
from tests.unit.forecasting.scenes import busy_days

TRACES = Path(__file__).resolve().parents[3].parent / "shared" / "traces"
MINUTES_A_DAY = 1440

# Weighted absolute percentage error of the load 15 minutes ahead, last days of a recorded series with a clear day.
CEILINGS = {"persistence": 0.060, "seasonal_naive": 0.050, "seasonal_regression": 0.038}

every_forecaster = pytest.mark.parametrize("forecaster", FORECASTERS, ids=lambda forecaster: forecaster.name)
every_season = pytest.mark.parametrize("season", [48.0, 13.4, 13.5])


def a_load(season: float, seasons: float = 6.0, seed: int = 0) -> Floats:
    """Some seasons of the test load, on a scale of one, the season of so many points."""
    values = busy_days(seasons, day_s=season, step_s=1.0, seed=seed)
    return values / values.max()


def frozen(values: Floats) -> Floats:
    copy = values.copy()
    copy.setflags(write=False)
    return copy


def paths(forecaster: Forecaster, values: Floats, season: float, lead: int = 6) -> Floats:
    origins = np.arange(values.size // 2, values.size)
    return forecaster.fit(values, Task(season, lead)).paths(values, origins, np.arange(1, 2 * int(season)))


def fitted_or_named(forecaster: Forecaster, values: Floats, season: float) -> Fitted | None:
    """Fit, or return None when the forecaster says in words why it cannot; any other error fails the test."""
    words = ""
    try:
        return forecaster.fit(values, Task(season, 6))
    except NotEnoughHistory as refusal:
        words = str(refusal)
    assert words
    return None


@every_forecaster
def test_its_name_is_a_word_of_its_own(forecaster: Forecaster) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*", forecaster.name)
    assert [other.name for other in FORECASTERS].count(forecaster.name) == 1


@every_forecaster
@every_season
def test_fitting_again_equals_fitting_fresh(forecaster: Forecaster, season: float) -> None:
    values = a_load(season)
    first = paths(forecaster, values, season)
    paths(forecaster, a_load(season, seed=9), season)
    np.testing.assert_array_equal(paths(forecaster, values, season), first)


@every_forecaster
@every_season
def test_a_fitted_one_is_not_changed_by_fitting_another(forecaster: Forecaster, season: float) -> None:
    values, origins, steps = a_load(season), np.array([60]), np.arange(1, 7)
    fitted = forecaster.fit(values, Task(season, 6))
    first = fitted.paths(values, origins, steps)
    forecaster.fit(a_load(season, seed=9), Task(season, 6))
    np.testing.assert_array_equal(fitted.paths(values, origins, steps), first)


@every_forecaster
@every_season
def test_its_input_is_left_untouched(forecaster: Forecaster, season: float) -> None:
    values = a_load(season)
    given, origins, steps = frozen(values), frozen(np.arange(40, 60)), frozen(np.arange(1, 9))
    forecaster.fit(given, Task(season, 6)).paths(given, origins, steps)
    np.testing.assert_array_equal(given, values)
    np.testing.assert_array_equal(origins, np.arange(40, 60))


@every_forecaster
@every_season
@pytest.mark.parametrize("poison", [1e6, 0.0, np.nan])
def test_it_does_not_look_into_the_future(forecaster: Forecaster, season: float, poison: float) -> None:
    values = a_load(season)
    fitted = forecaster.fit(values, Task(season, 6))
    steps = np.arange(1, 5 * int(season))
    for origin in range(int(2 * season), values.size - 1, 7):
        later = values.copy()
        later[origin + 1 :] = poison
        at = np.array([origin])
        np.testing.assert_array_equal(fitted.paths(later, at, steps), fitted.paths(values, at, steps))


@every_forecaster
@every_season
def test_what_is_said_of_a_moment_is_the_same_when_the_history_grows(forecaster: Forecaster, season: float) -> None:
    values, steps = a_load(season), np.arange(1, 9)
    fitted = forecaster.fit(values, Task(season, 6))
    origin = np.array([int(4 * season)])
    known = values[: origin[0] + 1]
    np.testing.assert_array_equal(fitted.paths(known, origin, steps), fitted.paths(values, origin, steps))


@every_forecaster
@every_season
def test_asking_many_at_once_equals_asking_one_by_one(forecaster: Forecaster, season: float) -> None:
    values, origins, steps = a_load(season), np.array([55, 60, 61, 70]), np.array([1, 3, 8, 40])
    fitted = forecaster.fit(values, Task(season, 6))
    together = fitted.paths(values, origins, steps)
    assert together.shape == (4, 4)
    for row, origin in enumerate(origins):
        for column, step in enumerate(steps):
            one = fitted.paths(values, np.array([origin]), np.array([step]))
            np.testing.assert_allclose(one[0, 0], together[row, column], rtol=1e-12)


@every_forecaster
@every_season
def test_the_unit_of_the_load_does_not_matter(forecaster: Forecaster, season: float) -> None:
    values = a_load(season)
    np.testing.assert_allclose(paths(forecaster, 64.0 * values, season), 64.0 * paths(forecaster, values, season), rtol=1e-6)


@every_forecaster
@every_season
def test_a_forecast_is_never_negative(forecaster: Forecaster, season: float) -> None:
    values = a_load(season, seed=4)
    values[::3] = 0.0
    values[-5:] = 0.0
    assert (paths(forecaster, values, season) >= 0).all()


@every_forecaster
@every_season
def test_any_short_input_is_forecast_or_named(forecaster: Forecaster, season: float) -> None:
    values = a_load(season)
    for size in range(int(3.5 * season)):
        fitted = fitted_or_named(forecaster, values[:size], season)
        if fitted is None:
            continue
        assert np.isfinite(fitted.paths(values[:size], np.array([size - 1]), np.arange(1, 7))).all()


@every_forecaster
@every_season
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_constant_load_is_forecast_as_it_is(forecaster: Forecaster, season: float, level: float) -> None:
    np.testing.assert_allclose(paths(forecaster, np.full(int(5 * season), level), season), level, atol=1e-9)


@every_forecaster
@every_season
def test_a_history_of_gaps_alone_is_named(forecaster: Forecaster, season: float) -> None:
    values = np.full(int(5 * season), np.nan)
    fitted = fitted_or_named(forecaster, values, season)
    if fitted is not None:
        assert np.isnan(fitted.paths(values, np.array([values.size - 1]), np.arange(1, 7))).all()


@every_forecaster
@every_season
def test_gaps_never_reach_the_answer_while_something_is_known(forecaster: Forecaster, season: float) -> None:
    values = a_load(season, seasons=8.0)
    values[int(2 * season) : int(2.6 * season)] = np.nan
    values[::11] = np.nan
    values[-9:-2] = np.nan
    values[-1] = 0.5
    answer = forecaster.fit(values, Task(season, 6)).paths(values, np.array([values.size - 1]), np.arange(1, 3 * int(season)))
    assert np.isfinite(answer).all()


@every_forecaster
def test_its_error_on_a_recorded_day_stays_below_its_ceiling(forecaster: Forecaster) -> None:
    file = TRACES / "crane09_online_daily.csv.gz"
    if not file.exists():
        pytest.skip(f"no recorded load at {TRACES}: the error ceilings were not checked")
    with gzip.open(file, "rt") as lines:
        values = np.array([float(line.split(",")[1]) for line in lines.readlines()[1:]])[-8 * MINUTES_A_DAY :]
    values /= values.max()
    lead, season = 15, float(MINUTES_A_DAY)
    record = backtest.run(forecaster, values, season, backtest.plan(values, (season,), lead))
    assert record.error_ratio() < CEILINGS[forecaster.name]
