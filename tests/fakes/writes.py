"""How the pretended API server creates, patches and deletes: preconditions, finalizers, generations and managed fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from tests.fakes.answers import another, answer, status
from tests.fakes.cluster import FakeCluster, Json
from tests.fakes.fields import applied, merged, replaced, updated


@dataclass(frozen=True, slots=True)
class Patch:
    """How a patch was sent."""

    query: Mapping[str, str]
    content_type: str
    subresource: str


def create(cluster: FakeCluster, plural: str, body: Json, query: Mapping[str, str]) -> web.Response:
    """Store a new object, unless it is only tried."""
    born = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    meta = {key: value for key, value in body["metadata"].items() if key not in {"uid", "resourceVersion"}}
    body["metadata"] = {**meta, "generation": 1, "creationTimestamp": born}
    if manager := query.get("fieldManager"):
        body["metadata"]["managedFields"] = updated({}, body, manager)
    return answer(201, body if "dryRun" in query else cluster.put(plural, body))


def delete(cluster: FakeCluster, plural: str, obj: Json, options: Json) -> web.Response:
    """Remove an object, or mark it where somebody's finalizer holds it."""
    meta = obj["metadata"]
    if refusal := another(plural, meta, options.get("preconditions", {})):
        return refusal
    if meta.get("finalizers"):
        meta.setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")
        return answer(200, cluster.put(plural, obj))
    cluster.delete(plural, meta.get("namespace", ""), meta["name"])
    return status(200, "", "", outcome="Success")


def patch(cluster: FakeCluster, plural: str, old: Json, body: Json, how: Patch) -> web.Response:
    """Lay a merge patch over an object or its status, or apply it, and keep account of whose the fields are."""
    if refusal := another(plural, old["metadata"], body.get("metadata", {})):
        return refusal
    if how.subresource == "status":
        return answer(200, cluster.put(plural, {**old, "status": merged(old.get("status"), body.get("status"))}))
    new = _patched(old, body, how)
    if isinstance(new, list):
        causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{one}"', "field": "."} for one in new]
        return status(409, "Conflict", f"Apply failed with conflicts: {new}", {"causes": causes})
    if new == old:
        return answer(200, old)
    if new.get("spec") != old.get("spec"):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    stored = cluster.put(plural, new)
    meta = stored["metadata"]
    if "deletionTimestamp" in meta and not meta.get("finalizers"):
        cluster.delete(plural, meta.get("namespace", ""), meta["name"])
    return answer(200, stored)


def _patched(old: Json, body: Json, how: Patch) -> Json | list[str]:
    manager = how.query.get("fieldManager", "unknown")
    if how.content_type.startswith("application/apply-patch"):
        return applied(old, body, manager, force=how.query.get("force") == "true")
    new = merged(old, {key: value for key, value in body.items() if key != "status"})  # a subresource of its own
    return replaced(old, dict(new), manager)
