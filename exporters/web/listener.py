"""Listens, encrypts and hands connections over to the one that speaks HTTP.

asyncio's own server takes one TLS context for its whole life and any number of connections. Here every connection is
encrypted by the configuration as it is at that moment, which is how a new certificate comes into use without a restart,
and has to find a place first.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from exporters.web.rate import SparingLog
from exporters.web.room import Connection
from exporters.web.sliced import UNSENT_BYTES
from exporters.web.tls import names_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from exporters.web.current import Current, State
    from exporters.web.room import Room

_BACKLOG = 128
_PAUSE_S = 0.5
_SHUTDOWN_S = 5.0
_NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})

log = structlog.get_logger()


@dataclass(slots=True)
class Listener:
    """Takes connections in until it is told to end."""

    handlers: Callable[[], asyncio.Protocol]
    """Makes who speaks HTTP on one connection."""
    current: Current
    room: Room
    _handshakes: set[asyncio.Task[None]] = field(default_factory=set)
    _sparing: SparingLog = field(default_factory=SparingLog)

    async def accept(self, listening: socket.socket) -> None:
        """Take in what comes to one address, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(listening)
            except OSError as error:  # no descriptor is free, say; whatever it is, it may pass
                self._sparing.warning("cannot_accept", cause=str(error), remedy="raise the limit of open files if this stays")
                await asyncio.sleep(_PAUSE_S)
                continue
            self._take(accepted, str(peer[0]))

    async def end(self) -> None:
        """End the handshakes that are under way."""
        for task in (tasks := list(self._handshakes)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, accepted: socket.socket, peer: str) -> None:
        state = self.current.get()
        connection = Connection(self.room, self.handlers(), lambda transport: self._may_enter(state, transport, peer), peer)
        if not self.room.enter(connection):
            accepted.close()
            self._sparing.warning(
                "connection_refused",
                peer=peer,
                cause="every place, or every one for its address, is taken by a request whose answer is being made",
            )
            return
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        task = asyncio.create_task(self._open(connection, accepted, state, peer))
        connection.handshake = task
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _open(self, connection: Connection, accepted: socket.socket, state: State, peer: str) -> None:
        limits = self.room.limits
        encrypted = state.context is not None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=state.context,
                ssl_handshake_timeout=limits.handshake_s if encrypted else None,
                ssl_shutdown_timeout=_SHUTDOWN_S if encrypted else None,
            )
        except (ConnectionResetError, BrokenPipeError):  # the client left: a port scan, or the kubelet's probe of the port
            log.debug("handshake_left", peer=peer)
        except OSError as error:  # ssl.SSLError is one
            self._sparing.warning("handshake_failed", peer=peer, cause=getattr(error, "reason", None) or str(error))
        finally:
            connection.handshake = None
            if not connection.was_made:
                self.room.leave(connection)
                accepted.close()

    def _may_enter(self, state: State, transport: asyncio.Transport, peer: str) -> bool:
        if not state.allowed_sans:
            return True
        names = names_of(transport.get_extra_info("peercert"))
        if names & state.allowed_sans:
            return True
        self._sparing.warning("client_certificate_refused", peer=peer, names=sorted(names), allowed=sorted(state.allowed_sans))
        return False


@asynccontextmanager
async def listening(listener: Listener, host: str | None, port: int) -> AsyncIterator[tuple[str, int]]:
    """Listen until the block ends; yields the first address that was bound. Raises OSError."""
    sockets = await _bind(host, port)
    tasks = [asyncio.create_task(listener.accept(one)) for one in sockets]
    try:
        bound_host, bound_port = sockets[0].getsockname()[:2]
        yield bound_host, bound_port
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in sockets:
            one.close()
        await listener.end()


async def _bind(host: str | None, port: int) -> list[socket.socket]:
    """Bind every address of a host, IPv4 and IPv6 apart, to the same port; a family that the machine lacks is left out."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    lacking: OSError | None = None
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            chosen = (address[0], port or _port_of(bound), *address[2:])
            try:
                bound.append(_bound(family, chosen))
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                lacking = error
        if not bound:
            raise lacking or OSError(errno.EADDRNOTAVAIL, "the host has no address")
    except OSError:
        _close(bound)
        raise
    return bound


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(made.close)
        made.settimeout(0.0)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        on_failure.pop_all()
    return made


def _port_of(bound: list[socket.socket]) -> int:
    return int(bound[0].getsockname()[1]) if bound else 0


def _close(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()
