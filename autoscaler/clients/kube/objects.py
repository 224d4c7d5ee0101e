"""Any object at the API server, read and written whole: for the commands that people type, not for the service.

The service has one narrow word for each of its acts, and its rights are no more than that. Who takes over an HPA by a command
does it with their own rights, and needs create, delete and patch. Every write names the very object that was seen (UID and
resourceVersion), so that nothing is done to a successor of the same name; NotFound and Conflict are answers.
"""

from dataclasses import dataclass

from autoscaler.clients.kube.connection import MERGE_PATCH, Call, Connection
from autoscaler.clients.kube.resources import Json, Resource
from autoscaler.clients.ports import Conflict, NotFound
from autoscaler.errors import Temporary

_NOT_FOUND = 404
_CONFLICT = 409
_PAGE = "500"
_BUILT_IN = frozenset({"", "apps", "autoscaling"})
_DRY = {"dryRun": "All"}


@dataclass(frozen=True, slots=True)
class Objects:
    """Reads and writes objects of any kind over one connection, in the name of one field manager."""

    connection: Connection
    manager: str

    async def get(self, resource: Resource, namespace: str, name: str) -> Json | NotFound:
        """Read one object."""
        call = Call("get", resource, namespace, name)
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND}))
        if not answer.ok:
            return NotFound.NOT_FOUND
        return _checked(call, [answer.body])[0]

    async def list(self, resource: Resource, namespace: str | None = None) -> list[Json]:
        """Read all objects of a kind, of one namespace or of all, with apiVersion and kind, which lists leave out.

        There are none of a kind of a custom resource that is not installed (any more); Kubernetes' own are always served.
        """
        absent = frozenset() if resource.group in _BUILT_IN else frozenset({_NOT_FOUND})
        found: list[Json] = []
        more = ""
        while True:
            query = {"limit": _PAGE, **({"continue": more} if more else {})}
            call = Call("list", resource, namespace, query=query)
            answer = await self.connection.send(call, expect=absent)
            items = _checked(call, answer.body.get("items", None if answer.ok else []))
            found += [{"apiVersion": resource.api_version, "kind": resource.kind, **one} for one in items]
            more = (answer.body.get("metadata") or {}).get("continue") or ""
            if not more:
                return found

    async def create(self, resource: Resource, obj: Json, *, dry_run: bool = False) -> Json | Conflict:
        """Create an object and return it as stored; Conflict when there is one of that name.

        With `dry_run` the API server only says whether it would (defaults, validation, admission) and stores nothing.
        """
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        query = {"fieldManager": self.manager, **(_DRY if dry_run else {})}
        call = Call("create", resource, obj["metadata"]["namespace"], body=body, query=query)
        answer = await self.connection.send(call, expect=frozenset({_CONFLICT}))
        return answer.body if answer.ok else Conflict.CONFLICT

    async def delete(self, resource: Resource, seen: Json) -> Conflict | NotFound | None:
        """Delete the very object that was seen; None when the API server has taken the order.

        An object with finalizers is still there afterwards, until those who set them are done.
        """
        meta = seen["metadata"]
        preconditions = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        body = {
            "apiVersion": "meta.k8s.io/v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        }
        call = Call("delete", resource, meta["namespace"], meta["name"], body=body)
        return _absent((await self.connection.send(call, expect=frozenset({_NOT_FOUND, _CONFLICT}))).status)

    async def merge(self, resource: Resource, seen: Json, change: Json, *, subresource: str = "") -> Json | NotFound | Conflict:
        """Lay a JSON merge patch over the very object that was seen, and return it as stored; null takes a field away."""
        meta = seen["metadata"]
        same = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        body = {**change, "metadata": {**change.get("metadata", {}), **same}}
        query = {"fieldManager": self.manager}
        where = (resource, meta["namespace"], meta["name"], subresource)
        call = Call("patch", *where, body=body, query=query, content_type=MERGE_PATCH)
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND, _CONFLICT}))
        return answer.body if answer.ok else _absent(answer.status) or Conflict.CONFLICT


def _checked(call: Call, items: object) -> list[Json]:
    """Return what came; raises Temporary when it is none of Kubernetes' objects: it would look like an empty cluster."""
    if isinstance(items, list) and all(map(_is_object, items)):
        return items
    raise Temporary(
        f"{call.attempt}: the answer is JSON, but no object of Kubernetes; is something in front of the API server?"
    )


def _is_object(item: object) -> bool:
    if not (isinstance(item, dict) and isinstance(item.get("spec"), dict)):
        return False
    return isinstance(meta := item.get("metadata"), dict) and {"name", "namespace"} <= meta.keys()


def _absent(status: int) -> NotFound | Conflict | None:
    if status == _NOT_FOUND:
        return NotFound.NOT_FOUND
    return Conflict.CONFLICT if status == _CONFLICT else None
