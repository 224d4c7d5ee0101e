import numpy as np
import pytest

from autoscaler.forecasting import profile
from autoscaler.forecasting.types import NotEnoughHistory


def test_a_load_that_repeats_is_read_ahead_at_the_right_phase_for_any_number_of_seasons() -> None:
    load = np.tile(np.arange(12.0), 10)
    table = profile.of(load[:60], 12.0)
    origins, steps = np.array([40, 47, 59]), np.arange(1, 50)
    np.testing.assert_allclose(table.expected[table.times(origins, steps)], load[origins[:, None] + steps])


def test_a_season_between_two_points_is_read_by_a_straight_line() -> None:
    table = profile.of(np.arange(40.0), 10.5)  # rises by 1 a point
    (expected,) = table.latest[table.times(np.array([39]), np.array([1]))]
    assert expected == pytest.approx(40 - 10.5)


def test_newer_seasons_weigh_more() -> None:
    load = np.concatenate([np.full(10, level) for level in (1.0, 2.0, 3.0)])
    table = profile.of(load, 10.0)
    assert table.expected[30] == pytest.approx(0.45 * 3 + 0.33 * 2 + 0.22 * 1)


def test_a_gap_in_one_season_is_made_up_by_the_others() -> None:
    load = np.tile(np.arange(10.0), 4)
    load[35:38] = np.nan
    np.testing.assert_allclose(profile.of(load, 10.0).expected[45:48], [5.0, 6.0, 7.0])


def test_the_ratio_tells_the_present_level_within_bounds() -> None:
    load = np.tile(np.arange(1.0, 13.0), 6)
    assert profile.of(load, 12.0).ratio[-1] == pytest.approx(1.0)
    load[-6:] *= 1.5
    assert profile.of(load, 12.0).ratio[-1] == pytest.approx(1.5)
    load[-6:] *= 100
    assert profile.of(load, 12.0).ratio[-1] == 2.5


def test_trailing_means_leave_gaps_out() -> None:
    values = np.array([1.0, np.nan, 3.0, np.nan, np.nan, np.nan])
    (two, four) = profile.trailing_means(values, (2, 4), np.array([0, 2, 3, 5]))
    np.testing.assert_array_equal(two, [1.0, 3.0, 3.0, np.nan])
    np.testing.assert_array_equal(four, [1.0, 2.0, 2.0, 3.0])


@pytest.mark.parametrize("season", [0.0, 1.9, 30.0, float("nan"), float("inf")])
def test_less_than_a_season_is_named(season: float) -> None:
    with pytest.raises(NotEnoughHistory, match="30 points do not hold a season"):
        profile.of(np.arange(30.0), season)
