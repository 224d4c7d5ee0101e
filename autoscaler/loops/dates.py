"""What is known beforehand of each series: the clocks of its object's time zone, its holidays, and when its schedules hold.

It is looked up once a day for all objects that say the same, and at once where one says something new. Where a calendar cannot
be read the forecast goes on without it; the scaling loop tells of that.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from autoscaler.api import times
from autoscaler.api.forecast_days import days_of
from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.api.types import PredictiveAutoscalerSpec
from autoscaler.clients.ports import Calendars
from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.loops.forecast_book import Series
from autoscaler.loops.observe import Served
from autoscaler.scaling.schedules import known, timetable
from autoscaler.scaling.schedules.known import Span
from autoscaler.settings import ForecastSettings

_DAY_S = 86_400.0
_BEFORE_S = 17 * _DAY_S  # before what is kept, for days like its first ones; two changes of the clocks lie farther
_AFTER_S = 3 * _DAY_S  # it counts for a day, and half a day ahead is told when something begins within a day
_BUDGET_S = 1.0  # of a pass: the first one after a start may have thousands to look up
_UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Told:
    """What an object says of its calendar, with the days that are meant."""

    zone: str
    holidays: frozenset[date] | None
    schedules: tuple[tuple[Schedule, frozenset[date]], ...] = ()


@dataclass(slots=True)
class DatesBook:
    """What was looked up, until it is told otherwise or a day has passed."""

    settings: ForecastSettings
    calendars: Calendars
    _known: dict[Told, tuple[float, Dates]] = field(default_factory=dict)
    _last: dict[Series, Dates] = field(default_factory=dict)  # what a series went by until it said something new

    def told(self, owners: Mapping[Series, Served], now_s: float) -> dict[Series, Told]:
        """Return what the objects of some series say; many say the same, and unions of days are not made for each of them."""
        made: dict[tuple[object, ...], Told] = {}
        found = {}
        for series, served in owners.items():
            spec = served.autoscaler.spec
            key = (spec.forecast.time_zone, spec.forecast.holidays, spec.schedules)
            if key not in made:
                made[key] = self._told(spec, now_s)
            found[series] = made[key]
        return found

    def of(self, told: Mapping[Series, Told], now_s: float, monotonic_s: Callable[[], float]) -> dict[Series, Dates]:
        """Return what is known beforehand of some series.

        It may take a second, and is not asked for where others wait. What cannot be looked up in that time is, where it is of
        yesterday, good enough for today; else a series goes by what it said before, or by its clocks and holidays alone.
        """
        until_s, day = monotonic_s() + _BUDGET_S, math.floor(now_s / _DAY_S)
        plain = {one: replace(one, schedules=()) for one in dict.fromkeys(told.values())}
        several = dict.fromkeys([*plain.values(), *plain])  # those without schedules take no time
        self._known = {one: self._known[one] for one in several if one in self._known}
        for one in sorted(several, key=lambda one: self._known.get(one, (-math.inf, NO_DATES))[0]):
            is_old = self._known.get(one, (-math.inf, NO_DATES))[0] < day
            if is_old and (not one.schedules or monotonic_s() < until_s):
                self._known[one] = (day, self._looked_up(one, now_s))
        self._last = {series: self._best(series, one, plain[one]) for series, one in told.items()}
        return self._last

    def _best(self, series: Series, told: Told, plain: Told) -> Dates:
        if (found := self._known.get(told)) is not None:
            return found[1]
        if (last := self._last.get(series)) is not None:
            return last
        return self._known[plain][1] if plain in self._known else NO_DATES

    def _told(self, spec: PredictiveAutoscalerSpec, now_s: float) -> Told:
        holidays, schedules = holidays_of(spec, self.settings), spec.schedules
        zone = spec.forecast.time_zone or self.settings.time_zone
        if holidays is None and not schedules:
            return Told(zone, None)
        days = self.calendars.days([*(holidays or ()), *(day for one in schedules for day in one.exclude)], now_s)
        return Told(
            zone,
            None if holidays is None else timetable.days_of(holidays, days)[0],
            tuple((one, timetable.days_of(one.exclude, days)[0]) for one in schedules),
        )

    def _looked_up(self, told: Told, now_s: float) -> Dates:
        if told == Told(_UTC, None):
            return NO_DATES
        today_s = math.floor(now_s / _DAY_S) * _DAY_S
        kept = Span(today_s - (self.settings.history_days + 1) * _DAY_S, today_s + _AFTER_S)
        span = Span(kept.from_s - _BEFORE_S, kept.to_s)
        where = times.zone(told.zone)
        return Dates.of(
            () if told.zone == _UTC else times.clocks(where, *span),
            None if told.holidays is None else known.day_spans(told.holidays, where, span),
            [known.windows(one, excluded, today_s, kept) or () for one, excluded in told.schedules],
        )


def holidays_of(spec: PredictiveAutoscalerSpec, settings: ForecastSettings) -> tuple[Exclusion, ...] | None:
    """Return the holidays that the forecasts of an object go by; None where nobody has named any."""
    if spec.forecast.holidays is not None:
        return spec.forecast.holidays or None
    return days_of(settings.holidays) if settings.holidays else None
