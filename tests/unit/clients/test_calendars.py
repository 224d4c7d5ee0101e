"""Calendar files are read strictly and again when they change; what is wrong is told with file, line and remedy."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.clients.calendars import ics, text
from autoscaler.clients.calendars.folder import CalendarFolder
from autoscaler.clients.calendars.unreadable import Unreadable
from autoscaler.model import Days

NOW_S = 1_790_000_000.0  # September 2026
YEARS = range(2025, 2030)
COMPANY = Exclusion(calendar="company")


def a_calendar(*lines: str) -> str:
    """One event of these lines."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])


def days(*lines: str) -> list[str]:
    return sorted(one.isoformat() for one in ics.read(a_calendar(*lines), YEARS))


def seen(folder: CalendarFolder, *exclusions: Exclusion, now_s: float = NOW_S) -> Iterator[Days]:
    found = folder.of([Schedule(name="one", exclude=exclusions or (COMPANY,))], now_s)
    return (found[one] for one in exclusions or (COMPANY,))


def test_a_text_file_holds_one_day_a_line() -> None:
    content = "# days off\n2026-12-24  # Christmas Eve\n\n  2026-12-31\r\n"
    assert text.read(content) == {date(2026, 12, 24), date(2026, 12, 31)}
    assert text.read("") == frozenset()


@pytest.mark.parametrize("wrong", ["24.12.2026", "2026-02-30", "2026-12-24 Christmas Eve", "20261224", "2026-W52-4"])
def test_a_line_that_is_no_day_is_named(wrong: str) -> None:
    with pytest.raises(Unreadable, match=r"line 2: .*YYYY-MM-DD"):
        text.read(f"2026-01-01\n{wrong}\n")


def test_an_event_is_its_days_and_ends_before_its_end() -> None:
    assert days("DTSTART;VALUE=DATE:20261224") == ["2026-12-24"]
    assert days("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227") == ["2026-12-24", "2026-12-25", "2026-12-26"]
    assert days("DTSTART;VALUE=DATE:20261224", "DURATION:P2D") == ["2026-12-24", "2026-12-25"]
    assert days("DTSTART;TZID=Europe/Berlin:20261224T000000", "DTEND;TZID=Europe/Berlin:20261225T000000") == ["2026-12-24"]
    assert days("DTSTART;VALUE=DATE:2026", " 1224", "SUMMARY:folded: a; b") == ["2026-12-24"]
    assert days("DTSTART;VALUE=DATE:20261224", "STATUS:CANCELLED") == []
    assert days("BEGIN:VALARM", "TRIGGER:-P1D", "DURATION:PT5M", "END:VALARM", "DTSTART:20261224") == ["2026-12-24"]


def test_an_event_is_repeated_by_its_rule_but_not_on_days_that_are_taken_out() -> None:
    yearly = days("DTSTART;VALUE=DATE:20201224", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20271224", "RDATE:20260101")
    assert yearly == ["2020-12-24", "2025-12-24", "2026-01-01", "2026-12-24", "2028-12-24", "2029-12-24"]
    assert days("DTSTART:20260105", "RRULE:FREQ=MONTHLY;BYDAY=1MO;UNTIL=20260301T235959Z") == [
        "2026-01-05",
        "2026-02-02",
    ]
    assert days("DTSTART:20260102", "RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=2") == ["2026-01-02", "2026-01-09"]


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["DTSTART:20261224T100000Z"], 4, "take out events with a time of day"),
        (["DTSTART;VALUE=DATE:20260230"], 4, "there is no day"),
        (["SUMMARY:when?"], 3, "no DTSTART"),
        (["DTSTART:20261224", "DTEND:20261223"], 3, "ends before it begins"),
        (["DTSTART:20261224", "DURATION:PT5H"], 5, "whole days"),
        (["DTSTART:20261224", "RRULE:FREQ=HOURLY"], 5, "FREQ must be one of"),
        (["DTSTART:20261224", "RRULE:FREQ=DAILY;BYMONTHDAY=30"], 5, "BYMONTHDAY is not read"),
        (["DTSTART:20261224", "RRULE:FREQ=YEARLY;COUNT=x"], 5, "COUNT must be a whole number"),
        (["DTSTART:20261224", "RRULE:FREQ=YEARLY;INTERVAL=0"], 5, "INTERVAL must be a whole number"),
        (["DTSTART:20261224", "RRULE:FREQ=YEARLY;BYMONTH=x"], 5, "cannot be read as a rule"),
        (["DTSTART:20261224", "RRULE:FREQ=YEARLY;BYDAY=XX"], 5, "cannot be read as a rule"),
        (["DTSTART:20261224", "RRULE:FREQ=YEARLY;UNTIL=soon"], 5, "cannot be read as a rule"),
        (["DTSTART:20261224", "RECURRENCE-ID:20261224"], 5, "events of their own"),
        (["DTSTART:20261224", "what is this"], 5, "NAME:value"),
        (["END:VTODO"], 4, "ends nothing"),
    ],
)
def test_what_is_no_whole_day_is_named_with_its_line(lines: list[str], line: int, words: str) -> None:
    with pytest.raises(Unreadable, match=f"^line {line}: .*{words}"):
        days(*lines)


