"""Calendars as the loops ask for them: by name from files of one folder, by country from the library of holidays.

Files are read again when they have changed. The library is loaded when the first country is asked for, because it costs some
MiB, and its days are kept by year. What cannot be read is a fault beside no days; nothing is raised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import structlog

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.clients.calendars import ics, text
from autoscaler.clients.calendars.unreadable import Unreadable
from autoscaler.model import Days

log = structlog.get_logger()
_YEARS_BACK, _YEARS_AHEAD = 2, 5
_LOOK_AGAIN_S = 5.0
_MOST_BYTES = 4 * 1024 * 1024  # four times what a ConfigMap holds

_Version = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Read:
    version: _Version | None
    years: range
    days: Days
    looked_s: float


@dataclass(slots=True)
class CalendarFolder:
    """Days by exclusion; an empty folder means that there are no files."""

    folder: str = ""
    _files: dict[str, _Read] = field(default_factory=dict)
    _countries: dict[tuple[str, str | None, range], Days] = field(default_factory=dict)

    def of(self, schedules: Iterable[Schedule], now_s: float) -> Mapping[Exclusion, Days]:
        """Return the days of all exclusions by country or calendar, for the years around now; the same ones while unchanged."""
        return self.days((one for schedule in schedules for one in schedule.exclude), now_s)

    def days(self, named: Iterable[Exclusion], now_s: float) -> Mapping[Exclusion, Days]:
        """Return the same of days that are named by country or calendar."""
        year = datetime.fromtimestamp(now_s, UTC).year
        years = range(year - _YEARS_BACK, year + _YEARS_AHEAD + 1)
        found = {}
        for exclusion in named:
            if exclusion.calendar is not None:
                found[exclusion] = self._file(exclusion.calendar, years, now_s)
            elif exclusion.country is not None:
                found[exclusion] = self._country(exclusion.country, exclusion.subdivision, years)
        return found

    def _country(self, country: str, subdivision: str | None, years: range) -> Days:
        key = (country, subdivision, years)
        if key not in self._countries:
            self._countries[key] = of_country(country, subdivision, years)
        return self._countries[key]

    def _file(self, name: str, years: range, now_s: float) -> Days:
        known = self._files.get(name)
        if known and known.years == years and 0 <= now_s - known.looked_s < _LOOK_AGAIN_S:
            return known.days
        try:
            path, version = _found(self.folder, name)
        except OSError as error:
            path, version, days = None, None, _fault(name, f"{error.strerror or error}; check the mount of {self.folder}")
        except _Missing as error:
            path, version, days = None, None, _fault(name, str(error))
        if known and version and (known.version, known.years) == (version, years):
            self._files[name] = _Read(version, years, known.days, now_s)
            return known.days
        if path is not None:
            days = of_file(name, path, years)
        if known and known.days == days:
            days = known.days
        elif days.fault:
            log.warning("calendar_unreadable", calendar=name, error=days.fault)
        else:
            log.info("calendar_read", calendar=name, file=str(path), days=len(days.days))
        self._files[name] = _Read(version, years, days, now_s)
        return days


class _Missing(Exception):
    """There is no file for a calendar, or there are two."""


def _found(folder: str, name: str) -> tuple[Path, _Version]:
    if not folder:
        raise _Missing("the service has no folder of calendars; set scaling.calendar_folder, or `calendars` of the chart")
    paths = [Path(folder) / f"{name}{ending}" for ending in (".ics", ".txt")]
    there = [path for path in paths if path.is_file()]
    if len(there) != 1:
        what = "none of them is there; add one of them" if not there else "both are there; take one of them away"
        raise _Missing(f"of {paths[0]} and {paths[1].name} {what}")
    seen = there[0].stat()
    return there[0], (str(there[0]), seen.st_mtime_ns, seen.st_size, seen.st_ino, seen.st_dev)


def of_file(name: str, path: Path, years: range) -> Days:
    """Return the days of a file, of one that repeats days those of some years, or the fault that keeps it from being read."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            return _fault(name, f"{path} has more than {_MOST_BYTES} bytes; keep only the days that are needed")
        content = raw.decode("utf-8-sig")
        return Days(ics.read(content, years) if path.suffix.lower() == ".ics" else text.read(content))
    except Unreadable as error:
        return _fault(name, f"{path}, {error}")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return _fault(name, f"{path}, line {line}: is not UTF-8; save the file as UTF-8")
    except OSError as error:
        return _fault(name, f"{path}: {error.strerror or error}; the service must be allowed to read it")


def of_country(country: str, subdivision: str | None, years: range) -> Days:
    """Return the public holidays of a country or of a part of it, or the fault that keeps them from being known."""
    import holidays  # noqa: PLC0415 - see above

    try:
        found: Iterable[date] = holidays.country_holidays(country, subdiv=subdivision, years=years)
        return Days(frozenset(found))
    except NotImplementedError as error:  # the object was checked by another version of the library
        named = country if subdivision is None else f"{country}-{subdivision}"
        return Days(frozenset(), f"the public holidays of {named} are not known: {error}; correct the code where it is named")


def _fault(name: str, message: str) -> Days:
    return Days(frozenset(), f"calendar {name} could not be read: {message}")
