"""The benchmark of a fleet: what it generates is the same each time, a tick takes all of it on, every figure is told."""

import numpy as np
from typer.testing import CliRunner

from bench.fleet import END_S, POINTS, STEP_S, app, generated, taught, ticked


def test_the_same_loads_are_generated_each_time_and_no_two_series_are_alike() -> None:
    loads = generated(3)
    assert loads.end_s == END_S
    np.testing.assert_array_equal(loads.known(), [POINTS] * 3)
    np.testing.assert_array_equal(generated(3).packed, loads.packed)
    assert len({row.tobytes() for row in loads.packed}) == 3


def test_ticks_take_all_series_on() -> None:
    loads = generated(2)
    tick = ticked(loads, taught(loads), ticks=2)
    assert loads.end_s == END_S + 2 * STEP_S
    np.testing.assert_array_equal(loads.known(), [POINTS] * 2)
    assert 0 < tick.features < tick.whole < 10


def test_every_figure_is_printed_beside_what_it_is_measured_against() -> None:
    said = CliRunner().invoke(app, ["--series", "3"]).stdout
    for row in (
        "loads packed",
        "bound",
        "append",
        "features",
        "rises",
        "all of a tick",
        "a schedule of each series",
        "one by one (3 measured",
        "a refit",
    ):
        assert row in said
