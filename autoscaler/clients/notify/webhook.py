"""Tells receivers by webhook what was done, refused or failed: the port `Notifier`.

Each receiver has a queue and a worker of its own, so that one that hangs holds up nobody else, and never a loop. Messages
arrive in order; the oldest is dropped when too many wait. What is in memory is lost with the process: the record of what was
done are Events, status and metrics, not these messages.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import aiohttp
import orjson
import structlog

from autoscaler import __version__
from autoscaler.clients.notify.delivery import Message, Verdict, attempt, usable, wait_s
from autoscaler.clients.ports import Notice
from autoscaler.clients.timestamps import micro_time
from autoscaler.clock import Clock, SystemClock
from autoscaler.errors import InvalidSettings
from autoscaler.settings import NotifySettings, WebhookSettings
from autoscaler.telemetry import NOTIFICATIONS, NOTIFICATIONS_QUEUED

_log = structlog.get_logger(__name__)
WAIT_BOUNDS_S = (1.0, 300.0)  # of the first wait and of the longest
DRAIN_S = 5.0
_ORJSON = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


@dataclass(slots=True)
class _Receiver:
    """One receiver: its queue, its worker, and whether it is being stopped."""

    settings: WebhookSettings
    limits: NotifySettings
    clock: Clock
    random: Random
    bounds_s: tuple[float, float]
    queue: deque[Message] = field(default_factory=deque)
    current: Message | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def waiting(self) -> int:
        return len(self.queue) + (self.current is not None)

    def put(self, message: Message) -> None:
        if len(self.queue) >= self.limits.queue_size:
            self._end(self.queue.popleft(), "dropped", "too many messages wait")
        self.queue.append(message)
        self.woken.set()

    async def work(self, session: aiohttp.ClientSession) -> None:
        """Deliver until stopped and nothing waits any more."""
        while True:
            while self.queue:
                self.current = self.queue.popleft()
                await self._deliver(session, self.current)
                self.current = None
            if self.stopping.is_set():
                return
            self.woken.clear()
            await self.woken.wait()

    async def _deliver(self, session: aiohttp.ClientSession, message: Message) -> None:
        began_s, failures = self.clock.monotonic_s(), 0
        while True:
            last = self.stopping.is_set()
            outcome = await attempt(session, self.settings, message, self.clock)
            if outcome.verdict is not Verdict.FAILED:
                return self._end(message, outcome.verdict, outcome.why)
            failures += 1
            pause_s = wait_s(failures, outcome.retry_after_s, self.random, self.bounds_s)
            if last:
                return self._end(message, "dropped", f"the service stops; {outcome.why}")
            if self.clock.monotonic_s() + pause_s - began_s > self.limits.give_up_after_s:
                return self._end(message, "gave_up", outcome.why)
            _log.warning(
                "notification_failed",
                receiver=self.settings.name,
                type=message.type,
                why=outcome.why,
                retry_in_s=round(pause_s, 1),
            )
            await self._pause(pause_s)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the stop of the service."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    def stop(self) -> None:
        self.stopping.set()
        self.woken.set()

    def abandon(self) -> None:
        """Count what is left when the service ends."""
        left = [*([self.current] if self.current else []), *self.queue]
        self.current = None
        self.queue.clear()
        for message in left:
            self._end(message, "dropped", "the service stops")

    def _end(self, message: Message, result: str, why: str) -> None:
        NOTIFICATIONS.labels(receiver=self.settings.name, result=result).inc()
        if result != Verdict.DELIVERED:
            _log.error(
                "notification_lost", receiver=self.settings.name, type=message.type, id=message.id, result=result, why=why
            )


class WebhookNotifier:
    """Implements `ports.Notifier`; `run` delivers, `stop` lets what waits go out and ends `run`."""

    def __init__(
        self,
        settings: NotifySettings,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        bounds_s: tuple[float, float] = WAIT_BOUNDS_S,
    ) -> None:
        """Check the receivers: InvalidSettings names the one whose URL cannot be used, but never the URL."""
        _check(settings.webhooks)
        self._clock = clock or SystemClock()
        shared = (settings, self._clock, random or Random(), bounds_s)  # noqa: S311 - jitter
        self._receivers = [_Receiver(one, *shared) for one in settings.webhooks]
        for receiver in self._receivers:
            NOTIFICATIONS_QUEUED.labels(receiver=receiver.settings.name).set_function(receiver.waiting)
        self._workers: list[asyncio.Task[None]] = []
        self._stopping, self._ended = asyncio.Event(), asyncio.Event()
        self._ended.set()

    def send(self, notice: Notice) -> None:
        """Queue a message for every receiver; never waits and never raises."""
        try:
            content = {"type": notice.type, "timestamp": micro_time(notice.at_s), "data": notice.data}
            body = orjson.dumps(content, default=str, option=_ORJSON)
        except (TypeError, ValueError, OverflowError, OSError) as problem:
            _log.exception("notification_unusable", type=notice.type, why=str(problem))
            return
        message = Message(f"msg_{secrets.token_hex(16)}", notice.type, body)
        for receiver in self._receivers:
            receiver.put(message)

    async def run(self) -> None:
        """Deliver until `stop`, or until cancelled."""
        agent = {"User-Agent": f"foresail/{__version__}"}
        self._ended.clear()
        try:
            async with aiohttp.ClientSession(headers=agent, trust_env=True) as session, asyncio.TaskGroup() as group:
                self._workers = [group.create_task(receiver.work(session)) for receiver in self._receivers]
                await self._stopping.wait()
        finally:
            for receiver in self._receivers:
                receiver.abandon()
            self._ended.set()

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Try what waits once more, for so long at most, then end `run`; what is left is counted as dropped."""
        self._stopping.set()
        for receiver in self._receivers:
            receiver.stop()
        try:
            async with asyncio.timeout(drain_s):
                await self._ended.wait()
        except TimeoutError:
            for worker in self._workers:
                worker.cancel()
            await self._ended.wait()


def _check(receivers: Sequence[WebhookSettings]) -> None:
    names = [receiver.name for receiver in receivers]
    for number, receiver in enumerate(receivers):
        if bool(receiver.url) == bool(receiver.url_file):
            raise InvalidSettings(
                f"notify.webhooks[{number}] ({receiver.name}): url or url_file must be given, and not both; a URL is "
                "http://… or https://… with a host"
            )
        if receiver.url and not usable(receiver.url):
            raise InvalidSettings(f"notify.webhooks[{number}] ({receiver.name}): url must be http://… or https://… with a host")
        if names.index(receiver.name) != number:
            raise InvalidSettings(f"notify.webhooks[{number}]: the name {receiver.name} is taken by another receiver")
