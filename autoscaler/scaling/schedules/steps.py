"""How a decision tells of schedules, and how a target comes back that a schedule has brought to zero."""

from dataclasses import replace

from autoscaler.reasons import Reason
from autoscaler.scaling import zero
from autoscaler.scaling.draft import Draft
from autoscaler.scaling.reactive import Step
from autoscaler.scaling.schedules.bounds import Bounds
from autoscaler.scaling.schedules.timetable import days_of
from autoscaler.scaling.schedules.types import Timetable
from autoscaler.scaling.types import Condition, Event, Limit, Policy, Source, State

CALENDARS = "CalendarsReadable"


def scheduled(draft: Draft, hpa: Step, otherwise: Step, bounds: Bounds) -> Draft:
    """Return the draft of the HPA's step with what schedules changed about it; `otherwise` is the step without them."""
    if otherwise is not hpa:
        draft = replace(draft, limits=otherwise.limits)
    if bounds.least is not None:
        draft = draft.weighed(Source.SCHEDULE, bounds.least)
    if otherwise.replicas == hpa.replicas:
        if hpa.raw is None and otherwise is not hpa:  # it speaks of bounds that nobody finds in the object
            return replace(draft, reason=otherwise.reason, message=otherwise.message, cause=otherwise.cause)
        return draft
    why = _why(hpa.replicas, otherwise.replicas, bounds)
    limit = Limit("schedules", otherwise.replicas, hpa.replicas, Reason.SCHEDULE_IN_FORCE, why)
    return replace(draft, replicas=otherwise.replicas, message=otherwise.message).limited(limit)


def at_zero(draft: Draft, bounds: Bounds, policy: Policy, state: State) -> Draft:
    """Return the draft of a target without pods: kept so by a schedule, or brought back once none does that any more.

    Where a person set it to zero autoscaling is off, as ever, also for schedules.
    """
    if draft.current != 0 or state.scaled_to_zero is not True or state.paused_to_zero:
        return draft
    if bounds.high == 0:
        kept = tuple(one for one in draft.conditions if one.type != "ScalingActive")  # it is not off: it will come back
        message = f"stay at 0: {bounds.high_by} asks for 0"
        return replace(draft, reason=Reason.SCHEDULE_IN_FORCE, message=message, conditions=kept)
    if draft.replicas < bounds.low and (policy.schedules or state.scheduled_to_zero):
        why = f"no schedule keeps it at 0 any more, and {bounds.low_by or 'minReplicas'} asks for at least {bounds.low}"
        return draft.moved(bounds.low, Reason.SCHEDULE_IN_FORCE, why, "schedules")
    return draft


def brought_back_by_others(state: State, current: int, bounds: Bounds, policy: Policy) -> State:
    """Return the state without the memory of who took the last pod, where there are pods again that nobody asked us for."""
    if current == 0 or bounds.high == 0 or state.paused_to_zero or policy.scale_to_zero or not state.scaled_to_zero:
        return state
    return replace(state, scaled_to_zero=None, scheduled_to_zero=False)


def after_change(before: int, after: int, policy: Policy, state: State, *, paused: bool) -> Condition | None:
    """Return the condition ScaledToZero after a change of the count; None where going to zero is not allowed."""
    if before > 0 and after == 0 and policy.max_replicas == 0 and not paused:
        return zero.BY_SCHEDULE
    told = zero.after_change(before, after, policy, paused=paused)
    return zero.NOT_AT_ZERO if told is None and before != after and state.scaled_to_zero is True else told


def calendars_condition(policy: Policy, known: Timetable | None) -> Condition | None:
    """Return whether every calendar that schedules and forecasts name can be read; None where they name none."""
    named = [*(one for schedule in policy.schedules for one in schedule.exclude), *policy.holidays]
    if not any(one.country or one.calendar for one in named):
        return None
    schedules, forecasts = known.faults if known else (), days_of(policy.holidays, policy.calendars)[1]
    texts = [f"{'; '.join(schedules)}; until then its schedules hold on all days, but lower no bound"] if schedules else []
    texts += [f"{'; '.join(forecasts)}; until then its forecasts go on without these holidays"] if forecasts else []
    if not texts:
        whose = "the forecast" if not policy.schedules else "the schedules" if not policy.holidays else "schedules and forecast"
        text = f"every calendar that {whose} name{'s' if whose == 'the forecast' else ''} was read"
        return Condition(CALENDARS, status=True, reason=Reason.CALENDARS_READ, message=text)
    return Condition(CALENDARS, status=False, reason=Reason.CALENDAR_UNREADABLE, message="; ".join(texts))


def calendars_event(condition: Condition | None) -> tuple[Event, ...]:
    """Return the Event of calendars that cannot be read."""
    if condition is None or condition.status:
        return ()
    return (Event(condition.reason, condition.message),)


def _why(after: int, otherwise: int, bounds: Bounds) -> str:
    if bounds.low == bounds.high and bounds.low_by == bounds.high_by:
        return f"{bounds.low_by} asks for {bounds.low}"
    if after > otherwise:
        return f"{bounds.low_by} asks for at least {after}" if after == bounds.low else f"{bounds.high_by} allows {bounds.high}"
    if after == bounds.high:
        return f"{bounds.high_by} allows no more than {after}"
    return f"{bounds.low_by} asks for {bounds.low} only"
