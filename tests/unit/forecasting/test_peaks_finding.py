"""What people read of a forecast."""

import math
from dataclasses import replace

import pytest

from autoscaler.forecasting.peaks.boldness import Rung
from autoscaler.forecasting.peaks.finding import Balance, Finding, told
from autoscaler.forecasting.peaks.grid import DAY_S
from autoscaler.forecasting.peaks.kinds import day_of
from autoscaler.forecasting.peaks.sources import Source

FINDING = Finding(
    lead_s=120.0,
    day_s=DAY_S,
    load=3.0,
    age_s=0.0,
    known_days=14.0,
    tried_days=9.0,
    expected=4.0,
    provided=5.0,
    rung=Rung(1.5, 0.1),
    balance=Balance(0.25, 1.05),
)


@pytest.mark.parametrize(
    ("rung", "words"),
    [
        (Rung(1.5, 0.1), "the newest load with 1.5 times the rise that is forecast and 10% more, beside the HPA's formula,"),
        (Rung(0.0, 0.3), "9.0 days the newest load and 30% more, beside the HPA's formula,"),
        (Rung(1.0, 0.0, lean=True), "the newest load with the rise that is forecast, deciding alone,"),
        (Rung(0.5, 0.0, source=Source.DAY), "with 0.5 times the way up to the highest load of the last day, beside"),
    ],
)
def test_it_says_what_is_provided_for(rung: Rung, words: str) -> None:
    assert words in told(replace(FINDING, rung=rung), 0.98, 0.0, 300.0).message


@pytest.mark.parametrize(
    ("balance", "words"),
    [
        (Balance(0.25, 1.05, 0.001), "would have lost 0.25x of what it loses, with 1.05x its pods"),
        (Balance(math.nan, 0.8), "would have lost nothing, as the HPA's formula, with 0.80x its pods"),
        (Balance(math.nan, 0.8, 4e-6), "would have lost 0.0004 % of the load where it loses nothing, with 0.80x its pods"),
    ],
)
def test_it_says_what_that_would_have_cost(balance: Balance, words: str) -> None:
    assert words in told(replace(FINDING, balance=balance), 0.98, 0.0, 300.0).message


def test_an_hour_that_is_named_beside_a_day_does_not_make_a_day_of_an_hour() -> None:
    assert day_of((3600.0, DAY_S)) == DAY_S
    assert day_of((3600.0, 7 * DAY_S)) == DAY_S
    assert day_of((3600.0, 900.0)) == 3600.0
    assert day_of(None) == DAY_S
