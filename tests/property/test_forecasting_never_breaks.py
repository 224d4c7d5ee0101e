"""Whatever is read from Prometheus, each series gets a forecast that can be shown, and acted on only while its gate is open."""

import math
from dataclasses import replace

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autoscaler.forecasting.peaks.finding import told
from autoscaler.forecasting.peaks.members import Member
from autoscaler.model import Floats, GateState
from tests.unit.forecasting.fleets import DAY, MEMBER, START_S, busy_days, goes_on, learns, schooled

JUNK = arrays.arrays(
    np.float64,
    st.integers(0, 400),
    elements=st.floats(width=64) | st.floats(0.0, 100.0) | st.sampled_from([0.0, 1.0, np.nan]),
    fill=st.sampled_from([0.0, 3.0, np.nan]),
)
ODD = st.floats() | st.sampled_from([0.0, -1.0, math.inf, math.nan])


@st.composite
def loads(draw: st.DrawFn) -> Floats:
    """Days of load with something wrong somewhere, or no load at all."""
    if draw(st.booleans()):
        return draw(JUNK)
    values = busy_days(draw(st.floats(0.1, 8.0)), seed=draw(st.integers(0, 9)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, max(values.size - 1, 0)))
        wrong = draw(st.sampled_from([np.nan, 0.0, -1.0, np.inf, 1e280, 50.0]))
        values[start : start + draw(st.integers(1, 60))] = wrong
    return values * draw(st.sampled_from([1.0, 1e-12, 1e9]))


@st.composite
def members(draw: st.DrawFn) -> Member:
    return replace(
        MEMBER,
        lead_s=draw(st.sampled_from([30.0, 90.0, 3600.0])),
        per_pod=draw(st.sampled_from([1.0, 1e-9, 1e9]) | ODD),
        least=draw(st.sampled_from([0, 1, 7])),
        most=draw(st.sampled_from([7, 200, 2**31 - 1])),
        earned=draw(st.booleans()),
    )


@settings(max_examples=6, deadline=None, phases=[Phase.generate])
@given(st.lists(st.tuples(loads(), members()), min_size=1, max_size=3))
def test_any_fleet_is_answered(series: list[tuple[Floats, Member]]) -> None:
    named = {str(at): values for at, (values, _) in enumerate(series)} | {"clock": np.ones(DAY)}
    of = {str(at): member for at, (_, member) in enumerate(series)} | {"clock": MEMBER}
    before = {name: values.copy() for name, values in named.items()}
    fleet, found = schooled(named, of)
    goes_on(fleet, {name: np.append(values, np.full(9 * DAY, 5.0)) for name, values in named.items()}, 9 * DAY)
    later = fleet.tick(of)
    learns(fleet)
    for name, values in named.items():
        np.testing.assert_array_equal(values, before[name])
        highest = max([5.0, *values[(values >= 0) & np.isfinite(values)]])
        for finding in (found[name], later[name]):
            made = told(finding, 0.95, START_S, 300.0)
            assert made.message
            assert 0 <= made.peak <= 1.5 * min(highest, 1e12) * 1.01
            if made.gate is GateState.OPEN:
                assert made.pods_ratio is not None
                assert made.pods_ratio < 1.3
