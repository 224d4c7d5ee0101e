"""What forecasts must keep by both ways in, the replay's and the service's, and with the ladders of both policies.

What is held elsewhere: what a walk says is the same in pieces, whatever comes later, and goes on through gaps
(`test_peaks_walk`); what is tried on the past was not learnt from it (`test_peaks_fleet`); samples of a file that are out of
order, doubled or irregular (`test_replay_csv`); junk of any kind (`test_forecasting_never_breaks`).
"""

import gzip
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoscaler.forecasting.peaks.boldness import EARNED, OFF
from autoscaler.forecasting.peaks.finding import Finding, told
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.forecasting.peaks.members import Member
from autoscaler.forecasting.peaks.shadow import Pace, Terms
from autoscaler.forecasting.peaks.walk import Walk
from autoscaler.model import Floats, GateState, History
from autoscaler.reasons import Reason
from tests.conformance.forecasters.ways import LADDERS, WAYS, walked
from tests.unit.forecasting.fleets import DAY, MEMBER, START_S, STEP_S, a_history, busy_days, learns, time_of, told_of

TRACES = Path(__file__).resolve().parents[3].parent / "shared" / "traces"
MINUTES_A_DAY = 1440
CEILING = 0.9  # of the loss of "the load stays as it is, and so much more"

every_way = pytest.mark.parametrize("way", WAYS)
every_ladder = pytest.mark.parametrize("ladder", LADDERS)


def flat(days: int = 4) -> Floats:
    """A load that pods have room for, whatever it does."""
    return np.random.default_rng(5).normal(20.0, 0.5, days * DAY)


def frozen(values: Floats) -> Floats:
    copy = values.copy()
    copy.setflags(write=False)
    return copy


