"""An API server over real HTTP on loopback, on a `FakeCluster`: the part of Kubernetes' API that the clients speak.

    async with FakeApiServer(cluster) as api:
        connection = api.connection()           # or api.kubeconfig(folder)
        api.fail(503, retry_after_s=7)          # the next request
        api.hold(lambda r: r.method == "PUT")   # answers none of these until the event that is returned is set
    api.lose(lambda r: r.method == "PUT")   # does the next of these, and says nothing of it
        api.bookmark("pods"); api.end_watches(); api.break_watches()

It answers as Kubernetes 1.36 does where a client can tell the difference: resourceVersion, UID preconditions, disruption
budgets, pages of lists, watches that start too early (410 in both forms), RBAC's wording.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientError, ClientSession, web
from kubernetes_asyncio.client import ApiClient, Configuration

from autoscaler.clients.kube.connection import Connection
from tests.fakes import writes
from tests.fakes.answers import another, answer, scale_of, status
from tests.fakes.cluster import KINDS, SCALABLE, FakeCluster, Json, evictable_without_budget, own_replicas

Matcher = Callable[[web.Request], bool]


@dataclass(slots=True)
class Failure:
    """An answer that a test has ordered."""

    status: int
    body: Json | str
    headers: dict[str, str]
    when: Matcher


@dataclass(slots=True, eq=False)
class Watcher:
    """One watch that is open: a queue of lines (None ends it), and its connection."""

    plural: str
    lines: "asyncio.Queue[Json | None]"
    transport: asyncio.Transport


@dataclass(slots=True)
class FakeApiServer:
    """Serves a cluster; `requests` keeps (method, path with query, JSON body) of each request."""

    cluster: FakeCluster = field(default_factory=FakeCluster)
    forbidden: set[tuple[str, str]] = field(default_factory=set)  # (verb, resource) that RBAC refuses
    absent: set[str] = field(default_factory=lambda: {"scaledobjects"})  # kinds whose CRD is not there
    metrics: dict[str, list[Json]] = field(default_factory=dict)  # path with query of a metrics API -> its items
    proxied: dict[str, str] = field(default_factory=dict)  # name:port of a pod -> base URL of what runs in it
    gone_in_stream: bool = False  # say 410 by an event instead of the status
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    watchers: list[Watcher] = field(default_factory=list)
    url: str = ""
    _failures: list[Failure] = field(default_factory=list)
    _gates: list[tuple[Matcher, asyncio.Event]] = field(default_factory=list)
    _lost: list[Matcher] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    _pump: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._pump = asyncio.create_task(self._feed())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._pump
        assert self._runner
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        for _matcher, gate in self._gates:
            gate.set()
        self.end_watches()
        await self._runner.cleanup()

    # What a test orders

    def fail(
        self,
        status: int,
        body: Json | str = "",
        *,
        retry_after_s: float | None = None,
        when: Matcher | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next requests (of those that match) with an error."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self._failures.extend([Failure(status, body, headers, when or (lambda _: True))] * times)

    def hold(self, when: Matcher) -> asyncio.Event:
        """Answer no request that matches until the event that is returned is set."""
        gate = asyncio.Event()
        self._gates.append((when, gate))
        return gate

    def lose(self, when: Matcher) -> None:
        """Do what the next request that matches asks for, and cut its connection before the answer."""
        self._lost.append(when)

    def bookmark(self, plural: str) -> None:
        """Send a bookmark to every watch of a kind."""
        meta = {"resourceVersion": str(self.cluster.version), "creationTimestamp": None}
        self._tell(plural, {"type": "BOOKMARK", "object": {"kind": KINDS[plural][1], "metadata": meta}})

    def end_watches(self) -> None:
        """End all watches as the API server does when their time is over."""
        for watcher in self.watchers:
            watcher.lines.put_nowait(None)

    def break_watches(self) -> None:
        """Cut the connections of all watches in the middle of their stream."""
        for watcher in self.watchers:
            watcher.transport.abort()
            watcher.lines.put_nowait(None)
        self.watchers.clear()

    def connection(self, timeout_s: float = 5.0) -> Connection:
        """Return a connection of the product to this server."""
        configuration = Configuration()
        configuration.host = self.url
        return Connection(ApiClient(configuration), timeout_s=timeout_s)

    def kubeconfig(self, folder: Path) -> Path:
        """Write a kubeconfig for this server, with the context `fake`."""
        path = folder / "kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "fake", "user": {"token": "a-token"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "current-context": "fake",
        }
        path.write_text(json.dumps(content))
        return path

    def seen(self, method: str, part: str) -> list[tuple[str, str, Any]]:
        """Return the requests of a method whose path contains a text."""
        return [request for request in self.requests if request[0] == method and part in request[1]]

    # Serving

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.requests.append((request.method, request.path_qs, body))
        self.headers.append(dict(request.headers))
        for matcher, gate in self._gates:
            if matcher(request):
                await gate.wait()
        for failure in self._failures:
            if failure.when(request):
                self._failures.remove(failure)
                return answer(failure.status, failure.body, failure.headers)
        for matcher in self._lost:
            if matcher(request):
                self._lost.remove(matcher)
                await self._route(request, body)
                assert request.transport
                request.transport.close()
        return await self._route(request, body) if request.transport else web.Response(status=500)

    async def _route(self, request: web.Request, body: Json | None) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if len(parts) > 1 and parts[1].endswith("metrics.k8s.io"):
            return self._metric(request.path_qs, parts)
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        if not rest:
            return self._discover("/".join(parts[1:]))
        namespace, rest = (rest[1], rest[2:]) if rest[0] == "namespaces" and len(rest) > 2 else ("", rest)
        plural, name, subresource = [*rest, "", ""][:3]
        if (
            plural not in KINDS
            or plural in self.absent
            or KINDS[plural][0] != "/".join(parts[1 : 2 if parts[0] == "api" else 3])
        ):
            return answer(404, "404 page not found")
        if (refusal := self._forbid(request, plural, name, subresource)) or not name:
            return refusal or await self._collection(request, plural, namespace, body)
        if subresource == "proxy":
            return await self._proxy(request, name, "/".join(rest[3:]))
        return self._object(request, (plural, namespace, name, subresource), body)

    async def _proxy(self, request: web.Request, address: str, path: str) -> web.Response:
        """Pass a request on to what runs in a pod."""
        try:
            async with (
                ClientSession() as session,
                session.get(f"{self.proxied[address]}/{path}", params=request.query) as response,
            ):
                return web.Response(status=response.status, body=await response.read(), content_type=response.content_type)
        except (KeyError, ClientError):
            return status(503, "ServiceUnavailable", f"error trying to reach service: dial tcp {address}: connection refused")

    def _metric(self, path: str, parts: list[str]) -> web.Response:
        """Answer for an adapter of the custom or external metrics API, if there is one."""
        known = {where.split("/")[3]: where.split("/")[2] for where in self.metrics if where.startswith(f"/apis/{parts[1]}/")}
        if not known:
            return answer(404, "404 page not found")
        if len(parts) == 2:
            return answer(200, {"kind": "APIGroup", "preferredVersion": {"version": next(iter(known))}})
        if path not in self.metrics:
            return status(404, "NotFound", "the server could not find the metric")
        return answer(200, {"kind": "MetricValueList", "items": self.metrics[path]})

    def _forbid(self, request: web.Request, plural: str, name: str, subresource: str) -> web.Response | None:
        reading = "get" if name else "watch" if "watch" in request.query else "list"
        verb = {"GET": reading, "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[request.method]
        resource = f"{plural}/{subresource}" if subresource else plural
        if (verb, resource) not in self.forbidden:
            return None
        return status(403, "Forbidden", f'{plural} "{name}" is forbidden: User "someone" cannot {verb} resource "{resource}"')

    def _discover(self, api_version: str) -> web.Response:
        plurals = [plural for plural, (version, _) in KINDS.items() if version == api_version]
        if not plurals:
            return answer(404, "404 page not found")
        served = [{"name": plural, "kind": KINDS[plural][1], "namespaced": plural != "nodes"} for plural in plurals]
        scales = [{"name": f"{plural}/scale", "kind": "Scale", "namespaced": True} for plural in plurals if plural in SCALABLE]
        return answer(200, {"kind": "APIResourceList", "groupVersion": api_version, "resources": served + scales})

    async def _collection(self, request: web.Request, plural: str, namespace: str, body: Json | None) -> web.StreamResponse:
        if request.method == "POST":
            assert body
            body["metadata"]["namespace"] = namespace
            if self.cluster.get(plural, namespace, body["metadata"]["name"]):
                return status(409, "AlreadyExists", f'{plural} "{body["metadata"]["name"]}" already exists')
            return writes.create(self.cluster, plural, body, request.query)
        if request.query.get("watch") == "true":
            return await self._watch(request, plural, namespace)
        return self._list(request, plural, namespace)

    def _list(self, request: web.Request, plural: str, namespace: str) -> web.Response:
        version, start = self.cluster.version, 0
        if token := request.query.get("continue"):
            version, start = (int(part) for part in token.split("."))
            if version < self.cluster.oldest:
                return status(410, "Expired", "The provided continue parameter is too old")
        found = [obj for obj in self.cluster.list(plural) if _selected(obj, namespace, request.query.get("labelSelector", ""))]
        limit = int(request.query.get("limit", "0")) or len(found)
        page = found[start : start + limit]
        meta: Json = {"resourceVersion": str(version)}
        if start + limit < len(found):
            meta["continue"] = f"{version}.{start + limit}"
        items = [{key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}} for obj in page]
        return answer(200, {"kind": "List", "metadata": meta, "items": items})

    def _object(self, request: web.Request, where: tuple[str, str, str, str], body: Json | None) -> web.Response:
        plural, namespace, name, subresource = where
        obj = self.cluster.get(plural, namespace, name)
        if obj is None:
            return status(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})
        if subresource == "eviction":
            assert body
            return self._evict(obj, body)
        if request.method == "PATCH":
            how = writes.Patch(request.query, request.content_type, subresource)
            return writes.patch(self.cluster, plural, obj, body or {}, how)
        if request.method == "DELETE":
            return writes.delete(self.cluster, plural, obj, body or {})
        if request.method == "GET":
            return answer(200, scale_of(obj) if subresource == "scale" else obj)
        assert body
        return self._replace(plural, obj, subresource, body)

    def _replace(self, plural: str, obj: Json, subresource: str, body: Json) -> web.Response:
        sent, meta = body["metadata"], obj["metadata"]
        if refusal := another(plural, meta, sent):
            return refusal
        if subresource == "scale":
            obj.setdefault("spec", {})["replicas"] = body["spec"]["replicas"]
            own_replicas(obj, "foresail", subresource="scale")
            return answer(200, scale_of(self.cluster.put(plural, obj)))
        if subresource == "status":
            same = obj.get("status") == body.get("status")
            return answer(200, obj if same else self.cluster.put(plural, {**obj, "status": body.get("status")}))
        body["metadata"] = {**meta, **sent}
        return answer(200, self.cluster.put(plural, body))

    def _evict(self, pod: Json, body: Json) -> web.Response:
        meta = pod["metadata"]
        uid = body.get("deleteOptions", {}).get("preconditions", {}).get("uid", meta["uid"])
        if (meta["namespace"], meta["name"]) in self.cluster.budgeted and not evictable_without_budget(pod):
            cause = {
                "reason": "DisruptionBudget",
                "message": "The disruption budget web needs 1 healthy pods and has 1 currently",
            }
            text = "Cannot evict pod as it would violate the pod's disruption budget."
            return status(429, "TooManyRequests", text, {"causes": [cause]})
        if uid != meta["uid"]:
            text = f"the UID in the precondition ({uid}) does not match the UID in record ({meta['uid']})"
            return status(409, "Conflict", f'Operation cannot be fulfilled on pods "{meta["name"]}": {text}')
        meta.setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")
        self.cluster.put("pods", pod)
        return status(201, "", "", outcome="Success")

    async def _watch(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion", "0"))
        if since < self.cluster.oldest and not self.gone_in_stream:
            return status(410, "Expired", f"too old resource version: {since} ({self.cluster.oldest})")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            await response.prepare(request)
        except ConnectionError:
            return response  # the client has gone
        assert isinstance(request.transport, asyncio.Transport)
        watcher = Watcher(plural, asyncio.Queue(), request.transport)
        if since < self.cluster.oldest:
            error = {
                "kind": "Status",
                "status": "Failure",
                "code": 410,
                "reason": "Expired",
                "message": "too old resource version",
            }
            watcher.lines.put_nowait({"type": "ERROR", "object": error})
            watcher.lines.put_nowait(None)
        self.watchers.append(watcher)
        sent = since
        try:
            while True:
                sent = await self._send_changes(response, watcher, sent, request, namespace)
                line = await watcher.lines.get()
                if line is None:
                    break
                if line:  # a bookmark never overtakes a change
                    sent = await self._send_changes(response, watcher, sent, request, namespace)
                    await _write_line(response, line)
        except ConnectionError:
            pass
        finally:
            if watcher in self.watchers:
                self.watchers.remove(watcher)
        return response

    async def _send_changes(
        self, response: web.StreamResponse, watcher: Watcher, sent: int, request: web.Request, namespace: str
    ) -> int:
        selector = request.query.get("labelSelector", "")
        for change in [one for one in self.cluster.history if one.version > sent and one.plural == watcher.plural]:
            sent = change.version
            if _selected(change.object, namespace, selector):
                await _write_line(response, {"type": change.type, "object": change.object})
        return sent

    async def _feed(self) -> None:
        """Wake the watches whenever something changes in the cluster."""
        changed = asyncio.Event()
        self.cluster.listeners.append(changed)
        while True:
            await changed.wait()
            changed.clear()
            for watcher in self.watchers:
                watcher.lines.put_nowait({})

    def _tell(self, plural: str, line: Json) -> None:
        for watcher in self.watchers:
            if watcher.plural == plural:
                watcher.lines.put_nowait(line)


async def _write_line(response: web.StreamResponse, line: Json) -> None:
    """Send one event in two pieces, as the network may."""
    data = json.dumps(line).encode() + b"\n"
    await response.write(data[: len(data) // 2])
    await response.write(data[len(data) // 2 :])


def _selected(obj: Json, namespace: str, selector: str) -> bool:
    meta = obj["metadata"]
    wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
    return namespace in {"", meta.get("namespace", "")} and wanted.items() <= meta.get("labels", {}).items()
