"""The pods of the comparison are those of the replay and of the shadows."""

import sys
from typing import Self

import numpy as np
import pytest

from autoscaler.forecasting.peaks.shadow import Pace, Shadows, Terms
from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats
from autoscaler.replay.foresight import Foreseen
from autoscaler.replay.score import BASIS_POINTS, score
from autoscaler.replay.stage import STEP_S, UNSCORED_STEPS, Setting, Stage, seen_of
from autoscaler.replay.walk import walk
from bench.pods import LEAST, MOST, START_STEPS, Counts, Ways, costs, play

CUT = 100
STEPS = 2000


def a_restless_load(seed: int) -> Floats:
    """Load that jumps, drifts, falls to nothing and goes beyond the highest count."""
    chance = np.random.default_rng(seed)
    levels = chance.choice([0.0, 0.4, 3.0, 12.0, 40.0, 60.0, 150.0, 260.0], size=(CUT + STEPS) // 25)
    return np.asarray(np.repeat(levels, 25) * chance.normal(1.0, 0.08, CUT + STEPS).clip(0.0))


def some_asks(seed: int, ways: int) -> Counts:
    """What forecasts might ask for: often nothing, now and then much."""
    chance = np.random.default_rng(seed)
    asked = np.where(chance.random((ways, STEPS)) < 0.3, chance.integers(1, 260, (ways, STEPS)), 0)
    asked[0] = 0
    return asked.astype(np.int16)


def plain(targets: list[float], asked: Counts) -> Ways:
    return Ways(np.array(targets), asked, np.full(asked.shape, MOST, dtype=np.int16))


class Says:
    """A foresight that says what it is given; 0 is nothing."""

    learns_at = sys.maxsize

    def __init__(self, peaks: Counts) -> None:
        self.peaks = peaks

    def copy(self) -> Self:
        return self

    def block(self, seen: Floats, first: int, last: int, full: Bools | None = None) -> Foreseen:  # noqa: ARG002
        peak = self.peaks[first - CUT : last - CUT].astype(float)
        return Foreseen(peak, peak > 0, peak, peak)


@pytest.mark.parametrize("seed", range(6))
def test_they_are_the_shadows(seed: int) -> None:
    load = a_restless_load(seed)
    seen, asked = seen_of(load)[CUT:], some_asks(seed, 8)
    played = play(load[CUT:], seen, plain([0.7] * 8, asked))
    terms = Terms.alone(1.0, 0.7, LEAST, MOST)
    shadows = Shadows.begun(Pace(STEP_S, START_STEPS), terms, seen[:1], np.zeros(8, dtype=np.bool_))
    for step in range(STEPS):
        shadows.step(load[CUT + step : CUT + step + 1], seen[step : step + 1], asked[None, :, step], terms)
        np.testing.assert_array_equal(played.desired[:, step], shadows.wanted[0])
    np.testing.assert_allclose(np.maximum(load[CUT:] - played.ready, 0.0).sum(axis=1), shadows.lost[0])
    np.testing.assert_array_equal(played.desired.sum(axis=1, dtype=np.int64), shadows.spent[0])


@pytest.mark.parametrize("seed", range(2))
def test_they_are_the_replays_with_any_target_and_forecast(seed: int) -> None:
    load = a_restless_load(seed)
    stage, targets, asked = Stage("test", 0.0, load, CUT, 1.0), [0.7, 0.7, 0.35, 0.95, 0.58], some_asks(seed, 5)
    asked[3] = 0
    played = play(load[CUT:], seen_of(load)[CUT:], plain(targets, asked))
    for row, target in enumerate(targets):
        course = walk(stage, Setting(target=target), Says(asked[row]) if asked[row].any() else None)
        np.testing.assert_array_equal(played.desired[row], course.desired)
        np.testing.assert_array_equal(played.ready[row], course.ready)
        cost, same = costs(load[CUT:], played)[row], score(stage, course)
        assert (cost.lost * BASIS_POINTS, cost.pod_hours) == pytest.approx((same.lost_bp, same.pod_hours))
        assert cost.events == same.scale_events


def test_a_cap_bounds_the_hpa_and_not_the_forecast() -> None:
    load = np.full(300, 7.0)
    asked = np.zeros((2, 300), dtype=np.int16)
    asked[:, 100] = 9
    played = play(load, load, Ways(np.array([0.7, 0.7]), asked, np.array([[MOST], [8]], dtype=np.int16).repeat(300, axis=1)))
    assert set(played.desired[0]) == {10}
    assert played.desired[1, 95:106].tolist() == [8] * 5 + [9] * START_STEPS + [8] * 2


def test_the_first_hour_costs_nothing() -> None:
    load = np.r_[np.full(UNSCORED_STEPS, 30.0), np.full(240, 7.0)]
    played = play(load, np.full(load.size, 7.0), plain([0.7], np.zeros((1, load.size), dtype=np.int16)))
    assert costs(load, played)[0].lost == 0.0
    assert costs(load, played)[0].pod_hours == pytest.approx(10.0)
