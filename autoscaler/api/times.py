"""Times as users write them in schedules: zones, days, wall clocks and cron lines, read strictly.

A wall clock is turned into a moment by one rule everywhere: a time that the clocks skip is the first moment after the gap, and
one that comes twice is the first of both. A moment is in seconds since the epoch. zoneinfo reads the rules of a zone once.
"""

import difflib
import math
import re
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

CRON_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
FAR_S = 32_503_680_000.0  # the year 3000: what comes after that never comes, and nothing here has to reckon with it
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    rf"(?P<day>{_DAY.pattern})([T ](?P<time>[0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}})?)(?P<offset>Z|[+-][0-9]{{2}}:[0-9]{{2}})?)?"
)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_NO_ZONES = re.compile(r"(right|posix)/.*|localtime|posixrules|Factory|leapseconds")  # files beside the zones on some machines
_LONGEST_ZONE = 64  # characters, as in the definition of the resource
_BETWEEN_CHANGES_S = 6 * 3600.0  # no zone ever changed its clocks twice within so little
_LONGEST_CRON = 200  # likewise
_SOME_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock; from here a line must come about within 50 years


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name; raises ValueError when there is none of that name."""
    if not _ZONE.fullmatch(name) or _NO_ZONES.fullmatch(name):
        raise ValueError("is not the name of a time zone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # the last for a folder of zones, such as Europe
        raise ValueError("is not the name of a time zone") from error


@lru_cache(maxsize=4096)  # objects are read anew at every pass, and the nearest of six hundred names takes milliseconds
def zone_fault(name: str) -> str | None:
    """Say what a text must be that is not the name of a time zone; None when it is one."""
    try:
        zone(name)
    except ValueError:
        near = {one.lower(): one for one in _zones()}
        close = difflib.get_close_matches(name[:_LONGEST_ZONE].lower(), near, n=1)
        hint = f"; did you mean {near[close[0]]}?" if close else ""
        return f"must be the IANA name of a time zone such as Europe/Berlin, not {name[:_LONGEST_ZONE]!r}{hint}"
    return None


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


@lru_cache(maxsize=1024)
def clocks(where: ZoneInfo, from_s: float, to_s: float) -> tuple[tuple[float, float], ...]:
    """Return from when on clocks are ahead of UTC by how many seconds: at a moment, and at each change after it."""
    found, at_s = [(from_s, _ahead_s(from_s, where))], from_s
    while at_s < to_s:
        next_s = at_s + _BETWEEN_CHANGES_S
        if (ahead_s := _ahead_s(next_s, where)) != found[-1][1]:
            low, high = at_s, next_s
            while high - low > 1:
                middle = math.floor((low + high) / 2)
                low, high = (low, middle) if _ahead_s(middle, where) == ahead_s else (middle, high)
            found.append((math.ceil(high), ahead_s))
        at_s = next_s
    return tuple(found)


def _ahead_s(at_s: float, where: ZoneInfo) -> float:
    return (datetime.fromtimestamp(at_s, where).utcoffset() or timedelta()).total_seconds()


def midnight(day: date, where: tzinfo) -> float:
    """Return when a day begins."""
    return first(datetime.combine(day, time()), where)


def day(text: str) -> date:
    """Return a day written as YYYY-MM-DD; raises ValueError."""
    if not _DAY.fullmatch(text):
        raise ValueError("must be YYYY-MM-DD")
    return date.fromisoformat(text)


def moment(text: str, where: tzinfo) -> float:
    """Return the moment of YYYY-MM-DD[THH:MM[:SS]], by the clocks of a zone or with an offset of its own; raises ValueError.

    None is in the year 3000 or later: a cron line that begins near the last year that there is cannot be walked along.
    """
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError("must be YYYY-MM-DDTHH:MM, with an offset such as +02:00 or Z where the time zone is not meant")
    try:
        read = datetime.fromisoformat(text)
        at_s = read.timestamp() if read.tzinfo else first(read, where)
    except OverflowError as error:
        raise ValueError("is beyond the times that can be reckoned with") from error
    if at_s >= FAR_S:
        raise ValueError("must be before the year 3000 (a schedule without `to` never ends)")
    return at_s


def first(wall: datetime, where: tzinfo) -> float:
    """Return when a wall clock first shows a time; for one that is skipped, the first moment after the gap."""
    early, late = wall.replace(tzinfo=where, fold=0), wall.replace(tzinfo=where, fold=1)
    before, after = early.utcoffset(), late.utcoffset()
    if before is None or after is None or before >= after:
        return early.timestamp()
    low, high = round(late.timestamp()), round(early.timestamp())  # the clocks change in between
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, where).utcoffset() == before:
            low = middle
        else:
            high = middle
    return float(high)


def is_skipped(wall: datetime, where: tzinfo) -> bool:
    """Say whether the clocks of a zone never show a time."""
    early, late = wall.replace(tzinfo=where, fold=0), wall.replace(tzinfo=where, fold=1)
    return early.timestamp() > late.timestamp()


def second(wall: datetime, where: tzinfo) -> float | None:
    """Return when a wall clock shows a time again; None when it shows it once at most."""
    early, late = wall.replace(tzinfo=where, fold=0), wall.replace(tzinfo=where, fold=1)
    return late.timestamp() if early.timestamp() < late.timestamp() else None


@lru_cache(maxsize=4096)
def cron_fault(line: str) -> str | None:
    """Say what is wrong with a cron line; None when nothing is."""
    if len(line) > _LONGEST_CRON:
        return f"must have at most {_LONGEST_CRON} characters"
    fields = line.split()
    if len(fields) != len(CRON_FIELDS):
        return f"must have five fields ({', '.join(CRON_FIELDS)}), not {len(fields)}"
    try:
        if next(CronSim(line, _SOME_DAY), None) is None:
            return "never comes about: there is no such day"
    except CronSimError as error:
        name = str(error).removeprefix("Bad ").replace("-of-", " of the ")
        return f"has a {name} that cannot be read" + (", or that no month has" if "month" in name else "")
    return None


def is_repeated(line: str) -> bool:
    """Say whether a cron line means the passing of time (`*/10 * * * *`) and no time of day, by the rule of Debian's cron."""
    minute, hour, *_ = line.split()
    return minute.startswith("*") or hour.startswith("*")
