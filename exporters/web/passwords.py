"""Checks a name and a password against bcrypt hashes.

A check takes 70 ms of CPU on purpose, so it runs in one thread beside the event loop, what waits for that thread is
bounded, and the last good password of each user is remembered (as a keyed digest) for the next scrape. A name that
does not exist costs the same time as a wrong password, so that nobody can find out names by the clock.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_WAITING = 16
_LONGEST_BYTES = 72
"""bcrypt looks no further; Go and htpasswd cut a longer password off, and so must we, or it would fit there and not here."""


class BusyError(Exception):
    """So many checks are waiting that this one has to come again later."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client sent, as bytes: nothing says which characters they are."""

    user: bytes
    password: bytes = field(repr=False)


def credentials(header: str) -> Credentials | None:
    """Return what an ``Authorization`` header of the scheme Basic says; None for any other and for a broken one."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(user, password) if colon else None


@dataclass(slots=True)
class Queue:
    """The thread in which passwords are checked, and how many wait for it; it outlives a change of the users."""

    thread: Executor
    waiting: int = 0


class Passwords:
    """The users of one version of the configuration."""

    def __init__(self, users: Mapping[str, str], queue: Queue) -> None:
        """Take the users' bcrypt hashes; they have been checked for their form."""
        self._users = {name.encode(): hashed.encode() for name, hashed in users.items()}
        self._queue = queue
        self._secret = secrets.token_bytes(32)
        self._good: dict[bytes, bytes] = {}
        cost = max((hashed[4:6] for hashed in self._users.values()), default=b"10")
        self._nobody = b"$2b$" + cost + b"$" + b"." * 53

    async def fit(self, given: Credentials) -> bool:
        """Whether the user exists and the password is theirs; raises BusyError."""
        digest = hmac.digest(self._secret, given.password, "sha256")
        if hmac.compare_digest(self._good.get(given.user, b""), digest):
            return True
        hashed = self._users.get(given.user)
        fits = await self._check(given.password[:_LONGEST_BYTES], hashed or self._nobody)
        if hashed is None or not fits:
            return False
        self._good[given.user] = digest
        return True

    async def _check(self, password: bytes, hashed: bytes) -> bool:
        if self._queue.waiting >= _MOST_WAITING:
            raise BusyError
        self._queue.waiting += 1
        check = asyncio.get_running_loop().run_in_executor(self._queue.thread, _fits, password, hashed)
        check.add_done_callback(self._done)
        return await asyncio.shield(check)

    def _done(self, _: asyncio.Future[bool]) -> None:
        """Count a check as ended when its thread is free again, not when the client left."""
        self._queue.waiting -= 1


def load() -> None:
    """Load the library now, so that a missing one is told at the start; raises ModuleNotFoundError."""
    import bcrypt  # noqa: F401, PLC0415 - only who asks for passwords needs it


def _fits(password: bytes, hashed: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 - as above

    return bcrypt.checkpw(password, hashed)
