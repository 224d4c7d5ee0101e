"""What the HPA would tell of a pass over one object in Events: under its own reasons, a change in its own words. Pure.

Beside them stands what the HPA does not know: that somebody sets the count back again and again, that pods find no node.
"""

from autoscaler.loops.scale_status import Report, Result, placed_of
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Event


def of_report(report: Report) -> tuple[Event, ...]:
    """Return the Events of a pass, in their order."""
    brake = report.brake
    contested = (Event(brake.reason, brake.message),) if brake.reason is Reason.TARGET_CONTESTED else ()
    placed = placed_of(report)
    unplaced = (Event(placed.reason, placed.message),) if placed and not placed.status else ()
    return (*_of_target(report), *contested, *unplaced)


def _of_target(report: Report) -> tuple[Event, ...]:
    if report.seen.missing is not None:
        return (Event(Reason.FAILED_GET_SCALE, report.seen.missing.message),)
    decision = report.decision
    if decision is None:
        return ()
    size = f"New size: {decision.desired}; reason: {decision.cause}"
    match report.outcome.result:
        case Result.DONE:
            return (*decision.events, Event(Reason.SUCCESSFUL_RESCALE, size, warning=False))
        case Result.FAILED:
            return (*decision.events, Event(Reason.FAILED_RESCALE, f"{size}; error: {report.outcome.message}"))
        case _:
            return decision.events
