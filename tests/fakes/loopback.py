"""What the fakes that answer over real HTTP share: one handler on a free port of 127.0.0.1."""

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar, Self

from aiohttp import web


@dataclass(slots=True)
class LoopbackServer:
    """Sends every path to `handle`, which a fake writes; `url` is known once it is entered."""

    path: ClassVar[str] = ""  # of `url`
    gate: asyncio.Event | None = field(default=None, kw_only=True)  # answers nothing until it is set
    url: str = field(default="", kw_only=True)
    _runner: web.AppRunner | None = field(default=None, kw_only=True)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{self.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.gate:
            self.gate.set()
        await self.stop()

    async def stop(self) -> None:
        """Be gone."""
        assert self._runner
        await self._runner.cleanup()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        raise NotImplementedError
