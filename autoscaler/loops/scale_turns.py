"""Pauses, fallbacks and bursts that begin and end: told once each, by the conditions of the status before and after a pass.

So they are told once also where the service restarts meanwhile: what was told is what the status says. Pure.
"""

from autoscaler.clients.ports import Json
from autoscaler.loops import status
from autoscaler.loops.report import Happening
from autoscaler.reasons import Reason
from autoscaler.scaling import burst, fallback, pause

_TYPES = (pause.CONDITION, fallback.CONDITION, burst.CONDITION)


def of_status(before: Json, after: Json) -> list[Happening]:
    """Return what began, or ended after it was there."""
    found = []
    for kind in _TYPES:
        old, new = status.find(before, kind), status.find(after, kind)
        began = new.get("status") == "True" and old.get("status") != "True"
        ended = new.get("status") == "False" and old.get("status") == "True"
        if began or ended:
            reason = Reason(new["reason"])
            found.append(Happening(reason, "Report", new["message"], warning=reason is Reason.FALLBACK))
    return found
