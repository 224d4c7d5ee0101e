import numpy as np
import pytest

from autoscaler.forecasting import seasons
from tests.unit.forecasting.scenes import busy_days, flat_noise

HOUR_S, DAY_S, WEEK_S = 3600.0, 86_400.0, 604_800.0


@pytest.mark.parametrize("day_s", [120.0, 180.0, 200.0, 240.0, 300.0])
@pytest.mark.parametrize("days", [2.5, 4.0, 12.0])
def test_compressed_days_are_found(day_s: float, days: float) -> None:
    (found_s,) = seasons.find(busy_days(days, day_s=day_s, seed=1), 5.0)
    assert found_s == pytest.approx(day_s, rel=0.03 if days < 3 else 0.02)


@pytest.mark.parametrize("seed", range(5))
def test_less_than_two_cycles_show_no_season(seed: int) -> None:
    assert seasons.find(busy_days(1.8, seed=seed), 5.0) == ()


def test_a_day_of_minutes_is_a_day_exactly() -> None:
    assert seasons.find(busy_days(14.0, day_s=DAY_S, step_s=60.0), 60.0) == (DAY_S,)


def test_a_week_whose_days_differ_gives_both_seasons() -> None:
    times = np.arange(4 * 7 * 288)
    weekday = np.where((times // 288) % 7 < 5, 1.0, 0.55)
    load = (2 + np.sin(times * 2 * np.pi / 288)) * weekday
    noise = np.random.default_rng(0).normal(size=load.size) * 0.1
    assert seasons.find(load + noise, 300.0) == (DAY_S, WEEK_S)


@pytest.mark.parametrize("harmonic", [2, 3, 4])
def test_a_strong_harmonic_is_not_mistaken_for_the_season(harmonic: int) -> None:
    times = np.arange(2000)
    load = 100 + 20 * np.sin(2 * np.pi * times / 96) + 35 * np.sin(2 * np.pi * harmonic * times / 96)
    (found_s,) = seasons.find(load + np.random.default_rng(0).normal(size=2000) * 5, 5.0)
    assert found_s == pytest.approx(480.0, rel=0.01)


def test_multiples_of_a_season_are_not_the_season() -> None:
    (found_s,) = seasons.find(busy_days(20.0), 5.0)
    assert found_s == pytest.approx(240.0, rel=0.01)


def test_a_season_between_two_steps_is_found() -> None:
    times = np.arange(1500)
    load = 100 + 30 * np.sin(2 * np.pi * times * 15 / 200) + np.random.default_rng(0).normal(size=1500) * 5
    (found_s,) = seasons.find(load, 15.0)
    assert found_s == pytest.approx(200.0, rel=0.003)


def test_gaps_and_growth_do_not_hide_a_season() -> None:
    load = busy_days(10.0) * np.linspace(1.0, 3.0, 480)
    load[100:130] = np.nan
    load[::23] = np.nan
    (found_s,) = seasons.find(load, 5.0)
    assert found_s == pytest.approx(240.0, rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_ramps_have_no_season(seed: int) -> None:
    noise = flat_noise(600, seed=seed)
    assert seasons.find(noise, 5.0) == ()
    assert seasons.find(np.arange(600.0) * 5 + noise, 5.0) == ()


@pytest.mark.parametrize(
    "values", [np.array([1.0]), np.array([1.0, 2.0]), np.arange(5.0), np.full(100, 3.0), np.zeros(64), np.full(9, np.nan)]
)
def test_what_is_too_short_or_never_changes_has_no_season(values: np.ndarray) -> None:
    assert seasons.find(values, 5.0) == ()
