"""Sources read what they are named after, and rungs read their source."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, Outlook, Rung, provided
from autoscaler.forecasting.peaks.features import Grid, Seen, features
from autoscaler.forecasting.peaks.sources import TOLD, Source, rises
from autoscaler.model import Floats

FLOOR = 0.3


def a_series(step_s: float) -> Seen:
    """Three days of noise with one surge an hour before the end of the second."""
    points = round(3 * 86_400 / step_s)
    load = np.random.default_rng(0).uniform(4.0, 5.0, points)
    load[round(47 * 3600 / step_s)] = 30.0
    return Seen(load, Grid(1_800_000_000.0, step_s, 2, 3), FLOOR)


def expected(seen: Seen) -> Floats:
    known = features(seen)
    return rises(np.full(known.shape[0], 0.5), known, seen.grid)


def read(rung: Rung, seen: Seen, found: Floats, now: slice) -> Floats:
    """Return what a rung provides for."""
    outlook = Outlook(seen.level[now], found[:, now], seen.highest[now], FLOOR)
    return provided(outlook, np.ones(now.stop - now.start, dtype=np.int64), (rung,))


@pytest.mark.parametrize("step_s", [15.0, 60.0, 300.0, 3600.0])
def test_the_day_reaches_up_to_its_highest_load(step_s: float) -> None:
    seen = a_series(step_s)
    found, day = expected(seen), round(86_400 / step_s)
    np.testing.assert_array_equal(found[Source.MODEL], 0.5)
    for at in (0, day, 2 * day + 1, seen.values.size - 1):
        highest = seen.values[max(0, at - day + 1) : at + 1].max()
        now = slice(at, at + 1)
        assert read(Rung(1.0, 0.0, source=Source.DAY), seen, found, now) == pytest.approx(highest, rel=1e-5)


def test_a_rung_reads_its_own_source() -> None:
    seen = a_series(300.0)
    found, now = expected(seen), slice(600, 601)
    learnt, day, *_ = (read(Rung(0.5, 0.1, source=one), seen, found, now) for one in Source)
    load = seen.values[600] + FLOOR
    assert learnt == pytest.approx(1.1 * (load * np.exp(0.25) - FLOOR))
    assert day == pytest.approx(1.1 * (load * np.sqrt((30.0 + FLOOR) / load) - FLOOR), rel=1e-5)


@pytest.mark.parametrize("step_s", [15.0, 60.0, 300.0, 3600.0])
def test_the_season_reaches_up_to_what_came_at_this_time_on_past_days(step_s: float) -> None:
    seen = a_series(step_s)
    found, day = expected(seen)[Source.SEASON], round(86_400 / step_s)
    assert np.isnan(found[:day]).all()
    for at in (day, 2 * day + 7, round(71 * 3600 / step_s) - 2, seen.values.size - 1):  # the third meets the surge
        came = [seen.level[at - k * day + 2 : at - k * day + 4].max() for k in (1, 2, 3, 4) if at >= k * day]
        assert found[at] == pytest.approx(max(0.0, np.mean(came) - seen.level[at]), abs=1e-5)


@pytest.mark.parametrize("step_s", [15.0, 60.0, 300.0, 3600.0])
def test_what_is_steady_is_the_forecast_and_never_below_the_last_minutes(step_s: float) -> None:
    seen, minutes = a_series(step_s), max(1, round(300 / step_s))
    found = expected(seen)
    assert (found[Source.STEADY] >= found[Source.MODEL]).all()
    surge = round(47 * 3600 / step_s)
    for at in (surge - 1, surge + minutes - 1, surge + minutes, seen.values.size - 1):
        highest = seen.level[at - minutes + 1 : at + 1].max() - seen.level[at]
        assert found[Source.STEADY, at] == pytest.approx(max(0.5, highest), abs=1e-5)
    assert (found[Source.STEADY, surge + minutes - 1] > 0.5) == (minutes > 1)


def test_without_a_forecast_nothing_is_steady() -> None:
    known = features(a_series(300.0))
    found = rises(np.full(known.shape[0], np.nan), known, a_series(300.0).grid)
    assert np.isnan(found[Source.STEADY]).all()


def test_points_a_day_apart_have_no_season() -> None:
    seen = Seen(np.arange(60.0), Grid(1_800_000_000.0, 86_400.0, 2, 3), FLOOR)
    assert np.isnan(expected(seen)[Source.SEASON]).all()


def test_where_nothing_is_known_nothing_is_expected() -> None:
    nothing = np.full(2000, np.nan)
    assert np.isnan(expected(Seen(nothing, Grid(0.0, 300.0, 2, 3), FLOOR))[1:]).all()


def test_each_reading_is_tried_once_and_can_be_told() -> None:
    assert len(set(EARNED)) == len(EARNED)
    assert EARNED[: len(LADDER)] == LADDER
    assert {rung.source for rung in EARNED if rung.lean} == set(Source) == set(TOLD)
    assert {rung.source for rung in LADDER} == set(Source) - {Source.STEADY}  # the formula beside them is steady enough