def gaps() -> Floats:
    """Ten points in two days."""
    values = np.full(4 * DAY, np.nan)
    values[-2 * DAY :: DAY // 5] = 7.0
    values[-1] = 7.0
    return values


def zero_with_gaps() -> Floats:
    return np.where(np.arange(4 * DAY) % 3 == 0, np.nan, 0.0)


def spikes() -> Floats:
    values = flat()
    values[[2 * DAY + 60, 3 * DAY + 31]] = 1e9
    return values


def resets() -> Floats:
    """A counter that begins anew: for a point nothing seems to come."""
    values = flat()
    values[50::77] = 0.0
    return values


FLAWED = {
    "short": lambda: busy_days(1),
    "one point": lambda: np.array([3.0]),
    "zero": lambda: np.zeros(4 * DAY),
    "nothing": lambda: np.full(4 * DAY, np.nan),
    "gaps": gaps,
    "zero with gaps": zero_with_gaps,
    "constant": lambda: np.full(4 * DAY, 7.0),
}


@every_way
@every_ladder
@pytest.mark.parametrize("flaw", FLAWED)
def test_what_cannot_be_foreseen_is_named_and_nothing_is_asked_for(way: str, ladder: str, flaw: str) -> None:
    answer = WAYS[way](FLAWED[flaw](), ladder)
    assert not answer.is_open
    assert answer.words
    assert math.isnan(answer.provided)


@every_way
def test_for_a_calm_load_no_pods_are_asked_for_beside_the_formula(way: str) -> None:
    answer = WAYS[way](flat(), "conservative")
    assert not answer.is_open
    assert answer.words
    assert math.isnan(answer.provided)


@every_way
def test_a_calm_load_may_earn_fewer_pods_and_never_more(way: str) -> None:
    values = flat()
    answer = WAYS[way](values, "earned")
    assert answer.words
    assert not answer.provided > 1.2 * values[-1]  # where the formula has pods for 1.43 times the load


@every_way
@every_ladder
@pytest.mark.parametrize("junk", [spikes, resets])
def test_junk_in_a_load_breaks_nothing_and_is_not_foreseen(way: str, ladder: str, junk: Callable[[], Floats]) -> None:
    answer = WAYS[way](junk(), ladder)
    assert answer.words
    assert 0 <= answer.expected < 60
    assert not answer.provided > 60


@every_way
@every_ladder
def test_the_same_load_gives_the_same_answer_and_is_left_untouched(way: str, ladder: str) -> None:
    values = busy_days(4.3)
    given = frozen(values)
    first = WAYS[way](given, ladder)
    WAYS[way](busy_days(3, seed=9), ladder)  # what was learnt from another leaves no trace
    assert repr(WAYS[way](given, ladder)) == repr(first)  # NaN is NaN
    assert math.isfinite(first.expected)
    np.testing.assert_array_equal(given, values)


@pytest.mark.parametrize("poison", [1e6, np.nan])
def test_a_walk_that_may_decide_alone_does_not_look_into_the_future(poison: float) -> None:
    values, cut = busy_days(4), round(3.7 * DAY)
    later = values.copy()
    later[cut:] = poison
    whole, other = walked(values, EARNED)[0], walked(later, EARNED)[0]
    assert (whole.rung[cut - 10 : cut] != OFF).any()
    for name in ("expected", "provided", "rung", "lean"):
        np.testing.assert_array_equal(getattr(other, name)[:cut], getattr(whole, name)[:cut])


def found_of(fleet: Fleet[str], member: Member = MEMBER) -> Finding:
    fleet.tick({"shop": member})
    learns(fleet)
    return fleet.tick({"shop": member})["shop"]


def same(one: Finding, other: Finding) -> None:
    """The same is found; NaN is NaN."""
    assert repr(one) == repr(other)


@every_ladder
def test_the_service_takes_nothing_from_the_future(ladder: str) -> None:
    member, values = replace(MEMBER, earned=ladder == "earned"), busy_days(4.3)
    honest = told_of({"shop": values})
    poisoned = told_of({"shop": values})
    poisoned.lay({"shop": a_history(np.append(values, np.full(3 * DAY, 1e6)))})
    same(found_of(poisoned, member), found_of(honest, member))


@pytest.mark.parametrize("junk", [np.inf, -np.inf, -3.0])
def test_what_is_no_load_is_a_gap(junk: float) -> None:
    values = busy_days(4.3)
    gaps, wrong = values.copy(), values.copy()
    gaps[100:400:7], wrong[100:400:7] = np.nan, junk
    same(found_of(told_of({"shop": wrong})), found_of(told_of({"shop": gaps})))


def test_samples_that_come_twice_and_out_of_order_are_put_where_they_belong() -> None:
    values = busy_days(4.3)
    shuffled = told_of({"shop": values[:1]})
    shuffled.keep(["shop"], time_of(values.size))
    pieces = [(start, min(start + 50, values.size)) for start in range(0, values.size, 35)]  # they overlap
    for at in np.random.default_rng(2).permutation(len(pieces)):
        start, end = pieces[at]
        shuffled.lay({"shop": History(time_of(start + 1), STEP_S, values[start:end])})
    same(found_of(shuffled), found_of(told_of({"shop": values})))


def test_a_clock_that_is_put_back_loses_nothing() -> None:
    values = busy_days(4.3)
    fleet = told_of({"shop": values})
    before = found_of(fleet)
    fleet.keep(["shop"], time_of(values.size - 2 * DAY))
    same(fleet.tick({"shop": MEMBER})["shop"], before)


def test_a_clock_that_jumps_ahead_leaves_a_gap_and_the_gate_shut() -> None:
    fleet = told_of({"shop": busy_days(4.3)})
    found_of(fleet)
    fleet.keep(["shop"], time_of(round(5.5 * DAY)))
    made = told(fleet.tick({"shop": MEMBER})["shop"], 0.95, time_of(round(5.5 * DAY)), 300.0)
    assert (made.gate, made.reason) == (GateState.SHUT, Reason.STALE_METRICS)


@pytest.fixture(scope="module")
def recorded() -> Floats:
    """Eight days of a recorded load with a clear day, minutes, as so many pods' work."""
    file = TRACES / "crane09_online_daily.csv.gz"
    if not file.exists():
        pytest.skip(f"no recorded load at {TRACES}: neither error ceilings nor coverage were checked on it")
    with gzip.open(file, "rt") as lines:
        values = np.array([float(line.split(",")[1]) for line in lines.readlines()[1:]])[-8 * MINUTES_A_DAY :]
    return np.asarray(40 * values / values.max())


def test_on_a_recorded_load_the_error_stays_below_its_ceiling_and_the_stated_quantile_holds(recorded: Floats) -> None:
    said = Walk(Pace(60.0, start=2), Terms.alone(1.0, 0.7), START_S).advance(recorded, recorded)
    asked = np.arange(4 * MINUTES_A_DAY, recorded.size - 4)
    came = np.maximum(recorded[asked + 2], recorded[asked + 3])
    assert 0.94 < (came <= said.expected[asked] + 1e-9).mean() < 0.98

    def pinball(expected: Floats) -> float:
        return float(np.maximum(0.95 * (came - expected), 0.05 * (expected - came)).mean())

    stays = recorded[asked] * np.quantile(came / recorded[asked], 0.95)  # the best that may be said of the load of now alone
    assert pinball(said.expected[asked]) < CEILING * pinball(stays)


def test_in_the_service_a_recorded_load_pays(recorded: Floats) -> None:
    fleet: Fleet[str] = Fleet.empty(60.0, 14 * 86_400.0)
    end_s = START_S + (recorded.size - 1) * 60.0
    fleet.keep(["shop"], end_s)
    fleet.lay({"shop": History(START_S, 60.0, recorded)})
    made = told(found_of(fleet, Member(60.0, 300.0, 0.95, per_pod=0.7, capacity_ratio=1 / 0.7)), 0.95, end_s, 300.0)
    assert made.gate is GateState.OPEN
    assert made.lost_ratio is not None
    assert made.pods_ratio is not None
    assert made.lost_ratio < 0.1
    assert made.pods_ratio < 1.25
