"""What a replay is told of clocks, holidays and schedules reaches the features of its forecasts."""

from datetime import UTC, datetime

import numpy as np
import pytest

from autoscaler.forecasting.peaks.dates import NO_DATES
from autoscaler.replay.dates import dates_of, schedule_of
from autoscaler.replay.foresight import Question
from autoscaler.replay.peaks import PeakForesight
from autoscaler.replay.play import play
from autoscaler.replay.recorded import Recorded, Unusable
from autoscaler.replay.stage import Setting, Wanted, staged

START_S = datetime(2026, 10, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400.0
HOLIDAY_S = datetime(2026, 10, 30, 23, tzinfo=UTC).timestamp()  # midnight in Berlin, after the clocks were put back
BERLIN = Setting(time_zone="Europe/Berlin", holidays=("2026-10-31", "2020-10-31"), schedules=("0 9 */2 * * 3600",))


def test_a_setting_that_says_nothing_has_no_dates() -> None:
    assert dates_of(Question(Setting(), START_S, 10)) is NO_DATES


@pytest.mark.parametrize("end_s", [np.inf, START_S + 21 * DAY_S])
def test_clocks_holidays_and_schedules_are_those_of_the_zone(end_s: float) -> None:
    dates = dates_of(Question(BERLIN, START_S, 10, end_s))
    change_s = datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()
    assert [change_s, 3600.0] in dates.clocks.tolist()
    assert dates.holidays is not None
    assert dates.holidays.tolist() == [[HOLIDAY_S, HOLIDAY_S + DAY_S]]
    begins = dates.occurrences[:, 0].tolist()
    assert datetime(2026, 10, 13, 7, tzinfo=UTC).timestamp() in begins
    assert datetime(2026, 10, 27, 8, tzinfo=UTC).timestamp() in begins
    assert datetime(2026, 10, 28, 8, tzinfo=UTC).timestamp() not in begins


def test_the_foresight_of_a_replay_walks_with_them() -> None:
    made = []

    def make(question: Question) -> PeakForesight:
        made.append(PeakForesight(question))
        return made[-1]

    recorded = Recorded("flat", START_S, 60.0, np.full(600, 5.0))
    play(staged(recorded, Wanted(None, None, 1.0)), BERLIN, make)
    [one] = made
    assert one._walk.dates.holidays is not None
    assert one.question.end_s == START_S + 600 * 60.0


@pytest.mark.parametrize("text", ["", "3600", "0 9 * * *", "0 9 * * * soon", "0 9 * * * 0", "0 25 * * * 60", "0 9 31 2 * 60"])
def test_a_schedule_needs_a_cron_line_and_a_length(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a cron line|cron line before the length"):
        schedule_of(text, "UTC")


def test_a_schedule_of_every_hour_is_known_for_three_weeks_and_one_that_holds_too_often_is_refused() -> None:
    end_s = START_S + 21 * DAY_S
    hourly = dates_of(Question(Setting(schedules=("0 * * * * 600",)), START_S, 10, end_s))
    assert hourly.occurrences[-1, 0] > end_s
    with pytest.raises(Unusable, match=r"--schedule \*/5 \* \* \* \* 60: holds more than a thousand times"):
        dates_of(Question(Setting(schedules=("*/5 * * * * 60",)), START_S, 10, end_s))


@pytest.mark.parametrize("schedule", ["0 9 1 * * 3600", "0 0 27 11 * 86400", "* * * * * 60"])
def test_a_schedule_that_does_not_begin_in_a_replay_says_nothing(schedule: str) -> None:
    begin_s = datetime(2026, 10, 20, tzinfo=UTC).timestamp()
    dates = dates_of(Question(Setting(schedules=(schedule,)), begin_s, 10, begin_s + 5 * DAY_S))
    assert not dates.occurrences.size


def test_a_long_replay_knows_its_last_days() -> None:
    end_s = START_S + 900 * DAY_S
    dates = dates_of(Question(Setting(schedules=("0 9 1 * * 3600",)), START_S, 10, end_s))
    assert dates.occurrences[-1, 0] > end_s - 31 * DAY_S
