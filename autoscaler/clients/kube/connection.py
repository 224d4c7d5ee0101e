"""One connection to the API server: authenticated requests with a time-out each, counted, JSON in and out.

kubernetes_asyncio finds the server and keeps the credentials; its models and its watch are not used (they cost CPU and
memory, and a hung watch hangs for ever). What a request means is the business of `client`, `reflector` and `elector`.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, Configuration

from autoscaler import __version__
from autoscaler.clients.kube.failures import FOREIGN, UNUSABLE, Attempt, from_answer, from_exception, unusable
from autoscaler.clients.kube.kubeconfig import load as kubeconfig
from autoscaler.clients.kube.resources import Json, Resource
from autoscaler.settings import KubernetesSettings
from autoscaler.telemetry import KUBE_REQUESTS

FIELD_MANAGER = "foresail"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # server-side apply; JSON is YAML
_METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
_OK = 200
_FIRST_NOT_OK = 300
_UNAUTHORIZED = 401
_SERVER_ERROR = 500
_IN_POD = "is automountServiceAccountToken off, or KUBERNETES_SERVICE_HOST set outside a pod? --kubeconfig names another way"


@dataclass(frozen=True, slots=True)
class Call:
    """One request in the terms of RBAC."""

    verb: str  # get | list | watch | create | update | patch | delete
    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str = ""
    body: Json | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    below: str = ""  # path below the subresource, for `proxy`; begins with a slash
    counted_as: str = ""  # name of the resource in our own metrics, where users choose the real one; empty: the real one
    content_type: str = "application/json"  # of the body; a patch says here which kind it is

    @property
    def attempt(self) -> Attempt:
        """What is being done, for messages."""
        plural = self.resource.plural or "kinds of"
        where = "/".join(part for part in (self.namespace, self.name) if part)
        what = where or ("" if self.resource.plural else self.resource.api_version)
        return Attempt(self.verb, f"{plural}/{self.subresource}" if self.subresource else plural, self.resource.group, what)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said; `body` is the object, or a Status."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return _OK <= self.status < _FIRST_NOT_OK


class Connection:
    """Sends calls; made by `connect`, ended by `close`."""

    def __init__(self, api: ApiClient, *, timeout_s: float, renew: Callable[[], Awaitable[None]] | None = None) -> None:
        """`renew` reads the credentials again, after the API server did not accept them."""
        self._api = api
        self._api.user_agent = f"foresail/{__version__}"
        self._timeout_s = timeout_s
        self._renew = renew

    async def close(self) -> None:
        """End all connections."""
        await self._api.close()

    async def send(self, call: Call, *, expect: frozenset[int] = frozenset(), timeout_s: float | None = None) -> Answer:
        """Send one call and read the whole answer.

        Statuses from 200 to 299 and those of `expect` are answers; all others are raised as Permanent or Temporary.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s or self._timeout_s)
        try:
            async with self._open(call, timeout) as response:
                text = await response.read()
                body = _json(response, text)
                answer = Answer(_true_status(response.status, body), body if isinstance(body, dict) else {}, response.headers)
                if not answer.ok and answer.status not in expect:
                    if answer.status == _UNAUTHORIZED and self._renew:
                        await self._renew()
                    raise from_answer(call.attempt, answer.status, body, retry_after_s(response.headers, body))
                return answer
        except FOREIGN as problem:
            raise from_exception(call.attempt, problem) from problem

    async def lines(self, call: Call, *, silence_s: float) -> AsyncGenerator[Json, None]:
        """Send one call and yield the JSON object of each line as it comes; a silence longer than `silence_s` is an error.

        aiohttp's own line reader is not used: it refuses lines above its buffer, and objects have no such limit.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s, sock_read=silence_s)
        try:
            async with self._open(call, timeout) as response:
                if response.status != _OK:
                    body = _json(response, await response.read())
                    if response.status == _UNAUTHORIZED and self._renew:
                        await self._renew()
                    raise from_answer(call.attempt, response.status, body, retry_after_s(response.headers, body))
                rest = b""
                async for chunk in response.content.iter_any():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        if line.strip():
                            yield orjson.loads(line)
        except FOREIGN as problem:
            raise from_exception(call.attempt, problem) from problem

    @asynccontextmanager
    async def _open(self, call: Call, limits: aiohttp.ClientTimeout) -> AsyncIterator[aiohttp.ClientResponse]:
        attempt, code = call.attempt, "none"
        try:
            response = await self._api.call_api(
                call.resource.path(call.namespace, call.name, call.subresource) + call.below,
                _METHODS[call.verb],
                query_params=list(call.query.items()),
                header_params={"Accept": "application/json", "Content-Type": call.content_type},
                body=call.body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=limits,
            )
            code = str(response.status)
        finally:
            KUBE_REQUESTS.labels(verb=call.verb, resource=call.counted_as or attempt.resource, code=code).inc()
        async with response:
            yield response


def _json(response: aiohttp.ClientResponse, text: bytes) -> Any:  # noqa: ANN401 - JSON
    """Read the body; an error may come as plain text (from a proxy, or a server that is starting)."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if response.status < _FIRST_NOT_OK:
            raise
        return {"message": text[:200].decode(errors="replace").strip()}


def _true_status(status: int, body: Any) -> int:  # noqa: ANN401 - JSON
    """Return the status of an answer; a failure may come with HTTP 201 (eviction under two disruption budgets)."""
    if status < _FIRST_NOT_OK and isinstance(body, dict) and (body.get("kind"), body.get("status")) == ("Status", "Failure"):
        return int(body.get("code") or _SERVER_ERROR)
    return status


def retry_after_s(headers: Mapping[str, str], body: Any) -> float | None:  # noqa: ANN401 - JSON
    """Return how long the API server asks to wait: by the header, else by its Status; None if it says nothing."""
    told = headers.get("Retry-After")
    if told is None and isinstance(body, dict):
        told = (body.get("details") or {}).get("retryAfterSeconds")
    try:
        return None if told is None else max(0.0, float(told))
    except (TypeError, ValueError):
        return None


async def connect(settings: KubernetesSettings, environ: Mapping[str, str] = os.environ) -> Connection:
    """Find the API server: the kubeconfig of the settings, else the pod's service account, else the default kubeconfig.

    Raises Permanent when there is no usable configuration. Nothing is sent yet.
    """
    configuration = Configuration()
    configuration.connection_pool_maxsize = 0  # no bound: every watch keeps a connection, and a Lease must never wait for one
    in_pod = not settings.kubeconfig and not settings.context and "KUBERNETES_SERVICE_HOST" in environ
    what = (
        "the pod's service account"
        if in_pod
        else f"the kubeconfig {settings.kubeconfig or environ.get('KUBECONFIG') or '~/.kube/config'}"
    )
    remedy = _IN_POD if in_pod else "check that certificate and key of the user belong together, and what else it names"

    async def load() -> None:
        content = None if in_pod else await kubeconfig.load(settings, environ)
        try:
            if content is None:
                config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            else:
                await config.load_kube_config_from_dict(content, client_configuration=configuration)
        except UNUSABLE as problem:
            raise unusable(what, problem, remedy=remedy) from problem

    await load()
    try:
        return Connection(ApiClient(configuration), timeout_s=settings.request_timeout_s, renew=load)
    except UNUSABLE as problem:
        raise unusable(what, problem, remedy=remedy) from problem
