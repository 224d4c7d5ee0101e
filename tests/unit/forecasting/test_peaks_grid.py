"""A grid says what a day is, which season is none of its parts, and what the calendar says."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks.dates import Dates
from autoscaler.forecasting.peaks.features import Features, Grid, Seen, features
from autoscaler.forecasting.peaks.grid import own_season
from autoscaler.model import Floats

MIDNIGHT_S = 1_799_971_200.0
STEP_S = 60.0
DAY = 1440
GRID = Grid(MIDNIGHT_S, STEP_S, 2, 5)
CALENDAR = 3  # columns: phases of hour, day and week, before those of its own season and of dates
OWN, DATES = 8, 15


def seen(values: Floats, **others: object) -> Features:
    fields = {"start_s": MIDNIGHT_S, "step_s": STEP_S, "first": 2, "last": 5} | others
    return features(Seen(values, Grid(**fields), 0.3))  # type: ignore[arg-type]


def noise(points: int) -> Floats:
    return np.random.default_rng(0).uniform(1.0, 9.0, points)


def phases(rows: Features) -> Features:
    return rows[:, -OWN - DATES - CALENDAR : -OWN - DATES]


def test_a_day_in_a_hundredth_of_the_time_is_the_same_but_for_its_seconds() -> None:
    values = noise(3 * DAY)
    slow, fast = seen(values), seen(values, start_s=MIDNIGHT_S / 100, step_s=STEP_S / 100, day_s=864.0)
    without = slow.shape[1] - OWN - DATES - CALENDAR
    np.testing.assert_array_equal(fast[:, :without], slow[:, :without])
    np.testing.assert_allclose(phases(fast)[:, 1] * 100, phases(slow)[:, 1], atol=0.1)
    np.testing.assert_array_equal(phases(fast)[:, 2], phases(slow)[:, 2])


def test_in_a_day_of_ten_minutes_times_that_fall_together_count_once() -> None:
    rows = seen(noise(500), step_s=15.0, day_s=600.0)
    assert rows.shape[1] < seen(noise(500), step_s=15.0).shape[1]
    assert np.isfinite(rows[-1, : -OWN - DATES]).all()


def test_the_time_of_day_is_the_local_one() -> None:
    dates = Dates.of([(0.0, 5.5 * 3600)])
    there, here = phases(seen(noise(10), dates=dates)), phases(seen(noise(10)))
    np.testing.assert_array_equal(here[0], [0, 0, 5])  # the midnight before a Friday, counted from Sunday
    np.testing.assert_array_equal(there[0], [1800, 19_800, 5])


def test_a_season_of_its_own_tells_what_comes() -> None:
    values = np.full(1000, 2.0)
    values[np.arange(1000) % 100 == 50] = 20.0
    own = seen(values, season_s=6000.0)[:, -OWN - DATES : -DATES]
    rise = np.float32(np.log(20.3) - np.log(2.3))
    np.testing.assert_allclose(own[946], [rise] * OWN, rtol=1e-6)  # four points before it comes
    np.testing.assert_allclose(own[930, :6], 0.0, atol=1e-6)
    assert np.isnan(own[:100, 0]).all()


@pytest.mark.parametrize("season_s", [None, 3600.0, 3630.0, 86_000.0, 600_000.0])
def test_an_hour_a_day_or_a_week_is_no_season_of_its_own(season_s: float | None) -> None:
    own = seen(noise(1000), season_s=season_s)[:, -OWN - DATES : -DATES]
    assert own.shape[1] == OWN
    assert np.isnan(own).all()


def test_the_first_season_that_is_none_of_them_and_between_hour_and_day_is_worth_columns() -> None:
    assert own_season((3600.0, 28_800.0)) == 28_800.0
    assert own_season((86_000.0, 604_800.0)) is None
    assert own_season((1800.0, 183_960.0)) is None
    assert own_season((6000.0,), day_s=7200.0) == 6000.0
    assert own_season((300.0,), day_s=7200.0) is None


def test_the_lags_of_many_series_are_those_of_each() -> None:
    seasons_s = np.array([np.nan, 6000.0, 3600.0, 400.0, 250.0, 86_000.0, 100_000.0, 30.0])
    many = GRID.own_lags_of(seasons_s)
    for column, season_s in zip(many.T, seasons_s, strict=True):
        one = () if np.isnan(season_s) else Grid(MIDNIGHT_S, STEP_S, 2, 5, season_s=float(season_s)).own_lags()
        assert tuple(column) == one + (0,) * (4 - len(one))
