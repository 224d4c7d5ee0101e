"""What a schedule says of times and days must mean something, and each answer names the field."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from autoscaler.api import times
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.errors import InvalidObject

SPEC = {"scaleTargetRef": {"kind": "Deployment", "name": "shop"}, "mode": "Scale", "maxReplicas": 10}
DAILY = {"name": "day", "cron": "0 8 * * *", "until": "0 18 * * *", "min": 3}
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def wall(*numbers: int) -> datetime:
    return datetime(*numbers)  # type: ignore[arg-type] # noqa: DTZ001 - a clock's face, without a zone


def faults(*schedules: dict[str, Any], **spec: object) -> dict[str, str]:
    """What is wrong with an object of such schedules, by field below spec.schedules."""
    try:
        obj = {"metadata": {"name": "shop", "namespace": "default"}, "spec": {**SPEC, "schedules": list(schedules), **spec}}
        predictive_autoscaler(obj)
    except InvalidObject as error:
        return {one.field.removeprefix("spec.schedules"): one.message for one in error.errors}
    return {}


def fault(field: str, value: object, **others: object) -> str:
    """What is said of one wrong field of a schedule, which must be all that is said."""
    found = faults({**DAILY, field: value, **others})
    assert list(found) == [f"[0].{field}"]
    return found[f"[0].{field}"]


def test_a_schedule_of_every_kind_is_taken() -> None:
    assert not faults(
        DAILY,
        {"name": "weeks", "cron": "*/5 22-23,0 L JAN,MAR-DEC/2 mon#1", "durationSeconds": 60, "paddingPercent": 5},
        {"name": "fair", "from": "2026-11-27", "to": "2026-11-28T12:30:15+05:45", "timeZone": "Asia/Kathmandu", "replicas": 0},
        {
            **DAILY,
            "name": "work",
            "exclude": [{"country": "DE", "subdivision": "BY"}, {"calendar": "company.2026"}, {"dates": ["2028-02-29"]}],
        },
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 8 * *", "five fields"),
        ("0 0 8 * * *", "not 6"),
        ("@daily", "not 1"),
        ("60 8 * * *", "a minute"),
        ("0 24 * * *", "hour"),
        ("0 8 32 * *", "a day of the month"),
        ("0 8 * 13 *", "a month"),
        ("0 8 * * FRY", "a day of the week"),
        ("0 8 * * MON#6", "a day of the week"),
        ("0 8 30 2 *", "or that no month has"),
        ("0 8 */31 2 MON#5", "never comes about"),
        ("0 8 * * " + "1," * 200 + "1", "at most 200"),
        ("0 8 * * ²L", "a day of the week"),
    ],
)
@pytest.mark.parametrize("field", ["cron", "until"])
def test_a_wrong_cron_line_is_named_with_what_is_wrong_with_it(field: str, line: str, words: str) -> None:
    assert words in fault(field, line)


@pytest.mark.parametrize(
    "name",
    ["Europe", "Europe/Bonn", "europe/berlin", "../Europe/Berlin", "/UTC", "CEST", "+02:00", "right/UTC", "localtime", "é"],
)
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    assert "IANA name" in fault("timeZone", name)


@pytest.mark.parametrize("field", ["from", "to"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-02-30T10:00", "a day and a time that there are"),
        ("2026-02-10T25:00", "a day and a time that there are"),
        ("27.11.2026", "YYYY-MM-DDTHH:MM"),
        ("20261127T1000", "YYYY-MM-DDTHH:MM"),
        ("2026-11-27T10", "YYYY-MM-DDTHH:MM"),
        ("2026-W48-5", "YYYY-MM-DDTHH:MM"),
        ("2026-11-27+01:00", "YYYY-MM-DDTHH:MM"),
        ("0001-01-01T00:00+14:00", ""),
        ("3000-01-01", "before the year 3000"),
        ("9999-12-31", "before the year 3000"),
        ("٢٠٢٦-11-27T10:00", "YYYY-MM-DDTHH:MM"),
    ],
)
def test_a_time_that_is_none_is_refused(field: str, text: str, words: str) -> None:
    found = faults({"name": "x", field: text, "min": 1})
    if words:
        assert words in found[f"[0].{field}"]


@pytest.mark.parametrize(
    ("begin", "end", "right"),
    [
        ("2026-11-27T00:00", "2026-11-27T00:00", False),
        ("2026-11-27T00:00", "2026-11-26T00:00", False),
        ("2026-11-27T00:00", "2026-11-26T23:30Z", True),  # half past midnight in Berlin
        ("2026-03-29T02:00", "2026-03-29T03:00", False),  # the clocks skip this hour, and nothing is between
        ("2026-11-27", "2026-11-28", True),
    ],
)
def test_an_end_must_come_after_its_beginning(begin: str, end: str, *, right: bool) -> None:
    found = faults({"name": "x", "from": begin, "to": end, "timeZone": "Europe/Berlin", "min": 1})
    assert list(found) == ([] if right else ["[0].to"])


@pytest.mark.parametrize(
    ("exclusion", "field", "words"),
    [
        ({"country": "XX"}, "country", "ISO 3166-1"),
        ({"country": "de"}, "country", "capital letters: DE"),
        ({"country": "DE", "subdivision": "XY"}, "subdivision", "BY"),
        ({"country": "US", "subdivision": "TXX"}, "subdivision", "TX"),
        ({"country": "VA", "subdivision": "A"}, "subdivision", "no part of VA"),
        ({"calendar": "../secret"}, "calendar", "name of a calendar"),
        ({"calendar": ".hidden"}, "calendar", "name of a calendar"),
        ({"dates": ["2026-12-24", "24.12.2026"]}, "dates[1]", "YYYY-MM-DD"),
        ({"dates": ["2027-02-29"]}, "dates[0]", "YYYY-MM-DD"),
        ({"dates": ["2027-2-9"]}, "dates[0]", "YYYY-MM-DD"),
    ],
)
def test_a_day_that_is_none_is_refused(exclusion: dict[str, Any], field: str, words: str) -> None:
    found = faults({**DAILY, "exclude": [exclusion]})
    assert list(found) == [f"[0].exclude[0].{field}"]
    assert words in found[f"[0].exclude[0].{field}"]


def test_the_last_pod_goes_by_load_only_where_a_metric_tells_when_to_come_back() -> None:
    query = {"type": "Prometheus", "prometheus": {"query": "x", "target": {"type": "AverageValue", "averageValue": 1}}}
    assert "replicas: 0 switches off" in fault("min", 0)
    assert not faults({**DAILY, "min": 0}, metrics=[query])
    assert not faults({"name": "off", "cron": "0 20 * * *", "until": "0 6 * * *", "replicas": 0})


@pytest.mark.parametrize("wrong", [None, 5, True, [], {}, [5], {"a": 1}, float("nan"), "\x00", "\ud800"])
@pytest.mark.parametrize("field", ["cron", "until", "from", "to", "timeZone", "exclude"])
def test_values_of_other_types_break_nothing(field: str, wrong: object) -> None:
    faults({**DAILY, field: wrong})
    faults({**DAILY, "exclude": [{"dates": wrong}, {"country": wrong}, {"calendar": wrong}, wrong]})


def test_a_time_that_the_clocks_skip_is_the_first_moment_after_the_gap() -> None:
    assert times.moment("2026-03-29T02:30", BERLIN) == times.moment("2026-03-29T01:00Z", BERLIN)
    assert times.moment("2026-10-04T02:15", ZoneInfo("Australia/Lord_Howe")) == times.moment("2026-10-03T15:30Z", BERLIN)
    assert times.is_skipped(wall(2026, 3, 8, 2, 0), NEW_YORK)
    assert not times.is_skipped(wall(2026, 3, 8, 3, 0), NEW_YORK)


def test_a_time_that_comes_twice_is_the_first_of_both() -> None:
    assert times.moment("2026-10-25T02:30", BERLIN) == times.moment("2026-10-25T00:30Z", BERLIN)
    assert times.second(wall(2026, 10, 25, 2, 30), BERLIN) == times.moment("2026-10-25T01:30Z", BERLIN)
    assert times.second(wall(2026, 10, 25, 3, 0), BERLIN) is None
