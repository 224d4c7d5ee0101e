"""From when to when one schedule holds.

A window of a cron line begins at a moment of that line and ends after `durationSeconds`, or at the next moment of `until`;
windows that touch or overlap are one. It belongs to the local day on which the line begins it: if that day is excluded the
whole window does not hold, also beyond midnight, and one that began the day before is not cut off. A schedule by dates alone
has no such day, so each excluded day is cut out of it. `from` and `to` cut off everything; `earlySeconds` and `lateSeconds`
move all of these.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from autoscaler.api import times
from autoscaler.api.overrides import Schedule
from autoscaler.scaling.schedules import cron
from autoscaler.scaling.schedules.cron import Moment

_MOST_STEPS = 1500  # more moments than minutes in a day: the end of what begins every minute from morning to evening is found
_MOST_DAYS = 4000  # that are excluded one after another
_YEARS = range(1970, 9000)  # of days that can be reckoned with


@dataclass(frozen=True, slots=True)
class Situation:
    """Whether a schedule holds now; true until before `until_s`, when it changes (`changes`) or has to be looked at again."""

    holds: bool
    until_s: float
    changes: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule with its texts read; `from_s` and `to_s` are with what it begins earlier and ends later."""

    where: ZoneInfo
    begins: str | None
    ends: str | None
    lasts_s: int
    early_s: int
    late_s: int
    from_s: float
    to_s: float


@lru_cache(maxsize=8192)
def plan(schedule: Schedule) -> Plan:
    """Read the texts of a schedule that is valid; raises ValueError for one that is not."""
    where = times.zone(schedule.time_zone)
    return Plan(
        where=where,
        begins=schedule.cron,
        ends=schedule.until,
        lasts_s=schedule.duration_seconds or 0,
        early_s=schedule.early_seconds,
        late_s=schedule.late_seconds,
        from_s=-math.inf if schedule.from_ is None else times.moment(schedule.from_, where) - schedule.early_seconds,
        to_s=math.inf if schedule.to is None else times.moment(schedule.to, where) + schedule.late_seconds,
    )


def situation(known: Plan, excluded: frozenset[date], now_s: float) -> Situation:
    """Say whether a schedule holds, without its excluded days, and until when that is so."""
    if now_s >= known.to_s:
        return Situation(holds=False, until_s=math.inf, changes=False)
    if now_s < known.from_s:
        first = situation(known, excluded, known.from_s)
        return Situation(holds=False, until_s=known.from_s, changes=True) if first.holds else first
    found = _of_dates(known, excluded, now_s) if known.begins is None else _of_cron(known, known.begins, excluded, now_s)
    if known.to_s > found.until_s:
        return found
    return Situation(found.holds, known.to_s, changes=found.holds and known.to_s < math.inf)


def _of_cron(known: Plan, line: str, excluded: frozenset[date], now_s: float) -> Situation:
    coming = _without(excluded, known.where, lambda at_s: cron.after(line, known.where, at_s), now_s + known.early_s)
    end_s = _end_of_last(known, line, excluded, now_s)
    if end_s is None:
        for begin_s, _ in coming:
            return Situation(holds=False, until_s=begin_s - known.early_s, changes=True)
        return Situation(holds=False, until_s=math.inf, changes=False)
    for step, (begin_s, _) in enumerate(coming):
        if begin_s - known.early_s > end_s:
            break
        if step >= _MOST_STEPS:
            return Situation(holds=True, until_s=end_s, changes=False)
        if known.ends is None or begin_s + known.late_s >= end_s:  # else it ends with the one before
            end_s = max(end_s, _end(known, begin_s))
    return Situation(holds=True, until_s=end_s, changes=end_s < math.inf)


def _end_of_last(known: Plan, line: str, excluded: frozenset[date], now_s: float) -> float | None:
    """Return the end of the last window that has begun; None when it is over. All that began before it end no later."""
    begun = cron.before(line, known.where, now_s + known.early_s)
    for _ in range(_MOST_DAYS):
        last = next(begun, None)
        if last is None or (end_s := _end(known, last[0])) <= now_s:
            return None
        if last[1].date() not in excluded:
            return end_s
        begun = cron.before(line, known.where, times.midnight(last[1].date(), known.where) - 1)
    return None


def _end(known: Plan, begin_s: float) -> float:
    if known.ends is None:
        return begin_s + known.lasts_s + known.late_s
    for end_s, _ in cron.after(known.ends, known.where, begin_s):
        return end_s + known.late_s
    return math.inf


def _without(
    excluded: frozenset[date], where: ZoneInfo, later: Callable[[float], Iterator[Moment]], at_s: float
) -> Iterator[Moment]:
    """Yield moments that are on no excluded day; such a day is skipped as a whole."""
    moments = later(at_s)
    skipped = 0
    while (moment := next(moments, None)) is not None:
        if moment[1].date() not in excluded:
            yield moment
        elif (skipped := skipped + 1) > _MOST_DAYS:
            return
        else:
            moments = later(times.midnight(moment[1].date() + timedelta(days=1), where) - 1)


def _of_dates(known: Plan, excluded: frozenset[date], now_s: float) -> Situation:
    edges = _edges(known, excluded)
    index = bisect_right(edges, now_s)
    until_s = edges[index] if index < len(edges) else math.inf
    return Situation(holds=index % 2 == 0, until_s=until_s, changes=until_s < math.inf)


@lru_cache(maxsize=1024)
def _edges(known: Plan, excluded: frozenset[date]) -> tuple[float, ...]:
    """Return by turns when runs of excluded days begin and end, as they are left by what is between them, which is widened."""
    from_s, to_s = known.from_s + known.early_s, known.to_s - known.late_s
    runs: list[list[float]] = []
    for day in sorted(one for one in excluded if one.year in _YEARS):
        begin_s, end_s = times.midnight(day, known.where), times.midnight(day + timedelta(days=1), known.where)
        if runs and runs[-1][1] == begin_s:
            runs[-1][1] = end_s
        else:
            runs.append([begin_s, end_s])
    edges: list[float] = []
    for begin_s, end_s in runs:
        left_s = -math.inf if begin_s <= from_s else begin_s + known.late_s
        back_s = math.inf if end_s >= to_s else end_s - known.early_s
        if left_s < back_s:
            edges += [left_s, back_s]
    return tuple(edges)
