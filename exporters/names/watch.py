"""Keeps the book of this node's pods by a list and a watch of the Kubernetes API.

A full client library would cost more memory than the whole exporter, and its watch has known faults. What a watch
needs is little: list once, follow from there; when the stream ends, breaks or falls silent, follow on from the last
version that was heard (bookmarks keep it young); when the API has forgotten that version (410), list again; wait
longer after each failure, by a random share, so that a thousand nodes do not return at once.

RBAC cannot limit this to the pods of one node: the right to list and watch pods is needed, and the field selector
keeps the rest from being sent. Nothing that goes wrong here stops a scrape; names only get older.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import structlog

from exporters.names.pod import NotAPodError, Pod, pod_of
from exporters.names.wire import Bookmark, PodList, Status, WatchEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exporters.names.account import Account
    from exporters.names.book import PodBook
    from exporters.roots import Clock

_GONE = 410
_OK = 200
_REFUSED = frozenset({401, 403})
_LONGEST_LINE_BYTES = 16 << 20  # the API refuses objects of more than a tenth of it
_SHOWN = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient the watch is, all in seconds."""

    silence_s: float = 150.0
    """A stream with no line for so long is dead: the API sends a bookmark about every minute."""
    list_s: float = 60.0
    """A list takes no longer."""
    stream_s: float = 300.0
    """The API is asked to end a stream after once to twice this time, so that load spreads over its servers."""
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0


class _GoneError(Exception):
    """The API no longer knows the version that was asked for."""


class _ApiError(Exception):
    """The API answered, but not with what was asked for."""


@dataclass(slots=True)
class PodWatch:
    """The watch and what is known of its health; ``run`` does the work, anyone may read the rest."""

    account: Account
    node_name: str
    book: PodBook
    timing: Timing = field(default_factory=Timing)
    monotonic: Clock = time.monotonic
    chance: random.Random = field(default_factory=random.Random)
    lists: int = 0
    """Lists that succeeded; all but the first were made because the watch had lost its place."""
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the pods were listed, or could not be: there is nothing more to wait for."""
    _heard_s: float | None = None
    _version: str | None = None
    _failures: int = 0

    def age_s(self) -> float | None:
        """Return the time since the API was last heard, in seconds; None before the first time."""
        return None if self._heard_s is None else self.monotonic() - self._heard_s

    async def run(self) -> None:
        """Keep the book until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=self.timing.silence_s)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    await self._attempt(session)
                finally:
                    self.tried.set()
                if self._failures:
                    await asyncio.sleep(self._wait_s())

    async def _attempt(self, session: aiohttp.ClientSession) -> None:
        try:
            if self._version is None:
                await self._list(session)
            await self._follow(session)
        except _GoneError:
            self._failures += 1
            self._version = None
            log.info("pod_watch_lost_its_place", node=self.node_name, consequence="the pods are listed again")
        except (aiohttp.ClientError, OSError, TimeoutError, _ApiError) as error:
            self._failures += 1
            log.warning(
                "pod_watch_failed",
                node=self.node_name,
                server=self.account.server,
                cause=str(error) or type(error).__name__,
                failures=self._failures,
                consequence="names of new pods come from the log folder until the API answers",
            )

    def _wait_s(self) -> float:
        longest_s = min(self.timing.longest_wait_s, self.timing.first_wait_s * 2.0 ** min(self._failures - 1, 16))
        return longest_s * self.chance.uniform(0.5, 1.0)

    async def _list(self, session: aiohttp.ClientSession) -> None:
        """List from the API server's cache (resourceVersion 0), as the kubelet does: it costs the store nothing."""
        async with (
            asyncio.timeout(self.timing.list_s),
            self._get(session, {"resourceVersion": "0"}) as response,
        ):
            await _check(response)
            body = await response.read()
        try:
            told = msgspec.json.decode(body, type=PodList)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _ApiError(f"the list of pods cannot be read: {error}") from error
        self.book.replace(pod for raw in told.items or () if (pod := _readable(raw)) is not None)
        self._version = told.metadata.resource_version
        self.lists += 1
        self._hear()
        self.tried.set()
        log.info("pods_listed", node=self.node_name, pods=len(self.book.page.pods), version=self._version)

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        seconds = int(self.timing.stream_s * self.chance.uniform(1.0, 2.0))
        question = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "0",
            "timeoutSeconds": str(max(1, seconds)),
        }
        heard = False
        async with self._get(session, question) as response:
            await _check(response)
            async for line in _lines(response.content):
                self._take(line)
                heard = True
        if not heard:
            raise _ApiError("the stream ended before it told anything")

    def _get(self, session: aiohttp.ClientSession, question: dict[str, str]) -> aiohttp.client._RequestContextManager:
        return session.get(
            f"{self.account.server}/api/v1/pods",
            params={"fieldSelector": f"spec.nodeName={self.node_name}", **question},
            headers=self.account.headers(),
            ssl=self.account.trust(),
            allow_redirects=False,
        )

    def _take(self, line: bytes) -> None:
        try:
            event = msgspec.json.decode(line, type=WatchEvent)
            if event.type == "ERROR":
                _raise(msgspec.json.decode(event.object, type=Status))
            version = msgspec.json.decode(event.object, type=Bookmark).metadata.resource_version
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _ApiError(f"a line of the watch cannot be read: {error}: {line[:_SHOWN]!r}") from error
        if event.type in {"ADDED", "MODIFIED", "DELETED"}:
            self._turn(event)
        self._version = version or self._version
        self._failures = 0
        self._hear()

    def _turn(self, event: WatchEvent) -> None:
        pod = _readable(event.object)
        if pod is None:
            return
        if event.type == "DELETED":
            self.book.remove(pod.uid)
        else:
            self.book.put(pod)

    def _hear(self) -> None:
        self._heard_s = self.monotonic()


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status == _OK:
        return
    said = (await response.content.read(_SHOWN * 4)).decode("utf-8", "replace").strip()
    if response.status == _GONE:
        raise _GoneError
    remedy = "; grant the service account list and watch on pods" if response.status in _REFUSED else ""
    raise _ApiError(f"{response.method} {response.url.path} answered {response.status}: {said[:_SHOWN]}{remedy}")


def _raise(status: Status) -> None:
    if status.code == _GONE or status.reason in {"Expired", "Gone"}:
        raise _GoneError
    raise _ApiError(f"the watch ended with {status.code} {status.reason}: {status.message}")


def _readable(raw: msgspec.Raw) -> Pod | None:
    try:
        return pod_of(raw)
    except NotAPodError as error:
        log.warning("pod_unreadable", cause=str(error)[:_SHOWN], consequence="its series stay without names")
        return None


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Cut a stream into lines of any length; aiohttp's own lines are shorter than a pod may be."""
    rest = bytearray()
    async for chunk in stream.iter_any():
        *lines, last = chunk.split(b"\n")
        for line in lines:
            rest += line
            if rest.strip():
                yield bytes(rest)
            rest.clear()
        rest += last
        if len(rest) > _LONGEST_LINE_BYTES:
            raise _ApiError(f"a line of the watch is longer than {_LONGEST_LINE_BYTES} bytes")
