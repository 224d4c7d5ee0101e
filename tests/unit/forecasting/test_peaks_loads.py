"""Loads of many series come out as they went in, whatever the pieces, and one series never disturbs another."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.packed import HIGHEST, LOWEST, Codes, pack, unpack
from autoscaler.model import Floats, History

STEP_S = 60.0
POINTS = 50
START = 30_000_000  # a point, in steps since the epoch


def packed_loads(values: Floats, *, points: int = POINTS, end: int = START) -> Loads:
    loads = Loads.empty(STEP_S, points)
    loads.add([History((end - row.size + 1) * STEP_S, STEP_S, row) for row in values])
    return loads


def all_of(loads: Loads, last: int = POINTS) -> Floats:
    return loads.values(np.arange(len(loads)), last)


def some(series: int, points: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(0.5, 99.0, (series, points))


def unpacked(values: Floats) -> Floats:
    return unpack(pack(values))


def test_a_load_comes_out_within_a_fraction_of_a_per_cent() -> None:
    values = np.exp(np.linspace(np.log(LOWEST), np.log(HIGHEST), 1_000_003))
    np.testing.assert_allclose(unpacked(values), values, rtol=0.0007)


def test_nothing_and_a_gap_come_out_exactly() -> None:
    np.testing.assert_array_equal(
        unpacked(np.array([0.0, np.nan, -1.0, np.inf, -np.inf])), [0.0, np.nan, np.nan, np.nan, np.nan]
    )


def test_what_lies_outside_counts_as_the_nearest() -> None:
    np.testing.assert_allclose(unpacked(np.array([1e-300, 1e300])), [LOWEST, HIGHEST])


def test_every_code_comes_out_as_itself_in_the_order_of_loads() -> None:
    codes: Codes = np.arange(65_536).astype(np.uint16)
    np.testing.assert_array_equal(pack(unpack(codes)), codes)
    assert (np.diff(unpack(codes)[1:]) > 0).all()


@pytest.mark.parametrize("pieces", [(1,) * 130, (130,), (7, 1, 60, 2, 60), (49, 50, 31)])
def test_points_in_any_pieces_are_as_those_at_once(pieces: tuple[int, ...]) -> None:
    values = some(3, 130)
    values[1, 100:103] = np.nan
    loads, at = packed_loads(np.empty((3, 0)), end=START - 131), 0
    for size in pieces:
        loads.append((START + at + size) * STEP_S, values[:, at : at + size])
        at += size
    np.testing.assert_array_equal(all_of(loads), all_of(packed_loads(values)))
    np.testing.assert_array_equal(loads.known(), [POINTS, POINTS - 3, POINTS])
    assert loads.end_s == (START + 130) * STEP_S


def test_points_that_are_told_again_are_rewritten_and_gaps_erase_nothing() -> None:
    loads = packed_loads(np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]]))
    loads.append((START + 1) * STEP_S, np.array([[2.0, 9.0, 7.0], [np.nan, np.nan, 8.0]]))
    np.testing.assert_allclose(all_of(loads, 4), [[1, 2, 9, 7], [4, 5, 6, 8]], rtol=0.0007)
    np.testing.assert_array_equal(loads.known(), [4, 4])


def test_a_jump_leaves_gaps_of_which_five_points_are_held() -> None:
    loads = packed_loads(np.array([[1.0, 2.0]]))
    loads.append((START + 9) * STEP_S, np.array([[3.0]]))
    np.testing.assert_allclose(all_of(loads, 11), [[1, 2, 2, 2, 2, 2, 2, np.nan, np.nan, np.nan, 3]], rtol=0.0007)
    np.testing.assert_array_equal(loads.known(), [3])


def test_a_gap_is_held_by_what_lies_before_the_points_asked_for() -> None:
    loads = packed_loads(np.array([[7.0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan]]))
    np.testing.assert_allclose(all_of(loads, 2), [[7, np.nan]], rtol=0.0007)


def test_a_jump_beyond_all_that_is_kept_leaves_nothing() -> None:
    loads = packed_loads(some(2, POINTS))
    loads.append((START + 10 * POINTS) * STEP_S, np.full((2, 1), np.nan))
    assert np.isnan(all_of(loads)).all()
    assert not loads.known().any()
    assert np.isnan(loads.highest).all()


def test_time_does_not_go_back() -> None:
    loads = packed_loads(some(1, 9))
    before = all_of(loads)
    with pytest.raises(ValueError, match="time went back"):
        loads.append((START - 1) * STEP_S, np.array([[5.0]]))
    with pytest.raises(ValueError, match="multiple of the step"):
        loads.append((START + 1.5) * STEP_S, np.array([[5.0]]))
    with pytest.raises(ValueError, match="one row a series"):
        loads.append((START + 1) * STEP_S, some(2, 1))
    np.testing.assert_array_equal(all_of(loads), before)


def test_series_come_and_go_and_leave_the_others_alone() -> None:
    loads, values = packed_loads(some(700, POINTS)), all_of(packed_loads(some(700, POINTS)))
    added = some(1, 30, seed=1)
    loads.add([History((START - 32) * STEP_S, STEP_S, added[0])])  # three points older than the others
    kept = np.array([0, 2, 300, 699, 700])
    loads.keep(kept)
    np.testing.assert_array_equal(all_of(loads)[:4], values[kept[:4]])
    np.testing.assert_array_equal(all_of(loads, 33)[4, :30], unpacked(added[0]))
    np.testing.assert_array_equal(loads.known(), [POINTS] * 4 + [30])
    np.testing.assert_array_equal(loads.highest, [*values[kept[:4]].max(axis=1), unpacked(added).max()])
    with pytest.raises(ValueError, match="ascending"):
        loads.keep(np.array([1, 0]))


def test_of_a_series_that_comes_later_newer_points_are_left_out() -> None:
    loads = packed_loads(some(1, 5))
    loads.add([History((START - 1) * STEP_S, STEP_S, np.array([1.0, 2.0, 3.0, 4.0]))])
    assert loads.end_s == START * STEP_S
    np.testing.assert_allclose(all_of(loads, 3)[1], [np.nan, 1, 2], rtol=0.0007)


def test_a_history_on_another_grid_is_refused() -> None:
    loads = packed_loads(some(1, 5))
    for history in (History(START * STEP_S, 30.0, np.ones(3)), History(START * STEP_S + 20, STEP_S, np.ones(3))):
        with pytest.raises(ValueError, match=r"step of"):
            loads.add([history])
    assert len(loads) == 1


def test_the_highest_is_that_of_the_points_that_are_kept() -> None:
    values = some(4, 400)
    values[0] = 7.0
    values[1, 100] = 1e9
    values[2] = np.nan
    loads = packed_loads(values[:, :1])
    for at in range(1, 400):
        loads.append((START + at) * STEP_S, values[:, max(0, at - 1) : at + 1])
        kept = unpacked(values[:, max(0, at + 1 - POINTS) : at + 1])
        np.testing.assert_array_equal(np.nan_to_num(loads.highest), np.nan_to_num(kept, nan=0.0).max(axis=1))
    loads.append((START + 399) * STEP_S, np.full((4, 1), 1e-3))  # what was the highest may have been told wrongly
    np.testing.assert_array_equal(loads.highest[0], unpacked(np.array([7.0]))[0])


def test_a_series_is_told_from_its_first_known_point_on() -> None:
    loads = packed_loads(np.array([[np.nan, np.nan, 3.0, np.nan, 4.0, 5.0], [np.nan] * 6]))
    start_s, values = loads.series(0)
    assert start_s == (START - 3) * STEP_S
    np.testing.assert_allclose(values, [3, 3, 4, 5], rtol=0.0007)
    assert loads.series(1)[1].size == 0


def test_a_fortnight_at_a_minute_costs_two_bytes_a_point() -> None:
    loads = packed_loads(some(3, 10), points=20_160)
    assert loads.packed.nbytes == 3 * 2 * 20_160
    with pytest.raises(ValueError, match="read-only"):
        loads.packed[0, 0] = 1
