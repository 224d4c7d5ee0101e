"""A load of which no more is seen than pods serve: forecast in blocks, and yet as if each step had been forecast by itself."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats
from autoscaler.replay import rounds
from autoscaler.replay.foresight import Foreseen, Foresight, Question
from autoscaler.replay.peaks import PeakForesight
from autoscaler.replay.stage import Setting, Stage, seen_of
from autoscaler.replay.walk import Course, walk

DAY = 5760
CAPPED = Setting(capped=True)


@dataclass
class Swing:
    """Says more than the highest seen of the last steps, by how far it was surprised lately, and less so every few hours."""

    due: int = 0
    swung: float = 0.0
    said: float = 0.0
    blocks: list[int] = field(default_factory=list)  # how many steps were asked for at once, by all copies

    @property
    def learns_at(self) -> int:
        return self.due

    def copy(self) -> Self:
        return replace(self)

    def block(self, seen: Floats, first: int, last: int, full: Bools | None = None) -> Foreseen:
        assert seen.size == last
        assert full is None or full.size == last - 1
        self.blocks.append(last - first)
        peaks = []
        for step in range(first, last):
            if step >= self.due:
                self.due, self.swung = step + 700, self.swung / 2
            surprise = float(seen[step]) - self.said
            lifted = 1.5 if full is not None and full[step - 1] else 1.0
            self.swung = 0.9 * self.swung + max(0.0, surprise) * lifted
            self.said = float(seen[max(0, step - 9) : step + 1].max()) + self.swung
            peaks.append(self.said)
        peak = np.array(peaks)
        return Foreseen(peak, np.arange(first, last) % 50 > 5, peak / 2, peak)


@dataclass
class OneByOne:
    """The same, always about to learn, so that it is asked for one step at a time: what is seen is known then."""

    real: Foresight
    learns_at: int = -1

    def copy(self) -> "OneByOne":
        return OneByOne(self.real.copy())

    def block(self, seen: Floats, first: int, last: int, full: Bools | None = None) -> Foreseen:
        assert last == first + 1
        return self.real.block(seen, first, last, full)


def a_stage(load: Floats, cut: int) -> Stage:
    return Stage("test", 1_799_971_200.0, np.asarray(load, dtype=float), cut, 1.0)


def same(one: Course, other: Course) -> None:
    for name in ("desired", "ready", "reactive", "predicted", "median", "upper", "is_open"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.reasons == other.reasons


LEVELS = st.floats(0, 60) | st.integers(0, 12).map(float)
LOADS = st.lists(st.tuples(LEVELS, st.integers(1, 90)), min_size=1, max_size=25).map(
    lambda runs: np.concatenate([np.full(steps, level) for level, steps in runs])
)


@settings(max_examples=25, deadline=None)
@given(LOADS, st.integers(1, 30), st.integers(0, 3), st.sampled_from([1, 3, 8]), st.sampled_from([20, 1440]))
def test_in_blocks_it_is_decided_as_step_by_step(load: Floats, lead: int, seed: int, most: int, longest: int) -> None:
    noise = np.random.default_rng(seed).uniform(0.5, 1.5, load.size)
    stage = a_stage(np.concatenate([np.full(12, 5.0), load * noise]), 12)
    setting = replace(CAPPED, start_s=15.0 * lead)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rounds, "_ROUNDS", most)
        patched.setattr(rounds, "_LONGEST", longest)
        same(walk(stage, setting, Swing()), walk(stage, setting, OneByOne(Swing())))


def surges(steps: int) -> Floats:
    """Six pods' work and, now and then for some minutes, three to six times as much."""
    load = 6 + np.random.default_rng(1).normal(0, 0.2, steps)
    for at in range(300, steps - 40, 400):
        load[at : at + 40] *= 3 + at / 400 % 4
    return load


def test_it_takes_few_rounds() -> None:
    swing = Swing()
    stage = a_stage(surges(2500), 200)
    course = walk(stage, CAPPED, swing)
    assert (stage.load[stage.cut :] > course.ready).sum() > 20
    assert sum(swing.blocks) < 6 * course.desired.size


