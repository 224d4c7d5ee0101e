"""A stated quantile comes to hold, however wrong what was learnt is, and nothing unknown moves it."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks.calibration import RATE, Calibration
from autoscaler.model import Floats

DELAY = 5
QUANTILE = 0.98


def stated(rises: Floats, came: Floats, calibration: Calibration | None = None) -> Floats:
    """Return what is stated at each moment, shape (series, moments); `came` is what came of the same moments."""
    calibration = calibration or Calibration.begun(QUANTILE, DELAY, rises.shape[0])
    late = np.full(came.shape, np.nan)
    late[:, DELAY:] = came[:, :-DELAY]
    return np.stack([calibration.step(rises[:, at], late[:, at]) for at in range(rises.shape[1])], axis=1)


@pytest.mark.parametrize("scale", [0.02, 0.3, 2.0])
@pytest.mark.parametrize("learnt", [0.0, 0.5])
def test_what_was_learnt_too_low_comes_to_hold(scale: float, learnt: float) -> None:
    came = np.random.default_rng(0).exponential(scale, (3, 40_000))
    said = stated(np.full(came.shape, learnt * scale), came)
    held = (came <= said)[:, 10_000:].mean(axis=1)
    assert (np.abs(held - QUANTILE) < 0.01).all()


def test_it_holds_again_after_the_load_has_changed_its_ways() -> None:
    random = np.random.default_rng(1)
    came = np.concatenate([random.exponential(0.1, 20_000), random.exponential(0.8, 20_000)])[None, :]
    said = stated(np.full(came.shape, 0.1 * np.log(50)), came)
    assert (came <= said)[0, 25_000:].mean() > QUANTILE - 0.005


def test_what_holds_is_left_as_it_was_learnt() -> None:
    came = np.zeros((1, 5_000))
    rises = np.full(came.shape, 0.25)
    np.testing.assert_array_equal(stated(rises, came), rises)


def test_a_miss_moves_its_own_series_only_and_not_before_it_is_known() -> None:
    came = np.zeros((2, 20))
    came[1, 3] = 1.0
    said = stated(np.zeros(came.shape), came)
    assert not said[0].any()
    assert not said[1, : 3 + DELAY].any()
    assert said[1, 3 + DELAY] == pytest.approx(RATE * QUANTILE)


def test_nothing_unknown_moves_it() -> None:
    calibration = Calibration.begun(QUANTILE, DELAY)
    rises = np.zeros((1, 50))
    rises[:, 20:30] = np.nan
    came = np.full(rises.shape, np.nan)
    came[:, 20:30] = 9.0  # of moments of which nothing was said
    said = stated(rises, came, calibration)
    np.testing.assert_array_equal(said, rises)
    assert calibration.offset[0] == 0.0
