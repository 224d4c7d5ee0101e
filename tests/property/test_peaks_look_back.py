"""Windows equal a plain reading of the same words, and features rest on the past alone, whatever the series."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autoscaler.forecasting.peaks import rolling
from autoscaler.forecasting.peaks.dates import Dates
from autoscaler.forecasting.peaks.features import Grid, Seen, features
from autoscaler.forecasting.peaks.rolling import Sums
from autoscaler.model import Floats

loads = st.one_of(st.just(np.nan), st.just(0.0), st.floats(0, 1e6))
series = arrays(np.float64, st.integers(1, 60), elements=loads)


def most(points: Floats) -> float:
    known = points[~np.isnan(points)]
    return float(known.max()) if known.size else np.nan


@given(series, st.integers(1, 80))
def test_the_highest_of_a_window_is_that_of_its_points(values: Floats, width: int) -> None:
    plain = [most(values[max(0, at - width + 1) : at + 1]) for at in range(values.size)]
    np.testing.assert_array_equal(rolling.highest(values, width), plain)


@given(series, st.integers(0, 9), st.integers(0, 20))
def test_the_highest_ahead_is_that_of_the_points_ahead(values: Floats, first: int, more: int) -> None:
    plain = [most(values[at + first : at + first + more + 1]) for at in range(values.size)]
    np.testing.assert_array_equal(rolling.highest_ahead(values, first, first + more), plain)


@given(series, st.integers(1, 80))
def test_a_mean_leaves_gaps_out(values: Floats, width: int) -> None:
    for at, got in enumerate(Sums.of(values).mean(width, 0, values.size)):
        known = [one for one in values[max(0, at - width + 1) : at + 1] if not np.isnan(one)]
        if known:
            np.testing.assert_allclose(got, np.mean(known), rtol=1e-6, atol=1e-6)
        else:
            assert np.isnan(got)


steps = st.sampled_from([60.0, 300.0, 3600.0])


def with_dates(step_s: float) -> Grid:
    start_s = 1_800_000_000.0
    spans = [(start_s + at * 60.0, start_s + at * 60.0 + 7200.0) for at in range(0, 700, 190)]
    dates = Dates.of([(0.0, 3600.0), (start_s + 9000.0, 7200.0)], spans, [spans])
    return Grid(start_s, step_s, 2, 3, season_s=9000.0, dates=dates)


@settings(max_examples=30)
@given(arrays(np.float64, 700, elements=loads), st.integers(0, 700), st.integers(0, 700), steps)
def test_the_features_of_some_points_are_those_of_all(values: Floats, one: int, other: int, step_s: float) -> None:
    seen, first, last = Seen(values, with_dates(step_s), 0.3), min(one, other), max(one, other)
    every = features(seen)
    np.testing.assert_array_equal(features(seen, slice(first, last)), every[first:last])
    np.testing.assert_array_equal(features(seen, slice(first, last, 7)), every[first:last:7])
    some = np.array([*range(last, first, -3), first]) % 700
    np.testing.assert_array_equal(features(seen, some), every[some])


@settings(max_examples=30)
@given(arrays(np.float64, 700, elements=loads), st.integers(0, 698), loads, steps)
def test_no_feature_depends_on_what_comes_later(values: Floats, at: int, poison: float, step_s: float) -> None:
    grid = with_dates(step_s)
    changed = values.copy()
    changed[at + 1 :] = poison
    row = features(Seen(values, grid, 0.3))[at]
    np.testing.assert_array_equal(features(Seen(changed, grid, 0.3))[at], row)
    np.testing.assert_array_equal(features(Seen(values[: at + 1], grid, 0.3))[at], row)
