"""Whether the times and days of a schedule mean something: cron lines, zones, dates, codes of countries, names of calendars.

The API server cannot look these up, so nobody but this finds a zone that does not exist.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from autoscaler.api import times
from autoscaler.api.holiday_codes import country_fault, subdivision_fault
from autoscaler.api.structure import shown
from autoscaler.errors import FieldError

Json = object
Object = Mapping[str, Json]

CALENDAR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # a file of this name, with an ending, is looked for
_KNOWN_AT_ZERO = ("Object", "External", "Prometheus")


def time_faults(schedule: Object, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with the times of one schedule."""
    for name in ("cron", "until"):
        if (line := _text(schedule, name)) is not None and (fault := times.cron_fault(line)) is not None:
            yield FieldError(f"{path}.{name}", f"{fault}: {shown(line)}")
    zone = _text(schedule, "timeZone") or "UTC"
    if (fault := times.zone_fault(zone)) is not None:
        yield FieldError(f"{path}.timeZone", fault)
        return
    where = times.zone(zone)
    moments = {}
    for name in ("from", "to"):
        if (text := _text(schedule, name)) is None:
            continue
        try:
            moments[name] = times.moment(text, where)
        except ValueError as error:
            yield FieldError(f"{path}.{name}", f"{_worded(error)}, not {shown(text)}")
    if len(moments) == len(("from", "to")) and moments["from"] >= moments["to"]:
        yield FieldError(f"{path}.to", f"must be later than from, which is {shown(schedule['from'])}")


def exclusion_faults(exclusion: Object, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with one exclusion: what it is given by, and the days."""
    ways = [name for name in ("country", "calendar", "dates") if exclusion.get(name) not in (None, [], ())]
    if len(ways) != 1:
        yield FieldError(path, "must have exactly one of country, calendar and dates")
    if exclusion.get("subdivision") is not None and "country" not in ways:
        yield FieldError(f"{path}.subdivision", "must not be set without country")
    yield from _day_faults(exclusion, path)


def _day_faults(exclusion: Object, path: str) -> Iterator[FieldError]:
    country, subdivision, calendar = (_text(exclusion, name) for name in ("country", "subdivision", "calendar"))
    if country is not None and (fault := country_fault(country)):
        yield FieldError(f"{path}.country", f"{fault}, not {shown(country)}")
    elif country is not None and subdivision is not None and (fault := subdivision_fault(country, subdivision)):
        yield FieldError(f"{path}.subdivision", f"{fault}, not {shown(subdivision)}")
    if calendar is not None and not CALENDAR.fullmatch(calendar):
        message = f"must be the name of a calendar (letters, digits, - _ . and at most 63 of them), not {shown(calendar)}"
        yield FieldError(f"{path}.calendar", message)
    dates = exclusion.get("dates")
    for index, text in enumerate(dates if isinstance(dates, Sequence) and not isinstance(dates, str) else ()):
        try:
            times.day(text if isinstance(text, str) else "")
        except ValueError:
            yield FieldError(f"{path}.dates[{index}]", f"must be a day as YYYY-MM-DD, such as 2026-12-24, not {shown(text)}")


def zero_faults(schedule: Object, spec: Object, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with a schedule that lets the last pod go by load: no metric may tell when to come back."""
    metrics = spec.get("metrics")
    kinds = [one.get("type") for one in metrics if isinstance(one, Mapping)] if isinstance(metrics, list | tuple) else []
    low = schedule.get("min")
    if low != 0 or isinstance(low, bool) or spec.get("mode") == "HPAFloor" or any(kind in _KNOWN_AT_ZERO for kind in kinds):
        return
    message = f"must be 1 or more without a metric of type {', '.join(_KNOWN_AT_ZERO)}; replicas: 0 switches off meanwhile"
    yield FieldError(f"{path}.min", message)


def _text(fields: Object, name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) and value else None


def _worded(error: ValueError) -> str:
    """Return our own words as they are; those of Python say less of what is allowed."""
    said = str(error)
    return said if said.startswith(("must", "is beyond")) else f"must be a day and a time that there are ({said})"
