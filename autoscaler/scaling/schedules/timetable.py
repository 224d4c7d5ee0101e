"""Which schedules of an object hold at a moment, and when that changes next.

Finding it takes some hundred microseconds a schedule, so what was found is kept until it changes.
"""

import math
from collections.abc import Sequence
from datetime import date

from autoscaler.api import times
from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.model import Days
from autoscaler.scaling.schedules.types import Active, Calendars, Change, Timetable
from autoscaler.scaling.schedules.windows import plan, situation

_UNKNOWN = Days(frozenset(), "its days have not been read")


def kept(known: Timetable | None, schedules: tuple[Schedule, ...], calendars: Calendars, now_s: float) -> Timetable:
    """Return what is known already where it still holds, else find it anew; the answer is the same."""
    if (
        known is not None
        and known.from_s <= now_s < known.until_s
        and known.schedules == schedules
        and known.calendars == calendars
    ):
        return known
    return timetable(schedules, calendars, now_s)


def timetable(schedules: tuple[Schedule, ...], calendars: Calendars, now_s: float) -> Timetable:
    """Return which schedules hold and until when that is so. They must be valid, as `parse` leaves them."""
    active: list[Active] = []
    faults: dict[str, None] = {}
    changes: list[Change] = []
    until_s = math.inf
    for schedule in schedules:
        excluded, doubts = days_of(schedule.exclude, calendars)
        faults |= dict.fromkeys(doubts)
        found = situation(plan(schedule), excluded, now_s)
        until_s = min(until_s, found.until_s)
        if found.holds:
            active.append(Active(schedule, "; ".join(doubts)))
        if found.changes and found.until_s < times.FAR_S:
            changes.append(Change(schedule.name, found.until_s, begins=not found.holds))
    first = min(changes, key=lambda one: one.at_s, default=None)
    return Timetable(schedules, calendars, now_s, until_s, tuple(active), first, tuple(faults))


def days_of(several: Sequence[Exclusion], calendars: Calendars) -> tuple[frozenset[date], tuple[str, ...]]:
    """Return all days that exclusions mean, as far as they are known, and why these may not be all."""
    days = [_days(one, calendars) for one in several]
    if len(days) == 1:
        return days[0].days, tuple(filter(None, [days[0].fault]))
    return frozenset().union(*(one.days for one in days)), tuple(one.fault for one in days if one.fault)


def _days(exclusion: Exclusion, calendars: Calendars) -> Days:
    if exclusion.dates:
        return Days(frozenset(map(times.day, exclusion.dates)))
    return calendars.get(exclusion, _UNKNOWN)
