"""Pretended replicas behave as real ones would, and ways to decide are compared by what they lost and spent."""

import math
from collections import deque

import numpy as np
import pytest

from autoscaler.forecasting.peaks import boldness
from autoscaler.forecasting.peaks.boldness import LADDER, OFF, chosen
from autoscaler.forecasting.peaks.shadow import Shadows, Terms
from autoscaler.model import Floats

TERMS = Terms(capacity=2.0, target=0.7, start=4, step_s=15.0, most=60)


def told_plainly(load: Floats, seen: Floats, asked: Floats) -> tuple[float, float]:
    """Return what one way loses and spends, written down as one would explain it: lists of pods by the step they serve from."""
    per_pod = TERMS.capacity * TERMS.target
    count = min(max(math.ceil(seen[0] / per_pod - 1e-6), 1), TERMS.most)
    pods = [-1] * count
    said: deque[int] = deque(maxlen=20)
    asks: deque[int] = deque(maxlen=TERMS.start)
    lost = spent = 0.0
    for step in range(load.size):
        ready = sum(serves <= step for serves in pods)
        lost += max(load[step] - ready * TERMS.capacity, 0.0)
        now = len(pods)
        same = abs(seen[step] / (per_pod * now) - 1) <= 0.1 + 1e-12
        proposal = now if same else math.ceil(seen[step] / per_pod - 1e-6)
        said.append(proposal)
        wanted = proposal if proposal >= now else min(now, max(said))
        wanted = min(max(min(wanted, max(now + 4, 2 * now)), 1), TERMS.most)
        asks.append(int(asked[step]))
        wanted = min(max(wanted, int(asked[step]), min(max(asks), now)), TERMS.most)
        spent += wanted
        pods += [step + TERMS.start] * (wanted - now)
        del pods[wanted:]  # the newest stand last
    return lost, spent


@pytest.mark.parametrize("seed", range(6))
def test_shadows_do_what_pods_would_do(seed: int) -> None:
    random = np.random.default_rng(seed)
    load = np.repeat(random.gamma(1.0, 12.0, 60), 5)
    seen = np.convolve(load, np.ones(4) / 4)[: load.size]
    asked = np.stack([np.zeros(load.size), random.integers(0, 40, load.size), random.integers(0, 8, load.size)]).astype(
        np.int64
    )
    shadows = Shadows.begun(TERMS, float(seen[0]), np.zeros(3, dtype=np.bool_))
    for step in range(load.size):
        shadows.step(float(load[step]), float(seen[step]), asked[:, step])
    for way in range(3):
        assert (shadows.lost[way], shadows.spent[way]) == pytest.approx(told_plainly(load, seen, asked[way]))


def test_a_pod_asked_for_serves_after_its_start() -> None:
    shadows = Shadows.begun(TERMS, 2.0, np.zeros(1, dtype=np.bool_))
    ready = []
    for _ in range(7):
        shadows.step(0.0, 2.0, np.array([9]))
        ready.append(int(shadows.ready[0]))
    assert ready == [2, 2, 2, 2, 9, 9, 9]


def costs(lost: dict[int, float], spent: dict[int, float]) -> tuple[Floats, Floats]:
    ways = 1 + len(LADDER)
    lost_all, spent_all = np.full(ways, 50.0), np.full(ways, 100.0)
    for way, value in lost.items():
        lost_all[way] = value
    for way, value in spent.items():
        spent_all[way] = value
    return lost_all, spent_all


def test_what_gains_nothing_stays_off() -> None:
    assert chosen(*costs({}, {}), 1000.0, OFF) == OFF


def test_much_less_lost_load_for_few_pods_is_taken() -> None:
    assert chosen(*costs({5: 5.0}, {5: 104.0}), 1000.0, OFF) == 5


def test_pods_beyond_the_share_are_never_paid() -> None:
    assert chosen(*costs({5: 0.0}, {5: 100.0 * boldness.MOST_RATIO + 1}), 1000.0, OFF) == OFF


def test_a_rung_that_became_too_dear_is_left() -> None:
    assert chosen(*costs({5: 0.0}, {5: 200.0}), 1000.0, 5) == OFF


def test_a_hair_does_not_change_the_rung() -> None:
    lost, spent = costs({5: 5.0, 6: 4.95}, {5: 104.0, 6: 104.0})
    assert chosen(lost, spent, 1000.0, 5) == 5
    assert chosen(lost, spent, 1000.0, OFF) == 6


def test_without_load_nothing_is_chosen() -> None:
    assert chosen(*costs({5: 0.0}, {}), 0.0, 5) == OFF
