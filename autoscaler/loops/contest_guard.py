"""Leave the replicas of a target alone while somebody else sets them back again and again, and say who that is.

The book is `contested`, which is pure; here stand what is read for it and the words. A count is only looked at right before a
write, read afresh: what a cache says may be older than our own last write, and would look like a revert.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from autoscaler.api import FIELD_MANAGER
from autoscaler.api.field_owners import REPLICAS, SOMEBODY, FieldOwner, owner_of, remedy
from autoscaler.clients.ports import Json
from autoscaler.errors import ForesailError
from autoscaler.loops.contested import WITHIN_S, ContestBook, Rest
from autoscaler.loops.context import Context
from autoscaler.loops.observe import Served
from autoscaler.loops.scale_status import Outcome, Result
from autoscaler.loops.status import timestamp
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.types import Condition, Decision

log = structlog.get_logger()


@dataclass(slots=True)
class ContestGuard:
    """Knows what we wrote to each target and how often it was undone."""

    context: Context
    _book: ContestBook = field(default_factory=ContestBook)
    _told: dict[ObjectKey, tuple[Rest, str]] = field(default_factory=dict)  # the words for a rest

    async def judge(self, served: Served, replicas: int) -> Outcome | None:
        """Return why nothing may be written to a target that was just read; None when it may be."""
        rest = self._book.saw(served.key, _order(served), replicas, self.context.clock.now_s())
        if rest is None:
            return None
        if served.key not in self._told or self._told[served.key][0] != rest:
            text = _words(served, rest, await self._owner(served))
            self._told[served.key] = (rest, text)
            log.warning("target_contested", namespace=served.key.namespace, name=served.key.name, why=text)
        return Outcome(Result.BLOCKED, Reason.TARGET_CONTESTED, self._told[served.key][1])

    def brake(self, served: Served, brake: Condition) -> Condition:
        """Return the condition Acting of an object: unchanged, or that its target is contested."""
        rest = self._book.rest(served.key, _order(served), self.context.clock.now_s())
        told = self._told.get(served.key)
        if rest is None or told is None or not brake.status:
            return brake
        return replace(brake, status=False, reason=Reason.TARGET_CONTESTED, message=told[1])

    def wrote(self, served: Served, decision: Decision) -> None:
        """Note that a decision was carried out."""
        now_s = self.context.clock.now_s()
        self._book.wrote(served.key, _order(served), (decision.current, decision.desired), now_s)

    def keep_only(self, keys: Iterable[ObjectKey]) -> None:
        """Forget objects that are gone."""
        kept = set(keys)
        self._book.keep_only(kept)
        self._told = {key: told for key, told in self._told.items() if key in kept}

    async def _owner(self, served: Served) -> FieldOwner | None:
        """Return who set the replicas last; None where that cannot be read."""
        target = served.target
        store = self.context.stores.workloads.get(target.kind)
        cached = store.get(target.namespace, target.name) if store else None
        if cached and cached.get("apiVersion") == target.api_version:
            found: Sequence[Json] = cached["metadata"].get("managedFields") or ()
            return owner_of(found, REPLICAS, ours=(FIELD_MANAGER,))
        try:
            read = await self.context.kube.managed_fields(target)
        except ForesailError as error:
            log.info("field_owner_not_read", namespace=target.namespace, kind=target.kind, name=target.name, error=str(error))
            return None
        return owner_of(read, REPLICAS, ours=(FIELD_MANAGER,)) if isinstance(read, Sequence) else None


def _order(served: Served) -> Hashable:
    """Return what makes a contest begin anew when it changes."""
    meta = served.autoscaler.metadata
    return meta.uid, meta.generation, served.target


def _words(served: Served, rest: Rest, owner: FieldOwner | None) -> str:
    target = served.target
    return (
        f"spec.replicas of {target.kind} {target.namespace}/{target.name} was set back to {rest.theirs} each time it was "
        f"scaled ({rest.reverts} times within {WITHIN_S / 60:g} minutes), last by {owner or SOMEBODY}; nothing is written "
        f"until {timestamp(rest.until_s)}, or until this object changes: {remedy(owner, FIELD_MANAGER, 'spec.replicas')}"
    )
