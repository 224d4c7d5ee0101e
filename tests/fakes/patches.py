"""Patches as the API server takes them: merge patches, and server-side apply of HPAs, whose fields have owners."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes import field_owners
from tests.fakes.cluster import FakeCluster

Json = dict[str, Any]
HPAS = "horizontalpodautoscalers"


@dataclass(frozen=True, slots=True)
class How:
    """What a request says beside its body."""

    content_type: str
    query: Mapping[str, str]


def patched(cluster: FakeCluster, where: tuple[str, str, str], body: Json, how: How) -> Json | tuple[int, str, str, Json]:
    """Patch an object; returns it, or code, reason, message and details of a refusal."""
    plural, _, name = where
    live, manager = cluster.get(*where), how.query.get("fieldManager", "unknown")
    if live is None:
        return 404, "NotFound", f'{plural} "{name}" not found', {}
    if any(body["metadata"].get(key, live["metadata"][key]) != live["metadata"][key] for key in ("uid", "resourceVersion")):
        return 409, "Conflict", f'Operation cannot be fulfilled on {plural} "{name}": the object has been modified', {}
    if how.content_type != "application/apply-patch+yaml":
        merged = field_owners.merge(live, body)
        if plural == HPAS:
            return cluster.put(plural, field_owners.update(live, merged, manager))
        return cluster.finalized(plural, merged, merged["metadata"].get("finalizers") or [])
    applied = field_owners.apply(live, body, manager, force=how.query.get("force") == "true")
    if isinstance(applied, list):
        causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{one}"', "field": "."} for one in applied]
        return 409, "Conflict", f"Apply failed with conflicts: {applied}", {"causes": causes}
    return cluster.put(plural, applied)
