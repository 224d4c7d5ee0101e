"""Of readings that may decide alone the cheapest is used, and only of those that have earned it."""

import numpy as np
import pytest

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, OFF, Outlook, Paid, asks, chosen, lean_of
from autoscaler.forecasting.peaks.sources import Source

LEAN = np.array([False, *(rung.lean for rung in EARNED)])
ONE, OTHER = len(LADDER) + 1, len(LADDER) + 2  # rungs that are lean


def paid(lost: dict[int, float], spent: dict[int, float], formula_lost: float = 50.0) -> Paid:
    """Return what was paid where rungs not named lost and spent as the reactive formula: 100 pods, of a load of 1000."""
    lost_all, spent_all = np.full(LEAN.size, formula_lost), np.full(LEAN.size, 100.0)
    for found, named in ((lost_all, lost), (spent_all, spent)):
        found[list(named)] = list(named.values())
    return Paid(lost_all[None], spent_all[None], np.array([1000.0]))


def choice(lost: dict[int, float], spent: dict[int, float], now: int = OFF, formula_lost: float = 50.0) -> int:
    """Return what is chosen in the first minute of a day."""
    none = Paid(np.zeros((1, LEAN.size)), np.zeros((1, LEAN.size)), np.zeros(1))
    return int(chosen(paid(lost, spent, formula_lost), none, np.array([now]), LEAN)[0])


def choice_of_today(lost_today: dict[int, float], formula_lost: float = 5.0, now: int = ONE) -> int:
    """Return what is chosen where both of two rungs have earned it over two weeks, `ONE` with fewer pods."""
    weeks = paid({ONE: 30.0, OTHER: 30.0}, {ONE: 80.0, OTHER: 90.0})
    return int(chosen(weeks, paid(lost_today, {}, formula_lost), np.array([now]), LEAN)[0])


def test_one_that_lost_less_with_fewer_pods_has_earned_it() -> None:
    assert choice({ONE: 44.0}, {ONE: 80.0}) == ONE


@pytest.mark.parametrize(("lost", "spent"), [(46.0, 80.0), (10.0, 99.0)], ids=["loses too much", "saves nothing"])
def test_others_have_not(lost: float, spent: float) -> None:
    assert choice({ONE: lost}, {ONE: spent}) == OFF
    assert choice({ONE: lost}, {ONE: spent}, now=ONE) == OFF


def test_one_that_lost_more_than_the_formula_today_gives_way_to_another() -> None:
    assert choice_of_today({ONE: 5.0, OTHER: 5.0}) == ONE
    assert choice_of_today({ONE: 5.1, OTHER: 5.0}) == OTHER
    assert choice_of_today({ONE: 5.1, OTHER: 5.1}) == OFF


def test_next_to_nothing_may_be_lost_on_a_day_on_which_the_formula_lost_nothing() -> None:
    assert choice_of_today({ONE: 0.004, OTHER: 0.0}, formula_lost=0.0) == ONE
    assert choice_of_today({ONE: 0.006, OTHER: 0.0}, formula_lost=0.0) == OTHER


def test_where_the_formula_lost_nothing_next_to_nothing_may_be_lost() -> None:
    assert choice({ONE: 0.004}, {ONE: 80.0}, formula_lost=0.0) == ONE
    assert choice({ONE: 0.006}, {ONE: 80.0}, formula_lost=0.0) == OFF


def test_a_pod_more_is_spent_where_it_loses_far_less() -> None:
    assert choice({ONE: 35.0, OTHER: 10.0}, {ONE: 80.0, OTHER: 82.0}) == OTHER


def test_fewer_pods_are_worth_a_little_more_lost() -> None:
    assert choice({ONE: 35.0, OTHER: 30.0}, {ONE: 80.0, OTHER: 84.0}) == ONE


def test_a_hair_does_not_change_it() -> None:
    assert choice({ONE: 30.0, OTHER: 30.0}, {ONE: 80.0, OTHER: 79.5}, now=ONE) == ONE
    assert choice({ONE: 30.0, OTHER: 30.0}, {ONE: 80.0, OTHER: 78.0}, now=ONE) == OTHER


def test_who_decides_alone_asks_for_a_pod_where_nothing_is_expected_and_for_none_where_nothing_is_known() -> None:
    floor, nothing = 1e-3, np.zeros(2)
    level = np.array([np.log(floor), np.nan])  # no load, and none that is known
    outlook = Outlook(level, np.zeros((len(Source), 2)), np.array([50.0, 50.0]), floor)
    pods = asks(outlook, np.ones(2), EARNED)
    lean = lean_of(EARNED)
    assert (pods[0, lean] == 1).all()
    assert (pods[0, ~lean] == nothing[0]).all()
    assert (pods[1] == 0).all()
    assert (asks(outlook, np.nan, EARNED) == 0).all()
