"""The curve of the next hours: near to what comes, a band that holds on unseen days, and a reason where there is none."""

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from autoscaler.forecasting.peaks.copies import Naming, restored
from autoscaler.forecasting.peaks.curve import Curve, Drawn, drawn, learnt_curve, stretches
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.forecasting.peaks.lessons import Lesson
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.members import Member, kind_of
from autoscaler.forecasting.types import NotEnoughHistory
from autoscaler.model import Floats
from tests.unit.forecasting.fleets import (
    DAY,
    DAY_S,
    MEMBER,
    START_S,
    STEP_S,
    a_history,
    busy_days,
    copies_of,
    goes_on,
    schooled,
    time_of,
)

KIND = kind_of(MEMBER, STEP_S, None)
LEARNT, HELD_OUT = 9 * DAY, 3 * DAY  # points


def a_lesson(values: Floats) -> Lesson:
    return Lesson(KIND, time_of(values.size), values[None, :].astype(np.float32), [MEMBER])


@cache
def learnt_from_days() -> Curve:
    return learnt_curve(a_lesson(busy_days(12)), LEARNT)


def drawn_at(values: Floats, member: Member = MEMBER, curve: Curve | None = None, season_s: float = math.nan) -> Drawn:
    """Return the curve that follows after these loads."""
    loads = Loads.empty(STEP_S, 20 * DAY)
    loads.add([a_history(values)])
    return drawn(curve or learnt_from_days(), loads, np.array([0]), [member], np.array([season_s]))[0]


@cache
def held_out() -> list[tuple[Drawn, Floats, int]]:
    """Return curves on days that nothing was learnt from, each with all of the load and where it was drawn."""
    values = busy_days(12)
    until = range(LEARNT, LEARNT + HELD_OUT - 60, 7)
    return [(drawn_at(values[:points]), values, points) for points in until]


def came(values: Floats, points: int) -> Floats:
    """Return the highest load of each stretch after so many points."""
    return np.array([values[points - 1 + one.first : points + one.last].max() for one in stretches(KIND)])


def test_the_way_ahead_begins_now_has_no_holes_and_ends_after_half_a_day() -> None:
    ways = stretches(KIND)
    assert (ways[0].first, ways[0].last) == (1, KIND.start + 1)
    assert all(later.first == one.last + 1 <= later.last for one, later in pairwise(ways))
    assert ways[-1].last == DAY // 2
    minute = replace(KIND, step_s=60.0, day_s=86_400.0)
    assert [one.last for one in stretches(minute)] == [4, 15, 30, 60, 120, 180, 240, 360, 480, 600, 720]
    slow = replace(KIND, start=240)
    assert [(one.first, one.last) for one in stretches(slow)] == [(1, 241)]  # its lead time is longer than half a day


def test_on_a_daily_load_the_median_is_far_nearer_than_that_it_stays_as_it_is() -> None:
    missed, naive = [], []
    for one, values, points in held_out():
        missed.append(np.abs(came(values, points) - [point.median for point in one.points]))
        naive.append(np.abs(came(values, points) - values[points - 1]))
    assert (np.mean(missed, axis=0)[1:] < 0.5 * np.mean(naive, axis=0)[1:]).all()
    assert np.mean(missed) < 0.25 * np.mean(naive)


def test_the_upper_quantile_holds_on_days_that_were_not_learnt_from_and_is_not_just_high() -> None:
    below = [came(values, points) <= [point.upper for point in one.points] for one, values, points in held_out()]
    assert 0.90 < np.mean(below) <= 1.0
    assert np.mean(below, axis=0).min() > 0.85
    widths = [[point.upper - point.median for point in one.points] for one, _, _ in held_out()]
    assert (np.median(widths, axis=0) < 8.0).all()  # the load goes from 2 to 20
    assert np.max([point.upper for one, _, _ in held_out() for point in one.points]) < 32.0


def test_in_the_evening_the_load_is_expected_to_fall_and_in_the_night_to_rise() -> None:
    values = busy_days(12)
    evening, night = (drawn_at(values[: 10 * DAY + round(part * DAY)]) for part in (0.72, 0.1))
    assert evening.points[-2].median < 0.3 * values[10 * DAY + round(0.72 * DAY) - 1]
    assert night.points[-1].median > 5 * values[10 * DAY + round(0.1 * DAY) - 1]


