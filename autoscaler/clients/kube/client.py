"""What the service does at the API server: the port `Kube`, and the list, watch and Lease calls of reflector and elector.

Every verb that is used here is a line in the chart's ClusterRole. NotFound, Conflict and refusals of a disruption budget are
answers; anything else that goes wrong is raised by the one table in `failures`.
"""

import os
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from autoscaler.clients.kube.connection import FIELD_MANAGER, MERGE_PATCH, Call, Connection, connect, retry_after_s
from autoscaler.clients.kube.discovery import Discovery
from autoscaler.clients.kube.failures import from_answer
from autoscaler.clients.kube.floors import Floors
from autoscaler.clients.kube.metrics_apis import MetricsApis
from autoscaler.clients.kube.resources import EVENTS, LEASES, OURS, PODS, Json, Resource
from autoscaler.clients.notes import NOTE_BYTES, cut
from autoscaler.clients.ports import (
    Conflict,
    EventNote,
    EvictionResult,
    FieldConflict,
    MetricQuestion,
    MetricValue,
    NotFound,
    Scale,
    Target,
)
from autoscaler.clients.timestamps import micro_time
from autoscaler.clock import Clock, SystemClock
from autoscaler.errors import Permanent
from autoscaler.settings import KubernetesSettings

REPORTING_CONTROLLER = "foresail.dev/autoscaler"
_WRITE = {"fieldManager": FIELD_MANAGER}
_NOT_FOUND = 404
_CONFLICT = 409
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_REASON_LENGTH = 128  # limits of events.k8s.io/v1
_INSTANCE_LENGTH = 128
_NAME_LENGTH = 253


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `more` is the token for the next one, empty at the end."""

    items: list[Json]
    resource_version: str
    more: str


@dataclass(slots=True)
class KubeClient:
    """Implements `ports.Kube` over one connection; `open_client` makes one."""

    connection: Connection
    instance: str = field(default_factory=lambda: os.uname().nodename)  # the pod's name, when it runs in one
    clock: Clock = field(default_factory=SystemClock)
    _discovery: Discovery = field(init=False)
    _metrics: MetricsApis = field(init=False)
    _floors: Floors = field(init=False)

    def __post_init__(self) -> None:
        self._discovery = Discovery(self.connection)
        self._metrics = MetricsApis(self.connection, self._discovery)
        self._floors = Floors(self.connection)

    async def close(self) -> None:
        """End all connections."""
        await self.connection.close()

    async def get_scale(self, target: Target) -> Scale | NotFound:
        """Read the scale subresource of a target; Permanent when its kind does not exist or cannot be scaled."""
        resource = await self._discovery.scalable(target.api_version, target.kind)
        call = Call("get", resource, target.namespace, target.name, "scale")
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND}))
        return _scale(answer.body) if answer.ok else NotFound.NOT_FOUND

    async def set_scale(self, target: Target, *, replicas: int, seen: Scale) -> Scale | NotFound | Conflict:
        """Write `spec.replicas` of a target, if it is still the one that was seen (resourceVersion and UID)."""
        resource = await self._discovery.scalable(target.api_version, target.kind)
        body = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {
                "name": target.name,
                "namespace": target.namespace,
                "resourceVersion": seen.resource_version,
                "uid": seen.uid,
            },
            "spec": {"replicas": replicas},
        }
        call = Call("update", resource, target.namespace, target.name, "scale", body, _WRITE)
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND, _CONFLICT}))
        return _scale(answer.body) if answer.ok else _absent(answer.status)

    async def managed_fields(self, target: Target) -> Sequence[Json] | NotFound:
        """Return who owns which fields of an object; Permanent when its kind does not exist or may not be read."""
        resource = await self._discovery.named(target.api_version, target.kind)
        call = Call("get", resource, target.namespace, target.name)
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND}))
        return (answer.body.get("metadata") or {}).get("managedFields") or () if answer.ok else NotFound.NOT_FOUND

    async def update_status(
        self, plural: str, namespace: str, name: str, *, status: Json, resource_version: str
    ) -> str | NotFound | Conflict:
        """Replace the status of an object of ours if nobody else wrote it; return its new resourceVersion."""
        resource = OURS[plural]
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": namespace, "resourceVersion": resource_version},
            "status": status,
        }
        call = Call("update", resource, namespace, name, "status", body, _WRITE)
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND, _CONFLICT}))
        return _version(answer.body) if answer.ok else _absent(answer.status)

    async def set_finalizers(
        self, plural: str, namespace: str, name: str, *, finalizers: Sequence[str], resource_version: str
    ) -> str | NotFound | Conflict:
        """Replace the finalizers of an object of ours if nobody else wrote it; return its new resourceVersion."""
        meta = {"resourceVersion": resource_version, "finalizers": list(finalizers)}
        call = Call("patch", OURS[plural], namespace, name, "", {"metadata": meta}, _WRITE, content_type=MERGE_PATCH)
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND, _CONFLICT}))
        return _version(answer.body) if answer.ok else _absent(answer.status)

    async def get_hpa(self, namespace: str, name: str) -> Json | NotFound:
        """Read a HorizontalPodAutoscaler as it is, managedFields included."""
        return await self._floors.get(namespace, name)

    async def apply_floor(
        self, seen: Json, *, min_replicas: int | None, annotations: Mapping[str, str], force: bool
    ) -> Json | NotFound | Conflict | FieldConflict:
        """Apply minReplicas and annotations of an HPA as field manager of the floor, if it is still the one that was seen."""
        return await self._floors.apply(seen, min_replicas, annotations, force=force)

    async def forget_floor(self, seen: Json, annotations: Sequence[str]) -> Json | NotFound | Conflict:
        """Remove annotations of an HPA, and the floor's entries in its managedFields, if it is still the one that was seen."""
        return await self._floors.forget(seen, annotations)

    async def evict(self, namespace: str, name: str, *, uid: str) -> EvictionResult:
        """Evict one pod, this very one (UID precondition).

        429 is a refusal only when the API server names a disruption budget as its cause; else it is a Temporary error.
        """
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        call = Call("create", PODS, namespace, name, "eviction", body)
        expected = frozenset({_NOT_FOUND, _CONFLICT, _TOO_MANY_REQUESTS, _SERVER_ERROR})
        answer = await self.connection.send(call, expect=expected)
        if answer.ok:
            return EvictionResult.ACCEPTED
        told = str(answer.body.get("message", ""))
        if answer.status == _NOT_FOUND or (answer.status == _CONFLICT and "UID in" in told):
            return EvictionResult.GONE
        causes = (answer.body.get("details") or {}).get("causes") or ()
        if answer.status == _TOO_MANY_REQUESTS and any(cause.get("reason") == "DisruptionBudget" for cause in causes):
            return EvictionResult.DISRUPTION_BUDGET
        if "more than one PodDisruptionBudget" in told:
            raise Permanent(f"{call.attempt}: {told} Let one budget at most select the pod.")
        raise from_answer(call.attempt, answer.status, answer.body, retry_after_s(answer.headers, answer.body))

    async def create_event(self, event: EventNote) -> None:
        """Write an Event beside the object it regards; too long a note is cut to what the API takes."""
        namespace = event.regarding.get("namespace") or "default"
        now = micro_time(self.clock.now_s())
        name = f"{str(event.regarding['name'])[: _NAME_LENGTH - 17]}.{secrets.token_hex(8)}"
        body = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": now,
            "reportingController": REPORTING_CONTROLLER,
            "reportingInstance": self.instance[:_INSTANCE_LENGTH],
            "action": event.action[:_REASON_LENGTH],
            "reason": event.reason[:_REASON_LENGTH],
            "type": "Warning" if event.warning else "Normal",
            "regarding": event.regarding,
            "note": cut(event.note, NOTE_BYTES),
            **({"related": event.related} if event.related else {}),
        }
        await self.connection.send(Call("create", EVENTS, namespace, body=body, query=_WRITE))

    async def metric(self, question: MetricQuestion) -> Sequence[MetricValue]:
        """Ask the custom or the external metrics API; no values is an empty answer, never zero."""
        return await self._metrics.ask(question)

    async def list_page(self, resource: Resource, namespace: str | None, query: dict[str, str]) -> Page:
        """Read one page of a list; `query` carries limit, continue and selectors. Raises Expired for a page too old."""
        answer = await self.connection.send(Call("list", resource, namespace, query=query))
        meta = answer.body.get("metadata") or {}
        return Page(answer.body.get("items") or [], meta.get("resourceVersion", ""), meta.get("continue") or "")

    async def watch(
        self, resource: Resource, namespace: str | None, query: dict[str, str], *, silence_s: float
    ) -> AsyncGenerator[Json, None]:
        """Yield the watch events as they come, bookmarks included, until the API server ends the watch.

        Raises Expired when the resourceVersion is too old, said by the answer's status or by an event in the stream.
        """
        call = Call("watch", resource, namespace, query={**query, "watch": "true", "allowWatchBookmarks": "true"})
        async with aclosing(self.connection.lines(call, silence_s=silence_s)) as lines:
            async for event in lines:
                if event.get("type") == "ERROR":
                    status = event.get("object") or {}
                    raise from_answer(call.attempt, int(status.get("code") or 500), status, retry_after_s({}, status))
                yield event

    async def get_lease(self, namespace: str, name: str, *, timeout_s: float) -> Json | NotFound:
        """Read a Lease."""
        call = Call("get", LEASES, namespace, name)
        answer = await self.connection.send(call, expect=frozenset({_NOT_FOUND}), timeout_s=timeout_s)
        return answer.body if answer.ok else NotFound.NOT_FOUND

    async def put_lease(self, lease: Json, *, timeout_s: float) -> Json | NotFound | Conflict:
        """Create a Lease (one without resourceVersion), or replace it if nobody else wrote it."""
        meta = lease["metadata"]
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, **lease}
        if "resourceVersion" in meta:
            call = Call("update", LEASES, meta["namespace"], meta["name"], body=body, query=_WRITE)
        else:
            call = Call("create", LEASES, meta["namespace"], body=body, query=_WRITE)
        expected = frozenset({_NOT_FOUND, _CONFLICT}) if call.name else frozenset({_CONFLICT})
        answer = await self.connection.send(call, expect=expected, timeout_s=timeout_s)
        return answer.body if answer.ok else _absent(answer.status)


async def open_client(settings: KubernetesSettings) -> KubeClient:
    """Make a client from the settings; Permanent when there is no usable configuration. Nothing is sent yet."""
    return KubeClient(await connect(settings))


def _absent(status: int) -> NotFound | Conflict:
    return NotFound.NOT_FOUND if status == _NOT_FOUND else Conflict.CONFLICT


def _version(body: Json) -> str:
    version = (body.get("metadata") or {}).get("resourceVersion")
    if not version:
        raise Permanent("the API server answered a write without a resourceVersion; is there a proxy in front of it?")
    return str(version)


def _scale(body: Json) -> Scale:
    meta, spec, status = body.get("metadata") or {}, body.get("spec") or {}, body.get("status") or {}
    return Scale(
        spec_replicas=int(spec.get("replicas") or 0),  # zero is left out of the JSON
        status_replicas=int(status.get("replicas") or 0),
        selector=str(status.get("selector") or ""),
        resource_version=_version(body),
        uid=str(meta.get("uid") or ""),
    )
