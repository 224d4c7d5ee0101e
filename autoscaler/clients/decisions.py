"""Asks the API server for an object, and the service for its last decisions about it: for `foresail explain`.

The decisions are in the memory of the replica that leads. Through the API server each pod of the service is asked in turn, as
a Service would choose any of them; those that do not lead say so. What a person may not do is told with what to ask for: the
rights here are his, not the service's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from autoscaler.clients.kube.connection import Answer, Call, Connection
from autoscaler.clients.kube.resources import PODS, PREDICTIVE_AUTOSCALERS, Resource
from autoscaler.clients.ports import Json
from autoscaler.errors import ForesailError, Permanent
from autoscaler.model import ObjectKey

SERVICES = Resource("", "v1", "services", "Service")
LABELS = "app.kubernetes.io/part-of=foresail,app.kubernetes.io/component=service"  # the chart's
_TIMEOUT_S = 5.0
_OK = 200
_FORBIDDEN, _NOT_FOUND = 403, 404
_ANSWERS = frozenset({400, _FORBIDDEN, _NOT_FOUND, 500, 502, 503, 504})
_BY_URL = "or forward a port to the leader (kubectl port-forward) and name it by --service-url"


@dataclass(frozen=True, slots=True)
class Where:
    """How the service is found; what is empty is looked for."""

    url: str = ""
    namespace: str = ""
    name: str = ""


class Unreachable(ForesailError):
    """The service cannot be asked; the message says why, and what would help."""


async def autoscaler(connection: Connection, key: ObjectKey) -> Json:
    """Return a PredictiveAutoscaler; raises Permanent when there is none or it may not be read, with the remedy."""
    call = Call("get", PREDICTIVE_AUTOSCALERS, key.namespace, key.name)
    answer = await connection.send(call, expect=frozenset({_FORBIDDEN, _NOT_FOUND}))
    if answer.status == _FORBIDDEN:
        raise Permanent(f"reading PredictiveAutoscaler {key}: {_told(answer)}; {_ask_for('get', call)}")
    if answer.status == _NOT_FOUND and (answer.body.get("details") or {}).get("name"):
        raise Permanent(f"there is no PredictiveAutoscaler {key}; kubectl get predictiveautoscalers -A shows those there are")
    if answer.status == _NOT_FOUND:
        raise Permanent("the cluster does not know PredictiveAutoscalers; are the CRDs of Foresail's chart installed there?")
    if not isinstance(answer.body.get("metadata"), dict):
        raise Permanent(
            f"reading PredictiveAutoscaler {key}: what answers is no API server of Kubernetes; check the kubeconfig"
        )
    return answer.body


async def decisions(connection: Connection, where: Where, key: ObjectKey, limit: int) -> list[Json]:
    """Return the last decisions about an object, the newest last; raises Unreachable when nobody can tell them."""
    try:
        if where.url:
            return await _by_url(where.url.rstrip("/"), key, limit)
        return await _by_pods(connection, await _service(connection, where), key, limit)
    except Unreachable:
        raise
    except ForesailError as error:
        raise Unreachable(str(error)) from error


async def _service(connection: Connection, where: Where) -> Json:
    call = Call("list", SERVICES, where.namespace or None, query={} if where.name else {"labelSelector": LABELS})
    answer = await connection.send(call, expect=_ANSWERS)
    if not answer.ok:
        place = "--service-namespace says where to look" if not where.namespace else _BY_URL
        raise Unreachable(f"looking for the Service of Foresail: {_told(answer)}; {_ask_for('list', call)}; {place}")
    found = [one for one in _items(answer) if where.name in {"", one["metadata"]["name"]}]
    if not found:
        wanted = f"named {where.name}" if where.name else f"with the labels {LABELS}"
        raise Unreachable(f"there is no Service {wanted}; name it by --service-namespace and --service-name, {_BY_URL}")
    if len(found) > 1:
        names = ", ".join(sorted(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in found))
        raise Unreachable(f"there are several Services of Foresail, {names}; choose by --service-namespace and --service-name")
    return dict(found[0])


async def _by_pods(connection: Connection, service: Json, key: ObjectKey, limit: int) -> list[Json]:
    """Ask the pods of the Service until one answers that leads."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    selector = ",".join(f"{label}={value}" for label, value in ((service.get("spec") or {}).get("selector") or {}).items())
    call = Call("list", PODS, namespace, query={"labelSelector": selector})
    answer = await connection.send(call, expect=_ANSWERS)
    if not answer.ok:
        raise Unreachable(f"looking for the pods of Service {namespace}/{name}: {_told(answer)}; {_ask_for('list', call)}")
    running = [pod for pod in _items(answer) if (pod.get("status") or {}).get("phase") == "Running"]
    problems = []
    for pod in sorted(running, key=lambda one: str(one["metadata"]["name"])):
        found = await _by_pod(connection, pod, key, limit)
        if isinstance(found, list):
            return found
        problems.append(found)
    told = "; ".join(dict.fromkeys(problems)) or "none of its pods runs"
    raise Unreachable(f"asking the pods of Service {namespace}/{name}: {told}; {_BY_URL}")