def test_points_tell_when_they_are_and_are_numbers_in_order() -> None:
    values = busy_days(12)[: 10 * DAY]
    points = drawn_at(values).points
    assert [point.at_s - time_of(values.size) for point in points] == [one.last * STEP_S for one in stretches(KIND)]
    assert all(0 <= point.median <= point.upper < math.inf for point in points)


def test_a_workload_of_another_size_has_the_same_curve_in_its_own_unit() -> None:
    values = busy_days(12)[: 10 * DAY]
    plain, larger = drawn_at(values), drawn_at(values * 1000, replace(MEMBER, per_pod=1000.0))
    for one, other in zip(plain.points, larger.points, strict=True):
        assert other.upper == pytest.approx(1000 * one.upper, rel=0.05)


@pytest.mark.parametrize("poison", [0.0, 1e6, np.nan])
def test_nothing_is_learnt_from_the_future(poison: float) -> None:
    values = busy_days(12)
    changed = values.copy()
    changed[LEARNT:] = poison
    other = learnt_curve(a_lesson(changed), LEARNT)
    for points in (LEARNT - 40, LEARNT):
        assert drawn_at(values[:points], curve=other) == drawn_at(values[:points])


@pytest.mark.parametrize(
    ("values", "member", "words"),
    [
        (np.full(9 * DAY, 7.0), MEMBER, "the load never changed"),
        (np.zeros(9 * DAY), MEMBER, "the load never changed"),
        (busy_days(1), MEMBER, "1.0 of 1.5 seasons of 3600 s"),
        (np.full(3 * DAY, np.nan), MEMBER, "the load of this moment is not known"),
        (np.append(busy_days(9), np.full(9, np.nan)), MEMBER, "the load of this moment is not known"),
        (
            busy_days(9),
            replace(MEMBER, per_pod=math.nan, fault="no pod that runs requests cpu"),
            "no pod that runs requests cpu",
        ),
    ],
    ids=["constant", "zero", "short", "nothing", "stale", "unknown pods"],
)
def test_what_no_model_can_tell_is_said(values: Floats, member: Member, words: str) -> None:
    found = drawn_at(values, member)
    assert words in found.why
    assert [point.median for point in found.points] == pytest.approx([values[0]] * len(found.points), rel=1e-3)
    assert [point.upper for point in found.points] == [point.median for point in found.points]
    assert bool(found.points) == ("never" in words)


def test_without_a_curve_that_was_learnt_all_series_say_when_there_will_be_one() -> None:
    loads = Loads.empty(STEP_S, 20 * DAY)
    loads.add([a_history(busy_days(9)), a_history(np.zeros(9 * DAY))])
    assert [one.points for one in drawn(None, loads, np.array([0, 1]), [MEMBER, MEMBER], np.full(2, np.nan))] == [(), ()]
    assert "once a day" in drawn(None, loads, np.array([1]), [MEMBER], np.full(1, np.nan))[0].why


def test_a_fleet_that_never_moved_teaches_a_curve_that_stays_where_it_is() -> None:
    still = learnt_curve(a_lesson(np.full(9 * DAY, 7.0)), LEARNT)
    values = np.append(np.full(8 * DAY, 3.0), 5.0)
    for point in drawn_at(values, curve=still).points:
        assert (point.median, point.upper) == (pytest.approx(5.0, rel=1e-3), pytest.approx(5.0, rel=1e-3))


def test_too_little_history_is_refused() -> None:
    with pytest.raises(NotEnoughHistory):
        learnt_curve(a_lesson(busy_days(1)), DAY)
    with pytest.raises(NotEnoughHistory):
        learnt_curve(Lesson(KIND, START_S, np.full((1, 9 * DAY), np.nan, dtype=np.float32), [MEMBER]), 9 * DAY)


def test_of_many_series_some_teach_and_it_serves_one_that_did_not() -> None:
    values = np.stack([busy_days(9, seed=seed) * 2**seed for seed in range(30)]).astype(np.float32)
    members = [replace(MEMBER, per_pod=2.0**seed) for seed in range(30)]
    curve = learnt_curve(Lesson(KIND, time_of(9 * DAY), values, members), 9 * DAY)
    night = busy_days(12, seed=77)[: 10 * DAY + 12]
    assert drawn_at(night, curve=curve).points[-1].median > 5 * night[-1]
    assert KIND.day_s == DAY_S


