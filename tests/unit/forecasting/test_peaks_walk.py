"""A walk learns what comes again, keeps off what does not, and never knows what is yet to come."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, OFF, Rung
from autoscaler.forecasting.peaks.shadow import Pace, Shadows, Terms
from autoscaler.forecasting.peaks.walk import Said, Walk
from autoscaler.model import Floats

START_S = 1_799_971_200.0  # a midnight
STEP_S = 60.0
DAY = 1440
PACE = Pace(STEP_S, start=2)
TERMS = Terms.alone(capacity=1.0, target=0.7)
WARM = int(3.5 * DAY)  # a day and a half until the first fit, two days on trial


def days(count: int, *, job: float = 0.0, seed: int = 0) -> Floats:
    """Days of a gentle shape with noise; a job of `job` pods comes at three in the morning and takes 10 minutes."""
    at = np.arange(count * DAY)
    random = np.random.default_rng(seed)
    load = 8 - 5 * np.cos(2 * np.pi * at / DAY) + random.normal(0, 0.2, at.size)
    load[(at % DAY >= 180) & (at % DAY < 190)] += job
    return np.maximum(load, 0.0)


def measured(loads: Floats) -> Floats:
    return np.convolve(loads, np.ones(2) / 2)[: loads.size]


def walked(loads: Floats, *, pieces: tuple[int, ...] = (), ladder: tuple[Rung, ...] = LADDER) -> Said:
    walk = Walk(PACE, TERMS, START_S, ladder=ladder)
    ends = [*pieces, loads.size]
    parts = [walk.advance(loads[:end], measured(loads[:end])) for end in ends]
    return Said(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("expected", "provided", "rung", "lean")))


def lost(loads: Floats, provided: Floats) -> float:
    """Return the load of the last two days that would have found no pod, acting on what was said."""
    asks = np.nan_to_num(np.ceil(provided - 1e-6)).astype(np.int16)[:, None, None]
    shadows = Shadows.begun(PACE, TERMS, loads[:1], np.zeros(1, dtype=np.bool_))
    before = 0.0
    seen = measured(loads)
    for at in range(1, loads.size):
        if at == loads.size - 2 * DAY:
            before = float(shadows.lost[0, 0])
        shadows.step(loads[at : at + 1], seen[at - 1 : at], asks[at - 1], TERMS)
    return float(shadows.lost[0, 0]) - before


@pytest.fixture(scope="module")
def nightly() -> tuple[Floats, Said]:
    loads = days(7, job=15.0)
    return loads, walked(loads)


def test_a_nightly_job_is_provided_for(nightly: tuple[Floats, Said]) -> None:
    loads, said = nightly
    alone = lost(loads, np.full(loads.size, np.nan))
    assert alone > 10
    assert lost(loads, said.provided) < 0.1 * alone


def test_it_says_nothing_while_it_learns(nightly: tuple[Floats, Said]) -> None:
    _, said = nightly
    assert np.isnan(said.expected[: int(1.5 * DAY)]).all()
    assert (said.rung[:WARM] == OFF).all()
    assert (said.rung[WARM:] != OFF).any()
    assert np.isfinite(said.expected[2 * DAY :]).all()


def test_what_is_said_is_the_same_in_pieces(nightly: tuple[Floats, Said]) -> None:
    loads, said = nightly
    loads = loads[: 4 * DAY]
    pieces = walked(loads, pieces=(100, 2 * DAY, 2 * DAY + 1, 3 * DAY + 7))
    for name in ("expected", "provided", "rung"):
        np.testing.assert_array_equal(getattr(pieces, name), getattr(said, name)[: loads.size])


@pytest.mark.parametrize("poison", [0.0, 1e6, np.nan])
def test_what_is_said_does_not_depend_on_what_comes_later(nightly: tuple[Floats, Said], poison: float) -> None:
    loads, said = nightly
    cut = 3 * DAY + 200
    changed = loads[: 4 * DAY].copy()
    changed[cut:] = poison
    other = walked(changed)
    for name in ("expected", "provided", "rung"):
        np.testing.assert_array_equal(getattr(other, name)[:cut], getattr(said, name)[:cut])


def test_the_stated_quantile_holds_on_days_it_had_not_seen(nightly: tuple[Floats, Said]) -> None:
    loads, said = nightly
    asked = np.arange(4 * DAY, loads.size - 4)
    came = np.stack([loads[asked + ahead] for ahead in (2, 3)]).max(axis=0)
    assert 0.945 < (came <= said.expected[asked] + 1e-9).mean() < 0.99


def test_the_stated_quantile_holds_after_the_load_has_become_restless() -> None:
    loads = days(5)
    at = np.arange(3 * DAY + 100, 4 * DAY)  # before a refit knows of it
    loads[at] += np.random.default_rng(3).normal(0, 1.0, at.size)
    said, asked = walked(loads[: 4 * DAY]), at[60:-3]
    came = np.stack([loads[asked + ahead] for ahead in (2, 3)]).max(axis=0)
    assert (came <= said.expected[asked] + 1e-9).mean() > 0.93


@pytest.mark.parametrize(
    "loads", [np.zeros(5 * DAY), np.full(5 * DAY, 7.0), np.full(5 * DAY, np.nan)], ids=["zero", "constant", "gap"]
)
@pytest.mark.parametrize("ladder", [LADDER, EARNED], ids=["conservative", "earned"])
def test_a_load_that_never_moves_asks_for_nothing(loads: Floats, ladder: tuple[Rung, ...]) -> None:
    said = walked(loads, ladder=ladder)
    assert (said.rung == OFF).all()
    assert np.isnan(said.provided).all()


def test_gaps_break_nothing() -> None:
    loads = days(4, job=15.0)
    loads[2 * DAY + 100 : 2 * DAY + 400] = np.nan
    loads[np.random.default_rng(1).integers(0, loads.size, 200)] = np.nan
    said = walked(loads)
    known = ~np.isnan(loads)
    assert np.isfinite(said.expected[known][3 * DAY :]).all()
    assert np.isnan(said.provided[~known]).all()


def test_a_job_that_comes_every_hundred_minutes_is_provided_for_with_less() -> None:
    at = np.arange(6 * DAY)
    loads = days(6) + np.where((at + 7) % 100 < 8, 15.0, 0.0)
    blind = Walk(PACE, TERMS, START_S, own_seasons=False).advance(loads, measured(loads)).provided
    found = walked(loads).provided
    assert lost(loads, found) < 0.01 * lost(loads, np.full(loads.size, np.nan))
    assert np.nansum(found[4 * DAY :]) < 0.97 * np.nansum(blind[4 * DAY :])


def test_who_decides_alone_over_a_noisy_load_leaves_pods_where_they_are() -> None:
    random = np.random.default_rng(0)
    loads = 30 * np.exp(0.03 * random.standard_normal(5 * DAY))
    said = Walk(PACE, TERMS, START_S, ladder=EARNED).advance(loads, measured(loads))
    assert said.lean[-DAY:].all()
    pods = np.ceil(said.provided[-DAY:] - 1e-6)
    assert 30 < pods.mean() < 40  # the formula has 43
    assert np.count_nonzero(np.diff(pods)) <= 20  # 640 if it followed its forecast
