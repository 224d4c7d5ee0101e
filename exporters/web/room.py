"""Bounds what clients can take: how many connections there are, and how long each may take to ask.

A connection that waits (for its handshake, its request, or the next one) makes room for a new one when all places are
taken, the one that has waited longest first. So a stranger who opens connections and says nothing keeps nobody out,
and neither does one who opens them faster than they run out of time: a scrape needs its place for milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take; times in seconds."""

    connections: int = 128
    """At most so many at a time, over all addresses."""
    handshake_s: float = 10.0
    """From the connection to its encryption."""
    request_s: float = 10.0
    """From a request's first byte, or the connection, to the end of its headers."""
    sending_s: float = 30.0
    """From the first byte of an answer to its last."""
    idle_s: float = 360.0
    """Between two requests; longer than the 5 minutes after which Prometheus closes."""


Check = Callable[[asyncio.Transport], bool]
"""Whether a connection that is open now, and encrypted if it is to be, may ask anything."""


@dataclass(eq=False, slots=True)
class Connection(asyncio.Protocol):
    """Stands between the network and the one that speaks HTTP, and sees to it that a client gets to the point."""

    room: Room
    handler: asyncio.Protocol
    check: Check
    handshake: asyncio.Task[None] | None = None
    """The task that opens the connection, as long as it runs."""
    was_made: bool = False
    _transport: asyncio.Transport | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen to the client, if it may come in."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the types: TCP and TLS are
        self._transport = transport
        if not self.check(transport):
            transport.abort()
            return
        self.was_made = True
        self.room.knows(self)
        self._expect_request()
        self.handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came; once it has begun, a request must end in time."""
        if self.was_made:
            if self._deadline is None and not self.room.is_busy(self):
                self._expect_request()
            self.handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on that the client has said all."""
        return self.handler.eof_received() if self.was_made else None

    def pause_writing(self) -> None:
        """Hand on that the client reads slowly."""
        self.handler.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the client has caught up."""
        self.handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self.request_came()
        self.room.leave(self)
        if self.was_made:
            self.handler.connection_lost(exc)
        self._transport = None

    def request_came(self) -> None:
        """Stop waiting for a request."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def end(self) -> None:
        """Close at once, whatever is under way."""
        if self.handshake is not None:
            self.handshake.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _expect_request(self) -> None:
        self._deadline = asyncio.get_running_loop().call_later(self.room.limits.request_s, self.end)


@dataclass(slots=True)
class Room:
    """All connections: those that wait, in the order in which they began to, and those that are being answered."""

    limits: Limits = field(default_factory=Limits)
    _waiting: dict[Connection, None] = field(default_factory=dict)
    _busy: set[Connection] = field(default_factory=set)
    _by_handler: dict[asyncio.BaseProtocol, Connection] = field(default_factory=dict)

    def enter(self, connection: Connection) -> bool:
        """Take a place, if need be the place of the one that has waited longest; False when all are being answered."""
        if len(self._waiting) + len(self._busy) >= self.limits.connections:
            if not self._waiting:
                return False
            longest = next(iter(self._waiting))
            self.leave(longest)
            longest.end()
        self._waiting[connection] = None
        return True

    def knows(self, connection: Connection) -> None:
        """Remember which connection a request will belong to."""
        if connection in self._waiting:
            self._by_handler[connection.handler] = connection

    def leave(self, connection: Connection) -> None:
        """Give a place back; a second time does nothing."""
        self._waiting.pop(connection, None)
        self._busy.discard(connection)
        self._by_handler.pop(connection.handler, None)

    def is_busy(self, connection: Connection) -> bool:
        """Whether a request of this connection is being answered."""
        return connection in self._busy

    def begin(self, handler: asyncio.BaseProtocol) -> None:
        """Take note that a request has come in whole."""
        connection = self._by_handler.get(handler)
        if connection is not None:
            connection.request_came()
            self._waiting.pop(connection, None)
            self._busy.add(connection)

    def finish(self, handler: asyncio.BaseProtocol) -> None:
        """Take note that it has been answered."""
        connection = self._by_handler.get(handler)
        if connection is not None:
            self._busy.discard(connection)
            self._waiting[connection] = None
