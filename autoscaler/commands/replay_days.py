"""What a replay is told of clocks, holidays and schedules, from options that may name countries and files."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from autoscaler.api import times
from autoscaler.api.holiday_codes import country_fault, subdivision_fault
from autoscaler.clients.calendars.folder import of_country, of_file
from autoscaler.commands.replay_options import Options
from autoscaler.model import Days
from autoscaler.replay.dates import schedule_of
from autoscaler.replay.recorded import Unusable
from autoscaler.replay.stage import Setting

_CODE = re.compile(r"(?P<country>[A-Za-z]{2,8})(-(?P<part>[A-Za-z0-9-]+))?")
_FILES = (".ics", ".txt")


def check(options: Options) -> None:
    """Raise Unusable for a zone, a country, a file or a schedule that there is not, before anything else is done."""
    if (fault := times.zone_fault(options.time_zone)) is not None:
        raise Unusable(f"--time-zone: {fault}")
    for text in options.holidays:
        _of(text, range(2024, 2025))
    for text in options.schedules:
        try:
            schedule_of(text, options.time_zone)
        except ValueError as error:
            raise Unusable(f"--schedule {text}: {error}") from error


def told(setting: Setting, options: Options, start_s: float, end_s: float) -> Setting:
    """Return a setting with what the options say of a stretch of time; raises Unusable for a file that cannot be read."""
    first, last = (datetime.fromtimestamp(one, UTC).year for one in (start_s, end_s))
    years = range(first - 1, last + 2)
    days = sorted(set().union(*(_of(text, years).days for text in options.holidays))) if options.holidays else None
    return replace(
        setting,
        time_zone=options.time_zone,
        holidays=None if days is None else tuple(day.isoformat() for day in days if day.year in years),
        schedules=options.schedules,
    )


def _of(text: str, years: Iterable[int]) -> Days:
    """Return the days that one --holidays names."""
    years, path = range(min(years), max(years) + 1), Path(text)
    if path.suffix.lower() in _FILES:
        found = of_file(path.stem, path, years)
        if found.fault:
            raise Unusable(f"--holidays {text}: {found.fault}")
        return found
    try:
        return Days(frozenset({times.day(text)}))
    except ValueError:
        return _of_country(text, years)


def _of_country(text: str, years: range) -> Days:
    found = _CODE.fullmatch(text)
    if found is None:
        raise Unusable(
            f"--holidays {text}: must be a country such as DE, a part of one such as DE-BY, a day, or FILE.ics or .txt"
        )
    country, part = found["country"], found["part"]
    fault = country_fault(country) or (subdivision_fault(country, part) if part else None)
    if fault:
        raise Unusable(f"--holidays {text}: {fault}")
    days = of_country(country, part, years)
    if days.fault:
        raise Unusable(f"--holidays {text}: {days.fault}")
    return days
