"""Whatever is read from Prometheus, each series gets a forecast that can be shown, and acted on only while its gate is open."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autoscaler.forecasting.fleet import forecast
from autoscaler.forecasting.types import Request
from autoscaler.model import Floats, GateState, History
from tests.unit.forecasting.scenes import STEP_S, a_history, busy_days, the_forecast

JUNK = arrays.arrays(
    np.float64,
    st.integers(0, 400),
    elements=st.floats(width=64) | st.floats(0.0, 100.0) | st.sampled_from([0.0, 1.0, np.nan]),
    fill=st.sampled_from([0.0, 3.0, np.nan]),
)


@st.composite
def loads(draw: st.DrawFn) -> Floats:
    """Days of load with something wrong somewhere, or no load at all."""
    if draw(st.booleans()):
        return draw(JUNK)
    values = busy_days(
        draw(st.floats(0.1, 8.0)), day_s=draw(st.sampled_from([60.0, 137.0, 240.0])), seed=draw(st.integers(0, 9))
    )
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, max(values.size - 1, 0)))
        wrong = draw(st.sampled_from([np.nan, 0.0, -1.0, np.inf, 1e280, 50.0]))
        values[start : start + draw(st.integers(1, 60))] = wrong
    return values * draw(st.sampled_from([1.0, 1e-12, 1e15]))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    step_s = draw(st.sampled_from([5.0, 15.0, 60.0]) | st.floats())
    lead_s = draw(st.floats(1.0, 400.0) | st.floats())
    risk = draw(st.sampled_from([0.5, 0.9, 0.999]) | st.floats())
    seasons_s = draw(st.none() | st.lists(st.floats() | st.sampled_from([60.0, 137.0, 240.0]), max_size=3).map(tuple))
    return Request(History(1.8e9, step_s, draw(loads())), lead_s, risk, seasons_s)


@settings(max_examples=150, deadline=None)
@given(requests(), st.just(0.0) | st.floats(-1e4, 1e4))
def test_any_series_is_answered(request: Request, age_s: float) -> None:
    history, values = request.history, request.history.values
    before = values.copy()
    (made,) = forecast([request], [], history.end_s + age_s, 300.0)
    np.testing.assert_array_equal(values, before)
    usable = values[(values >= 0) & (values <= 1e200)]
    assert made.message
    assert 0 <= made.peak <= 1.5 * max(usable, default=0.0) * (1 + 1e-9)
    for point in made.curve:
        assert math.isfinite(point.median)
        assert math.isfinite(point.upper)
    if made.gate is GateState.OPEN:
        assert made.error_ratio is not None
        assert made.naive_error_ratio is not None
        assert made.error_ratio < made.naive_error_ratio


@settings(max_examples=25, deadline=None)
@given(days=st.floats(2.2, 7.0), seed=st.integers(0, 50), factor=st.sampled_from([2.0**-20, 0.125, 32.0, 2.0**40]))
def test_the_unit_of_the_load_changes_nothing_but_the_unit(days: float, seed: int, factor: float) -> None:
    values = busy_days(days, seed=seed)
    plain, other = the_forecast(values), the_forecast(values * factor)
    assert (plain.gate, plain.model, plain.message) == (other.gate, other.model, other.message)
    np.testing.assert_allclose(other.peak, plain.peak * factor, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(days=st.floats(2.2, 7.0), seed=st.integers(0, 50), shift=st.integers(-10_000, 10_000))
def test_the_hour_of_the_day_changes_nothing_but_the_times(days: float, seed: int, shift: int) -> None:
    values = busy_days(days, seed=seed)
    plain, here = the_forecast(values), a_history(values)
    moved = History(here.start_s + shift * STEP_S, STEP_S, values)
    (other,) = forecast([Request(moved, 40.0, 0.9, (240.0,))], [], moved.end_s, 300.0)
    assert (other.peak, other.gate, other.message) == (plain.peak, plain.gate, plain.message)
