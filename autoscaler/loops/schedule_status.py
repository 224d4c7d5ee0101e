"""What the status and the series of an object say of its schedules. Pure."""

from collections.abc import Mapping

from autoscaler.api.types import PredictiveAutoscalerSpec
from autoscaler.clients.ports import Json
from autoscaler.loops import status
from autoscaler.scaling.schedules.steps import CALENDARS
from autoscaler.scaling.schedules.types import Timetable
from autoscaler.scaling.types import Decision


def of_timetable(known: Timetable) -> Json:
    """Return the part of the status: names in force and the next change. It changes only when one of them does."""
    row: Json = {"active": [one.schedule.name for one in known.active]}
    if known.change is not None:
        change = known.change
        row["next"] = {
            "name": change.name,
            "at": status.timestamp(change.at_s),
            "change": "Begins" if change.begins else "Ends",
        }
    return row


def active(known: Timetable | None) -> Mapping[str, bool]:
    """Return for each schedule whether it is in force."""
    if known is None:
        return {}
    names = {one.schedule.name for one in known.active}
    return {schedule.name: schedule.name in names for schedule in known.schedules}


def without_outdated(conditions: object, spec: PredictiveAutoscalerSpec, decision: Decision | None) -> object:
    """Return the conditions of a status without that of calendars, where none is named any more."""
    named = any(one.country or one.calendar for schedule in spec.schedules for one in schedule.exclude)
    told = decision is None or any(one.type == CALENDARS for one in decision.conditions)
    if not isinstance(conditions, list) or named or told:
        return conditions
    return [one for one in conditions if not (isinstance(one, dict) and one.get("type") == CALENDARS)]
