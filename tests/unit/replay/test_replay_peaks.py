"""What the peak model makes of what is seen in a replay."""

import numpy as np
import pytest

from autoscaler.model import Floats
from autoscaler.replay.foresight import Foreseen, Question
from autoscaler.replay.peaks import PeakForesight, unfolded
from autoscaler.replay.play import play
from autoscaler.replay.stage import Setting, Stage, seen_of

DAY = 5760


def nights(days: int) -> Floats:
    """Minutes with noise and a job of 12 pods at three in the morning, as steps of 15 s."""
    minutes = np.arange(days * 1440)
    load = 6 + np.random.default_rng(0).normal(0, 0.15, minutes.size)
    load[(minutes % 1440 >= 180) & (minutes % 1440 < 190)] += 12
    return np.repeat(load, 4)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage("nights", 1_799_971_200.0, nights(5), 7 * DAY // 2, 1.0)  # from when on a rung may be chosen


def test_what_is_seen_unfolds_into_the_load() -> None:
    load = np.random.default_rng(0).random(501) * 9
    np.testing.assert_allclose(unfolded(seen_of(load)), load[:-1], atol=1e-6)


def test_equal_samples_unfold_into_equal_ones() -> None:
    load = np.repeat(np.random.default_rng(0).random(30_000) * 40, 4)
    np.testing.assert_array_equal(np.diff(unfolded(seen_of(load))) == 0, np.diff(load[:-1]) == 0)


def test_the_pieces_do_not_matter(stage: Stage) -> None:
    seen, setting = seen_of(stage.load), Setting()

    def said(ends: list[int]) -> tuple[Floats, ...]:
        foresight, parts, first = PeakForesight(Question(setting, stage.start_s, stage.cut)), [], stage.cut
        for last in ends:
            parts.append(foresight.block(seen[:last], first, last))
            first = last
        return tuple(np.concatenate([getattr(part, name) for part in parts]) for name in ("peak", "is_open", "upper"))

    whole, pieces = said([stage.cut + 700]), said([stage.cut + 1, stage.cut + 2, stage.cut + 333, stage.cut + 700])
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("capped", [False, True])
def test_a_job_of_every_night_finds_its_pods(stage: Stage, capped: bool) -> None:  # noqa: FBT001
    scores = play(stage, Setting(capped=capped)).scores
    assert scores.hpa.lost_bp > 5
    assert scores.foresail.lost_bp < 0.2 * scores.hpa.lost_bp
    assert scores.foresail.pod_hours < 1.1 * scores.hpa.pod_hours


def test_what_full_pods_served_is_taken_for_less_than_was_wanted(stage: Stage) -> None:
    seen, first = seen_of(stage.load)[: 2 * DAY], 2 * DAY - 4
    full = np.zeros(2 * DAY - 1, dtype=np.bool_)
    full[-3:] = True
    foresight = PeakForesight(Question(Setting(capped=True), stage.start_s, first))
    plain = foresight.copy().block(seen, first, 2 * DAY, ~full & full)
    wanted = foresight.copy().block(seen, first, 2 * DAY, full)
    np.testing.assert_array_equal(wanted.median, plain.median)  # what is shown is what was seen
    assert wanted.upper[0] == plain.upper[0]
    assert (wanted.upper[1:] > 1.2 * plain.median[1:]).all()
    assert (wanted.upper[1:] > plain.upper[1:]).all()


def test_while_it_learns_it_says_so(stage: Stage) -> None:
    seen = seen_of(stage.load)[: DAY + 10]
    block: Foreseen = PeakForesight(Question(Setting(), stage.start_s, DAY)).block(seen, DAY, DAY + 10)
    assert not block.is_open.any()
    assert "learning" in block.said


def test_while_forecasts_are_on_trial_it_says_so(stage: Stage) -> None:
    seen = seen_of(stage.load)[: 2 * DAY]
    block = PeakForesight(Question(Setting(), stage.start_s, DAY)).block(seen, DAY, 2 * DAY)
    assert not block.is_open.any()
    assert "on trial" in block.said


def test_a_forecast_that_has_earned_it_runs_leaner_and_loses_no_more(stage: Stage) -> None:
    scores = play(stage, Setting(earned=True)).scores
    assert scores.foresail.pod_hours < 0.9 * scores.hpa.pod_hours
    assert scores.foresail.lost_bp < scores.hpa.lost_bp
