"""The moments of a line come in their order, forth and back, wherever one begins and whatever the clocks do."""

from datetime import datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from autoscaler.api.times import moment
from autoscaler.scaling.schedules import cron

UTC = ZoneInfo("UTC")
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("America/Santiago", "2026-04-05T03:00"),
]


@pytest.mark.parametrize(("zone", "at"), CHANGES)
@pytest.mark.parametrize("every", [10, 15, 30])
def test_passing_time_passes_evenly_over_a_change_of_the_clocks(zone: str, at: str, every: int) -> None:
    where, change_s, step_s = ZoneInfo(zone), moment(at, UTC), every * 60
    line = f"*/{every} * * * *"
    for now_s in range(int(change_s) - 3 * 3600, int(change_s) + 3 * 3600, 300):
        first_s = now_s // step_s * step_s
        expected = [first_s + step_s * index for index in range(1, 20)]
        assert [at_s for at_s, _ in islice(cron.after(line, where, now_s), 19)] == expected
        assert [at_s for at_s, _ in islice(cron.before(line, where, now_s), 19)] == [first_s - step_s * i for i in range(19)]


@pytest.mark.parametrize(("zone", "at"), CHANGES)
def test_times_of_day_come_once_a_day_over_a_change_of_the_clocks(zone: str, at: str) -> None:
    where, change_s = ZoneInfo(zone), moment(at, UTC)
    for hour in (0, 1, 2, 3, 23):
        line = f"15 {hour} * * *"
        found = [at_s for at_s, _ in islice(cron.after(line, where, change_s - 3 * 86400), 7)]
        days = [datetime.fromtimestamp(at_s, where).date() for at_s in found]
        assert days == sorted(set(days))
        for earlier_s, later_s in pairwise(found):
            for now_s in (later_s - 1, later_s, (earlier_s + later_s) / 2):
                latest, _ = next(cron.before(line, where, now_s))
                assert latest == (later_s if now_s == later_s else earlier_s)
                assert next(cron.after(line, where, now_s))[0] > now_s
