"""What is known of a stretch of time: windows with their true beginnings, days as the clocks have them, changes of clocks."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from autoscaler.api import times
from autoscaler.api.overrides import Schedule
from autoscaler.scaling.schedules.known import Span, day_spans, windows
from autoscaler.scaling.schedules.windows import plan, situation

BERLIN = ZoneInfo("Europe/Berlin")
DAY_S = 86_400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW_S = at("2026-10-20T00:00")
SPAN = Span(at("2026-10-05T00:00"), at("2026-10-28T00:00"))


def a_schedule(**fields: Any) -> Schedule:  # noqa: ANN401 - JSON
    return msgspec.convert({"name": "one", "min": 1, **fields}, Schedule)


def found(excluded: frozenset[date] = frozenset(), **fields: Any) -> list[tuple[float, float]]:  # noqa: ANN401 - JSON
    spans = windows(a_schedule(**fields), excluded, NOW_S, SPAN)
    assert spans is not None
    return list(spans)


@pytest.mark.parametrize(
    "fields",
    [
        {"cron": "0 9 * * MON-FRI", "durationSeconds": 3600, "timeZone": "Europe/Berlin"},
        {"cron": "30 22 */3 * *", "until": "0 4 * * *", "timeZone": "Europe/Berlin", "earlySeconds": 600, "lateSeconds": 60},
        {"cron": "0 8 * * *", "durationSeconds": 3600, "from": "2026-10-10T00:00", "to": "2026-10-15T08:30"},
        {"from": "2026-10-10T12:00", "to": "2026-10-12T12:00"},
        {"cron": "*/50 * * * *", "durationSeconds": 600},
    ],
)
def test_a_window_begins_when_the_schedule_begins_to_hold_and_ends_when_it_no_longer_does(fields: dict[str, Any]) -> None:
    excluded = frozenset({date(2026, 10, 8), date(2026, 10, 11)})
    known, spans = plan(a_schedule(**fields)), found(excluded, **fields)
    assert spans
    for (begin_s, end_s), (next_s, _) in zip(spans, [*spans[1:], (SPAN.to_s + DAY_S, 0.0)], strict=True):
        assert [situation(known, excluded, one).holds for one in (begin_s - 1, begin_s, end_s - 1)] == [False, True, True]
        later = [situation(known, excluded, one).holds for one in (end_s, (end_s + next_s) / 2) if one < next_s <= SPAN.to_s]
        assert not any(later)


def test_what_holds_at_the_very_first_moment_is_left_out_as_its_beginning_is_not_known() -> None:
    [(begin_s, end_s)] = found(cron="0 20 4,20 * *", durationSeconds=36_000)
    assert (begin_s, end_s) == (at("2026-10-20T20:00"), at("2026-10-21T06:00"))


def test_what_always_holds_or_never_has_no_windows() -> None:
    for begins in ("2026-01-01", "2027-01-01"):
        fields: dict[str, Any] = {"from": begins}
        assert found(**fields) == []
    assert found(cron="* * * * *", durationSeconds=60) == []


def test_of_what_comes_often_only_the_newest_windows_are_looked_up_and_of_what_comes_all_the_time_none() -> None:
    often = found(cron="*/20 * * * *", durationSeconds=60)
    assert often[0][0] >= NOW_S - 2 * DAY_S
    assert often[-1][0] > NOW_S
    too_often = a_schedule(cron="*/3 * * * *", durationSeconds=60)
    assert windows(too_often, frozenset(), NOW_S, SPAN) is None


def test_days_begin_and_end_by_the_clocks() -> None:
    days = [date(2026, 10, 25), date(2026, 10, 5), date(1, 1, 1), date.max, date(2027, 1, 1)]
    spans = day_spans(days, BERLIN, SPAN)
    assert spans == [(at("2026-10-04T22:00"), at("2026-10-05T22:00")), (at("2026-10-24T22:00"), at("2026-10-25T23:00"))]


def test_clocks_are_told_at_the_beginning_and_at_each_change() -> None:
    began_s = at("2026-01-01T00:00")
    assert times.clocks(BERLIN, began_s, at("2027-01-01T00:00")) == (
        (began_s, 3600.0),
        (at("2026-03-29T01:00"), 7200.0),
        (at("2026-10-25T01:00"), 3600.0),
    )
    assert times.clocks(ZoneInfo("Asia/Kolkata"), began_s, at("2027-01-01T00:00")) == ((began_s, 19_800.0),)


@pytest.mark.parametrize(("name", "near"), [("Europe/Berlni", "Europe/Berlin"), ("utc", "UTC"), ("Asia/Tokio", "Asia/Tokyo")])
def test_a_zone_that_there_is_not_is_told_with_the_one_that_is_near(name: str, near: str) -> None:
    fault = times.zone_fault(name)
    assert fault is not None
    assert fault.endswith(f"did you mean {near}?")


def test_a_zone_that_there_is_has_no_fault_and_an_absurd_one_is_cut() -> None:
    assert times.zone_fault("Europe/Berlin") is None
    assert len(times.zone_fault("x" * 10_000) or "") < 200
