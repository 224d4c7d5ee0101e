"""Clients of the exporter's server that do what they are told, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.exporters.web_rig import Served

ASK = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
DEADLINE_S = 60.0


class Client:
    """A connection that does what it is told, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hears(self) -> bytes:
        """Return the status line of the next answer, once it is there whole; empty when the server has closed before."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return b""
            return head.partition(b"\r\n")[0]

    async def is_closed(self) -> bool:
        """Wait until the server has closed."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    async def leave(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


async def connect(server: Served, clients: list[Client], **how: object) -> Client:
    clients.append(Client(*await asyncio.open_connection(server.host, server.port, **how)))  # type: ignore[arg-type]
    return clients[-1]
