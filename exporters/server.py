"""Answers over HTTP: the metrics, two health checks and a page for people.

A collection runs in one thread of its own, so the event loop stays free for health checks and the pod watch, and
requests that come while one runs share its result: ten Prometheus servers cost little more than one. Who may ask, and
over what, is left to ``exporters.web``.
"""

from __future__ import annotations

import asyncio
import errno
import html
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from exporters.exposition import budget
from exporters.exposition.text import Format, accepts_gzip, choose
from exporters.web.gate import Gate, make_gate
from exporters.web.listener import Listener, listening
from exporters.web.sliced import Sliced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from exporters.exposition.exporter import Exporter, Exposition
    from exporters.settings import Web

log = structlog.get_logger()

HEALTH = "/healthz"
READINESS = "/readyz"
_GRACE_S = 5.0
_REFUSALS = {
    errno.EADDRINUSE: ("another process has that port in use", "end it (`ss -ltnp` names it), or choose another port"),
    errno.EADDRNOTAVAIL: ("no network interface of this machine has that address", "name one that it has, or none for all"),
    errno.EACCES: ("this user may not have that port", "choose one from 1024"),
    errno.EPERM: ("this user may not have that port", "choose one from 1024"),
    errno.EAFNOSUPPORT: ("this machine does not speak that version of IP", "name an address of the other one"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request wants."""

    format: Format
    is_compressed: bool
    names: frozenset[str]
    """Only these families (``name[]``, as for other exporters); none: all."""
    timeout_s: float

    @classmethod
    def by(cls, request: web.Request) -> Asked:
        """Read a request."""
        return cls(
            choose(request.headers.get("Accept", "")),
            accepts_gzip(request.headers.get("Accept-Encoding", "")),
            frozenset(request.query.getall("name[]", ())),
            budget.timeout_s(request.headers.get(budget.HEADER, "")),
        )


@dataclass(slots=True)
class SharedCollection:
    """One thread, and at most one collection under way in it."""

    exporter: Exporter
    thread: ThreadPoolExecutor
    _under_way: asyncio.Task[Exposition] | None = None

    async def get(self, timeout_s: float) -> Exposition:
        """Return the result of the collection under way, or begin one for a client that waits no longer than ``timeout_s``.

        A client that leaves does not stop it.
        """
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._collect(timeout_s))
            self._under_way.add_done_callback(_retrieve)
        return await asyncio.shield(self._under_way)

    async def _collect(self, timeout_s: float) -> Exposition:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.thread, self.exporter.collect, timeout_s)
        finally:
            self._under_way = None

    async def answer(self, asked: Asked) -> bytes:
        """Return the body of a response."""
        exposition = await self.get(asked.timeout_s)
        loop = asyncio.get_running_loop()
        write = partial(exposition.answer, asked.format, compressed=asked.is_compressed, names=asked.names)
        return await loop.run_in_executor(self.thread, write)


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

    async def metrics(request: web.Request) -> web.StreamResponse:
        asked = Asked.by(request)
        try:
            body = await shared.answer(asked)
        except Exception:
            log.exception("scrape_failed", consequence="answered 500", remedy="report this with the lines above")
            return web.Response(status=500, text="the collection failed; the exporter's log says why\n")
        headers = {"Content-Type": asked.format.value, "Vary": "Accept, Accept-Encoding"}
        if asked.is_compressed:
            headers["Content-Encoding"] = "gzip"
        return Sliced(body, headers)

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
    path = site.settings.telemetry_path
    for one in {path, path.rstrip("/") or "/"}:  # a path with a slash at its end is answered without it too, as Go does
        app.router.add_get(one, metrics)
    app.router.add_get(HEALTH, healthz)
    app.router.add_get(READINESS, readyz)
    if path != "/":
        app.router.add_get("/", landing)
    app.on_cleanup.append(end)
    return app


class CannotListenError(Exception):
    """The address cannot be bound; the message says which and why."""

    def __init__(self, settings: Web, error: OSError | UnicodeError) -> None:
        host = settings.host or ""
        address = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
        cause, self.remedy = str(error), "choose another address"
        if isinstance(error, socket.gaierror | UnicodeError):
            cause, self.remedy = f"the name {host} is not known here ({error})", "write an IP address, or none for all"
        elif isinstance(error, OSError):
            cause, self.remedy = _REFUSALS.get(error.errno or 0, (error.strerror or cause, self.remedy))
        super().__init__(f"cannot listen on {address}: {cause}")


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
        except (OSError, UnicodeError) as error:
            raise CannotListenError(settings, error) from error
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
        f'<ul><li><a href="{path}">Metrics</a><li><a href="{HEALTH}">Health</a>'
        f'<li><a href="{READINESS}">Readiness</a></ul></html>\n'
    )
