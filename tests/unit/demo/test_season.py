"""The demonstration's traffic: the same for both twins, the same for each run, a season that a forecast can learn."""

import dataclasses
from itertools import islice

import pytest

from demo.constants import SEASON
from demo.season import Steps, Traffic
from demo.traffic import Tally, Target, arrivals

TRAFFIC = Traffic(SEASON)
STILL = Traffic(dataclasses.replace(SEASON, amplitude_jitter=0.0))


def test_the_night_is_quiet_and_noon_is_busy() -> None:
    assert STILL.rate(0.0) == pytest.approx(SEASON.night_rps)
    assert STILL.rate(0.5 * SEASON.day_s) == pytest.approx(SEASON.noon_rps)
    assert STILL.rate(0.95 * SEASON.day_s) == pytest.approx(SEASON.night_rps)


def test_without_jitter_each_day_is_the_same() -> None:
    for phase in (0.1, 0.3, 0.5, 0.85):
        assert STILL.rate(phase * SEASON.day_s) == pytest.approx(STILL.rate((phase + 3) * SEASON.day_s))


def test_days_differ_by_no_more_than_the_jitter() -> None:
    noons = [TRAFFIC.rate((day + 0.5) * SEASON.day_s) for day in range(8)]
    assert len(set(noons)) > 1
    assert all(abs(noon / SEASON.noon_rps - 1.0) <= SEASON.amplitude_jitter for noon in noons)


def test_arrivals_follow_the_rate_and_repeat_with_the_seed() -> None:
    first = list(arrivals(STILL, SEASON.day_s, seed=1))
    assert first == list(arrivals(STILL, SEASON.day_s, seed=1))
    noon = [at for at in first if 0.4 <= at / SEASON.day_s < 0.7]
    expected = 0.3 * SEASON.day_s * SEASON.noon_rps
    assert abs(len(noon) - expected) < 5 * expected**0.5


def test_arrivals_end_with_the_duration() -> None:
    assert max(arrivals(STILL, 3.0, seed=1)) < 3.0
    assert not list(islice(arrivals(STILL, 0.0, seed=1), 1))


def test_a_target_is_read_from_text_and_a_bad_one_shows_the_form() -> None:
    assert Target.parse("shop=10.96.0.7:80") == Target("shop", "10.96.0.7", 80)
    with pytest.raises(ValueError, match="NAME=ADDRESS:PORT"):
        Target.parse("shop")


def test_a_request_without_an_outcome_is_pending() -> None:
    tally = Tally(rate=10.0, sent=3, slow=1, failed=1, latencies_s=[0.2, 1.4])
    assert tally.pending == 0
    tally.sent += 1
    assert tally.pending == 1


def test_steps_follow_each_other_and_the_last_one_stays() -> None:
    steps = Steps.parse(["10:2", "5:8"])
    assert [steps.rate(at) for at in (0.0, 9.9, 10.0, 14.9, 99.0)] == [2.0, 2.0, 8.0, 8.0, 8.0]
    assert steps.highest() == 8.0
    with pytest.raises(ValueError, match="SECONDS:RATE"):
        Steps.parse(["10"])


def test_no_rate_exceeds_the_highest() -> None:
    rates = [TRAFFIC.rate(second) for second in range(int(20 * SEASON.day_s))]
    assert max(rates) <= TRAFFIC.highest()
