"""Who decides alone keeps to its pods while little has changed, and to no fewer than the newest load needs."""

import math
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest

from autoscaler.forecasting.peaks.boldness import EARNED, OFF, Rung, served_by, steadied
from autoscaler.forecasting.peaks.finding import Finding
from autoscaler.forecasting.peaks.group import Group
from autoscaler.forecasting.peaks.kinds import Kind
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.members import Member, kind_of
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.model import Floats, History

STEP_S = 60.0
DAY = 1440
START_S = 1_799_971_200.0
MEMBER = Member(lead_s=120.0, window_s=300.0, quantile=0.95, per_pod=0.7, capacity_ratio=1 / 0.7, earned=True, most=1000)
PLAIN = Rung(1.0, 0.0, lean=True)  # what the model expects, and no more


class Level:
    """A model that expects the load to stay as it is."""

    def rises(self, rows: Floats) -> Floats:
        return np.zeros(rows.shape[0])


@dataclass(slots=True)
class Scene:
    """A workload of which a pod serves a load of one, and which is left to the plain lean rung."""

    group: Group[str]
    loads: Loads

    @classmethod
    def begun(cls, load: float) -> "Scene":
        group: Group[str] = Group(cast("Kind", kind_of(MEMBER, STEP_S, None)))
        group.join(["shop"])
        group.model = cast("PeakModel", Level())
        group.trials.rungs[:] = 1 + EARNED.index(PLAIN)
        group.trials.tried[:] = 3 * DAY  # on trial for long enough
        group.trials.steps = 1  # the next choice is an hour away
        loads = Loads.empty(STEP_S, 2 * DAY)
        loads.add([History(START_S, STEP_S, np.array([load]))])
        scene = cls(group, loads)
        for _ in range(10):
            assert scene.comes(load) == math.ceil(load)
        return scene

    def comes(self, *loads: float, member: Member = MEMBER) -> int:
        """Let points come, and return how many pods are then asked for."""
        end_s = self.loads.end_s + len(loads) * STEP_S
        self.loads.append(end_s, np.array([loads]))
        return self.pods(member, len(loads))

    def pods(self, member: Member = MEMBER, steps: int = 0) -> int:
        found = self.found(member, steps)
        assert found.rung == PLAIN
        return math.ceil(found.provided / (member.per_pod * member.capacity_ratio) - 1e-6)

    def found(self, member: Member = MEMBER, steps: int = 0) -> Finding:
        return self.group.tick(self.loads, np.array([0]), [member], steps)["shop"]


@pytest.mark.parametrize(
    ("before", "asked", "needed", "kept"),
    [
        (40, 41, 40, 40),
        (40, 41, 41, 41),
        (40, 41, np.nan, 41),
        (40, 42, 30, 42),
        (33, 34, 30, 34),
        (40, 37, 30, 40),
        (40, 36, 30, 36),
        (14, 13, 9, 14),
        (13, 12, 9, 12),
        (0, 1, 0, 1),
        (40, 0, 0, 0),
    ],
)
def test_only_a_lean_rung_asks_for_as_many_as_before(before: int, asked: int, needed: float, kept: int) -> None:
    both = np.array([[asked, asked]], np.int16)
    pods = steadied(both, np.array([[before, before]], np.int16), np.array([False, True]), np.array([needed]))
    assert pods.tolist() == [[asked, kept]]


@pytest.mark.parametrize(
    ("pods", "load", "newest", "provided"),
    [
        (40, 79.0, 10, 79.0),
        (40, 80.0, 10, 80.0),
        (40, 76.0, 10, 80.0),
        (40, 82.0, 10, 80.0),
        (40, 82.0, 41, 82.0),
        (40, 84.0, 10, 84.0),
        (40, 70.0, 10, 70.0),
        (1, 0.0, 0, 0.0),
        (0, 7.0, 3, 7.0),
        (40, np.nan, np.nan, np.nan),
    ],
)
def test_what_is_provided_for_is_what_the_pods_serve(pods: int, load: float, newest: float, provided: float) -> None:
    (found,) = served_by(np.array([pods], np.int16), np.array([load]), np.array([newest]), 2.0)
    assert found == pytest.approx(provided, nan_ok=True)


def test_pods_stay_while_the_load_falls_a_little_and_go_when_it_has_fallen_more() -> None:
    scene = Scene.begun(99.5)
    assert scene.comes(97.5) == 100
    assert scene.comes(92.5) == 100
    assert scene.comes(91.5) == 92
    assert scene.comes(92.5) == 93  # more than 92 serve


def test_a_slow_ramp_never_finds_fewer_pods_than_its_newest_load_needs() -> None:
    scene = Scene.begun(99.5)
    for load in 99.5 * 1.003 ** np.arange(45):
        assert scene.comes(load) >= (1 - 1e-3) * load  # as exactly as loads are kept


def test_a_slow_fall_is_followed_within_the_tolerance() -> None:
    scene, counts = Scene.begun(99.5), []
    for load in 99.5 * 0.998 ** np.arange(45):
        counts.append(scene.comes(load))
        assert (1 - 1e-3) * load <= counts[-1] <= load / (1 - 0.076) + 1
    assert np.count_nonzero(np.diff(counts)) == 1


def test_a_second_look_at_the_same_point_sees_what_came_late() -> None:
    scene = Scene.begun(99.5)
    assert scene.comes(np.nan) == 100  # a gap is held
    scene.loads.lay(0, History(scene.loads.end_s, STEP_S, np.array([199.5])))
    assert scene.pods() == 200
    assert scene.pods() == 200


def test_a_pod_that_carries_another_load_is_counted_anew_at_once() -> None:
    scene = Scene.begun(99.2)
    assert scene.pods(replace(MEMBER, per_pod=0.35)) == 199
    assert scene.pods(replace(MEMBER, per_pod=1.4)) == 50
    assert scene.comes(99.2, member=replace(MEMBER, per_pod=0.35)) == 199


def test_pods_that_are_filled_to_their_target_only_are_kept_while_they_serve_the_load() -> None:
    scene = Scene.begun(99.5)
    assert scene.comes(101.5, member=replace(MEMBER, per_pod=1.0, capacity_ratio=1.0)) == 100
    assert scene.group.trials.pods.tolist() == [100]


def test_a_gap_is_silence_and_after_it_what_came_counts() -> None:
    scene = Scene.begun(99.5)
    assert scene.comes(np.nan, 119.5, 129.5) == 130
    scene.loads.append(scene.loads.end_s + 30 * STEP_S, np.full((1, 30), np.nan))
    assert np.isnan(scene.found(steps=30).provided)
    assert scene.comes(98.5) == 99


def test_series_that_move_keep_their_pods() -> None:
    scene = Scene.begun(99.5)
    scene.group.join(["cart"])
    scene.group.keep(frozenset(["shop"]))
    assert scene.comes(95.5) == 100


def test_who_is_off_is_not_steadied() -> None:
    scene = Scene.begun(99.5)
    scene.group.trials.rungs[:] = OFF
    assert np.isnan(scene.found().provided)
    scene.group.trials.rungs[:] = 1 + EARNED.index(replace(PLAIN, headroom=0.1, lean=False))
    scene.loads.append(scene.loads.end_s + STEP_S, np.array([[98.0]]))
    assert scene.found(steps=1).provided == pytest.approx(98.0 * 1.1, rel=1e-3)
