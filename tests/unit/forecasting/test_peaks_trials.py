"""Trials of many series: as of each alone, no sooner than after two days, forgotten by days, saved and restored."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, OFF, Outlook, Rung, asks, lean_of, provided
from autoscaler.forecasting.peaks.ledger import DAYS
from autoscaler.forecasting.peaks.shadow import Counts, Pace, Terms
from autoscaler.forecasting.peaks.sources import Source
from autoscaler.forecasting.peaks.state import Arrays
from autoscaler.forecasting.peaks.trials import Trials
from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats

DAY_S = 1440.0  # days of a demonstration: an hour is four steps
PACE = Pace(15.0, 2)
DAY = 96
SHORT = (Rung(1.0, 0.0), Rung(1.0, 0.3), Rung(1.0, 0.0, lean=True))


@dataclass(frozen=True, slots=True)
class Scene:
    """What comes, shape (steps, series), and what rungs ask for, shape (steps, series, 1 + rungs)."""

    loads: Floats
    measured: Floats
    asked: Counts

    def of(self, rows: Ints) -> "Scene":
        return Scene(self.loads[:, rows], self.measured[:, rows], self.asked[:, rows])


def terms(series: int) -> Terms:
    one = np.ones(series)
    return Terms(one, 0.7 * one, np.ones(series, np.int32), np.full(series, 200, np.int32), 0.1 * one)


def surges(series: int, days: int = 5, seed: int = 0, gaps: float = 0.0) -> Scene:
    """Loads that jump at random from a few pods to many, and rungs that know it two steps ahead."""
    random = np.random.default_rng(seed)
    steps = days * DAY
    loads = np.repeat(random.integers(2, 20, (steps // 8, series)), 8, axis=0) + random.random((steps, series))
    ahead = np.concatenate([loads, loads[-1:], loads[-1:], loads[-1:]])
    known = np.ceil(np.stack([ahead[k : k + steps] for k in range(4)]).max(axis=0))
    asked = np.stack([0 * known, known, np.ceil(1.3 * known), known], axis=-1).astype(np.int16)
    loads[random.random(loads.shape) < gaps] = np.nan
    return Scene(loads, loads.copy(), asked)


def stepped(trials: Trials, scene: Scene, first: int = 0, last: int | None = None) -> Ints:
    """Take trials through steps of a scene; returns the rungs in use at each, shape (steps, series)."""
    used = []
    for at in range(first, scene.loads.shape[0] if last is None else last):
        trials.step(scene.loads[at], scene.measured[at], scene.asked[at], terms(trials.series))
        used.append(trials.rungs.copy())
    return np.array(used)


def begun(series: int, ladder: tuple[Rung, ...] = SHORT) -> Trials:
    return Trials.begun(PACE, ladder, series, DAY_S)


def same(some: Trials, others: Trials) -> None:
    for name, one in some.arrays().items():
        np.testing.assert_array_equal(one, others.arrays()[name], err_msg=name)


def test_a_forecast_that_pays_is_used_after_two_days_and_no_sooner() -> None:
    trials = begun(3)
    used = stepped(trials, surges(3))
    assert (used[: 2 * DAY] == OFF).all()
    assert (used[2 * DAY] != OFF).all()
    np.testing.assert_array_equal(trials.tried_s, np.full(3, 5 * DAY_S))


def test_time_without_load_is_no_trial() -> None:
    scene = surges(2)
    scene.loads[: 3 * DAY // 2, 1] = np.nan
    trials = begun(2)
    used = stepped(trials, scene)
    np.testing.assert_array_equal((used != OFF).argmax(axis=0), [2 * DAY, 7 * DAY // 2])
    assert trials.warm.all()
    np.testing.assert_array_equal(trials.tried_s, [5 * DAY_S, 3.5 * DAY_S])


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_series_together_are_as_each_alone(gaps: float) -> None:
    scene = surges(4, gaps=gaps)
    together = begun(4)
    used = stepped(together, scene)
    for row in range(4):
        alone = begun(1)
        np.testing.assert_array_equal(stepped(alone, scene.of(np.array([row])))[:, 0], used[:, row])
        same(alone, together.kept(np.array([row])))


def test_what_was_told_stays_as_it_was() -> None:
    scene = surges(3, days=1, gaps=0.2)
    before = [part.copy() for part in (scene.loads, scene.measured, scene.asked)]
    stepped(begun(3), scene)
    for one, other in zip(before, (scene.loads, scene.measured, scene.asked), strict=True):
        np.testing.assert_array_equal(one, other)


def test_who_tells_may_use_the_same_arrays_again() -> None:
    scene, one, other = surges(2, days=1), begun(2), begun(2)
    buffers = Scene(*(np.empty_like(part[0]) for part in (scene.loads, scene.measured, scene.asked)))
    stepped(one, scene)
    for at in range(DAY):
        buffers.loads[:], buffers.measured[:], buffers.asked[:] = scene.loads[at], scene.measured[at], scene.asked[at]
        other.step(buffers.loads, buffers.measured, buffers.asked, terms(2))
    same(one, other)


def test_saved_and_restored_it_goes_on_as_if_nothing_had_been() -> None:
    scene, trials = surges(3, days=4, gaps=0.1), begun(3)
    stepped(trials, scene, 0, 200)
    again = Trials.restored(PACE, SHORT, trials.arrays(), DAY_S)
    np.testing.assert_array_equal(stepped(again, scene, 200), stepped(trials, scene, 200))
    same(again, trials)


def other_ladder(arrays: Arrays) -> None:
    arrays["ladder"][0, 0] = 7.0


def fewer_rows(arrays: Arrays) -> None:
    arrays["wanted"] = arrays["wanted"][:1]


def other_type(arrays: Arrays) -> None:
    arrays["lost"] = arrays["lost"].astype(np.float32)


def not_a_number(arrays: Arrays) -> None:
    arrays["spent_days"][0, 0, 0] = np.nan


def below_zero(arrays: Arrays) -> None:
    arrays["ready"][0, 0] = -1


def no_such_rung(arrays: Arrays) -> None:
    arrays["rungs"][0] = 4


def nothing_known(arrays: Arrays) -> None:
    arrays.clear()


@pytest.mark.parametrize(
    "spoil",
    [other_ladder, fewer_rows, other_type, not_a_number, below_zero, no_such_rung, nothing_known],
    ids=lambda one: one.__name__,
)
def test_what_does_not_fit_is_not_restored(spoil: Callable[[Arrays], None]) -> None:
    arrays = {name: one.copy() for name, one in begun(2).arrays().items()}
    spoil(arrays)
    with pytest.raises(ValueError, match="saved trials"):
        Trials.restored(PACE, SHORT, arrays, DAY_S)


@pytest.mark.parametrize(("pace", "day_s"), [(Pace(15.0, 2), 86_400.0), (Pace(30.0, 2), DAY_S), (Pace(15.0, 3), DAY_S)])
def test_of_another_pace_nothing_is_restored(pace: Pace, day_s: float) -> None:
    with pytest.raises(ValueError, match="saved trials"):
        Trials.restored(pace, SHORT, begun(2).arrays(), day_s)


def test_series_that_come_and_go_do_not_disturb_others() -> None:
    scene = surges(5, days=4)
    whole = begun(2)
    used = stepped(whole, scene.of(np.array([0, 1])))
    changing = begun(3)
    rows = np.array([2, 1, 0])
    parts = [stepped(changing, scene.of(rows), 0, 150)[:, [2, 1]]]
    changing = changing.with_rows(2)
    rows = np.array([2, 1, 0, 3, 4])
    parts.append(stepped(changing, scene.of(rows), 150, 250)[:, [2, 1]])
    parts.append(stepped(changing, scene.of(rows), 250, 300)[:, [2, 1]])
    changing = changing.kept(np.array([2, 1]))
    parts.append(stepped(changing, scene.of(np.array([0, 1])), 300))
    np.testing.assert_array_equal(np.concatenate(parts), used)
    same(changing, whole)


def test_what_was_long_ago_is_forgotten() -> None:
    """Surges for two days, and then a load that never moves: nothing is to be gained any more once the surges are forgotten."""
    scene = surges(1, days=DAYS + 5)
    scene.loads[2 * DAY :] = scene.measured[2 * DAY :] = 7.0
    scene.asked[2 * DAY :] = [0, 11, 13, 7]
    trials = begun(1, SHORT)
    stepped(trials, scene, 0, (DAYS + 1) * DAY)
    assert trials.costs().off.lost[0] > 0
    stepped(trials, scene, (DAYS + 1) * DAY)
    assert trials.costs().off.lost[0] == 0
    assert trials.tried_s[0] == (DAYS + 1) * DAY_S


def test_who_may_not_run_lean_does_not_not_even_until_the_next_choice() -> None:
    scene = surges(2, days=4)
    scene.asked[..., 1:3] = 200  # nothing but lean pays
    trials, both = begun(2), np.array([True, True])
    for at in range(3 * DAY + 1):
        trials.step(scene.loads[at], scene.measured[at], scene.asked[at], terms(2), lean=both)
    assert trials.rungs.tolist() == [3, 3]
    for at in range(3 * DAY + 1, 4 * DAY):
        trials.step(scene.loads[at], scene.measured[at], scene.asked[at], terms(2), lean=np.array([True, False]))
        assert trials.rungs.tolist() == [3, OFF]


def test_on_a_load_that_never_moved_no_lean_rung_has_earned_anything() -> None:
    scene = surges(4, days=4)
    scene.loads[...] = np.array([7.0, 7.0, 0.1, 0.0])
    scene.asked[...] = [0, 0, 0, 8]
    scene.loads[:, 1] += np.random.default_rng(2).normal(0, 0.01, 4 * DAY)  # far from moving the formula's 10 pods
    scene.measured[...] = scene.loads
    assert (stepped(begun(4), scene)[-1] == [OFF, 3, OFF, OFF]).all()


def test_a_load_that_moved_two_weeks_ago_has_moved() -> None:
    scene = surges(2, days=17)
    scene.loads[...] = scene.measured[...] = 7.0
    scene.asked[...] = [0, 0, 0, 8]
    scene.loads[2 * DAY + 5 : 2 * DAY + 7, 0] = scene.measured[2 * DAY + 5 : 2 * DAY + 7, 0] = 7.8  # 12 pods, and no longer 10
    used = stepped(begun(2), scene)
    assert (used[2 * DAY + 32 : 17 * DAY, 0] == 3).all()
    assert (used[:, 1] == OFF).all()


def test_a_lean_rung_that_loses_more_today_is_left_long_before_two_weeks_say_so() -> None:
    scene = surges(1, days=9)
    scene.asked[..., 1:3] = 200  # nothing but lean pays
    worse = 8 * DAY + DAY // 6
    scene.asked[worse:, :, 3] -= 2
    trials, at = begun(1), worse
    assert stepped(trials, scene, 0, worse)[-1, 0] == 3
    while trials.rungs[0] == 3:
        stepped(trials, scene, at, at + 1)
        at += 1
    assert at < 9 * DAY
    lost = trials.ledger.lost.sum(axis=(0, 1)) + trials.shadows.lost[0]
    assert lost[3] < 0.5 * lost[OFF]
    assert trials.shadows.lost[0, 3] > trials.shadows.lost[0, OFF]


def test_costs_say_what_a_forecast_gains_over_the_formula_alone() -> None:
    trials = begun(3)
    stepped(trials, surges(3))
    found = trials.costs(np.array([2, 0]))
    np.testing.assert_array_equal(found.used.rung, trials.rungs[[2, 0]])
    np.testing.assert_array_equal(found.off.rung, [OFF, OFF])
    assert np.isin(found.other.rung, [1, 2]).all()
    assert (found.other.rung != found.used.rung).all()
    assert (found.used.lost_ratio < 0.1).all()
    assert (found.off.lost > 0.001).all()
    np.testing.assert_array_equal(found.off.lost_ratio, [1.0, 1.0])
    np.testing.assert_array_equal(found.off.pods_ratio, [1.0, 1.0])
    np.testing.assert_allclose(found.used.lost, found.used.lost_ratio * found.off.lost)


def test_of_what_is_not_known_no_cost_is_told() -> None:
    found = begun(1).costs()
    assert found.used.rung[0] == OFF
    assert np.isnan([found.off.lost[0], found.off.lost_ratio[0], found.off.pods_ratio[0]]).all()


@pytest.mark.parametrize("measured", [np.nan, np.inf])
def test_what_is_not_measured_stays_as_it_was(measured: float) -> None:
    scene, gone = surges(1, days=1), surges(1, days=1)
    gone.measured[10:20] = measured
    scene.measured[10:20] = scene.measured[9]
    one, other = begun(1), begun(1)
    stepped(one, scene)
    stepped(other, gone)
    same(one, other)


def test_asks_at_one_moment_are_as_those_of_each_series() -> None:
    random = np.random.default_rng(0)
    level, rises, highest = random.normal(0, 1, 30), random.normal(0.2, 0.3, 30), random.gamma(2, 3, 30)
    floor, capacity = random.random(30), random.uniform(0.1, 3.0, 30)
    rises = np.stack([rises, rises[::-1], 2 * rises, rises + 0.1])
    rises[:, 4] = np.nan
    capacity[5:8] = np.nan, 0.0, -1.0
    together = asks(Outlook(level, rises, highest, floor), capacity, EARNED)
    assert together.shape == (30, 1 + len(EARNED))
    assert (together[4:8] == 0).all()
    assert (together[:, OFF] == 0).all()
    for row in range(30):
        here = slice(row, row + 1)
        alone = asks(Outlook(level[here], rises[:, here], highest[here], float(floor[row])), float(capacity[row]), EARNED)
        np.testing.assert_array_equal(alone[0], together[row])


def test_what_is_provided_is_what_the_rung_in_use_asks_for() -> None:
    random = np.random.default_rng(1)
    outlook = Outlook(random.normal(0, 1, 60), random.normal(0.2, 0.3, (len(Source), 60)), random.gamma(2, 3, 60), 0.3)
    rungs = random.integers(0, 1 + len(LADDER), 60)
    load = provided(outlook, rungs)
    np.testing.assert_array_equal(np.isnan(load), rungs == OFF)
    pods = np.nan_to_num(np.ceil(load / 0.8 - 1e-6))
    np.testing.assert_array_equal(pods, asks(outlook, 0.8)[np.arange(60), rungs])


def test_a_fleet_needs_little_memory() -> None:
    trials = Trials.begun(Pace(60.0, 3), EARNED, 10)
    assert sum(one.nbytes for one in trials.arrays().values()) / 10 < 9000
    assert lean_of(EARNED).sum() == len(EARNED) - len(LADDER)


def test_trials_taken_over_go_on_as_if_they_had_been_here_all_the_time() -> None:
    scene, past = surges(3), surges(2, seed=5)
    here, there = begun(3), begun(2)
    stepped(here, scene, 0, 77)  # another time of the day, and of each ring
    stepped(there, past, 0, 3 * DAY + 18)
    alone = there.kept(np.array([0, 1]))
    here.take_over(np.array([2, 0]), there, np.array([0, 1]))
    np.testing.assert_array_equal(here.tried_s[[2, 0]], alone.tried_s)
    np.testing.assert_allclose(here.costs(np.array([2, 0])).off.lost, alone.costs().off.lost, rtol=1e-6)
    undisturbed = begun(1)
    stepped(undisturbed, scene.of(np.array([1])), 0, 77)
    for at in range(200):
        later = past.of(np.array([1, 0, 0]))
        loads, asked = later.loads[at].copy(), later.asked[at].copy()
        loads[1], asked[1] = scene.loads[77 + at, 1], scene.asked[77 + at, 1]
        here.step(loads, loads, asked, terms(3))
        there.step(past.loads[at], past.loads[at], past.asked[at], terms(2))
        np.testing.assert_array_equal(here.shadows.wanted[[2, 0]], there.shadows.wanted)
        np.testing.assert_array_equal(here.shadows.ready[[2, 0]], there.shadows.ready)
    stepped(undisturbed, Scene(scene.loads[77:, 1:2], scene.measured[77:, 1:2], scene.asked[77:, 1:2]), 0, 200)
    np.testing.assert_array_equal(here.rungs[1:2], undisturbed.rungs)
    np.testing.assert_array_equal(here.shadows.lost[1:2], undisturbed.shadows.lost)
