"""What mode HPAFloor writes to a user's HorizontalPodAutoscaler: server-side apply, and the way back without a trace.

Every write carries uid and resourceVersion of what was seen, so it is refused when anybody wrote in between. The apply owns
minReplicas and the annotations, nothing else, so that whoever owns the rest of the HPA goes on as before. Sources: Kubernetes'
page on server-side apply; `managedFields` may be written directly (apimachinery, `managedfields/internal`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.api.marks import FLOOR_MANAGER
from autoscaler.clients.kube.connection import APPLY_PATCH, MERGE_PATCH, Call, Connection
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import Json
from autoscaler.clients.ports import Conflict, FieldConflict, NotFound

_NOT_FOUND = 404
_CONFLICT = 409
_EXPECTED = frozenset({_NOT_FOUND, _CONFLICT})


@dataclass(frozen=True, slots=True)
class Floors:
    """The calls; `ports.Kube` says what each is for."""

    connection: Connection

    async def get(self, namespace: str, name: str) -> Json | NotFound:
        """Read an HPA."""
        answer = await self.connection.send(Call("get", HPAS, namespace, name), expect=frozenset({_NOT_FOUND}))
        return _whole(answer.body) if answer.ok else NotFound.NOT_FOUND

    async def apply(
        self, seen: Json, min_replicas: int | None, annotations: Mapping[str, str], *, force: bool
    ) -> Json | NotFound | Conflict | FieldConflict:
        """Apply minReplicas and annotations; without `force` a field of somebody else with another value is a conflict."""
        body = _addressed(seen, {"annotations": dict(annotations)})
        if min_replicas is not None:
            body["spec"] = {"minReplicas": min_replicas}
        query = {"fieldManager": FLOOR_MANAGER, "force": "true" if force else "false"}
        answer = await self.connection.send(self._patch(seen, body, APPLY_PATCH, query), expect=_EXPECTED)
        if answer.ok:
            return _whole(answer.body)
        causes = (answer.body.get("details") or {}).get("causes") or ()
        if any(cause.get("reason") == "FieldManagerConflict" for cause in causes):
            return FieldConflict(str(answer.body.get("message", "")))
        return NotFound.NOT_FOUND if answer.status == _NOT_FOUND else Conflict.CONFLICT

    async def forget(self, seen: Json, annotations: Sequence[str]) -> Json | NotFound | Conflict:
        """Remove annotations, and the manager from managedFields."""
        there = seen["metadata"].get("annotations") or {}
        others = [entry for entry in seen["metadata"].get("managedFields") or () if entry.get("manager") != FLOOR_MANAGER]
        meta: Json = {"managedFields": others or [{}]}  # an empty list would be taken for one that the client does not know
        if gone := {name: None for name in annotations if name in there}:
            meta["annotations"] = gone
        call = self._patch(seen, _addressed(seen, meta), MERGE_PATCH, {"fieldManager": FLOOR_MANAGER})
        answer = await self.connection.send(call, expect=_EXPECTED)
        if answer.ok:
            return _whole(answer.body)
        return NotFound.NOT_FOUND if answer.status == _NOT_FOUND else Conflict.CONFLICT

    @staticmethod
    def _patch(seen: Json, body: Json, content_type: str, query: Mapping[str, str]) -> Call:
        meta = seen["metadata"]
        return Call("patch", HPAS, meta["namespace"], meta["name"], "", body, query, content_type=content_type)


def _addressed(seen: Json, meta: Json) -> Json:
    """Return a patch for this very object in the state in which it was seen."""
    found = seen["metadata"]
    where = {key: found[key] for key in ("name", "namespace", "uid", "resourceVersion")}
    return {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "metadata": {**where, **meta}}


def _whole(body: Json) -> Json:
    return {"apiVersion": HPAS.api_version, "kind": HPAS.kind, **body}