def test_a_fleet_learns_a_curve_after_all_else_and_once_a_day() -> None:
    values = busy_days(12)
    fleet, _ = schooled({"shop": values[: 9 * DAY]})
    assert fleet.curves_of(["shop"])["shop"].points == ()
    lesson = fleet.curve_due(lambda _: True)
    assert lesson is not None
    assert "curve" in lesson.name
    assert fleet.due(lambda _: True) is None  # one at a time
    lesson.dropped()
    assert learns_curves(fleet) == 0  # not at once
    goes_on(fleet, {"shop": values}, 9 * DAY + 1)
    assert learns_curves(fleet) == 1
    assert len(fleet.curves_of(["shop", "nobody"])["shop"].points) == len(stretches(KIND))
    assert "nobody" not in fleet.curves_of(["nobody"])
    lessons = []
    for points in range(9 * DAY + 2, 10 * DAY + 9):
        goes_on(fleet, {"shop": values}, points)
        fleet.tick({"shop": MEMBER})
        if (work := fleet.curve_due(lambda _: True)) is not None:
            work.refused()
            lessons.append(points)
    assert lessons == [10 * DAY + 1, 10 * DAY + 1 + DAY // 24]  # tried again soon where it could not be learnt
    assert len(fleet.curves_of(["shop"])["shop"].points) == len(stretches(KIND))  # that of yesterday serves meanwhile


def test_no_curve_is_learnt_before_there_is_a_model() -> None:
    fleet, _ = schooled({"shop": busy_days(1)})
    assert fleet.curve_due(lambda _: True) is None


def test_a_curve_does_not_outlast_a_restart_and_is_learnt_again() -> None:
    fleet, _ = schooled({"shop": busy_days(9)})
    learns_curves(fleet)
    naming: Naming[str] = Naming(str, str)
    again = restored(STEP_S, fleet.loads.points, copies_of(fleet, naming), naming)
    again.tick({"shop": MEMBER})
    assert "once a day" in again.curves_of(["shop"])["shop"].why
    assert again.due(lambda _: True) is None
    assert learns_curves(again) == 1
    assert again.curves_of(["shop"]) == fleet.curves_of(["shop"])


def learns_curves(fleet: Fleet[str]) -> int:
    """Learn the curves that are due; return how many."""
    count = 0
    while (work := fleet.curve_due(lambda _: True)) is not None:
        work.done(work.job(*work.args))
        count += 1
    return count


OWN = 37  # points of a season that is no hour, day or week


def of_its_own(days: float) -> Floats:
    """Quiet but for a burst of a quarter of each season."""
    at = np.arange(round(days * DAY))
    noise = np.random.default_rng(4).normal(0, 0.1, at.size)
    return np.where(at % OWN < OWN // 4, 20.0, 2.0) + noise


def test_a_season_that_was_found_counts_where_the_curve_is_drawn() -> None:
    values = of_its_own(11)
    fleet, _ = schooled({"shop": values[: 9 * DAY]})
    learns_curves(fleet)
    season_s = fleet.groups[KIND].seasons_s["shop"]
    assert season_s == pytest.approx(OWN * STEP_S, rel=0.02)
    points = values[: 9 * DAY]
    curve = fleet.groups[KIND].curve
    assert fleet.curves_of(["shop"])["shop"] == drawn_at(points, curve=curve, season_s=season_s)
    assert fleet.curves_of(["shop"])["shop"] != drawn_at(points, curve=curve)


def test_seasons_are_looked_for_in_those_series_alone_that_are_learnt_from() -> None:
    values = np.stack([busy_days(2, seed=seed) for seed in range(60)]).astype(np.float32)
    lesson = Lesson(KIND, time_of(2 * DAY), values, [replace(MEMBER, per_pod=float(1 + at)) for at in range(60)])
    some = lesson.some(24)
    assert some.values.shape == (20, 2 * DAY)
    assert [member.per_pod for member in some.members] == [1.0 + 3 * at for at in range(20)]
    np.testing.assert_array_equal(some.values, values[::3])
    assert lesson.some(60).values.shape == lesson.values.shape
