"""A fleet forecasts what has paid, says why it does not forecast the rest, and keeps each series apart from the others."""

import math
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.forecasting.peaks.features import features
from autoscaler.forecasting.peaks.finding import told
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.forecasting.peaks.lessons import Lesson, learnt
from autoscaler.forecasting.peaks.members import kind_of
from autoscaler.forecasting.peaks.trials import TRYING_DAYS
from autoscaler.model import Floats, Forecast, GateState, History
from autoscaler.reasons import Reason
from tests.unit.forecasting.fleets import (
    DAY,
    DAY_S,
    MEMBER,
    START_S,
    STEP_S,
    a_history,
    busy_days,
    goes_on,
    learns,
    schooled,
    time_of,
)

NIGHT = round(8.2 * DAY)  # points: a little before the morning rises, which begins at 0.3 of a day
MORNING = round(8.28 * DAY)


def forecast_of(values: Floats, **member: object) -> Forecast:
    _, found = schooled({"shop": values}, {"shop": replace(MEMBER, **member)})  # type: ignore[arg-type]
    return told(found["shop"], 0.95, time_of(values.size), 300.0)


def test_a_morning_is_foreseen_once_it_has_paid_on_the_past() -> None:
    made = forecast_of(busy_days(9)[:MORNING])
    assert (made.gate, made.reason) == (GateState.OPEN, Reason.FORECAST_IN_USE)
    assert made.peak > 3 * busy_days(9)[MORNING - 1]
    assert made.lost_ratio is not None
    assert made.lost_ratio < 0.5
    assert made.pods_ratio is not None
    assert 0.9 < made.pods_ratio < 1.25


def test_in_the_night_nothing_more_than_the_night_is_asked_for() -> None:
    values = busy_days(9)[:NIGHT]
    made = forecast_of(values)
    assert made.peak < 2 * values[-1]


@pytest.mark.parametrize(
    ("values", "gate", "reason", "words"),
    [
        (np.full(0, np.nan), GateState.LEARNING, Reason.FORECAST_LEARNING, "no load was recorded"),
        (busy_days(1), GateState.LEARNING, Reason.FORECAST_LEARNING, "1.0 of 1.5 seasons"),
        (busy_days(2.5), GateState.LEARNING, Reason.FORECAST_LEARNING, "of being tried"),
        (np.full(8 * DAY, 7.0), GateState.SHUT, Reason.FORECAST_DOES_NOT_PAY, "no reading of the forecast would have paid"),
        (np.zeros(8 * DAY), GateState.SHUT, Reason.FORECAST_DOES_NOT_PAY, "no reading of the forecast would have paid"),
        (np.append(busy_days(8), np.full(9, np.nan)), GateState.SHUT, Reason.STALE_METRICS, "is 270 s old"),
    ],
    ids=["nothing", "a day", "two days", "constant", "zero", "stale"],
)
def test_what_cannot_be_forecast_says_why(values: Floats, gate: GateState, reason: Reason, words: str) -> None:
    _, found = schooled({"shop": values, "clock": np.ones(9 * DAY if not values.size else values.size)})
    made = told(found["shop"], 0.95, START_S, 300.0)
    assert (made.gate, made.reason) == (gate, reason)
    assert words in made.message


def test_noise_that_pods_have_room_for_keeps_the_forecast_off() -> None:
    values = 20 + np.random.default_rng(3).normal(0, 1.0, 9 * DAY)
    made = forecast_of(values)
    assert (made.gate, made.reason) == (GateState.SHUT, Reason.FORECAST_DOES_NOT_PAY)


def test_a_pod_of_which_nobody_knows_what_it_carries_is_not_tried() -> None:
    made = forecast_of(busy_days(9), per_pod=math.nan, fault="no pod that runs requests cpu")
    assert made.reason is Reason.FORECAST_FAILED
    assert "no pod that runs requests cpu" in made.message


def test_only_earned_readings_decide_alone() -> None:
    values = busy_days(14.4)
    plain, earned = forecast_of(values), forecast_of(values, earned=True)
    assert not plain.earned
    assert earned.earned
    assert earned.pods_ratio is not None
    assert earned.pods_ratio < 1


def test_several_series_are_found_as_each_alone() -> None:
    loads = {"a": busy_days(9)[:MORNING], "b": busy_days(9, seed=1)[:MORNING] * 7, "c": np.full(MORNING, 3.0)}
    members = {"a": MEMBER, "b": replace(MEMBER, lead_s=300.0), "c": replace(MEMBER, window_s=60.0)}  # groups of their own
    _, together = schooled(loads, members)
    for name, values in loads.items():
        _, alone = schooled({name: values}, {name: members[name]})
        assert alone[name] == together[name] or name == "c"
        assert alone[name].expected == pytest.approx(together[name].expected)


