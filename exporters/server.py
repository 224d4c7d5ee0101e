"""Answers over HTTP: the metrics, two health checks and a page for people.

A collection runs in one thread of its own, so the event loop stays free for health checks and the pod watch, and
requests that come while one runs share its result: ten Prometheus servers cost little more than one. Who may ask, and
over what, is left to ``exporters.web``.
"""

from __future__ import annotations

import asyncio
import html
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from exporters.exposition.text import Format, accepts_gzip, choose
from exporters.web.gate import Gate, make_gate
from exporters.web.listener import Listener, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from exporters.exposition.exporter import Exporter, Exposition
    from exporters.settings import Web

log = structlog.get_logger()

_GRACE_S = 5.0


@dataclass(slots=True)
class SharedCollection:
    """One thread, and at most one collection under way in it."""

    exporter: Exporter
    thread: ThreadPoolExecutor
    _under_way: asyncio.Task[Exposition] | None = None

    async def get(self) -> Exposition:
        """Return the result of the collection under way, or begin one; a client that leaves does not stop it."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._collect())
            self._under_way.add_done_callback(_retrieve)
        return await asyncio.shield(self._under_way)

    async def _collect(self) -> Exposition:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.thread, self.exporter.collect)
        finally:
            self._under_way = None

    async def answer(self, chosen: Format, *, compressed: bool) -> bytes:
        """Return the body of a response."""
        exposition = await self.get()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.thread, lambda: exposition.answer(chosen, compressed=compressed))


def _retrieve(done: asyncio.Task[Exposition]) -> None:
    """Take note of a failure although every client that waited for it may have left."""
    if not done.cancelled():
        done.exception()


@dataclass(frozen=True, slots=True)
class Site:
    """What the server answers with."""

    exporter: Exporter
    settings: Web
    version: str
    why_not_ready: Callable[[], str | None]
    """Returns in words what is still missing before scrapes are worth something; None when all is there."""


def application(site: Site) -> web.Application:
    """Build the application; it owns the collection thread and ends it."""
    shared = SharedCollection(site.exporter, ThreadPoolExecutor(1, thread_name_prefix="collection"))

    async def metrics(request: web.Request) -> web.Response:
        chosen = choose(request.headers.get("Accept", ""))
        compressed = accepts_gzip(request.headers.get("Accept-Encoding", ""))
        try:
            body = await shared.answer(chosen, compressed=compressed)
        except Exception:
            log.exception("scrape_failed", consequence="answered 500", remedy="report this with the lines above")
            return web.Response(status=500, text="the collection failed; the exporter's log says why\n")
        headers = {"Content-Type": chosen.value, "Vary": "Accept, Accept-Encoding"}
        if compressed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        missing = site.why_not_ready()
        return web.Response(text="ok\n") if missing is None else web.Response(status=503, text=f"{missing}\n")

    async def landing(_: web.Request) -> web.Response:
        return web.Response(text=_page(site), content_type="text/html")

    async def end(_: web.Application) -> None:
        shared.thread.shutdown(wait=True, cancel_futures=True)
        site.exporter.close()

    app = web.Application()
    app.router.add_get(site.settings.telemetry_path, metrics)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    if site.settings.telemetry_path != "/":
        app.router.add_get("/", landing)
    app.on_cleanup.append(end)
    return app


class CannotListenError(Exception):
    """The address cannot be bound; the message says which and why."""


@asynccontextmanager
async def serving(app: web.Application, settings: Web, gate: Gate | None = None) -> AsyncIterator[tuple[str, int]]:
    """Serve behind a gate until the block ends, then let requests under way finish; yields the address that was bound.

    Without a gate everybody is let in, within the limits of connections. Raises CannotListenError.
    """
    gate = gate or make_gate("", None)
    gate.guard(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_S, **gate.http_limits())
    await runner.setup()
    try:
        async with _listening(Listener(_handlers(runner), gate.current, gate.room), settings) as address:
            yield address
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _listening(listener: Listener, settings: Web) -> AsyncIterator[tuple[str, int]]:
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(listening(listener, settings.host, settings.port))
        except OSError as error:
            raise CannotListenError(f"cannot listen on {settings.host or ''}:{settings.port}: {error}") from error
        yield address


def _handlers(runner: web.AppRunner) -> Callable[[], asyncio.Protocol]:
    server = runner.server
    assert server is not None  # noqa: S101 - for the types: it is there from setup to cleanup
    return server


def _page(site: Site) -> str:
    path = html.escape(site.settings.telemetry_path)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Foresail exporter</title>"
        f"<h1>Foresail exporter</h1><p>Version {html.escape(site.version)}. What every container on this node uses, "
        "as the kernel counts it.</p>"
        f'<ul><li><a href="{path}">Metrics</a><li><a href="/healthz">Health</a>'
        '<li><a href="/readyz">Readiness</a></ul></html>\n'
    )
