"""The moments of a cron line by the clocks of a time zone.

The line is matched against wall clocks only, and what a change of the clocks means is said here, as Debian's cron has it:

- a line with a time of day (`30 2 * * *`) comes about once a day: at the first moment after the gap where the clocks skip that
  time, and the first time where they show it twice;
- a line with a star for the minute or the hour (`*/15 * * * *`) means the passing of time: nothing at a time that is skipped,
  and again at one that is shown twice.
"""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from cronsim import CronSim

from autoscaler.api import times

_TURN_S = 3 * 3600  # the clocks are never put back by so much
_SECOND = timedelta(seconds=1)

Moment = tuple[float, datetime]  # when it is, and the wall clock of the line


def before(line: str, where: tzinfo, at_s: float) -> Iterator[Moment]:
    """Yield the moments up to and with `at_s`, the latest first."""
    put_back = max(timedelta(), _offset(at_s - _TURN_S, where) - _offset(at_s, where))  # clocks showed more a moment ago
    repeated, waiting = times.is_repeated(line), list[Moment]()
    for wall in CronSim(line, _wall(at_s, where) + put_back + _SECOND, reverse=True):
        *earlier, latest = _moments(wall, where, repeated=repeated) or (None,)
        if latest is None:
            continue
        while waiting and waiting[0] >= latest:
            yield waiting.pop(0)
        if latest[0] <= at_s:
            yield latest
        waiting += [one for one in earlier if one[0] <= at_s]
    yield from waiting


def after(line: str, where: tzinfo, at_s: float) -> Iterator[Moment]:
    """Yield the moments later than `at_s`, the earliest first."""
    put_back = max(timedelta(), _offset(at_s, where) - _offset(at_s + _TURN_S, where))  # clocks will show less in a moment
    repeated, waiting = times.is_repeated(line), list[Moment]()
    for wall in CronSim(line, _wall(at_s, where) - put_back):
        earliest, *later = _moments(wall, where, repeated=repeated) or (None,)
        if earliest is None:
            continue
        while waiting and waiting[0] <= earliest:
            yield waiting.pop(0)
        if earliest[0] > at_s:
            yield earliest
        waiting += [one for one in later if one[0] > at_s]
    yield from waiting


def _moments(wall: datetime, where: tzinfo, *, repeated: bool) -> tuple[Moment, ...]:
    """Return when a wall clock of the line is, in the order of time; all later wall clocks come after the first of them."""
    if not repeated:
        return ((times.first(wall, where), wall),)
    if times.is_skipped(wall, where):
        return ()
    again = times.second(wall, where)
    return ((times.first(wall, where), wall), *(() if again is None else ((again, wall),)))


def _wall(at_s: float, where: tzinfo) -> datetime:
    return datetime.fromtimestamp(math.floor(at_s), where).replace(tzinfo=None, fold=0)


def _offset(at_s: float, where: tzinfo) -> timedelta:
    return datetime.fromtimestamp(at_s, where).utcoffset() or timedelta()
