"""Bounds what clients can take: how many connections there are, how many of one address, and how long each may take.

A scrape needs its place for milliseconds. When all places are taken, a newcomer gets the place of a connection of the
address that has most of them: one that waits (for its handshake, its request, or the next one), else one that is being
sent its answer, of each the one that has been at it longest. A stranger who opens connections and says nothing, or reads
nothing, keeps nobody out. A connection whose answer is still being made gives way only to an address that has clearly
fewer, or many slow collections could keep a health check out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from exporters.web.rate import SparingLog
from exporters.web.sliced import HELD_BYTES


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take; times in seconds."""

    connections: int = 128
    """At most so many at a time, over all addresses."""
    per_peer: int = 16
    """At most so many at a time from one address."""
    answers_bytes: int = 64 << 20
    """Answers that are being sent hold no more memory, all together, or as much as the newest alone and its readers need."""
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


class Doing(Enum):
    """What a connection is at."""

    WAITING = "waiting"
    WORKING = "working"
    """Its request has come and is not answered yet."""
    SENDING = "sending"


@dataclass(eq=False, slots=True)
class Connection(asyncio.Protocol):
    """Stands between the network and the one that speaks HTTP, and sees to it that a client gets to the point."""

    room: Room
    handler: asyncio.Protocol
    check: Check
    peer: str = ""
    """The address it comes from."""
    doing: Doing = Doing.WAITING
    body: bytes = b""
    """What it is being sent."""
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
        transport.set_write_buffer_limits(1, 0)  # what was written must leave before more is; with 0 TLS never goes on
        self.room.knows(self)
        self._expect_request()
        self.handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came; once it has begun, a request must end in time."""
        if self.was_made:
            if self._deadline is None and self.doing is Doing.WAITING:
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
    """All connections, in the order in which each began what it is at."""

    limits: Limits = field(default_factory=Limits)
    _places: dict[Connection, None] = field(default_factory=dict)
    _by_handler: dict[asyncio.BaseProtocol, Connection] = field(default_factory=dict)
    _sparing: SparingLog = field(default_factory=SparingLog)

    def enter(self, connection: Connection) -> bool:
        """Take a place, if need be that of another connection; False when none of those may be ended for this one."""
        same = [one for one in self._places if one.peer == connection.peer]
        if len(same) >= self.limits.per_peer:
            given = self._give_way(same, connection, "its address has as many connections as one may have")
        elif len(self._places) >= self.limits.connections:
            given = self._give_way(self._places, connection, "every place is taken, and its address has most of them")
        else:
            given = True
        if given:
            self._places[connection] = None
        return given

    def knows(self, connection: Connection) -> None:
        """Remember which connection a request will belong to."""
        if connection in self._places:
            self._by_handler[connection.handler] = connection

    def leave(self, connection: Connection) -> None:
        """Give a place back; a second time does nothing."""
        self._places.pop(connection, None)
        self._by_handler.pop(connection.handler, None)

    def begin(self, handler: asyncio.BaseProtocol) -> None:
        """Take note that a request has come in whole."""
        connection = self._by_handler.get(handler)
        if connection is not None:
            connection.request_came()
            self._turn(connection, Doing.WORKING)

    def send(self, handler: asyncio.BaseProtocol, body: bytes) -> None:
        """Take note that its answer is ready and on its way; others end when theirs and this one would be too much."""
        connection = self._by_handler.get(handler)
        if connection is None:
            return
        self._turn(connection, Doing.SENDING)
        connection.body = body
        limit_bytes = max(self.limits.answers_bytes, len(body) + self.limits.per_peer * HELD_BYTES)
        while self._held_bytes() > limit_bytes:
            others = [one for one in self._places if one.doing is Doing.SENDING and one is not connection]
            if not self._give_way(others, connection, "the answers that are being sent hold too much memory"):
                break

    def finish(self, handler: asyncio.BaseProtocol) -> None:
        """Take note that it has been answered."""
        connection = self._by_handler.get(handler)
        if connection is not None:
            self._turn(connection, Doing.WAITING)
            connection.body = b""

    def count(self, doing: Doing | None = None) -> int:
        """Return how many connections there are, or are at this."""
        return sum(doing in {None, one.doing} for one in self._places)

    def _held_bytes(self) -> int:
        bodies = [one.body for one in self._places]
        shared = {id(body): len(body) for body in bodies}
        return sum(shared.values()) + sum(min(len(body), HELD_BYTES) for body in bodies)

    def _turn(self, connection: Connection, doing: Doing) -> None:
        connection.doing = doing
        del self._places[connection]
        self._places[connection] = None

    def _give_way(self, among: Iterable[Connection], newcomer: Connection, cause: str) -> bool:
        """End the one of these that has the least right to its place; False if all have a better one than the newcomer."""
        have = Counter(one.peer for one in self._places)

        def rank(one: Connection) -> tuple[bool, int, bool]:
            return one.doing is Doing.WORKING, -have[one.peer], one.doing is Doing.SENDING

        chosen = min(among, key=rank, default=None)  # the first of equals, which has been at it longest
        if chosen is None or (chosen.doing is Doing.WORKING and have[chosen.peer] <= have[newcomer.peer] + 1):
            return False
        if chosen.doing is not Doing.WAITING:
            self._sparing.warning("connection_ended", peer=chosen.peer, was=chosen.doing.value, cause=cause)
        self.leave(chosen)
        chosen.end()
        return True
