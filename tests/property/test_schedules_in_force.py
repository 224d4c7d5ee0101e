"""Which schedules hold agrees with walking all minutes and looking at the clock on the wall, in zones of every kind."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.errors import InvalidObject
from autoscaler.model import Days
from autoscaler.scaling.schedules.timetable import kept, timetable

Json = dict[str, Any]
DAYS_WALKED = 12
# Around each moment something happens to the clocks somewhere, or to the calendar.
MOMENTS = (
    ("2026-03-29T01:00", "Europe/Berlin"),  # forward at 2:00 by an hour
    ("2026-10-25T01:00", "Europe/Berlin"),  # and back at 3:00
    ("2026-03-08T07:00", "America/New_York"),
    ("2026-11-01T06:00", "America/New_York"),
    ("2026-10-03T15:30", "Australia/Lord_Howe"),  # by half an hour
    ("2026-04-04T15:00", "Australia/Lord_Howe"),
    ("2026-09-06T04:00", "America/Santiago"),  # at midnight
    ("2026-04-05T03:00", "America/Santiago"),
    ("2028-02-29T00:00", "UTC"),  # a leap day
    ("2026-12-31T18:15", "Asia/Kathmandu"),  # a new year
    ("2026-06-15T12:00", "Pacific/Kiritimati"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A cron line as sets of what matches; `stars` when its minute or hour begins with a star."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]  # Monday is 0
    stars: bool

    def matches(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and wall.weekday() in self.weekdays


@st.composite
def lines(draw: st.DrawFn) -> Line:
    minutes = draw(st.sampled_from(["0", "30", "15,45", "*/20", "59"]))
    hours = draw(st.sampled_from(["*", "*/6", "2", "0", "23", "8-17", "1,2,3", "12"]))
    weekdays = draw(st.sampled_from(["*", "MON-FRI", "SUN", "6", "1-3"]))
    every = {"*": range(24), "*/6": range(0, 24, 6), "8-17": range(8, 18), "1,2,3": (1, 2, 3)}
    of_week = {"*": range(7), "MON-FRI": range(5), "SUN": (6,), "6": (5,), "1-3": range(3)}
    return Line(
        f"{minutes} {hours} * * {weekdays}",
        frozenset({"15,45": (15, 45), "*/20": (0, 20, 40)}.get(minutes) or (int(minutes),)),
        frozenset(every.get(hours) or (int(hours),)),
        frozenset(of_week[weekdays]),
        minutes.startswith("*") or hours.startswith("*"),
    )


@dataclass(frozen=True, slots=True)
class Minute:
    """A minute that has passed: when, what the wall said, and what it never said before it."""

    at_s: int
    wall: datetime
    again: bool
    skipped: tuple[datetime, ...]


@cache
def minutes_around(moment: str, zone: str) -> tuple[Minute, ...]:
    middle_s = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
    begin_s, where, walked = middle_s - DAYS_WALKED * 86400, ZoneInfo(zone), []
    before = datetime.fromtimestamp(begin_s - 60, where).replace(tzinfo=None, fold=0)
    for at_s in range(begin_s, middle_s + DAYS_WALKED * 86400, 60):
        local = datetime.fromtimestamp(at_s, where)
        wall = local.replace(tzinfo=None, fold=0)
        gap = max(0, int((wall - before).total_seconds()) // 60 - 1)
        skipped = tuple(before + timedelta(minutes=1 + index) for index in range(gap))
        walked.append(Minute(at_s, wall, local.fold == 1, skipped))
        before = wall
    return tuple(walked)


def begins(line: Line, minutes: tuple[Minute, ...]) -> Iterator[tuple[int, date]]:
    """Yield when a line comes about, and the day that it has then."""
    for minute in minutes:
        if line.matches(minute.wall) and (line.stars or not minute.again):
            yield minute.at_s, minute.wall.date()
        elif not line.stars and (met := [wall for wall in minute.skipped if line.matches(wall)]):
            yield minute.at_s, met[-1].date()


@dataclass(frozen=True, slots=True)
class Case:
    schedule: Schedule
    line: Line
    until: Line | None
    moment: str
    excluded: frozenset[date]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    line, (moment, zone) = draw(lines()), draw(st.sampled_from(MOMENTS))
    until = draw(st.none() | lines())
    near = datetime.fromisoformat(moment).date()
    excluded = draw(st.frozensets(st.integers(-4, 3).map(lambda days: near + timedelta(days=days)), max_size=4))
    exclude = (Exclusion(dates=tuple(one.isoformat() for one in sorted(excluded))),) if excluded else ()
    schedule = Schedule(
        name="one",
        cron=line.text,
        until=until.text if until else None,
        duration_seconds=None if until else draw(st.sampled_from([60, 600, 3600, 8 * 3600, 30 * 3600, 3 * 86400])),
        time_zone=zone,
        min=1,
        early_seconds=draw(st.sampled_from([0, 300, 7200])),
        late_seconds=draw(st.sampled_from([0, 60, 3600])),
        exclude=exclude,
    )
    return Case(schedule, line, until, moment, excluded)


def held(case: Case) -> list[tuple[int, int]]:
    """All windows as the walk finds them."""
    schedule, minutes = case.schedule, minutes_around(case.moment, case.schedule.time_zone)
    ends = [at_s for at_s, _ in begins(case.until, minutes)] if case.until else []
    found = []
    for at_s, day in begins(case.line, minutes):
        if day in case.excluded:
            continue
        end_s = at_s + (schedule.duration_seconds or 0)
        if case.until:
            end_s = next((one for one in ends if one > at_s), minutes[-1].at_s)
        found.append((at_s - schedule.early_seconds, end_s + schedule.late_seconds))
    return found


@given(cases(), st.integers(-150, 150) | st.integers(-36 * 60, 36 * 60), st.sampled_from([0, 0.5, 59]))
@settings(deadline=None, max_examples=200)
def test_a_schedule_holds_when_the_walk_says_so_and_until_then(case: Case, offset_minutes: int, seconds: float) -> None:
    middle_s = int(datetime.fromisoformat(case.moment).replace(tzinfo=UTC).timestamp())
    now_s = middle_s + offset_minutes * 60 + seconds
    windows = held(case)
    holds = any(begin_s <= now_s < end_s for begin_s, end_s in windows)
    found = timetable((case.schedule,), {}, now_s)
    assert bool(found.active) is holds
    assert found.until_s > now_s
    horizon_s = min(found.until_s, now_s + 3 * 86400)
    edges = {edge for window in windows for edge in window if now_s < edge < horizon_s}
    for edge in edges:  # nothing changes before it is said to
        assert any(begin_s <= edge < end_s for begin_s, end_s in windows) is holds
    if found.change and found.change.at_s < now_s + 3 * 86400:
        assert found.change.at_s == found.until_s
        assert found.change.begins is not holds
        assert any(begin_s <= found.until_s < end_s for begin_s, end_s in windows) is not holds


@given(st.lists(cases(), max_size=3), st.lists(st.integers(-2 * 86400, 2 * 86400), min_size=2, max_size=6))
@settings(deadline=None, max_examples=60)
def test_what_is_kept_until_it_changes_is_what_would_be_found_anew(some: list[Case], offsets: list[int]) -> None:
    schedules = tuple(case.schedule for case in some)
    middle_s = datetime.fromisoformat(MOMENTS[0][0]).replace(tzinfo=UTC).timestamp()
    known = None
    for offset in offsets:  # also back, as a clock may be
        known = kept(known, schedules, {}, middle_s + offset)
        assert known.active == timetable(schedules, {}, middle_s + offset).active


ODD = st.sampled_from(
    ["* * * * *", "0 0 29 2 *", "0 0 L * *", "*/7 */5 * * SUN#5", "0 0 31 1-12 *", "30 2 * * *", "0 0 LW 2 *"]
)


EDGES = st.sampled_from(
    [
        "0001-01-01",
        "0001-01-01T00:00+14:00",
        "0001-01-02T12:00",
        "1969-12-31",
        "2026-06-01T02:30",
        "2999-12-31T23:59:59",
        "2999-12-31T23:59:59-14:00",
        "3000-01-01",
        "9960-01-01",
        "9999-12-30",
        "9999-12-31",
        "9999-12-31T23:59:59-14:00",
    ]
)


def odd_schedules() -> st.SearchStrategy[Json]:
    lengths = st.builds(lambda until: {"until": until}, ODD)
    lengths |= st.builds(lambda lasts: {"durationSeconds": lasts}, st.integers(1, 2**31 - 1))
    cuts = st.fixed_dictionaries({}, optional={"from": EDGES, "to": EDGES})
    plain = st.fixed_dictionaries({"cron": ODD, "earlySeconds": st.integers(0, 2**31 - 1)})
    return st.builds(lambda *parts: {key: value for part in parts for key, value in part.items()}, plain, lengths, cuts)


@given(odd_schedules(), st.integers(0, 2**33))
@settings(deadline=None, max_examples=200)
def test_nothing_that_is_allowed_breaks_it(given_one: Json, now_s: int) -> None:
    company = Exclusion(calendar="company")
    year = frozenset({*(date(2026, 1, 1) + timedelta(days=day) for day in range(3000)), date.min, date.max})
    odd = {"name": "odd", **given_one, "exclude": [{"calendar": "company"}], "replicas": 3}
    spec: Json = {"scaleTargetRef": {"kind": "Deployment", "name": "shop"}, "mode": "Scale", "maxReplicas": 5}
    obj = {"metadata": {"name": "shop", "namespace": "default"}, "spec": {**spec, "schedules": [odd]}}
    allowed: tuple[Schedule, ...] = ()
    with suppress(InvalidObject):  # a time that is refused, by its name in tests of the API
        allowed = predictive_autoscaler(obj).spec.schedules
    assert allowed or given_one.keys() & {"from", "to"}
    early = given_one["earlySeconds"]
    dates = Schedule(name="dates", from_="2026-06-01", late_seconds=early, exclude=(company,), max=4)
    timetable((*allowed, dates), {company: Days(year)} if now_s % 2 else {}, float(now_s))
