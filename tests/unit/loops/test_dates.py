"""What objects, settings and calendars say of time zone, holidays and schedules reaches the features of each series."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from autoscaler.api import forecast_days
from autoscaler.clients.calendars.folder import CalendarFolder
from autoscaler.errors import InvalidSettings
from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.loops.dates import DatesBook
from autoscaler.loops.forecast_book import Series, series_of
from autoscaler.loops.observe import Served, parse
from autoscaler.model import History
from autoscaler.settings import ForecastSettings, HolidaySettings, ScalingSettings, Settings
from tests.unit.loops.scenes import NOW_S, Scene
from tests.unit.loops.test_forecast_loop import FORECAST, SETTINGS, SHOP, STEP_S, learns

# NOW_S is 2027-01-15T08:00:00Z, a Friday: nine o'clock in Berlin.
HOUR_S, DAY_S = 3600.0, 86_400.0
EPIPHANY_S = datetime(2027, 1, 5, 23, tzinfo=UTC).timestamp()  # midnight in Berlin; a holiday in Bavaria, not in Berlin
OFFICE = {"name": "office", "cron": "0 10 * * MON-FRI", "durationSeconds": 7200, "timeZone": "Europe/Berlin", "min": 6}


def a_scene(settings: ForecastSettings | None = None, **spec: Any) -> Scene:  # noqa: ANN401 - JSON
    scene = Scene(settings=Settings(forecast=settings or ForecastSettings()))
    scene.deploy(replicas=2)
    fields: dict[str, Any] = {"maxReplicas": 20, "forecast": {}} | spec
    scene.autoscale(**fields)
    return scene


async def dates_of(scene: Scene) -> Dates:
    await scene.forecasting.once()
    [member] = scene.forecasting.keeper.fleet.members.values()
    return member.dates


async def test_an_object_that_says_nothing_has_no_dates() -> None:
    assert await dates_of(a_scene()) is NO_DATES


async def test_an_object_says_its_time_zone_and_holidays() -> None:
    own = {"timeZone": "Europe/Berlin", "holidays": [{"country": "DE", "subdivision": "BY"}, {"dates": ["2027-01-20"]}]}
    dates = await dates_of(a_scene(forecast=own))
    assert dates.clocks[-1, 1] == HOUR_S
    assert dates.holidays is not None
    assert [EPIPHANY_S, EPIPHANY_S + DAY_S] in dates.holidays.tolist()
    assert dates.holidays[-1, 0] < NOW_S, "what lies five days ahead is looked up in time"


async def test_the_settings_say_it_for_objects_that_do_not() -> None:
    settings = ForecastSettings(time_zone="America/New_York", holidays=(HolidaySettings(dates=("2027-01-14",)),))
    dates = await dates_of(a_scene(settings))
    assert dates.clocks[-1, 1] == -5 * HOUR_S
    begins_s = datetime(2027, 1, 14, 5, tzinfo=UTC).timestamp()
    assert dates.holidays is not None
    assert dates.holidays.tolist() == [[begins_s, begins_s + DAY_S]]
    assert (await dates_of(a_scene(settings, forecast={"holidays": []}))).holidays is None


async def test_schedules_are_known_beforehand_without_their_excluded_days() -> None:
    dates = await dates_of(a_scene(schedules=[{**OFFICE, "exclude": [{"country": "DE", "subdivision": "BY"}]}]))
    begins = dates.occurrences[:, 0].tolist()
    assert datetime(2027, 1, 15, 9, tzinfo=UTC).timestamp() in begins
    assert datetime(2027, 1, 5, 9, tzinfo=UTC).timestamp() in begins
    assert datetime(2027, 1, 6, 9, tzinfo=UTC).timestamp() not in begins
    _, until_s, *back_s = dates.occurrences[begins.index(at_s := datetime(2027, 1, 7, 9, tzinfo=UTC).timestamp())].tolist()
    assert until_s == at_s + 2 * HOUR_S
    assert back_s[:3] == [2 * DAY_S, 3 * DAY_S, 7 * DAY_S], "New Year was a Friday"


async def test_an_object_that_is_edited_counts_from_the_next_pass_on_and_one_that_is_not_is_not_looked_up_again() -> None:
    scene = a_scene(schedules=[OFFICE])
    before = await dates_of(scene)
    scene.clock.advance(60)
    assert await dates_of(scene) is before
    scene.autoscale(maxReplicas=20, forecast={}, schedules=[{**OFFICE, "cron": "0 11 * * *"}])
    scene.clock.advance(60)
    assert (await dates_of(scene)).occurrences[-1, 0] % DAY_S == 10 * HOUR_S
    scene.clock.advance(DAY_S)
    assert (await dates_of(scene)).occurrences[-1, 0] > NOW_S + 3 * DAY_S


async def test_a_calendar_that_cannot_be_read_costs_no_forecast_and_is_told(tmp_path: Path) -> None:
    scene = Scene(settings=Settings(scaling=ScalingSettings(calendar_folder=str(tmp_path))))
    scene.deploy(replicas=2)
    scene.autoscale(maxReplicas=20, forecast={"holidays": [{"calendar": "company"}, {"dates": ["2027-01-14"]}]})
    dates = await dates_of(scene)
    assert dates.holidays is not None
    assert len(dates.holidays) == 1
    scene.use_cpu(0.08)
    await scene.scaling.once()
    assert scene.condition("CalendarsReadable") == ("False", "CalendarUnreadable")
    assert [event.note for event in scene.kube.events if "its forecasts go on without these holidays" in event.note]
    (tmp_path / "company.txt").write_text("2027-01-13\n")
    scene.clock.advance(60)
    mended = (await dates_of(scene)).holidays
    assert mended is not None
    assert mended.tolist() == [[dates.holidays[0, 0] - DAY_S, dates.holidays[0, 1]]], "two days that touch are one run"
    scene.use_cpu(0.08)
    await scene.scaling.once()
    assert scene.condition("CalendarsReadable") == ("True", "CalendarsRead")
    scene.autoscale(maxReplicas=20, forecast={})
    scene.clock.advance(60)
    scene.use_cpu(0.08)
    await scene.scaling.once()
    assert scene.condition("CalendarsReadable") == ("", "")


async def test_what_takes_long_to_look_up_is_spread_over_passes() -> None:
    scene = a_scene(schedules=[OFFICE])
    scene.autoscale("second", target="shop", maxReplicas=20, forecast={}, schedules=[{**OFFICE, "cron": "0 12 * * *"}])
    book, now = DatesBook(ForecastSettings(), CalendarFolder()), iter(range(0, 99, 2))
    told = book.told(owners_of(scene), NOW_S)
    for_the_first = book.of(told, NOW_S, lambda: float(next(now)) * 0.4)
    assert sorted(one.occurrences.size > 0 for one in for_the_first.values()) == [False, True]
    assert all(one.occurrences.size for one in book.of(told, NOW_S, lambda: float(next(now)) * 0.4).values())


async def test_until_schedules_are_looked_up_a_series_goes_by_its_clocks_and_then_by_what_it_said_before() -> None:
    berlin, no_time = {"timeZone": "Europe/Berlin"}, iter(range(0, 99, 2))
    scene = a_scene(forecast=berlin, schedules=[OFFICE])
    book = DatesBook(ForecastSettings(), CalendarFolder())
    [first] = book.of(book.told(owners_of(scene), NOW_S), NOW_S, lambda: float(next(no_time))).values()
    assert first.clocks[-1, 1] == HOUR_S
    assert not first.occurrences.size
    [whole] = book.of(book.told(owners_of(scene), NOW_S), NOW_S, lambda: 0.0).values()
    assert whole.occurrences.size
    scene.autoscale(maxReplicas=20, forecast=berlin, schedules=[{**OFFICE, "cron": "0 11 * * *"}])
    [edited] = book.of(book.told(owners_of(scene), NOW_S), NOW_S, lambda: float(next(no_time))).values()
    assert edited is whole


def owners_of(scene: Scene) -> Mapping[Series, Served]:
    found: dict[Series, Served] = {}
    for served in parse(scene.stores.autoscalers.items(), scene.stores.hpas)[0]:
        found |= dict.fromkeys(series_of(served), served)
    return found


async def test_windows_that_no_day_or_hour_tells_of_are_fed_to_the_model() -> None:
    begins = [hour * 3600 + 420 * (hour % 3) for hour in (0, 1, 3, 4, 6, 7, 8)]
    scene = Scene(settings=SETTINGS)
    scene.deploy(replicas=2)
    windows = [{"name": f"run-{begin}", "from": at(begin), "to": at(begin + 600), "min": 1} for begin in begins]
    scene.autoscale(forecast=FORECAST, maxReplicas=20, schedules=windows)
    values = np.random.default_rng(0).normal(0.1, 0.001, 9 * 120 + 1)
    for begin in begins:
        values[begin // STEP_S : begin // STEP_S + 20] = 0.6
    scene.metrics.histories["cpu"][SHOP] = History(NOW_S - 9 * HOUR_S, float(STEP_S), values)
    await learns(scene)
    [group] = scene.forecasting.keeper.fleet.groups.values()
    assert group.model is not None
    assert group.model.used[-12:-8].all()


def at(seconds: float) -> str:
    return datetime.fromtimestamp(NOW_S - 9 * HOUR_S + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"time_zone": "Europe/Berlni"}, "forecast.time_zone: must be the IANA name .* did you mean Europe/Berlin"),
        ({"holidays": [{}]}, r"forecast.holidays\[0\]: must have exactly one of country, calendar and dates"),
        ({"holidays": [{"country": "de"}]}, r"forecast.holidays\[0\].country: must be in capital letters: DE"),
        (
            {"holidays": [{"country": "DE", "subdivision": "BA"}]},
            r"holidays\[0\].subdivision: must be the code of a part",
        ),
        ({"holidays": [{"dates": ["tomorrow"]}]}, r"forecast.holidays\[0\].dates\[0\]: must be a day as YYYY-MM-DD"),
    ],
)
def test_settings_that_name_what_there_is_not_stop_the_start(given: object, words: str) -> None:
    with pytest.raises(InvalidSettings, match=words):
        forecast_days.check(msgspec.convert(given, ForecastSettings))


def test_settings_as_they_should_be_are_taken() -> None:
    holidays = (HolidaySettings(country="DE", subdivision="BY"), HolidaySettings(dates=(str(date(2026, 12, 24)),)))
    forecast_days.check(ForecastSettings(time_zone="Europe/Berlin", holidays=holidays))
    assert [one.country for one in forecast_days.days_of(holidays)] == ["DE", None]
