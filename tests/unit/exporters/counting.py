"""An exporter that counts its collections, and a client of its server."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from exporters.server import Site, application, serving
from exporters.settings import Web
from exporters.shared import Times

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from exporters.exposition.exporter import Exporter, Exposition

LOCAL = Web("127.0.0.1", 0, reuse_s=0.0)


@dataclass
class Counting:
    """An exporter that counts its collections and can be made to wait or to break."""

    exporter: Exporter
    collections: int = 0
    began: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)
    breaks: bool = False
    closed: bool = False
    is_partial: bool = False
    """What it reads is said to be a part only."""
    timeouts_s: list[float] = field(default_factory=list)

    @property
    def families(self) -> Mapping[str, frozenset[str]]:
        return self.exporter.families

    def collect(self, timeout_s: float) -> Exposition:
        self.collections += 1
        self.timeouts_s.append(timeout_s)
        self.began.set()
        if self.breaks:
            raise RuntimeError("broken on purpose")
        assert self.may_go_on.wait(10)
        exposition = self.exporter.collect(timeout_s)
        exposition.is_partial = self.is_partial
        return exposition

    @property
    def step(self) -> str:
        return self.exporter.step

    def close(self) -> None:
        self.closed = True
        self.exporter.close()


@asynccontextmanager
async def client(
    counting: Counting,
    settings: Web = LOCAL,
    why_not_ready: Callable[[], str | None] = lambda: None,
    times: Times | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    app = application(Site(counting, settings, "1.2.3", why_not_ready), times)
    async with (
        serving(app, settings) as (host, port),
        aiohttp.ClientSession(f"http://{host}:{port}", auto_decompress=True) as session,
    ):
        yield session
