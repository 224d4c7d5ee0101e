"""When schedules hold: the clocks' changes, midnight, ends of months and years, excluded days, dates."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.api.times import moment
from autoscaler.model import Days
from autoscaler.scaling.schedules.timetable import timetable

BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"


def daily(cron: str, lasts: int | str, zone: str = BERLIN, **fields: object) -> Schedule:
    """A schedule that lasts so many minutes, or until another line."""
    ends = {"until": lasts} if isinstance(lasts, str) else {"duration_seconds": lasts * 60}
    return Schedule(**{"name": "one", "cron": cron, "time_zone": zone, "min": 1, **ends, **fields})


def holds(schedule: Schedule, *moments: str, days: frozenset[date] = frozenset()) -> str:
    """For each moment, a 1 when the schedule holds; moments without an offset are by its clocks."""
    calendars = {one: Days(days) for one in schedule.exclude if not one.dates}
    where = ZoneInfo(schedule.time_zone)
    return "".join(str(len(timetable((schedule,), calendars, moment(one, where)).active)) for one in moments)


def without(*days: str) -> tuple[Exclusion, ...]:
    return (Exclusion(dates=days),)


def test_it_begins_on_the_minute_and_ends_before_its_end() -> None:
    office = daily("0 8 * * MON-FRI", "0 18 * * MON-FRI")
    friday = ("2026-11-27T07:59:59", "2026-11-27T08:00", "2026-11-27T17:59:59", "2026-11-27T18:00")
    assert holds(office, *friday) == "0110"
    assert holds(office, "2026-11-28T12:00") == "0"


def test_it_spans_midnight_the_end_of_a_month_and_several_days() -> None:
    assert holds(daily("0 22 * * *", 480), "2026-11-30T23:00", "2026-12-01T05:59", "2026-12-01T06:00") == "110"
    assert holds(daily("0 22 31 12 *", "0 6 1 1 *"), "2026-12-31T22:00", "2027-01-01T05:59", "2027-01-01T06:00") == "110"
    week = daily("0 8 * * MON", "0 18 * * FRI")
    assert holds(week, "2026-11-23T08:00", "2026-11-25T03:00", "2026-11-27T17:59", "2026-11-28T03:00") == "1110"
    leap = daily("0 0 29 2 *", 24 * 60)
    assert holds(leap, "2028-02-29T12:00", "2028-03-01T00:00", "2027-03-01T00:00") == "100"


def test_one_that_lasts_longer_than_its_period_always_holds_and_has_no_next_change() -> None:
    always = daily("*/10 * * * *", 20)
    found = timetable((always,), {}, moment("2026-11-27T08:05", ZoneInfo(BERLIN)))
    assert (len(found.active), found.change) == (1, None)


@pytest.mark.parametrize(
    ("zone", "line", "before", "begin"),
    [
        (BERLIN, "30 2 * * *", "2026-03-29T00:59:59Z", "2026-03-29T01:00Z"),
        (NEW_YORK, "30 2 * * *", "2026-03-08T06:59:59Z", "2026-03-08T07:00Z"),
        (LORD_HOWE, "15 2 * * *", "2026-10-03T15:29:59Z", "2026-10-03T15:30Z"),
    ],
)
def test_a_time_of_day_that_the_clocks_skip_is_the_first_moment_after(zone: str, line: str, before: str, begin: str) -> None:
    assert holds(daily(line, 1, zone), before, begin) == "01"


@pytest.mark.parametrize(
    ("zone", "first", "second"),
    [
        (BERLIN, "2026-10-25T00:45Z", "2026-10-25T01:45Z"),
        (NEW_YORK, "2026-11-01T05:45Z", "2026-11-01T06:45Z"),
        (LORD_HOWE, "2026-04-04T14:45Z", "2026-04-04T15:15Z"),
    ],
)
def test_a_time_of_day_that_comes_twice_counts_once_and_passing_time_counts_twice(zone: str, first: str, second: str) -> None:
    minute = 45
    hour = 1 if zone in (NEW_YORK, LORD_HOWE) else 2
    assert holds(daily(f"{minute} {hour} * * *", 1, zone), first, second) == "10"
    assert holds(daily(f"{minute} * * * *", 1, zone), first, second) == "11"


def test_what_lasts_by_the_clock_is_as_long_as_the_clock_says_on_that_day() -> None:
    night = daily("0 22 * * *", "0 6 * * *")
    assert holds(night, "2026-03-29T03:59Z", "2026-03-29T04:00Z") == "10"  # six in summer time
    assert holds(night, "2026-10-25T04:59Z", "2026-10-25T05:00Z") == "10"
    by_length = daily("0 22 * * *", 480)
    assert holds(by_length, "2026-03-29T04:59Z", "2026-03-29T05:00Z") == "10"  # eight hours are seven on the clock


def test_a_zone_with_an_odd_offset_is_taken_by_its_own_clocks() -> None:
    assert holds(daily("0 0 1 1 *", 60, KATHMANDU), "2026-12-31T18:14Z", "2026-12-31T18:15Z", "2026-12-31T19:15Z") == "010"


def test_it_can_begin_earlier_and_end_later() -> None:
    padded = daily("0 8 * * *", 60, early_seconds=600, late_seconds=300)
    assert holds(padded, "2026-11-27T07:49:59", "2026-11-27T07:50", "2026-11-27T09:04:59", "2026-11-27T09:05") == "0110"


def test_dates_cut_off_what_a_line_says() -> None:
    fair = daily("0 8 * * *", 600, from_="2026-11-26T12:00", to="2026-11-27T12:00")
    days = ("2026-11-26T11:59", "2026-11-26T12:00", "2026-11-27T08:00", "2026-11-27T12:00", "2026-11-28T09:00")
    assert holds(fair, *days) == "01100"
    found = timetable((fair,), {}, moment("2026-11-01", ZoneInfo(BERLIN)))
    assert found.change is not None
    assert (found.change.at_s, found.change.begins) == (moment("2026-11-26T12:00", ZoneInfo(BERLIN)), True)


def test_dates_alone_are_one_window_open_at_the_end_that_is_not_given() -> None:
    fair = Schedule(name="fair", from_="2026-11-27T00:00", to="2026-11-28T00:00", time_zone=BERLIN, early_seconds=3600)
    assert holds(fair, "2026-11-26T22:59", "2026-11-26T23:00", "2026-11-27T23:59", "2026-11-28T00:00") == "0110"
    assert holds(Schedule(name="since", from_="2026-11-27"), "2026-11-26T23:59", "2030-01-01") == "01"
    assert holds(Schedule(name="till", to="2026-11-27T00:00+05:45"), "2026-11-26T18:14Z", "2026-11-26T18:15Z") == "10"


@pytest.mark.parametrize("fields", [{"from_": "2026-11-27"}, {"to": "2999-12-31", "late_seconds": 2**31 - 1}])
def test_what_never_ends_has_no_next_change(fields: dict[str, str | int]) -> None:
    found = timetable((Schedule(name="since", min=1, **fields),), {}, moment("2026-12-01", ZoneInfo(BERLIN)))
    assert (len(found.active), found.change) == (1, None)


def test_a_window_that_begins_on_an_excluded_day_does_not_hold_at_all() -> None:
    night = daily("0 22 * * *", 480, exclude=without("2026-12-25"))
    assert holds(night, "2026-12-25T21:00", "2026-12-25T23:00", "2026-12-26T05:00", "2026-12-26T22:00") == "0001"


def test_a_window_that_runs_into_an_excluded_day_is_not_cut_off() -> None:
    night = daily("0 22 * * *", 480, exclude=without("2026-12-25"))
    assert holds(night, "2026-12-24T23:00", "2026-12-25T05:59", "2026-12-25T06:00") == "110"


def test_the_day_is_that_of_the_line_and_not_of_its_earlier_beginning() -> None:
    early = daily("0 0 * * *", 60, early_seconds=3600, exclude=without("2026-12-25"))
    assert holds(early, "2026-12-24T23:30", "2026-12-25T23:30", "2026-12-26T00:30") == "011"


def test_excluded_days_are_cut_out_of_dates_alone() -> None:
    december = Schedule(
        name="december",
        from_="2026-12-01",
        to="2027-01-01",
        time_zone=BERLIN,
        late_seconds=600,
        exclude=without("2026-12-01", "2026-12-24", "2026-12-25"),
    )
    days = (
        "2026-12-01T00:05",
        "2026-12-02T00:00",
        "2026-12-24T00:09",
        "2026-12-24T00:10",
        "2026-12-25T23:59",
        "2026-12-26T00:00",
    )
    assert holds(december, *days) == "011001"


def test_the_next_change_passes_over_excluded_days() -> None:
    office = daily("0 8 * * MON-FRI", 600, exclude=(Exclusion(calendar="company"),))
    closed = frozenset(date(2026, 12, day) for day in range(21, 32))
    found = timetable((office,), {office.exclude[0]: Days(closed)}, moment("2026-12-18T18:00", ZoneInfo(BERLIN)))
    assert found.change is not None
    assert found.change.at_s == moment("2027-01-01T08:00", ZoneInfo(BERLIN))


def test_a_calendar_that_is_not_known_leaves_it_in_force_and_in_doubt_but_on_days_that_are_known_otherwise() -> None:
    company, dates = Exclusion(calendar="company"), Exclusion(dates=("2026-12-24",))
    office = daily("0 8 * * *", 600, exclude=(company, dates))
    broken = {company: Days(frozenset(), "calendar company could not be read: /c/company.txt, line 3: no day")}
    at_s = moment("2026-12-23T09:00", ZoneInfo(BERLIN))
    found = timetable((office,), broken, at_s)
    assert [one.doubt for one in found.active] == [broken[company].fault]
    assert found.faults == (broken[company].fault,)
    assert timetable((office,), broken, at_s + 86400).active == ()
    assert timetable((office,), {}, at_s).active[0].doubt
