"""What is known of the schedules of an object at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.model import Days

Calendars = Mapping[Exclusion, Days]  # of each exclusion that names a country or a calendar


@dataclass(frozen=True, slots=True)
class Active:
    """A schedule in force; `doubt` says why nobody knows whether this is one of its excluded days (empty: it is none)."""

    schedule: Schedule
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The next time that a schedule begins to hold or no longer holds."""

    name: str
    at_s: float
    begins: bool


@dataclass(frozen=True, slots=True)
class Timetable:
    """Which schedules hold; true from `from_s` until before `until_s`, for these schedules and calendars."""

    schedules: tuple[Schedule, ...]
    calendars: Calendars
    from_s: float
    until_s: float
    active: tuple[Active, ...]
    change: Change | None  # None: none is in sight
    faults: tuple[str, ...]  # of calendars that could not be read, one for each


@dataclass(frozen=True, slots=True)
class Padding:
    """What padding goes by: the count that it last came on top of, and what it asked for lately."""

    base: int | None = None
    recent: tuple[tuple[float, int], ...] = ()  # time and count


NO_PADDING = Padding()
