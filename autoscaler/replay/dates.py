"""What is known beforehand of the load of a replay: the clocks of its time zone, its holidays, when its schedules hold."""

import math

from autoscaler.api import times
from autoscaler.api.overrides import Schedule
from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.replay.foresight import Question
from autoscaler.replay.recorded import DAY_S, Unusable
from autoscaler.scaling.schedules import known
from autoscaler.scaling.schedules.known import Span

_BEFORE_S = 17 * DAY_S  # days like the first ones are looked for, and two changes of the clocks lie farther apart
_AFTER_S = 2 * DAY_S  # something may begin
_LONGEST_S = 400 * DAY_S  # of a window; and of a replay where nobody says when it ends


def dates_of(question: Question) -> Dates:
    """Return what the setting of a replay says, which must be valid; raises Unusable where a schedule holds too often."""
    setting = question.setting
    if setting.time_zone == "UTC" and setting.holidays is None and not setting.schedules:
        return NO_DATES
    end_s = question.end_s if math.isfinite(question.end_s) else question.start_s + _LONGEST_S
    span = Span(question.start_s - _BEFORE_S, end_s + _AFTER_S)
    where = times.zone(setting.time_zone)
    days = None if setting.holidays is None else known.day_spans(map(times.day, setting.holidays), where, span)
    schedules = [schedule_of(one, setting.time_zone) for one in setting.schedules]
    held: list[tuple[tuple[float, float], ...]] = []
    for one in schedules:
        windows = known.windows(one, frozenset(), span.from_s, span)
        if windows is None:
            raise Unusable(
                f"--schedule {one.name}: holds more than a thousand times in this replay; what comes every hour or more often "
                "past hours tell of anyway: leave it out, or replay fewer days (--history)"
            )
        held.append(windows)
    return Dates.of(times.clocks(where, *span), days, held)


def schedule_of(text: str, time_zone: str) -> Schedule:
    """Return a schedule of the clocks of a zone from a cron line and a length in seconds; raises ValueError."""
    *line, seconds = text.split() or [""]
    cron = " ".join(line)
    if not seconds.isdecimal() or not 0 < int(seconds) <= _LONGEST_S:
        raise ValueError("must be a cron line and, behind it, for how many seconds it holds, such as '0 9 1 * * 3600'")
    if (fault := times.cron_fault(cron)) is not None:
        raise ValueError(f"the cron line before the length {fault}")
    return Schedule(name=text, cron=cron, duration_seconds=int(seconds), time_zone=time_zone)