async def _by_pod(connection: Connection, pod: Json, key: ObjectKey, limit: int) -> list[Json] | str:
    """Return what a pod answers, or why it does not."""
    meta = pod["metadata"]
    port = next((port["containerPort"] for port in _ports(pod) if port.get("name") == "http"), None)
    address = meta["name"] if port is None else f"{meta['name']}:{port}"
    call = Call("get", PODS, meta["namespace"], address, "proxy", query={"limit": str(limit)}, below=_path(key))
    try:
        answer = await connection.send(call, expect=_ANSWERS, timeout_s=_TIMEOUT_S)
    except ForesailError as error:
        return str(error)
    if answer.ok and (rows := _decisions(answer)) is not None:
        return rows
    if answer.status == _FORBIDDEN:
        return f"{_told(answer)}; {_ask_for('get', call)}"
    return f"pod {meta['name']}: {_told(answer)}"


async def _by_url(url: str, key: ObjectKey, limit: int) -> list[Json]:
    try:
        limits = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.get(url + _path(key), params={"limit": str(limit)}) as response,
        ):
            body: Any = await response.json(content_type=None)
            answer = Answer(response.status, body if isinstance(body, dict) else {})
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unreachable(f"asking {url}: {error or 'no answer in time'}; check --service-url") from error
    if answer.status == _OK and (rows := _decisions(answer)) is not None:
        return rows
    raise Unreachable(f"asking {url}: {_told(answer)}; check --service-url")


def _path(key: ObjectKey) -> str:
    return f"/api/v1/autoscalers/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}/decisions"


def _ports(pod: Json) -> list[Json]:
    containers = (pod.get("spec") or {}).get("containers") or ()
    return [port for container in containers for port in container.get("ports") or ()]


def _items(answer: Answer) -> list[Json]:
    """Return the objects of a list."""
    items = answer.body.get("items")
    named = [one for one in items if isinstance(one, dict) and "metadata" in one] if isinstance(items, list) else []
    return [one for one in named if {"name", "namespace"} <= one["metadata"].keys()]


def _decisions(answer: Answer) -> list[Json] | None:
    """Return the decisions of an answer; None when it is not one of our service."""
    rows = answer.body.get("decisions")
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


def _told(answer: Answer) -> str:
    """Return the words of an answer that is none: of the API server (a Status), or of the service."""
    body: Mapping[str, Any] = answer.body
    return str(body.get("error") or body.get("message") or f"HTTP {answer.status}")


def _ask_for(verb: str, call: Call) -> str:
    resource = f"{call.resource.plural}/{call.subresource}" if call.subresource else call.resource.plural
    place = f"in namespace {call.namespace}" if call.namespace else "in all namespaces"
    return f'ask for the right to "{verb}" {resource} (API group "{call.resource.group}") {place}'
