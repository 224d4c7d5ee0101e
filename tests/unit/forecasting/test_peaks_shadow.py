"""Pretended replicas behave as real ones would, and ways to decide are compared by what they lost and spent."""

import math
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.forecasting.peaks import boldness
from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, OFF, Paid, chosen, lean_of
from autoscaler.forecasting.peaks.shadow import MOST, Counts, Pace, Shadows, Terms
from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats


@dataclass(frozen=True, slots=True)
class One:
    """A series as one would tell of it."""

    capacity: float = 2.0
    target: float = 0.7
    least: int = 1
    most: int = 60
    tolerance: float = 0.1


SHOPS = (One(), One(capacity=0.5, target=0.5, least=3, most=25), One(capacity=7.0, least=0, most=9, tolerance=0.02))
PACES = [Pace(15.0, 4), Pace(60.0, 3), Pace(60.0, 1), Pace(30.0, 5, window_s=60.0)]


def terms(*those: One) -> Terms:
    floats = (np.array([getattr(one, name) for one in those]) for name in ("capacity", "target"))
    bounds = (np.array([getattr(one, name) for one in those], dtype=np.int32) for name in ("least", "most"))
    return Terms(*floats, *bounds, np.array([one.tolerance for one in those]))


def told_plainly(one: One, pace: Pace, seen: tuple[Floats, Floats], asked: Counts) -> tuple[float, float]:
    """Return what one way loses and spends, written down as one would explain it: lists of pods by the step they serve from."""
    load, measured = seen
    per_pod = one.capacity * one.target
    count = min(max(math.ceil(measured[0] / per_pod - 1e-6), one.least), one.most)
    pods = [-1] * count
    said: deque[int] = deque(maxlen=round(pace.window_s / pace.step_s))
    asks: deque[int] = deque(maxlen=pace.start)
    lost = spent = 0.0
    for step in range(load.size):
        ready = sum(serves <= step for serves in pods)
        lost += max(load[step] - ready * one.capacity, 0.0)
        now = len(pods)
        same = abs(measured[step] / per_pod - now) <= one.tolerance * now
        proposal = now if same else math.ceil(measured[step] / per_pod - 1e-6)
        said.append(proposal)
        wanted = proposal if proposal >= now else min(now, max(said))
        fastest = now
        for _ in range(round(pace.step_s / 15)):
            fastest = max(fastest + 4, 2 * fastest)
        wanted = min(max(min(wanted, fastest), one.least), one.most)
        asks.append(int(asked[step]))
        wanted = min(max(wanted, int(asked[step]), min(max(asks), now)), one.most)
        spent += wanted
        pods += [step + pace.start] * (wanted - now)
        del pods[wanted:]  # the newest stand last
    return lost, spent