def test_where_all_is_served_one_round_is_enough() -> None:
    swing = Swing()
    stage = a_stage(np.full(2000, 3.0), 200)
    walk(stage, CAPPED, swing)
    assert sum(swing.blocks) == stage.steps


CUT = 7 * DAY // 2 + 4  # forecasts may act from two days of trial on


@pytest.fixture(scope="module")
def nights() -> Stage:
    """Minutes with noise and, every three hours, a job of 14 pods; soon after the cut surges as there were none before."""
    minutes = np.arange(CUT // 4 + 100)
    load = 6 + np.random.default_rng(0).normal(0, 0.15, minutes.size)
    load[minutes % 180 < 6] += 14
    load[CUT // 4 + 5 : CUT // 4 + 11] += 45
    load[CUT // 4 + 60 : CUT // 4 + 64] += 90
    return a_stage(np.repeat(load, 4), CUT)


@pytest.fixture(scope="module", params=["conservative", "earned"])
def asked(request: pytest.FixtureRequest, nights: Stage) -> tuple[Setting, PeakForesight]:
    """A setting, and a foresight that has learnt what was before the cut; to be copied."""
    setting = replace(CAPPED, earned=request.param == "earned")
    foresight = PeakForesight(Question(setting, nights.start_s, nights.cut))
    foresight.block(seen_of(nights.load)[: nights.cut], nights.cut - 1, nights.cut)
    return setting, foresight


def cut_off(stage: Stage, steps: int) -> Stage:
    return replace(stage, load=stage.load[: stage.cut + steps])


def test_the_peak_model_says_in_blocks_what_it_says_step_by_step(nights: Stage, asked: tuple[Setting, PeakForesight]) -> None:
    stage, (setting, foresight) = cut_off(nights, 64), asked
    blocks, steps = walk(stage, setting, foresight.copy()), walk(stage, setting, OneByOne(foresight.copy()))
    assert (stage.load[stage.cut :] > blocks.ready).sum() > 2
    assert blocks.is_open.all()
    same(blocks, steps)


def test_what_was_forecast_rests_on_what_was_seen_in_the_end(nights: Stage, asked: tuple[Setting, PeakForesight]) -> None:
    setting, foresight = asked
    course = walk(nights, setting, foresight.copy())
    served, full = nights.load.copy(), np.zeros(nights.load.size, dtype=np.bool_)
    served[nights.cut :] = np.minimum(served[nights.cut :], course.ready)
    full[nights.cut :] = nights.load[nights.cut :] >= course.ready
    assert full.sum() > 10
    whole = foresight.copy().block(seen_of(served), nights.cut, nights.load.size, full[:-1])
    np.testing.assert_allclose(course.median, whole.median, atol=1e-5)
    np.testing.assert_allclose(course.upper, whole.upper, rtol=1e-3)
    np.testing.assert_array_equal(course.is_open, whole.is_open)


def test_what_comes_later_changes_no_row_before_it(nights: Stage, asked: tuple[Setting, PeakForesight]) -> None:
    setting, foresight = asked
    before = walk(nights, setting, foresight.copy())
    for poisoned in (nights.cut + 1, nights.cut + 237):
        load = nights.load.copy()
        load[poisoned:] = np.random.default_rng(1).uniform(0, 200, load.size - poisoned)
        after = walk(replace(nights, load=load), setting, foresight.copy())
        rows = poisoned - nights.cut + 1  # at the poisoned step itself its load is not seen yet
        for name in ("desired", "ready", "reactive", "predicted", "median", "upper", "is_open"):
            np.testing.assert_array_equal(getattr(before, name)[:rows], getattr(after, name)[:rows])
        assert before.reasons[:rows] == after.reasons[:rows]


def test_a_copy_goes_on_by_itself(nights: Stage, asked: tuple[Setting, PeakForesight]) -> None:
    seen, cut = seen_of(nights.load), nights.cut
    one = asked[1].copy()
    other = one.copy()
    first = other.block(seen[: cut + 300], cut, cut + 300)
    again = one.block(seen[: cut + 300], cut, cut + 300)
    np.testing.assert_array_equal(first.peak, again.peak)
    np.testing.assert_array_equal(first.upper, again.upper)