@pytest.mark.parametrize("content", ["", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101", "BEGIN:VEVENT\nEND:VEVENT"])
def test_a_file_that_is_not_whole_is_refused(content: str) -> None:
    with pytest.raises(Unreadable):
        ics.read(content, YEARS)


def test_a_file_is_read_again_when_it_has_changed_and_only_then(tmp_path: Path) -> None:
    file, folder = tmp_path / "company.txt", CalendarFolder(str(tmp_path))
    file.write_text("2026-12-24\n")
    with capture_logs() as logs:
        [first] = seen(folder)
        [again] = seen(folder, now_s=NOW_S + 60)
        assert first.days == {date(2026, 12, 24)}
        assert again is first
        file.write_text("2026-12-31\n")
        os.utime(file, ns=(1, 1))
        [changed] = seen(folder, now_s=NOW_S + 120)
    assert changed.days == {date(2026, 12, 31)}
    assert [one["event"] for one in logs] == ["calendar_read", "calendar_read"]


def test_a_file_that_breaks_and_is_mended_is_told_of_once_each_time(tmp_path: Path) -> None:
    file, folder = tmp_path / "company.ics", CalendarFolder(str(tmp_path))
    file.write_text(a_calendar("DTSTART:tomorrow"))
    with capture_logs() as logs:
        [broken] = seen(folder)
        seen(folder, now_s=NOW_S + 60)
        file.write_text(a_calendar("DTSTART:20261224"))
        [mended] = seen(folder, now_s=NOW_S + 120)
    assert f"{file}, line 4: DTSTART must be a whole day" in broken.fault
    assert (mended.days, mended.fault) == ({date(2026, 12, 24)}, "")
    assert [(one["event"], one["log_level"]) for one in logs] == [("calendar_unreadable", "warning"), ("calendar_read", "info")]


def test_what_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    [none] = seen(CalendarFolder())
    assert "scaling.calendar_folder" in none.fault
    folder = CalendarFolder(str(tmp_path))
    [missing] = seen(folder)
    assert "company.ics and company.txt none of them is there" in missing.fault
    (tmp_path / "company.ics").write_text(a_calendar("DTSTART:20261224"))
    (tmp_path / "company.txt").write_text("2026-12-24")
    [both] = seen(folder, now_s=NOW_S + 60)
    assert "both are there" in both.fault
    (tmp_path / "latin.txt").write_bytes(b"2026-12-24\n# \xe4\n")
    [latin] = seen(folder, Exclusion(calendar="latin"))
    assert "latin.txt, line 2: is not UTF-8" in latin.fault
    (tmp_path / "large.txt").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    [large] = seen(folder, Exclusion(calendar="large"))
    assert "has more than" in large.fault


def test_holidays_are_those_of_the_country_and_of_its_part_around_now() -> None:
    plain, bavarian = seen(CalendarFolder(), Exclusion(country="DE"), Exclusion(country="DE", subdivision="BY"))
    assert date(2026, 10, 3) in plain.days
    assert date(2026, 1, 6) in bavarian.days - plain.days
    assert {one.year for one in plain.days} == set(range(2024, 2032))


def test_what_the_library_does_not_know_is_a_fault_and_no_error() -> None:
    [unknown] = seen(CalendarFolder(), Exclusion(country="DE", subdivision="XX"))
    assert "the public holidays of DE-XX are not known" in unknown.fault


def test_a_file_that_takes_too_long_is_given_up_between_two_events() -> None:
    never = (
        "BEGIN:VEVENT\r\nDTSTART:20200107\r\nRRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO\r\nEND:VEVENT"  # Tuesdays that are Mondays
    )
    moments = iter([0.0, 1.0, 2.0, 3.0, 6.0])
    with pytest.raises(Unreadable, match=r"line 10: its days are not reckoned within 5 s; keep only the events"):
        ics.read(a_calendar("DTSTART:20260101", "END:VEVENT", never, never, "BEGIN:VEVENT"), YEARS, lambda: next(moments))


def test_the_last_days_of_all_are_no_error() -> None:
    assert days("DTSTART:99991230", "DURATION:P9D") == ["9999-12-30", "9999-12-31"]
