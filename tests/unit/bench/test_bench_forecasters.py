"""Those that ours is compared with say what they should, and look back only."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.model import Floats
from autoscaler.replay.stage import Stage
from bench import ways
from bench.forecasters import Expected, Task, holt_winters, naive_model, seasonal_naive, straight_line
from bench.recordings import Recording

SAMPLE_S = 300.0
DAY = 288
TASK = Task(SAMPLE_S, ahead=2, first=4 * DAY)

every_peer = pytest.mark.parametrize("peer", [straight_line, seasonal_naive, holt_winters, naive_model])


def some_days(days: int, *, seed: int = 0, noise: float = 0.05) -> Floats:
    at = np.arange(days * DAY)
    wave = 10 + 8 * np.sin(2 * np.pi * at / DAY) + 6 * (at % 12 == 0)
    return np.asarray(wave * np.random.default_rng(seed).normal(1.0, noise, at.size).clip(0.1))


def a_recording(samples: Floats) -> Recording:
    load = np.repeat(samples, 20)
    return Recording("test", Stage("test", 1_700_000_000.0, load, load.size // 2, 1.0), SAMPLE_S)


@every_peer
@pytest.mark.parametrize("after", [4 * DAY, 4 * DAY + 100, 5 * DAY - 1])
def test_what_a_peer_says_rests_on_the_past(peer: Callable[[Floats, Task], Expected], after: int) -> None:
    samples = some_days(6)
    later = samples.copy()
    later[after + 1 :] = 100.0
    known = slice(TASK.first, after + 1)
    said, same = peer(samples, TASK).load, peer(later, TASK).load
    np.testing.assert_array_equal(said[known], same[known])
    assert (said[after + 1 :] != same[after + 1 :]).any()


@every_peer
def test_what_a_peer_says_is_a_load(peer: Callable[[Floats, Task], Expected]) -> None:
    said = peer(some_days(6), TASK).load
    assert said.shape == (6 * DAY,)
    assert (said[TASK.first :] >= 0).all()


@every_peer
def test_a_load_that_never_moves_is_expected_to_stay(peer: Callable[[Floats, Task], Expected]) -> None:
    np.testing.assert_allclose(peer(np.full(6 * DAY, 3.0), TASK).load[TASK.first :], 3.0)


def test_the_straight_line_goes_on() -> None:
    said = straight_line(np.arange(50.0), Task(60.0, ahead=2, first=0)).load
    np.testing.assert_allclose(said[9:], np.arange(9, 50) + 2)
    assert np.isnan(said[:9]).all()


def test_the_seasonal_one_says_the_highest_of_yesterdays_next_samples() -> None:
    samples = some_days(3)
    said = seasonal_naive(samples, TASK).load
    assert said[DAY + 30] == max(samples[31], samples[32])
    assert np.isnan(said[:DAY]).all()


def test_holt_winters_learns_a_day_and_a_trend() -> None:
    at = np.arange(8 * DAY)
    samples = 20 + 0.01 * at + 8 * np.sin(2 * np.pi * at / DAY)
    said = holt_winters(samples, TASK).load
    best = np.maximum(samples[1:-1], samples[2:])
    assert np.median(np.abs(said[6 * DAY : -2] - best[6 * DAY :])) < 0.01  # where a day ends, the first one leaves a step


def test_the_naive_model_says_what_is_seldom_exceeded() -> None:
    samples = some_days(12)
    said = naive_model(samples, replace(TASK, first=6 * DAY)).load
    best = np.maximum(samples[1:-1], samples[2:])
    assert 0.9 < (best[6 * DAY :] <= said[6 * DAY : -2]).mean() < 1.0


def test_each_way_but_the_perfect_one_asks_by_what_was_before_the_step() -> None:
    recording = a_recording(some_days(4))
    stage = recording.stage
    after = stage.cut + 20 * 200  # a step at which a sample begins
    later = stage.load.copy()
    later[after:] *= 3.0
    changed = replace(recording, stage=replace(stage, load=later))
    told = {way.name: way.asked for way in ways.ways(recording)}
    for way in ways.ways(changed):
        first = np.flatnonzero(np.append(way.asked != told[way.name], True))[0]
        if way.name.startswith("perfect"):
            assert first < after - stage.cut
        else:
            assert first > after - stage.cut, way.name


def test_the_perfect_one_asks_for_what_is_needed_when_its_pods_serve() -> None:
    asked = ways.perfect(a_recording(np.array([9.0, 9.0, 2.0, 4.5])), "perfect").asked  # the last two are decided on
    assert asked.tolist() == [2] * 16 + [5] * 23 + [0]
