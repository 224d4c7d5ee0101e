"""Changes of the count that the policies of `behavior` still look back to, in the object's status.

The HPA keeps them in memory, so that after a restart it may add or remove as many pods as a policy allows at once more. Here a
restart, or another leader, reads them again. They are written together with the scale and never alone: a status that has old
ones costs nothing, a write in each pass would. Without `behavior` there are no policies, and nothing is kept. Pure.
"""

from collections.abc import Sequence
from datetime import datetime

from autoscaler.api.types import Behavior
from autoscaler.clients.ports import Json
from autoscaler.loops.status import timestamp
from autoscaler.scaling.policy import scale_down_rules, scale_up_rules
from autoscaler.scaling.types import ScaleEvent

FIELD = "scaleEvents"


def after_change(before: Json, change: int, behavior: Behavior | None, now_s: float) -> list[Json]:
    """Return what the status keeps after a change by so many pods, negative where they were removed; the newest is last."""
    if behavior is None:
        return []
    kept = [{"at": timestamp(at_s), "change": old} for at_s, old in _young(before, behavior, now_s)]
    return [*kept, {"at": timestamp(now_s), "change": change}]


def read(status: Json, behavior: Behavior | None, now_s: float) -> tuple[tuple[ScaleEvent, ...], tuple[ScaleEvent, ...]]:
    """Return the changes up and down that a status tells of and that still count; what cannot be read does not."""
    found = [] if behavior is None else _young(status, behavior, now_s)
    ups = tuple(ScaleEvent(at_s, change) for at_s, change in found if change > 0)
    return ups, tuple(ScaleEvent(at_s, -change) for at_s, change in found if change < 0)


def _young(status: Json, behavior: Behavior, now_s: float) -> list[tuple[float, int]]:
    rules = (scale_up_rules(behavior), scale_down_rules(behavior, 0))
    longest_s = max(policy.period_seconds for one in rules for policy in one.policies)
    listed = status.get(FIELD)
    rows: Sequence[object] = listed if isinstance(listed, list) else ()
    found = (_parsed(row) for row in rows)
    return [one for one in found if one is not None and now_s - longest_s < one[0] <= now_s]


def _parsed(row: object) -> tuple[float, int] | None:
    at, change = (row.get("at"), row.get("change")) if isinstance(row, dict) else (None, None)
    if not isinstance(at, str) or not isinstance(change, int):
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment.timestamp(), change)
