"""Shares collections among those who ask, within the time that each of them waits.

One collection runs at a time, in a thread of its own. Requests that come while it runs wait for its result, and so does
who comes just after a whole one: ten Prometheus servers cost little more than one, and a loop of requests little more
than two collections a second. A result that is only a part, because the time of whoever began it was up, is good for
those who would have given it no more time; who has more left begins another.

A read may hang in the kernel, and nothing can end it. Then everybody is told so when their time is up, readiness and
then health say it, and the process leaves its thread behind when it ends.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar, cast

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporters.exposition.exporter import Exporter, Exposition

_FOR_AN_ANSWER = 0.95
"""Of the time that a client waits; the rest is for telling it that there is none."""

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Times:
    """How long results and threads are waited for, all in seconds."""

    reuse_s: float = 0.5
    """A whole result so young is good for the next request."""
    not_ready_s: float = 20.0
    """A collection that runs so much longer than its own time hangs, and the exporter is not ready."""
    not_healthy_s: float = 300.0
    """After so much more than its own time the exporter is not healthy either, so that it is started again."""
    leave_s: float = 1.0
    """At the end a thread at work is waited for no longer."""


class Worker:
    """A thread for one job after the other, which the process does not wait for when it ends.

    An executor's thread would be waited for: one that hangs in the kernel would keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[tuple[Future[object], Callable[[], object]] | None] = SimpleQueue()
        self._thread: Thread | None = None

    async def run(self, job: Callable[[], T]) -> T:
        """Return what the job returns, or raise what it raises; one that is cancelled before its turn is not begun."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: Future[object] = Future()
        self._jobs.put((future, job))
        return cast("T", await asyncio.wrap_future(future))

    async def end(self, within_s: float) -> bool:
        """End the thread after the jobs that it has; False when it has not ended in time."""
        self._jobs.put(None)
        if self._thread is None:
            return True
        await asyncio.to_thread(self._thread.join, within_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            _do(*given)
            del given  # or the last result would be kept until there is another


def _do(future: Future[object], job: Callable[[], object]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(job())
    except BaseException as error:  # noqa: BLE001 - handed to whoever waits
        future.set_exception(error)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """One collection."""

    timeout_s: float
    began_s: float
    result: asyncio.Task[Exposition]


@dataclass(slots=True)
class SharedCollection:
    """At most one collection under way, and for a moment the last one that was whole."""

    exporter: Exporter
    times: Times = field(default_factory=Times)
    _collecting: Worker = field(default_factory=lambda: Worker("collection"))
    _writing: Worker = field(default_factory=lambda: Worker("answers"))
    _under_way: _UnderWay | None = None
    _whole: Exposition | None = None
    _is_hanging: bool = False
    _waits: set[asyncio.Timeout] = field(default_factory=set)

    async def answer(self, timeout_s: float, write: Callable[[Exposition], bytes]) -> bytes:
        """Return what is written of a collection; raises TimeoutError when a client that waits so long would get nothing."""
        async with asyncio.timeout(timeout_s * _FOR_AN_ANSWER) as wait:
            self._waits.add(wait)
            try:
                exposition = await self.get(timeout_s)
                return await self._writing.run(partial(write, exposition))
            finally:
                self._waits.discard(wait)

    async def get(self, timeout_s: float) -> Exposition:
        """Return a result that is whole, or as good as a collection of one's own would give in ``timeout_s``.

        A client that leaves does not stop a collection.
        """
        ends_s = _now_s() + timeout_s
        while self._whole is None:
            under_way = self._under_way or self._begin(ends_s - _now_s())
            exposition = await asyncio.shield(under_way.result)
            if not exposition.is_partial or under_way.timeout_s >= ends_s - _now_s():
                return exposition
        return self._whole

    def why_not_ready(self) -> str | None:
        """Return in words what is wrong when a collection hangs, else None."""
        return self._why(self.times.not_ready_s)

    def why_not_healthy(self) -> str | None:
        """Return it when a collection has hung for long."""
        return self._why(self.times.not_healthy_s)

    def hurry(self, within_s: float) -> None:
        """Let nobody wait longer than this from now on."""
        at_s = _now_s() + within_s
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(min(at_s, wait.when() or at_s))

    async def end(self) -> None:
        """End the threads and close the exporter, unless a thread hangs: then what it uses is left to the kernel."""
        self._whole = None
        ended = [await worker.end(self.times.leave_s) for worker in (self._writing, self._collecting)]
        if all(ended):
            self.exporter.close()
        else:
            log.warning(
                "collection_left_behind", collector=self.exporter.step, cause="a read hangs, and its thread cannot be ended"
            )

    def _begin(self, timeout_s: float) -> _UnderWay:
        result = asyncio.create_task(self._collect(timeout_s))
        result.add_done_callback(_retrieve)
        self._under_way = _UnderWay(timeout_s, _now_s(), result)
        return self._under_way

    async def _collect(self, timeout_s: float) -> Exposition:
        loop = asyncio.get_running_loop()
        alarm = loop.call_later(timeout_s + self.times.not_ready_s, self._tell_that_it_hangs)
        began_s = _now_s()
        try:
            exposition = await self._collecting.run(partial(self.exporter.collect, timeout_s))
        finally:
            self._under_way = None
            alarm.cancel()
            if self._is_hanging:
                self._is_hanging = False
                log.warning("collection_came_to_an_end", took_s=round(_now_s() - began_s, 1))
        if self.times.reuse_s > 0 and not exposition.is_partial:
            self._whole = exposition
            loop.call_later(self.times.reuse_s, self._forget, exposition)
        return exposition

    def _forget(self, exposition: Exposition) -> None:
        if self._whole is exposition:
            self._whole = None

    def _tell_that_it_hangs(self) -> None:
        self._is_hanging = True
        log.error(
            "collection_hangs",
            cause=self.why_not_ready(),
            consequence="scrapes are answered 503, /readyz at once and /healthz later too",
            remedy="the kernel's log, and /proc/PID/task/*/stack of this process, say which file system or cgroup it waits for",
        )

    def _why(self, patience_s: float) -> str | None:
        one = self._under_way
        if one is None or (took_s := _now_s() - one.began_s) < one.timeout_s + patience_s:
            return None
        return f"a collection has run for {took_s:.0f} s and hangs in a read of {self.exporter.step}"


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _retrieve(done: asyncio.Task[Exposition]) -> None:
    """Take note of a failure although every client that waited for it may have left."""
    if not done.cancelled():
        done.exception()
