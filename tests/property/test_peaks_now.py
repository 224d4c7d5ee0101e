"""The newest moment of many series, looked at all at once, is the last of each looked at alone, whatever they are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.peaks.features import Grid, Seen, features
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.now import Own, features_now
from autoscaler.model import Floats, History

END = 1_799_971_200  # a midnight
WEEK = 168  # points of an hour

alphabet = arrays(np.float64, 12, elements=st.one_of(st.just(np.nan), st.just(0.0), st.floats(1e-3, 1e5)))


@st.composite
def fleets(draw: st.DrawFn) -> Floats:
    """Series (rows, points) that stand, jump, begin late, and have gaps of every length."""
    rows, points = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 30, 400, 3 * WEEK]))
    drawn = np.array(draw(st.lists(alphabet, min_size=rows, max_size=rows)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    runs = random.integers(1, draw(st.sampled_from([2, 12])), points)
    picked = drawn[:, np.repeat(random.integers(0, 12, points), runs)[:points]]
    begins = random.integers(0, points, rows)
    picked[np.arange(points) < draw(st.sampled_from([0, 1])) * begins[:, None]] = np.nan
    return picked


def loads_of(values: Floats, step_s: float) -> Loads:
    loads = Loads.empty(step_s, values.shape[1])
    loads.add([History(END - (row.size - 1) * step_s, step_s, row) for row in values])
    return loads


def last_of(loads: Loads, row: int, grid: Grid, floor: float) -> Floats:
    start_s = loads.end_s - (loads.points - 1) * loads.step_s
    seen = Seen(loads.values(np.array([row]), loads.points)[0], replace(grid, start_s=start_s), floor)
    return np.asarray(features(seen)[-1], dtype=np.float64)


def steps(rows: int, points: int) -> Floats:
    return np.random.default_rng(0).uniform(1.0, 9.0, (rows, points))


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Grids with all that a grid can say; where they start is for the loads to say."""
    first = draw(st.integers(1, 3))
    return Grid(
        0.0,
        draw(st.sampled_from([60.0, 300.0, 1800.0, 3600.0])),
        first,
        first + draw(st.integers(0, 12)),
        draw(st.sampled_from([86_400.0, 7200.0])),
    )


@st.composite
def calendars(draw: st.DrawFn, step_s: float) -> Dates:
    """Calendars that change around the newest moment, and weeks before it."""
    ago_s = st.integers(-200, 3 * 7 * 24 * 12).map(lambda points: END - points * min(step_s, 300.0))
    spans = st.lists(st.tuples(ago_s, st.sampled_from([60.0, 3600.0, 86_400.0, 400_000.0])), max_size=8)

    def windows() -> list[tuple[float, float]]:
        return [(begin_s, begin_s + long_s) for begin_s, long_s in draw(spans)]

    clocks = draw(st.lists(st.tuples(ago_s, st.sampled_from([0.0, 3600.0, 7200.0, -12_600.0])), max_size=3))
    return Dates.of(clocks, draw(st.sampled_from([None, (), windows()])), [windows() for _ in range(draw(st.integers(0, 2)))])


@settings(max_examples=150, deadline=None)
@given(fleets(), grids(), st.sampled_from([np.nan, 1.0, 6000.0, 3610.0, 28_800.0, 100_000.0]), st.data())
def test_the_newest_moment_of_all_is_the_last_of_each(values: Floats, grid: Grid, season_s: float, data: st.DataObject) -> None:
    loads = loads_of(values, grid.step_s)
    rows = np.arange(len(loads))[::-1]
    floors = 0.3 * (1.0 + rows)
    seasons_s = np.where(rows % 2, np.nan, season_s)
    some = [NO_DATES, *(data.draw(calendars(grid.step_s)) for _ in range(2))]
    dates = [some[data.draw(st.integers(0, 2))] for _ in rows]
    together = features_now(loads, rows, grid, Own(floors, seasons_s, dates))
    for at, row in enumerate(rows):
        own_s = None if np.isnan(seasons_s[at]) else float(seasons_s[at])
        alone = last_of(loads, int(row), replace(grid, season_s=own_s, dates=dates[at]), float(floors[at]))
        np.testing.assert_allclose(together[at], alone, rtol=1e-5, atol=1e-5)


def test_many_lags_that_differ_are_looked_up_as_few_are() -> None:
    values = steps(40, 3 * WEEK)
    loads, grid = loads_of(values, 3600.0), Grid(0.0, 3600.0, 2, 5)
    dates = [Dates.of(schedules=[[(END - back * 3600.0, END), (END + 60.0, END + 120.0)]]) for back in range(20, 60)]
    together = features_now(loads, np.arange(40), grid, Own(np.full(40, 0.3), dates=dates))
    for row in range(40):
        alone = last_of(loads, row, replace(grid, dates=dates[row]), 0.3)
        np.testing.assert_allclose(together[row], alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("points", [60, 61, 65, 66, 100, 101, 105, 106])
def test_a_cycle_at_the_very_beginning_is_known_alike(points: int) -> None:
    loads, grid = loads_of(steps(1, points), 60.0), Grid(0.0, 60.0, 2, 5)
    together = features_now(loads, np.zeros(1, dtype=np.int64), grid, Own(np.full(1, 0.3), np.full(1, 6000.0)))
    np.testing.assert_allclose(together[0], last_of(loads, 0, replace(grid, season_s=6000.0), 0.3), rtol=1e-5, atol=1e-5)


def test_more_series_than_are_looked_at_together_keep_their_order() -> None:
    values = steps(300, 400)
    loads = loads_of(values, 300.0)
    loads.append(END + 300.0, values[:, 17:18])  # the ring begins anew
    grid = Grid(0.0, 300.0, 2, 5)
    together = features_now(loads, np.arange(300), grid, Own(np.full(300, 0.3)))
    for row in (0, 127, 128, 299):
        np.testing.assert_allclose(together[row], last_of(loads, row, grid, 0.3), rtol=1e-5, atol=1e-5)


def test_no_series_have_no_features() -> None:
    grid = Grid(0.0, 60.0, 2, 5)
    found = features_now(Loads.empty(60.0, 100), np.zeros(0, dtype=np.int64), grid, Own(np.zeros(0)))
    assert found.shape == (0, features(Seen(np.ones(3), grid, 0.3)).shape[1])


def test_features_of_another_step_are_refused() -> None:
    with pytest.raises(ValueError, match=r"step of 60\.0 s"):
        features_now(Loads.empty(300.0, 9), np.zeros(0, dtype=np.int64), Grid(0.0, 60.0, 2, 5), Own(np.zeros(0)))