def test_who_goes_takes_nothing_of_the_others_along() -> None:
    loads = {name: busy_days(9, seed=seed)[:MORNING] * (1 + seed) for seed, name in enumerate("abcd")}
    fleet, before = schooled(loads)
    kept = {"d": MEMBER, "b": MEMBER}
    fleet.keep(list(kept), fleet.loads.end_s)
    after = fleet.tick(kept)
    assert after == {name: before[name] for name in ("b", "d")}
    fleet.keep(["b", "d", "a"], fleet.loads.end_s)
    again = fleet.tick({**kept, "a": MEMBER})
    assert math.isinf(again["a"].age_s)
    assert again["d"] == before["d"]


def test_a_new_series_begins_with_what_others_taught() -> None:
    loads = {name: busy_days(9, seed=seed)[:MORNING] for seed, name in enumerate("abc")}
    fleet, _ = schooled(loads)
    fleet.keep([*loads, "new"], fleet.loads.end_s)
    fleet.lay({"new": History(time_of(MORNING - DAY - 9), STEP_S, busy_days(9, seed=9)[MORNING - DAY - 10 : MORNING])})
    found = fleet.tick(dict.fromkeys([*loads, "new"], MEMBER))["new"]
    assert found.expected > 2 * found.load  # the rise of yesterday comes again, by the model of the others
    assert told(found, 0.95, START_S, 300.0).gate is GateState.LEARNING


def test_a_longer_lead_time_is_tried_on_the_past_before_it_acts() -> None:
    values = busy_days(9)[:MORNING]
    fleet, _ = schooled({"shop": values})
    slower = {"shop": replace(MEMBER, lead_s=400.0)}
    moved = told(fleet.tick(slower)["shop"], 0.95, START_S, 300.0)
    assert (moved.gate, moved.lead_s) == (GateState.OPEN, 90.0)  # as before, for now
    assert [name.split()[0] for name in learns(fleet)] == ["a", "an", "what"]
    again = told(fleet.tick(slower)["shop"], 0.95, START_S, 300.0)
    assert again.gate is GateState.OPEN
    assert again.lead_s >= 400.0
    assert [kind.start for kind in fleet.groups] == [15]


def test_a_lead_time_that_grows_and_grows_does_not_keep_the_forecast_off() -> None:
    fleet, _ = schooled({"shop": busy_days(9)[:MORNING]})
    for lead_s in (120.0, 180.0, 240.0, 300.0):  # a pod waits for a node
        found = fleet.tick({"shop": replace(MEMBER, lead_s=lead_s)})["shop"]
        assert told(found, 0.95, START_S, 300.0).gate is GateState.OPEN
        assert len(fleet.groups) == 2
    other = fleet.tick({"shop": replace(MEMBER, lead_s=300.0, quantile=0.9)})["shop"]  # another question altogether
    assert told(other, 0.9, START_S, 300.0).gate is GateState.LEARNING


def test_a_lead_time_that_wavers_changes_nothing() -> None:
    kind = kind_of(replace(MEMBER, lead_s=100.0), STEP_S, None)
    assert kind_of(replace(MEMBER, lead_s=91.0), STEP_S, kind) == kind
    assert kind_of(replace(MEMBER, lead_s=31.0), STEP_S, kind).start < kind.start


def test_live_ticks_open_the_gate_after_two_seasons_of_trial_and_not_before() -> None:
    values = busy_days(5)
    fleet: Fleet[str] = Fleet.empty(STEP_S, 20 * DAY_S)
    opened = None
    for points in range(1, values.size + 1):
        goes_on(fleet, {"shop": values}, points)
        found = fleet.tick({"shop": MEMBER})["shop"]
        learns(fleet)
        if opened is None and told(found, 0.95, START_S, 300.0).gate is GateState.OPEN:
            opened = points / DAY
    assert opened is not None
    assert 3.5 <= opened < 3.7
    assert 0.8 < found.coverage_ratio <= 1.0


def test_a_model_is_learnt_anew_once_a_day() -> None:
    values = busy_days(11)
    fleet, _ = schooled({"shop": values[: 9 * DAY]})
    lessons = []
    for points in range(9 * DAY + 1, 11 * DAY):
        goes_on(fleet, {"shop": values}, points)
        fleet.tick({"shop": MEMBER})
        lessons += learns(fleet)
    assert [lesson.split(",")[0] for lesson in lessons] == ["a model of 1 series"]


@pytest.mark.parametrize("poison", [0.0, 1e6, np.nan])
def test_what_is_tried_on_the_past_was_not_learnt_from_it(poison: float) -> None:
    values, until = busy_days(8)[None, :], 4 * DAY
    changed = values.copy()
    changed[:, until:] = poison
    kind = kind_of(MEMBER, STEP_S, None)
    plain, other = (Lesson(kind, time_of(values.size), one.astype(np.float32), [MEMBER]) for one in (values, changed))
    asked = features(plain.seen(values.size, plain.seasons_s(until))[0])[::17]
    rises = learnt(plain, until).model.rises(asked)
    assert rises.any()
    np.testing.assert_array_equal(learnt(other, until).model.rises(asked), rises)
    np.testing.assert_array_equal(learnt(other, until).seasons_s, learnt(plain, until).seasons_s)


