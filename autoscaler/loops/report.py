"""Tell of what was decided and done: Events, notices, log lines and the board, from one place so that they agree.

Telling never fails a pass: an Event that cannot be written is logged and forgotten, as Events are best effort by design.
"""

from dataclasses import dataclass

import structlog

from autoscaler.board import Row
from autoscaler.clients.notes import NOTE_BYTES, cut
from autoscaler.clients.ports import EventNote, Json, Notice
from autoscaler.errors import ForesailError
from autoscaler.loops.context import Context
from autoscaler.loops.status import reference, timestamp
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that an Event tells of."""

    reason: Reason
    action: str  # machine-readable verb of the Event
    note: str
    warning: bool = False


async def event(context: Context, regarding: Json, happening: Happening, related: Json | None = None) -> None:
    """Write an Event about an API object."""
    note = EventNote(
        regarding=reference(regarding),
        reason=happening.reason.value,
        action=happening.action,
        note=cut(happening.note, NOTE_BYTES),
        warning=happening.warning,
        related=reference(related) if related else None,
    )
    try:
        await context.kube.create_event(note)
    except ForesailError as error:
        meta = regarding["metadata"]
        log.warning(
            "event_not_written",
            namespace=meta.get("namespace"),
            name=meta["name"],
            reason=happening.reason.value,
            error=str(error),
        )


def notice(context: Context, kind: str, data: Json) -> None:
    """Queue a message for every receiver of notifications."""
    context.notifier.send(Notice(kind, context.clock.now_s(), data))


def act(context: Context, kind: str, key: ObjectKey, row: Row) -> None:
    """Show an act, or one that was refused or failed, on the status page."""
    at_s = context.clock.now_s()
    context.board.acts.append({"at": timestamp(at_s), "act": kind, "namespace": key.namespace, "name": key.name, **row})
