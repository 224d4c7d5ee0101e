"""What is known beforehand of a stretch of time: when clocks change, which days are holidays, when schedules hold.

All of it as times from and to before, in seconds since the epoch, as forecasts take it.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from autoscaler.api import times
from autoscaler.api.overrides import Schedule
from autoscaler.scaling.schedules.windows import Plan, plan, situation

_MOST_WINDOWS = 1000  # of one schedule: some hundred microseconds each
_RECENT_S = 2 * 86_400.0  # how far back windows are looked up that come more often than that
_DAY = timedelta(days=1)


class Span(NamedTuple):
    """A stretch of time."""

    from_s: float
    to_s: float


def day_spans(days: Iterable[date], where: ZoneInfo, span: Span) -> list[tuple[float, float]]:
    """Return from when to when days are, by the clocks of a zone, of those that lie at least partly in a stretch of time."""
    first, last = (datetime.fromtimestamp(at_s, where).date() for at_s in span)
    return [(times.midnight(day, where), times.midnight(day + _DAY, where)) for day in sorted(days) if first <= day <= last]


def windows(schedule: Schedule, excluded: frozenset[date], now_s: float, span: Span) -> tuple[tuple[float, float], ...] | None:
    """Return from when to when a valid schedule holds, of the windows that begin in a stretch of time around now.

    Of one that comes every hour or so only the newest windows are looked up, of one that comes more often none, and None is
    returned: what came in past hours tells of it anyway. What always holds never begins, and has none either.
    """
    return _some(plan(schedule), excluded, now_s, span)


@lru_cache(maxsize=512)  # many schedules are alike but for their names and bounds; one of every hour takes 50 KB and 0.1 s
def _some(known: Plan, excluded: frozenset[date], now_s: float, span: Span) -> tuple[tuple[float, float], ...] | None:
    for from_s in (span.from_s, max(span.from_s, now_s - _RECENT_S)):
        found = _windows(known, excluded, Span(from_s, span.to_s))
        if found is not None:
            return tuple(found)
    return None


def _windows(known: Plan, excluded: frozenset[date], span: Span) -> list[tuple[float, float]] | None:
    """Return the windows that begin in a stretch of time; None where there are too many."""
    found: list[tuple[float, float]] = []
    at_s, has_begun = span.from_s, True  # what holds at the first moment began nobody knows when
    while at_s < span.to_s:
        now = situation(known, excluded, at_s)
        if now.holds and found and found[-1][1] == at_s:
            found[-1] = (found[-1][0], now.until_s)
        elif now.holds and not has_begun:
            found.append((at_s, now.until_s))
        if len(found) > _MOST_WINDOWS:
            return None
        has_begun &= now.holds
        at_s = now.until_s
    return found
