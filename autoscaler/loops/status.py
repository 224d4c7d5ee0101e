"""The status of our resources: conditions as Kubernetes keeps them, and writes by compare-and-swap only when something differs.

A cache lags behind our own writes, so what was written is remembered until the watch has brought it back; otherwise the next
pass would decide by a status that is already history, or write it twice.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from autoscaler.clients.ports import Conflict, Json, Kube, NotFound
from autoscaler.model import ObjectKey
from autoscaler.scaling.types import Condition

_MESSAGE_CHARACTERS = 32_768  # of a condition; the API server refuses the whole status for one that is longer


def timestamp(at_s: float) -> str:
    """Return a moment as RFC 3339 in UTC, whole seconds, as Kubernetes writes it."""
    return datetime.fromtimestamp(math.floor(at_s), UTC).isoformat().replace("+00:00", "Z")


def key_of(obj: Json) -> ObjectKey:
    """Return namespace and name of an API object."""
    return ObjectKey(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def reference(obj: Json) -> Json:
    """Return the ObjectReference of an API object, for Events."""
    meta = obj["metadata"]
    found = {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "namespace": meta.get("namespace")}
    found |= {"name": meta["name"], "uid": meta.get("uid")}
    return {name: value for name, value in found.items() if value}


def merge(before: object, now: Iterable[Condition], now_s: float, generation: int) -> list[Json]:
    """Return the conditions of a status after those of this pass; other types stay as they were.

    `lastTransitionTime` moves only when the status of the condition changes, as the Kubernetes API conventions ask for.
    One that is there twice went through both. What somebody has put there that is no condition is left out.
    """
    rows: Sequence[object] = before if isinstance(before, list) else ()
    old = {one["type"]: one for one in rows if isinstance(one, dict) and isinstance(one.get("type"), str)}
    merged = dict(old)
    for condition in now:
        status = "True" if condition.status else "False"
        known = merged.get(condition.type, {})
        changed = known.get("status") != status or not known.get("lastTransitionTime")
        merged[condition.type] = {
            "type": condition.type,
            "status": status,
            "reason": condition.reason.value,
            "message": condition.message[:_MESSAGE_CHARACTERS],
            "lastTransitionTime": timestamp(now_s) if changed else known["lastTransitionTime"],
            "observedGeneration": generation,
        }
    return list(merged.values())


def find(status: Json, kind: str) -> Json:
    """Return one condition of a status; empty when there is none."""
    conditions = status.get("conditions")
    found: Sequence[Json] = conditions if isinstance(conditions, list) else ()
    return next((one for one in found if isinstance(one, dict) and one.get("type") == kind), {})


@dataclass(frozen=True, slots=True)
class _Written:
    """Our newest write of one object, and the versions that it made history."""

    status: Json
    version: str
    superseded: frozenset[str]


@dataclass(slots=True)
class StatusBook:
    """Reads and writes the status of all objects of one kind."""

    kube: Kube
    plural: str
    _written: dict[ObjectKey, _Written] = field(default_factory=dict)

    def current(self, obj: Json) -> Json:
        """Return the status as it is by our own newest write, where the cache has not seen that one yet."""
        return self._current(obj)[0]

    async def write(self, obj: Json, status: Json) -> Conflict | NotFound | None:
        """Replace the status of an object if it differs; None when it is written or was the same.

        Raises Temporary or Permanent when the API server cannot be asked or refuses.
        """
        before, version, superseded = self._current(obj)
        if before == status:
            return None
        key = key_of(obj)
        result = await self.kube.update_status(self.plural, key.namespace, key.name, status=status, resource_version=version)
        if not isinstance(result, str):
            self._written.pop(key, None)
            return result
        self._written[key] = _Written(status, result, superseded | {version} - {result})
        return None

    def version(self, obj: Json) -> str:
        """Return the newest resourceVersion that is known of an object: our own write's, where the cache lags."""
        return self._current(obj)[1]

    def note(self, obj: Json, status: Json, version: str) -> None:
        """Remember that something else of the object was written, which made a version that the cache has not seen yet."""
        _, before, superseded = self._current(obj)
        self._written[key_of(obj)] = _Written(status, version, superseded | {before} - {version})

    def keep_only(self, keys: Iterable[ObjectKey]) -> None:
        """Forget objects that are gone."""
        for key in self._written.keys() - set(keys):
            del self._written[key]

    def _current(self, obj: Json) -> tuple[Json, str, frozenset[str]]:
        version = obj["metadata"].get("resourceVersion", "")
        written = self._written.get(key_of(obj))
        if written and version == written.version:
            return written.status, version, frozenset()  # a cache does not go back: what came before is of no use any more
        if written and version in written.superseded:
            return written.status, written.version, written.superseded
        status = obj.get("status")
        return status if isinstance(status, dict) else {}, version, frozenset()