def test_nothing_is_learnt_of_who_has_gone_and_of_nobody_before_a_tick() -> None:
    loads = {name: busy_days(9, seed=seed)[:MORNING] for seed, name in enumerate("ab")}
    fleet, _ = schooled(loads)
    fleet.keep([*loads, "c"], fleet.loads.end_s)
    fleet.lay({"c": a_history(loads["a"])})
    fleet.tick(dict.fromkeys([*loads, "c"], MEMBER))
    fleet.keep(["a"], time_of(MORNING + 2 * DAY))  # a day later all would be due, and two of them are gone
    work = fleet.due(lambda _: True)
    assert work is not None
    assert work.name.startswith("a model of 1 series")
    work.dropped()
    fleet.members = {}  # as after a restart
    assert fleet.due(lambda _: True) is None


def test_after_a_long_pause_what_forecasts_were_worth_is_asked_of_the_past_once_more() -> None:
    values = busy_days(14)
    fleet, before = schooled({"shop": values[: 9 * DAY]})
    assert before["shop"].rung is not None
    paused = 9 * DAY + 3 * DAY
    fleet.keep(["shop"], time_of(paused))
    fleet.lay({"shop": a_history(values[:paused])})
    found = fleet.tick({"shop": MEMBER})["shop"]
    assert found.tried_days < 0.1
    assert told(found, 0.95, START_S, 300.0).gate is GateState.LEARNING
    assert "what" in [name.split()[0] for name in learns(fleet)]
    assert fleet.tick({"shop": MEMBER})["shop"].tried_days > TRYING_DAYS


def test_a_forecast_is_no_younger_than_the_load_that_it_is_made_from() -> None:
    _, found = schooled({"shop": busy_days(9)[:MORNING]})
    fresh, held = found["shop"], replace(found["shop"], age_s=120.0)
    assert told(fresh, 0.95, START_S, 300.0).expires_s == START_S + 300.0
    assert told(held, 0.95, START_S, 300.0).expires_s == START_S + 180.0
    stale = told(replace(held, age_s=300.0), 0.95, START_S, 300.0)
    assert (stale.gate, stale.reason) == (GateState.SHUT, Reason.STALE_METRICS)
    assert "300 s old" in stale.message


@pytest.mark.parametrize("every", [2, 3])
def test_ticks_that_come_less_often_than_points_try_and_check_all_of_the_time(every: int) -> None:
    values = busy_days(10)
    fleet, before = schooled({"shop": values[: 9 * DAY]})
    assert math.isnan(before["shop"].coverage_ratio)
    for points in range(9 * DAY + every, 10 * DAY, every):
        goes_on(fleet, {"shop": values}, points)
        fleet.lay({"shop": a_history(values[:points])})
        found = fleet.tick({"shop": MEMBER})["shop"]
        passed = (points - 9 * DAY) / DAY
        assert found.tried_days == pytest.approx(before["shop"].tried_days + passed)
    assert 0.8 < found.coverage_ratio <= 1.0


def test_load_from_before_the_history_that_is_wanted_is_not_learnt_from() -> None:
    values = busy_days(9)
    changed = values.copy()
    changed[: 4 * DAY] = 1e3
    wanted = {"shop": replace(MEMBER, history_s=5 * DAY_S - STEP_S)}
    plain, other = (schooled({"shop": one}, wanted)[0] for one in (values, changed))
    asked = np.resize(np.linspace(-1, 1, 997), (50, plain.groups[kind_of(MEMBER, STEP_S, None)].model.used.size))  # type: ignore[union-attr]
    models = [one.groups[kind_of(MEMBER, STEP_S, None)].model for one in (plain, other)]
    first, second = (one.rises(asked.astype(np.float32)) for one in models if one is not None)
    np.testing.assert_array_equal(first, second)


def test_a_season_of_its_own_is_found_and_foreseen() -> None:
    at = np.arange(9 * DAY)
    loads = 5 + np.where(at % 37 < 3, 15.0, 0.0) + np.random.default_rng(1).normal(0, 0.05, at.size)
    until = 9 * DAY - (9 * DAY) % 37 - 2  # two points before the next one comes
    fleet, found = schooled({"shop": loads[:until]}, {"shop": replace(MEMBER, lead_s=60.0)})
    (group,) = fleet.groups.values()
    assert group.seasons_s["shop"] == pytest.approx(37 * STEP_S, rel=0.02)
    assert found["shop"].expected > 3 * found["shop"].load
