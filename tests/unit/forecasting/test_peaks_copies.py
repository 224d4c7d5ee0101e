"""A fleet that was written down goes on as if nothing had happened; what is damaged is left out, and learnt again."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autoscaler.forecasting.peaks import copies as copies_module
from autoscaler.forecasting.peaks.copies import LOADS, PACKED, Copy, Naming, Plan, restored
from autoscaler.forecasting.peaks.fleet import Fleet
from tests.unit.forecasting.fleets import DAY, MEMBER, STEP_S, busy_days, copies_of, goes_on, learns, schooled, told_of


def _text(one: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(one, str):
        raise ValueError(f"{one} is no text")  # noqa: TRY004 - as the port has it
    return one


NAMING: Naming[str] = Naming(str, _text)
MEMBERS = {"a": MEMBER, "b": replace(MEMBER, lead_s=300.0), "c": MEMBER}
LOADS_OF = {name: busy_days(9, seed=seed)[: round(8.28 * DAY)] for seed, name in enumerate(MEMBERS)}


@pytest.fixture(scope="module")
def written() -> tuple[Fleet[str], dict[str, Copy]]:
    fleet, _ = schooled(LOADS_OF, MEMBERS)
    return fleet, copies_of(fleet, NAMING)


def back(copies: dict[str, Copy]) -> Fleet[str]:
    empty = told_of(LOADS_OF)
    read = {name: Copy({key: array.copy() for key, array in one.arrays.items()}, one.words) for name, one in copies.items()}
    return restored(STEP_S, empty.loads.points, read, NAMING)


def test_a_fleet_goes_on_as_if_nothing_had_happened(written: tuple[Fleet[str], dict[str, Copy]]) -> None:
    _, copies = written
    fleet, again = back(copies), back(copies)
    points = round(8.28 * DAY)
    longer = {name: busy_days(9, seed=seed) for seed, name in enumerate(MEMBERS)}
    for at in range(points + 1, points + 40):
        for one in (fleet, again):
            goes_on(one, longer, at)
        assert fleet.tick(MEMBERS) == again.tick(MEMBERS)
    assert learns(fleet) == []


def test_what_is_found_is_what_was_found_before(written: tuple[Fleet[str], dict[str, Copy]]) -> None:
    fleet, copies = written
    assert back(copies).tick(MEMBERS) == fleet.tick(MEMBERS)


def test_a_group_of_another_moment_is_tried_on_the_past_once_more(written: tuple[Fleet[str], dict[str, Copy]]) -> None:
    _, copies = written
    late = {name: Copy(one.arrays, one.words | {"end": one.words["end"] + (name != LOADS)}) for name, one in copies.items()}
    fleet = back(late)
    assert {name: one.rung for name, one in fleet.tick(MEMBERS).items()} == dict.fromkeys(MEMBERS)
    learns(fleet)
    assert all(one.rung for one in fleet.tick(MEMBERS).values())


@pytest.mark.parametrize(
    "damage",
    [
        {"step_s": 7.0},
        {"points": 3},
        {"series": ["a", "a", "b"]},
        {"series": ["a"]},
        {"series": [1, 2, 3]},
        {"end": None},
        {"groups": None},
    ],
)
def test_loads_that_cannot_be_used_are_refused(written: tuple[Fleet[str], dict[str, Copy]], damage: dict[str, Any]) -> None:
    _, copies = written
    with pytest.raises(ValueError, match=r"\w"):
        back(copies | {LOADS: Copy(copies[LOADS].arrays, copies[LOADS].words | damage)})


@pytest.mark.parametrize("version", [None, 1, "2"])
def test_what_was_learnt_from_other_features_is_learnt_anew(
    written: tuple[Fleet[str], dict[str, Copy]], version: object
) -> None:
    _, copies = written
    older = {name: Copy(one.arrays, one.words | {"columns": version}) for name, one in copies.items()}
    fleet = back(older)
    assert fleet.groups
    assert all(group.model is None for group in fleet.groups.values())
    fleet.tick(MEMBERS)
    assert learns(fleet)
    assert all(one.rung for one in fleet.tick(MEMBERS).values())


@pytest.mark.parametrize("prefix", ["model-", "trials-", "checks"])
def test_a_group_with_a_part_missing_learns_that_again(written: tuple[Fleet[str], dict[str, Copy]], prefix: str) -> None:
    fleet, copies = written
    expected = {name: one.expected for name, one in fleet.tick(MEMBERS).items()}
    cut = {
        name: Copy({key: array for key, array in one.arrays.items() if not key.startswith(prefix)}, one.words)
        for name, one in copies.items()
    }
    again = back(cut)
    again.tick(MEMBERS)
    learns(again)
    found = again.tick(MEMBERS)
    assert all(one.rung for one in found.values())
    np.testing.assert_allclose([found[name].expected for name in MEMBERS], [expected[name] for name in MEMBERS])


def test_a_series_whose_lead_time_had_just_changed_is_forecast_as_before(written: tuple[Fleet[str], dict[str, Copy]]) -> None:
    fleet, slower = back(written[1]), MEMBERS | {"a": replace(MEMBER, lead_s=200.0)}
    before = fleet.tick(slower)
    assert back(copies_of(fleet, NAMING)).tick(slower) == before
    assert before["a"].lead_s == MEMBER.lead_s


def test_a_group_in_several_parts_is_the_same_group_again(
    written: tuple[Fleet[str], dict[str, Copy]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, whole = written
    monkeypatch.setattr(copies_module, "PART", 1)
    parts = copies_of(fleet, NAMING)
    assert len(parts) == len(MEMBERS) + 1 > len(whole)
    again = back(parts)
    assert again.groups.keys() == fleet.groups.keys()
    assert again.tick(MEMBERS) == back(whole).tick(MEMBERS)
    assert learns(again) == []
    late = next(name for name in parts if parts[name].words.get("series") == ["c"])  # shares its group with another one
    other = back(parts | {late: Copy(parts[late].arrays, parts[late].words | {"end": 7})})
    assert {key for group in other.groups.values() for key in group.untried} == {"c"}


def test_what_comes_while_the_loads_are_written_is_not_taken_for_what_was() -> None:
    fleet = told_of(LOADS_OF)
    plan, before = Plan.of(fleet), fleet.loads.packed.copy()
    assert plan is not None
    goes_on(fleet, {name: busy_days(9, seed=5) for name in MEMBERS}, round(8.28 * DAY) + 3)
    fleet.keep(["a", "c"], fleet.loads.end_s)
    found = plan.loads(0)
    later = (plan.end + 1 + np.arange(3)) % fleet.loads.points
    assert (found[:, later] == 0).all()
    rest = np.delete(np.arange(fleet.loads.points), later)
    np.testing.assert_array_equal(found[[0, 2]][:, rest], before[[0, 2]][:, rest])
    assert not found[1].any()  # it went meanwhile


def test_no_second_copy_of_the_loads_is_made_of_what_was_read(written: tuple[Fleet[str], dict[str, Copy]]) -> None:
    _, copies = written
    packed = copies[LOADS].arrays[PACKED].copy()
    fleet = restored(STEP_S, packed.shape[1], copies | {LOADS: Copy({PACKED: packed}, copies[LOADS].words)}, NAMING)
    assert np.shares_memory(fleet.loads.packed, packed)


def test_a_copy_that_is_made_just_as_a_series_goes_keeps_the_trials_of_the_others() -> None:
    fleet, _ = schooled(LOADS_OF, MEMBERS)
    left = {name: MEMBERS[name] for name in ("a", "b")}
    fleet.keep(list(left), fleet.loads.end_s)
    again = back(copies_of(fleet, NAMING))
    assert not {key for group in again.groups.values() for key in group.untried}
    assert again.tick(left) == fleet.tick(left)
