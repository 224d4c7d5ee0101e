"""Answers over HTTP: the metrics, two health checks and a page for people.

Collections run in a thread of their own, so the event loop stays free for health checks and the pod watch. Who shares
which is left to ``exporters.shared``, and who may ask, and over what, to ``exporters.web``.
"""

from __future__ import annotations

import errno
import html
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from exporters.exposition import budget
from exporters.exposition.text import Format, accepts_gzip, choose
from exporters.shared import SharedCollection, Times
from exporters.web.gate import Gate, make_gate
from exporters.web.listener import Listener, listening
from exporters.web.sliced import Sliced

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Mapping

    from exporters.exposition.exporter import Exporter, Exposition
    from exporters.settings import Web

log = structlog.get_logger()

HEALTH = "/healthz"
READINESS = "/readyz"
_GRACE_S = 5.0
_OF_GRACE = 0.8
"""So long a collection may go on at the end; the rest is for telling those who wait for it that it does not end."""
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
    """Only these families (``name[]`` and ``collect[]``, as for other exporters); none: all."""
    timeout_s: float

    @classmethod
    def by(cls, request: web.Request, families: Mapping[str, frozenset[str]]) -> Asked:
        """Read a request, given the families of each collector that runs; raises HTTPBadRequest for another collector."""
        collectors = request.query.getall("collect[]", ())
        for one in collectors:
            if one not in families:
                raise web.HTTPBadRequest(text=f"collect[]={one}: no such collector runs here, only {', '.join(families)}\n")
        return cls(
            choose(request.headers.get("Accept", "")),
            accepts_gzip(request.headers.get("Accept-Encoding", "")),
            frozenset(request.query.getall("name[]", ())).union(*(families[one] for one in collectors)),
            budget.timeout_s(request.headers.get(budget.HEADER, "")),
        )

    def write(self, exposition: Exposition) -> bytes:
        """Return the body of the response."""
        return exposition.answer(self.format, compressed=self.is_compressed, names=self.names)


@dataclass(frozen=True, slots=True)
class Site:
    """What the server answers with."""

    exporter: Exporter
    settings: Web
    version: str
    why_not_ready: Callable[[], str | None]
    """Returns in words what is still missing before scrapes are worth something; None when all is there."""


@dataclass(frozen=True, slots=True)
class _Pages:
    """What is answered at each path."""

    site: Site
    shared: SharedCollection

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        asked = Asked.by(request, self.site.exporter.families)
        try:
            body = await self.shared.answer(asked.timeout_s, asked.write)
        except TimeoutError:
            return web.Response(status=503, text=f"{self.shared.why_not_ready() or _no_answer(asked.timeout_s)}\n")
        except Exception:
            log.exception("scrape_failed", consequence="answered 500", remedy="report this with the lines above")
            return web.Response(status=500, text="the collection failed; the exporter's log says why\n")
        headers = {"Content-Type": asked.format.value, "Vary": "Accept, Accept-Encoding"}
        if asked.is_compressed:
            headers["Content-Encoding"] = "gzip"
        return Sliced(body, headers)

    async def healthz(self, _: web.Request) -> web.Response:
        return _checked(self.shared.why_not_healthy())

    async def readyz(self, _: web.Request) -> web.Response:
        return _checked(self.site.why_not_ready() or self.shared.why_not_ready())

    async def landing(self, _: web.Request) -> web.Response:
        return web.Response(text=_page(self.site), content_type="text/html")

    async def hurry(self, _: web.Application) -> None:
        self.shared.hurry(_GRACE_S * _OF_GRACE)

    async def end(self, _: web.Application) -> None:
        await self.shared.end()


def application(site: Site, times: Times | None = None) -> web.Application:
    """Build the application; it owns the threads of collections and ends them."""
    pages = _Pages(site, SharedCollection(site.exporter, times or Times(reuse_s=site.settings.reuse_s)))
    app = web.Application()
    path = site.settings.telemetry_path
    for one in {path, path.rstrip("/") or "/"}:  # a path with a slash at its end is answered without it too, as Go does
        app.router.add_get(one, pages.metrics)
    app.router.add_get(HEALTH, pages.healthz)
    app.router.add_get(READINESS, pages.readyz)
    if path != "/":
        app.router.add_get("/", pages.landing)
    app.on_shutdown.append(pages.hurry)
    app.on_cleanup.append(pages.end)
    return app


def _checked(missing: str | None) -> web.Response:
    return web.Response(text="ok\n") if missing is None else web.Response(status=503, text=f"{missing}\n")


def _no_answer(timeout_s: float) -> str:
    return f"no collection came to its end in the {timeout_s:g} s that this scrape waits; a longer scrape_timeout may help"


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
