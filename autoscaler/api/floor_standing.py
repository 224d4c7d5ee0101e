"""How it stands with the floor of an HPA, read from the HPA itself: whose minReplicas it is, and what its owner wants. Pure.

The service and the command that gives floors back without it go by the same answer (`standing_of`).

Everything that is needed to give minReplicas back is in annotations that are written in the same apply as the floor, so it
outlives us. What we wrote is there too: a live value that is another one has been written by somebody since, whatever
managedFields say (they can be lost).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.api.base import INT32_MAX
from autoscaler.api.field_owners import MIN_REPLICAS, FieldOwner, owner_of
from autoscaler.api.marks import FLOOR, FLOOR_MANAGER, FLOOR_OF, OWNER_MIN
from autoscaler.model import ObjectKey

Json = Mapping[str, Any]

NAMES = (FLOOR_OF, OWNER_MIN, FLOOR)
_DEFAULT = 1  # minReplicas of an HPA that has none
_COUNT = re.compile("[0-9]{1,10}")  # what is longer is no int32, and beyond some thousand digits Python raises ValueError


@dataclass(frozen=True, slots=True)
class Standing:
    """The floor of one HPA."""

    live: int  # minReplicas as it is
    owner: int | None  # what its owner wants; None: he does not say, which is 1
    raised_for: ObjectKey | None = None  # whose floor `live` is; None: it is its owner's own
    reverted: bool = False  # there was a floor, and somebody has written minReplicas since
    marked: bool = False  # there is something of ours on the HPA
    writer: FieldOwner | None = None  # who beside us wrote minReplicas last

    @property
    def owner_min(self) -> int:
        """What the owner's wish comes to."""
        return _DEFAULT if self.owner is None else self.owner


def standing_of(hpa: Json) -> Standing:
    """Return how it stands with the floor of an HPA."""
    meta, live = hpa["metadata"], _live(hpa)
    notes: Mapping[str, str] = meta.get("annotations") or {}
    entries = meta.get("managedFields") or ()
    writer = owner_of(entries, MIN_REPLICAS, ours=(FLOOR_MANAGER,))
    marked = any(name in notes for name in NAMES) or any(entry.get("manager") == FLOOR_MANAGER for entry in entries)
    raised_for, floor = _key(notes.get(FLOOR_OF, "")), count_of(notes.get(FLOOR, ""))
    owner = notes.get(OWNER_MIN)
    known = owner == "" or count_of(owner or "") is not None
    if raised_for is None or floor is None or not known:
        return Standing(live, _own(live, writer), marked=marked, writer=writer)
    if floor != live:
        return Standing(live, _own(live, writer), reverted=True, marked=True, writer=writer)
    if writer is not None and writer.operation == "Apply":  # he applied this very value since: a wish like any other
        return Standing(live, live, reverted=True, marked=True, writer=writer)
    return Standing(live, count_of(owner or ""), raised_for, marked=True, writer=writer)


def notes_of(key: ObjectKey, owner: int | None, floor: int | None) -> Mapping[str, str]:
    """Return the annotations of a floor."""
    return {
        FLOOR_OF: f"{key.namespace}/{key.name}",
        OWNER_MIN: _text(owner),
        FLOOR: _text(_DEFAULT if floor is None else floor),
    }


def count_of(text: str) -> int | None:
    """Return the replicas that an annotation of ours has, which anybody may have written; None where they are none."""
    count = int(text) if _COUNT.fullmatch(text) else INT32_MAX + 1
    return count if count <= INT32_MAX else None


def claimant(hpa: Json) -> ObjectKey | None:
    """Return the object that an HPA's annotation names, whether or not its floor is still up."""
    return _key((hpa["metadata"].get("annotations") or {}).get(FLOOR_OF, ""))


def _live(hpa: Json) -> int:
    found = (hpa.get("spec") or {}).get("minReplicas")
    return _DEFAULT if found is None else int(found)


def _own(live: int, writer: FieldOwner | None) -> int | None:
    """Return the owner's wish by a live value that is not ours: the API server fills in 1 where nobody says anything."""
    return None if live == _DEFAULT and writer is None else live


def _key(text: str) -> ObjectKey | None:
    namespace, slash, name = text.partition("/")
    return ObjectKey(namespace, name) if slash and namespace and name else None


def _text(count: int | None) -> str:
    return "" if count is None else str(count)