def scene(seed: int, series: int, steps: int = 300) -> tuple[Floats, Floats, Counts]:
    """Return loads and what is measured, shape (series, steps), and what three ways ask for, shape (steps, series, 3)."""
    random = np.random.default_rng(seed)
    load = np.repeat(random.gamma(1.0, 12.0, (series, steps // 5)), 5, axis=1)
    seen = np.stack([np.convolve(one, np.ones(4) / 4)[:steps] for one in load])
    shape = (steps, series)
    asked = np.stack([np.zeros(shape), random.integers(0, 40, shape), random.integers(0, 8, shape)], axis=-1)
    return load, seen, asked.astype(np.int16)


def none_lean(ways: int) -> Bools:
    return np.zeros(ways, dtype=np.bool_)


@pytest.mark.parametrize("pace", PACES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_shadows_do_what_pods_would_do(seed: int, pace: Pace) -> None:
    load, seen, asked = scene(seed, len(SHOPS))
    shadows = Shadows.begun(pace, terms(*SHOPS), seen[:, 0], none_lean(3))
    for step in range(load.shape[1]):
        shadows.step(load[:, step], seen[:, step], asked[step], terms(*SHOPS))
    for row, one in enumerate(SHOPS):
        for way in range(3):
            plain = told_plainly(one, pace, (load[row], seen[row]), asked[:, row, way])
            assert (shadows.lost[row, way], shadows.spent[row, way]) == pytest.approx(plain)


@given(seed=st.integers(0, 2**32 - 1), gaps=st.floats(0, 0.6), pace=st.sampled_from(PACES))
@settings(max_examples=25, deadline=None)
def test_series_together_are_as_each_alone(seed: int, gaps: float, pace: Pace) -> None:
    """Terms change on the way, loads and capacities are missing at random; what is missing is as if the step had not been."""
    random = np.random.default_rng(seed)
    load, seen, asked = scene(seed, len(SHOPS), steps=60)
    load[random.random(load.shape) < gaps] = np.nan
    lean = np.array([False, False, True])
    by_step = [
        [replace(one, most=one.most - step // 20, capacity=one.capacity + step // 30) for one in SHOPS] for step in range(60)
    ]
    by_step[7][1] = replace(SHOPS[1], capacity=math.nan)
    together = Shadows.begun(pace, terms(*SHOPS), seen[:, 0], lean)
    alone = [Shadows.begun(pace, terms(one), seen[row, :1], lean) for row, one in enumerate(SHOPS)]
    for step, those in enumerate(by_step):
        together.step(load[:, step], seen[:, step], asked[step], terms(*those))
        for row, shadows in enumerate(alone):
            if np.isfinite(load[row, step]) and np.isfinite(those[row].capacity):
                shadows.step(
                    load[row, step : step + 1], seen[row, step : step + 1], asked[step, row : row + 1], terms(those[row])
                )
    for row, shadows in enumerate(alone):
        for name in ("wanted", "ready", "lost", "spent"):
            np.testing.assert_array_equal(getattr(together, name)[row], getattr(shadows, name)[0], err_msg=name)


def test_a_series_without_load_or_terms_stands_still() -> None:
    loads, nothing = np.array([9.0, np.nan, 9.0, 9.0]), np.array([[5], [5], [5], [5]], dtype=np.int16)
    of = terms(One(), One(), One(capacity=math.nan), One(capacity=0.0))
    shadows = Shadows.begun(PACES[0], terms(*[One()] * 4), np.full(4, 3.0), none_lean(1))
    shadows.step(loads, np.full(4, 30.0), nothing, of)
    assert shadows.lost[:, 0].tolist() == [3.0, 0.0, 0.0, 0.0]
    assert (shadows.spent[:, 0] > 0).tolist() == [True, False, False, False]
    assert shadows.wanted[1:, 0].tolist() == [3, 3, 3]


def test_a_pod_asked_for_serves_after_its_start() -> None:
    shadows = Shadows.begun(PACES[0], terms(One()), np.array([2.0]), none_lean(1))
    ready = []
    for _ in range(7):
        shadows.step(np.array([0.0]), np.array([2.0]), np.array([[9]], dtype=np.int16), terms(One()))
        ready.append(int(shadows.ready[0, 0]))
    assert ready == [2, 2, 2, 2, 9, 9, 9]


@pytest.mark.parametrize(("step_s", "pods"), [(5.0, 6), (15.0, 6), (60.0, 48), (3600.0, MOST)])
def test_a_longer_step_lets_the_formula_rise_as_often_as_it_would_have(step_s: float, pods: int) -> None:
    many = One(most=2**31 - 1)
    shadows = Shadows.begun(Pace(step_s, 1), terms(many), np.array([2.0]), none_lean(1))
    shadows.step(np.array([0.0]), np.array([1e9]), np.zeros((1, 1), dtype=np.int16), terms(many))
    assert shadows.wanted[0, 0] == pods
    for asked in (MOST, 0, 0):
        shadows.step(np.array([0.0]), np.array([1e9]), np.full((1, 1), asked, dtype=np.int16), terms(many))
    assert (shadows.wanted[0, 0], shadows.ready[0, 0]) == (MOST, MOST)


def choice(lost: dict[int, float], spent: dict[int, float], now: int, load: float = 1000.0) -> int:
    paid = replace(costs(lost, spent), load=np.array([load]))
    return int(chosen(paid, paid, np.array([now]), lean_of(LADDER))[0])


def costs(lost: dict[int, float], spent: dict[int, float]) -> Paid:
    ways = 1 + len(LADDER)
    lost_all, spent_all = np.full(ways, 50.0), np.full(ways, 100.0)
    for way, value in lost.items():
        lost_all[way] = value
    for way, value in spent.items():
        spent_all[way] = value
    return Paid(lost_all[None], spent_all[None], np.array([1000.0]))


def test_what_gains_nothing_stays_off() -> None:
    assert choice({}, {}, OFF) == OFF


def test_much_less_lost_load_for_few_pods_is_taken() -> None:
    assert choice({5: 5.0}, {5: 104.0}, OFF) == 5


def test_pods_beyond_the_share_are_never_paid() -> None:
    assert choice({5: 0.0}, {5: 100.0 * boldness.MOST_RATIO + 1}, OFF) == OFF


def test_a_rung_that_became_too_dear_is_left() -> None:
    assert choice({5: 0.0}, {5: 200.0}, 5) == OFF


def test_a_hair_does_not_change_the_rung() -> None:
    lost, spent = {5: 5.0, 6: 4.95}, {5: 104.0, 6: 104.0}
    assert choice(lost, spent, 5) == 5
    assert choice(lost, spent, OFF) == 6


def test_without_load_nothing_is_chosen() -> None:
    assert choice({5: 0.0}, {}, 5, load=0.0) == OFF


def test_many_choose_as_one_by_one() -> None:
    random = np.random.default_rng(5)
    many, ways, lean = 400, 1 + len(EARNED), lean_of(EARNED)
    lost = random.gamma(0.5, 50.0, (many, 1)) * random.uniform(0.0, 1.3, (many, ways)) * (random.random((many, ways)) < 0.95)
    paid = Paid(lost, 1000.0 * random.uniform(0.9, 1.3, (many, ways)), 1e4 * (random.random(many) < 0.9))
    now, allowed = random.integers(0, ways, many), random.random(many) < 0.5
    today = Paid(0.1 * lost * random.uniform(0.5, 1.5, lost.shape), 0.1 * paid.spent, 0.1 * paid.load)
    together = chosen(paid, today, now, lean, allowed)
    for row in range(many):
        here = np.array([row])
        assert together[row] == chosen(paid.of(here), today.of(here), now[here], lean, allowed[here])[0]
    assert not lean[together[~allowed]].any()
    assert lean[together[allowed]].any()
    assert np.unique(together).size > 20
