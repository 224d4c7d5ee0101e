"""Run everything together until told to stop: caches, election, notifications, web and the loops.

A loop catches whatever a pass raises, logs it once, counts it and tries again after a wait from a written list. What runs in
background ends only by being told; if it ends otherwise, that is a bug, and the process ends so that it is started anew.
The stop has an order: first the loops end their pass, then what is to be told is sent, then the Lease is given back, and only
then the rest goes, so that nobody acts twice and nothing that was done goes unsaid.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from autoscaler.board import Board, LoopHealth
from autoscaler.clock import Clock
from autoscaler.errors import ForesailError, Temporary
from autoscaler.telemetry import LOOP_DURATION, LOOP_ERRORS, LOOP_LAST_SUCCESS

BACKOFF_S = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0)  # after the first, second, … failed pass in a row; the last for all others
LAST_PASS_S = 10.0  # that a loop gets to end its pass, before it is cut off
DRAIN_S = 8.0  # for what still waits to be sent; the pod has 30 s for all
LAST_WORDS_S = 1.0
WAIT_FOR_CACHES_S = 0.5
BEAT_S = 1.0
NO_BEAT_S = 30.0  # without a beat the event loop hangs

log = structlog.get_logger()

Work = Callable[[], Awaitable[None]]
Pause = Callable[[asyncio.Event, float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Loop:
    """A pass that is repeated; one that takes longer than `deadline_s` is cut off and has failed."""

    name: str
    once: Work
    period_s: float
    deadline_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """All parts of the service; `ready` is whether the caches are filled, before which no loop runs."""

    loops: Sequence[Loop]
    background: Sequence[Work]  # caches and web, which run until the very end
    notify: Work
    drain: Work
    elect: Work  # gives the Lease back when it is cancelled
    ready: Callable[[], bool]


@dataclass(slots=True)
class Heartbeat:
    """Whether the event loop still turns; the only thing that liveness is about."""

    clock: Clock
    _last_s: float | None = field(default=None)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._last_s = self.clock.monotonic_s()
            await asyncio.sleep(BEAT_S)

    def alive(self) -> bool:
        """Say whether the last beat is recent."""
        return self._last_s is not None and self.clock.monotonic_s() - self._last_s < NO_BEAT_S


async def pause(stop: asyncio.Event, wait_s: float) -> None:
    """Wait so many seconds, or until told to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await stop.wait()


@dataclass(slots=True)
class Runner:
    """Repeats passes and keeps the account of them."""

    clock: Clock
    board: Board
    stop: asyncio.Event
    pause: Pause = pause

    async def repeat(self, loop: Loop, ready: Callable[[], bool]) -> None:
        """Run one loop until told to stop."""
        health = self.board.loops.setdefault(loop.name, LoopHealth())
        while not self.stop.is_set() and not ready():
            await self.pause(self.stop, WAIT_FOR_CACHES_S)
        failures = 0
        while not self.stop.is_set():
            began_s = self.clock.monotonic_s()
            problem = await self._pass(loop, health, failures)
            took_s = self.clock.monotonic_s() - began_s
            LOOP_DURATION.labels(loop.name).observe(took_s)
            failures = failures + 1 if problem else 0
            wait_s = _backoff_s(failures, problem) if problem else max(0.0, loop.period_s - took_s)
            await self.pause(self.stop, wait_s)

    async def _pass(self, loop: Loop, health: LoopHealth, failures: int) -> Exception | None:
        """Run one pass; return what it failed with."""
        try:
            async with asyncio.timeout(loop.deadline_s):
                await loop.once()
        except Exception as error:
            LOOP_ERRORS.labels(loop.name).inc()
            known = isinstance(error, ForesailError | TimeoutError)
            text = str(error) or f"the pass took longer than {loop.deadline_s:g} s"
            wait_s = _backoff_s(failures + 1, error)
            log.warning("pass_failed", loop=loop.name, error=text, retry_in_s=wait_s, exc_info=None if known else error)
            health.last_error_s, health.error = self.clock.now_s(), text
            return error
        health.last_success_s, health.error = self.clock.now_s(), ""
        LOOP_LAST_SUCCESS.labels(loop.name).set(health.last_success_s)
        return None


async def run(service: Service, runner: Runner) -> None:
    """Run all parts until `runner.stop` is set, then end them in order; raises what a part in the background fails with."""
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(_forever(work, runner.stop)) for work in service.background]
        notify = group.create_task(_forever(service.notify, runner.stop))
        election = group.create_task(_forever(service.elect, runner.stop))
        loops = [group.create_task(runner.repeat(loop, service.ready)) for loop in service.loops]
        await runner.stop.wait()
        log.info("stopping")
        await _end(loops, LAST_PASS_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await service.drain()
        await _end([notify], LAST_WORDS_S)
        await _end([election], 0.0)
        await _end(background, 0.0)
    log.info("stopped")


async def _forever(work: Work, stop: asyncio.Event) -> None:
    await work()
    if not stop.is_set():
        raise RuntimeError(f"{getattr(work, '__qualname__', work)} ended though nobody told it to")


async def _end(tasks: Sequence[asyncio.Task[None]], grace_s: float) -> None:
    """Let tasks end by themselves for a while, then cancel them and wait for their last words."""
    if not tasks:
        return
    if grace_s:
        await asyncio.wait(tasks, timeout=grace_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _backoff_s(failures: int, error: Exception) -> float:
    wait_s = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]
    asked_s = error.retry_after_s if isinstance(error, Temporary) else None
    return max(wait_s, asked_s or 0.0)
