"""Calendar files in the iCalendar format (RFC 5545), as programs for calendars export them: events of whole days.

Only what says which days these are is read: DTSTART, DTEND or DURATION in days, RRULE, RDATE, EXDATE and STATUS. The library
for the format costs more than all of this (icalendar: 9 MiB) and leaves repetition to yet another one; dateutil, which is here
anyway, repeats. An event that is no whole day is an error and not left out: whoever put it there meant something by it.
"""

import re
import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from dateutil.rrule import rrulestr

from autoscaler.clients.calendars.unreadable import Unreadable

_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(T000000)?")  # some programs write whole days from midnight to midnight
_DAYS_LONG = re.compile(r"P(?:([0-9]{1,4})W|([0-9]{1,4})D)")
_RULES = {  # what each frequency may be narrowed by: enough for days of the year, and nothing that is sought for minutes
    "YEARLY": {"BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "BYYEARDAY", "BYEASTER"},
    "MONTHLY": {"BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS"},
    "WEEKLY": {"BYDAY", "BYMONTH"},
    "DAILY": {"BYDAY"},
}
_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
_LONGEST = 400  # days of one event
_LONGEST_S = 5.0  # for one file: the service waits for it, and some rules never come about, which takes half a second to see


@dataclass(slots=True)
class _Line:
    number: int
    name: str
    value: str


@dataclass(slots=True)
class _Event:
    """One VEVENT while it is read."""

    number: int
    start: date | None = None
    end: date | None = None
    long: int | None = None
    rules: list[_Line] = field(default_factory=list)
    also: list[date] = field(default_factory=list)
    but: set[date] = field(default_factory=set)
    cancelled: bool = False


def read(text: str, years: Sequence[int], now_s: Callable[[], float] = clock.monotonic) -> frozenset[date]:
    """Return the days of a file's events, repeated ones within these years; raises Unreadable that names the line."""
    days: set[date] = set()
    end_s = now_s() + _LONGEST_S
    for event in _events(text):
        for found in _days(event, years):
            if now_s() > end_s:
                message = f"its days are not reckoned within {_LONGEST_S:g} s"
                raise Unreadable(event.number, f"{message}; keep only the events that are needed, with fewer repetitions")
            days.update(found)
    return frozenset(days)


def _events(text: str) -> Iterator[_Event]:
    inside: list[str] = []
    event = _Event(0)
    lines = _lines(text)
    for line in lines:
        match line.name:
            case "BEGIN":
                inside.append(line.value.upper())
                if inside[0] != "VCALENDAR":
                    raise Unreadable(line.number, "is outside of BEGIN:VCALENDAR … END:VCALENDAR")
                event = _Event(line.number) if inside[-1] == "VEVENT" else event
            case "END":
                if not inside or inside.pop() != line.value.upper():
                    raise Unreadable(line.number, f"END:{line.value[:40]} ends nothing that was begun")
                if line.value.upper() == "VEVENT":
                    yield event
            case _ if inside and inside[-1] == "VEVENT":
                _take(event, line)
    if inside:
        raise Unreadable(lines[-1].number, f"END:{inside[-1][:40]} is missing: the file is not whole")
    if not lines:
        raise Unreadable(1, "nothing is here; an iCalendar file begins with BEGIN:VCALENDAR")


def _lines(text: str) -> list[_Line]:
    """Return the lines of a file; one that begins with a space goes on with the one before."""
    found: list[_Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line[:1] in (" ", "\t") and found:
            found[-1].value += line[1:]
        elif line.strip():
            head, colon, value = line.partition(":")
            name = head.partition(";")[0].strip().upper()
            if not colon or not re.fullmatch(r"[A-Z0-9-]+", name):
                raise Unreadable(number, f"{line[:40]!r} is no line of an iCalendar file (NAME:value)")
            found.append(_Line(number, name, value.strip()))
    return found


def _take(event: _Event, line: _Line) -> None:
    match line.name:
        case "DTSTART":
            event.start = _day(line, line.value)
        case "DTEND":
            event.end = _day(line, line.value)
        case "DURATION":
            found = _DAYS_LONG.fullmatch(line.value)
            if not found:
                raise Unreadable(line.number, f"a duration of whole days is expected, such as P2D, not {line.value[:40]!r}")
            event.long = 7 * int(found[1]) if found[1] else int(found[2])
        case "RRULE":
            event.rules.append(line)
        case "RDATE":
            event.also += [_day(line, one) for one in line.value.split(",")]
        case "EXDATE":
            event.but |= {_day(line, one) for one in line.value.split(",")}
        case "STATUS":
            event.cancelled = line.value.upper() == "CANCELLED"
        case "EXRULE" | "RECURRENCE-ID":
            raise Unreadable(line.number, f"{line.name} is not read; write the days as events of their own")


def _day(line: _Line, text: str) -> date:
    found = _DAY.fullmatch(text.strip())
    if not found:
        message = f"{line.name} must be a whole day such as {line.name};VALUE=DATE:20261224, not {text[:40]!r}"
        raise Unreadable(line.number, f"{message}; take out events with a time of day")
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise Unreadable(line.number, f"there is no day {text[:40]!r}") from error


def _days(event: _Event, years: Sequence[int]) -> Iterator[list[date]]:
    """Yield the days of an event and of each of its repetitions; nothing of a rule that never comes about."""
    if event.cancelled:
        return
    if event.start is None:
        raise Unreadable(event.number, "this event has no DTSTART, so nobody knows its day")
    long = event.long if event.long is not None else (event.end - event.start).days if event.end else 1
    if not (1 <= long <= _LONGEST or (event.end == event.start and event.long is None)):
        raise Unreadable(event.number, f"this event ends before it begins, or is longer than {_LONGEST} days")
    starts = {event.start, *event.also}
    for rule in event.rules:
        yield []  # each may take long
        starts.update(_repeated(rule, event.start, years))
    for start in starts - event.but:
        last = min(max(1, long), (date.max - start).days + 1)
        yield [start + timedelta(days=number) for number in range(last)]


def _repeated(line: _Line, start: date, years: Sequence[int]) -> Iterator[date]:
    parts = dict(part.partition("=")[::2] for part in line.value.upper().split(";") if part)
    allowed = _RULES.get(parts.get("FREQ", ""))
    if allowed is None:
        raise Unreadable(line.number, f"FREQ must be one of {', '.join(_RULES)} in {line.value[:60]!r}")
    if others := sorted(parts.keys() - allowed - _ALWAYS):
        raise Unreadable(line.number, f"{', '.join(others)} is not read with FREQ={parts['FREQ']}; write the days one by one")
    for name in ("INTERVAL", "COUNT"):  # dateutil would never come to an end with 0
        if name in parts and not re.fullmatch(r"[1-9][0-9]{0,5}", parts[name]):
            raise Unreadable(line.number, f"{name} must be a whole number from 1 in {line.value[:60]!r}")
    if "UNTIL" in parts:
        parts["UNTIL"] = parts["UNTIL"].partition("T")[0]
    first, last = datetime(min(years), 1, 1), datetime(max(years), 12, 31)  # noqa: DTZ001 - days have no zone
    try:
        rule = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=datetime.combine(start, time()))
        yield from (one.date() for one in rule.between(first, last, inc=True))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError) as error:  # as it says of wrong parts
        raise Unreadable(line.number, f"{line.value[:60]!r} cannot be read as a rule: {error}") from error
