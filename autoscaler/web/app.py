"""The HTTP side of the service: metrics, probes, status page and JSON API. It only reads; nothing can be changed through it.

What it shows comes from the board and the registry, and the curves from a function that draws them; it asks nobody outside.
Liveness is about the event loop alone, so that neither Prometheus nor the API server being away gets the service restarted.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from autoscaler.board import Board, Row
from autoscaler.clock import Clock
from autoscaler.decision_book import KEPT_OUTCOMES
from autoscaler.errors import Permanent
from autoscaler.model import ObjectKey
from autoscaler.settings import WebSettings
from autoscaler.telemetry import REGISTRY
from autoscaler.web.page import REFRESH_S, Moment, render

Forecasts = Callable[[Sequence[ObjectKey]], Awaitable[Mapping[ObjectKey, Sequence[Row]]]]

SHOWN_CURVES = 40  # objects on the page, as it is loaded every few seconds; the API tells of each of them
_LIMIT_DIGITS = 6  # more than are ever kept
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def _no_forecasts(_: Sequence[ObjectKey]) -> Mapping[ObjectKey, Sequence[Row]]:
    return {}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything that is shown comes from."""

    board: Board
    clock: Clock
    leads: Callable[[], bool]
    alive: Callable[[], bool]
    waiting: Callable[[], Sequence[str]]  # caches that are not filled yet
    forecasts: Forecasts = _no_forecasts  # of some objects, a row for each metric; only a leader has any

    async def moment_with_curves(self) -> Moment:
        """Return the same with the curves of the objects that are shown first."""
        moment, shown = self.moment(), sorted(self.board.autoscalers)[:SHOWN_CURVES]
        return replace(moment, forecasts=await self.forecasts(shown)) if moment.leads and shown else moment

    def moment(self) -> Moment:
        """Return what the page says beside the board."""
        return Moment(self.clock.now_s(), self.leads(), self.waiting())


def build(sources: Sources) -> web.Application:
    """Return the application; it holds no state of its own."""
    app = web.Application(middlewares=[_safe])
    registry = _registry()

    async def metrics(request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": kind})

    async def healthz(_: web.Request) -> web.Response:
        return _probe([] if sources.alive() else ["the event loop has not turned for half a minute"])

    async def readyz(_: web.Request) -> web.Response:
        return _probe([f"the cache of {name} is not filled yet" for name in sources.waiting()])

    async def page(_: web.Request) -> web.Response:
        text = render(sources.board, await sources.moment_with_curves())
        return web.Response(text=text, content_type="text/html", headers={"Refresh": str(REFRESH_S)})

    async def status(_: web.Request) -> web.Response:
        return _json(_status(sources))

    async def decisions(request: web.Request) -> web.Response:
        key = ObjectKey(request.match_info["namespace"], request.match_info["name"])
        kept = sources.board.decisions.get(key)
        if kept is None:
            return _json({"error": f"no decision about a PredictiveAutoscaler {key} is known here"}, status=404)
        return _json({"namespace": key.namespace, "name": key.name, "decisions": list(kept)})

    async def outcomes(request: web.Request) -> web.Response:
        return _outcomes(sources, request)

    async def forecast(request: web.Request) -> web.Response:
        return await _forecast(sources, request)

    routes = {
        "/": page,
        "/metrics": metrics,
        "/healthz": healthz,
        "/readyz": readyz,
        "/api/v1/status": status,
        "/api/v1/decisions/{namespace}/{name}": decisions,
        "/api/v1/autoscalers/{namespace}/{name}/decisions": outcomes,
        "/api/v1/forecast/{namespace}/{name}": forecast,
    }
    app.add_routes([web.get(path, handler) for path, handler in routes.items()])
    return app


async def serve(app: web.Application, settings: WebSettings) -> None:
    """Serve until cancelled. Raises Permanent when the address cannot be listened on."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise Permanent(f"listening on {where}: {error.strerror or error}; set web.host and web.port") from error
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _registry() -> CollectorRegistry:
    """Return the service's own metrics and those of its process."""
    registry = CollectorRegistry()
    registry.register(REGISTRY)
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


def _status(sources: Sources) -> dict[str, Any]:
    board, moment = sources.board, sources.moment()
    return {
        "version": board.version,
        "leader": moment.leads,
        "acts": board.acts_enabled,
        "startedAt": board.started_s,
        "waitingFor": list(moment.waiting),
        "loops": {
            name: {"lastSuccessAt": health.last_success_s, "lastErrorAt": health.last_error_s, "error": health.error}
            for name, health in board.loops.items()
        },
        "autoscalers": [_named(key, row) for key, row in sorted(board.autoscalers.items())],
        "policies": [_named(key, row) for key, row in sorted(board.policies.items())],
        "recentActs": list(board.acts)[::-1],
    }


def _outcomes(sources: Sources, request: web.Request) -> web.Response:
    """Answer with the last decisions about an object, equal ones in a row as one; only the leader has them."""
    key = ObjectKey(request.match_info["namespace"], request.match_info["name"])
    limit = request.query.get("limit", str(KEPT_OUTCOMES))
    if not (limit.isascii() and limit.isdecimal() and int(limit[:_LIMIT_DIGITS]) > 0):
        return _json({"error": f"limit must be a whole number from 1, not {limit[:40]}"}, status=400)
    if not sources.leads():
        return _json(
            {"error": "this replica stands by and decides nothing; ask the one that leads", "leader": False}, status=503
        )
    kept = sources.board.outcomes.last(key, int(limit[:_LIMIT_DIGITS]))
    if kept is None:
        return _json({"error": f"no decision about a PredictiveAutoscaler {key} is known here", "leader": True}, status=404)
    return _json({"namespace": key.namespace, "name": key.name, "leader": True, "decisions": list(kept)})


async def _forecast(sources: Sources, request: web.Request) -> web.Response:
    """Answer with the forecasts of an object and the curves of the next hours; only the leader has them."""
    key = ObjectKey(request.match_info["namespace"], request.match_info["name"])
    if not sources.leads():
        return _json(
            {"error": "this replica stands by and forecasts nothing; ask the one that leads", "leader": False}, status=503
        )
    rows = (await sources.forecasts([key])).get(key)
    if not rows:
        text = f"no forecast of a PredictiveAutoscaler {key} is known here; spec.forecast.enabled turns it on"
        return _json({"error": text, "leader": True}, status=404)
    return _json({"namespace": key.namespace, "name": key.name, "leader": True, "metrics": list(rows)})


def _named(key: ObjectKey, row: dict[str, Any]) -> dict[str, Any]:
    return {"namespace": key.namespace, "name": key.name, **row}


def _json(content: object, status: int = 200) -> web.Response:
    return web.json_response(content, status=status, dumps=lambda value: json.dumps(value, allow_nan=False))


def _probe(problems: Sequence[str]) -> web.Response:
    return web.Response(text="\n".join(problems or ["ok"]) + "\n", status=503 if problems else 200)


@web.middleware
async def _safe(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Add headers that keep a browser from running or framing anything."""
    response: web.StreamResponse = await handler(request)
    response.headers.update(_HEADERS)
    return response
