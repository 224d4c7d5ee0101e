"""What is known beforehand of a series reaches the model of its group, wherever that is learnt, and what is asked for."""

import pickle
from dataclasses import replace

import numpy as np

from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.peaks.finding import Finding
from autoscaler.forecasting.peaks.lessons import Lesson, learnt
from autoscaler.forecasting.peaks.shadow import Pace, Terms
from autoscaler.forecasting.peaks.walk import Walk
from autoscaler.model import Floats
from tests.unit.forecasting.fleets import DAY, DAY_S, MEMBER, START_S, STEP_S, goes_on, schooled

DAYS = 16
BEGINS = np.array([0.9, 2.2, 3.0, 4.6, 5.3, 6.7, 8.1, 8.9, 10.4, 11.2, 12.7, 13.5, 14.3, 15.2])  # days: no season is in them
LONG = 12  # points
BEFORE = round(15.2 * DAY) - 2


def windows() -> list[tuple[float, float]]:
    return [(START_S + begin * DAY_S, START_S + begin * DAY_S + LONG * STEP_S) for begin in BEGINS.tolist()]


def a_batch() -> Floats:
    values = np.random.default_rng(0).normal(2.0, 0.05, DAYS * DAY)
    for begin in np.rint(BEGINS * DAY).astype(int).tolist():
        values[begin : begin + LONG] = 20.0
    return values


def found(dates: Dates) -> Finding:
    _, findings = schooled({"batch": a_batch()[:BEFORE]}, {"batch": replace(MEMBER, dates=dates)})
    return findings["batch"]


def test_a_window_that_is_known_is_asked_for_before_it_begins_and_one_that_is_not_comes_unforeseen() -> None:
    sees, blind = found(Dates.of(schedules=[windows()])), found(NO_DATES)
    assert sees.provided > 15.0
    assert sees.balance is not None
    assert sees.balance.lost_ratio < 0.6
    assert not blind.provided > 5.0
    assert not blind.expected > 15.0


def test_dates_that_change_count_from_the_next_tick_on() -> None:
    members = {"batch": replace(MEMBER, dates=Dates.of(schedules=[windows()]))}
    load = {"batch": a_batch()}
    fleet, before = schooled({"batch": load["batch"][:BEFORE]}, members)
    moved = [*windows()[:-1], (windows()[-1][0] + DAY_S, windows()[-1][1] + DAY_S)]
    goes_on(fleet, load, BEFORE + 1)
    later = fleet.tick({"batch": replace(MEMBER, dates=Dates.of(schedules=[moved]))})
    assert later["batch"].expected < before["batch"].expected / 3


def test_a_lesson_that_went_to_another_process_teaches_the_same() -> None:
    kind = next(iter(schooled({"batch": a_batch()[:BEFORE]}, {"batch": MEMBER})[0].groups))
    lesson = Lesson(
        kind,
        START_S + (BEFORE - 1) * STEP_S,
        a_batch()[None, :BEFORE],
        [replace(MEMBER, dates=Dates.of(schedules=[windows()]))],
    )
    here, there = learnt(lesson, BEFORE).model, learnt(pickle.loads(pickle.dumps(lesson)), BEFORE).model  # noqa: S301 - ours
    np.testing.assert_array_equal(here.used, there.used)
    assert here.used[-12:].any()


def test_one_series_that_is_walked_through_knows_its_windows_too() -> None:
    step_s, day = 300.0, 288
    begins = [round(one * day) for one in (0.9, 1.6, 2.2, 3.0, 3.9, 4.6, 5.3, 6.1, 6.7)]
    values = np.random.default_rng(0).normal(2.0, 0.05, 7 * day)
    for begin in begins:
        values[begin : begin + 12] = 20.0
    spans = [(START_S + begin * step_s, START_S + (begin + 12) * step_s) for begin in begins]
    said = []
    for dates in (Dates.of(schedules=[spans]), NO_DATES):
        walk = Walk(Pace(step_s, 3), Terms.alone(1.0, 0.7, 1, 100), START_S, dates=dates)
        said.append(walk.advance(values, values).expected[begins[-1] - 2])
    sees, blind = said
    assert sees > 15.0
    assert blind < sees / 2
