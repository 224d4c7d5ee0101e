"""Models learnt on a Dask cluster (`forecast.dask_address`), and here while that cannot be reached.

A job is a task of its own (`Client.submit`), not a call of joblib with Dask as its backend: each can be awaited and given up
alone, where joblib holds a thread until a whole batch is done. Dask gives the job of a worker that died to another one. Where
there is no scheduler, no worker, or one of another version, a job is learnt in a process here: late is better than never, and
a cluster for learning must not become what scaling depends on. Both sides pickle, so whoever reaches the scheduler can run code
here as there: docs/operations.md says how to keep it apart.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import dask
import structlog
from distributed import Client, Future, KilledWorker

from autoscaler.clients.dask_job import Answer, answered, versions
from autoscaler.clients.ports import T, Ts, Workers
from autoscaler.clients.workers import DONE, LOST, OVERDUE, RAISED
from autoscaler.clock import Clock
from autoscaler.errors import Temporary
from autoscaler.telemetry import LEARNING_JOBS

THERE = "dask"  # the label `where`
CONNECT_S = 5.0
AGAIN_S = 60.0  # after Dask was lost, before it is looked for again
JOB_S = 300.0  # from asking for a job to its answer, thirty times what the longest takes; longer, and the cluster is lost
_QUIET = {"distributed.admin.large-graph-warning-threshold": "1GiB"}  # rows to learn from are megabytes, and go with their job
_LOGGERS = ("distributed", "tornado", "bokeh")  # for which Dask sets up a form of its own

log = structlog.get_logger()


class _LostError(Exception):
    """Dask did not do a job; the message says why."""


@dataclass(slots=True)
class DaskWorkers:
    """Implements `ports.Workers`; `here` learns while Dask does not."""

    address: str
    here: Workers
    clock: Clock
    connect_s: float = CONNECT_S
    again_s: float = AGAIN_S
    job_s: float = JOB_S
    _client: Client | None = field(default=None, init=False)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _lost_s: float | None = field(default=None, init=False)  # when it was seen to be lost; None: it is not
    _told: bool = field(default=False, init=False)  # that it is lost

    async def run(self, job: Callable[[*Ts], T], *args: *Ts, what: str = "") -> T:
        """Run a job on a worker of the cluster, or here; see `ports.Workers`."""
        if self._lost_s is not None and self.clock.monotonic_s() - self._lost_s < self.again_s:
            return await self.here.run(job, *args, what=what)
        try:
            answer = await self._there(job, args)
        except _LostError as error:
            LEARNING_JOBS.labels(THERE, LOST).inc()
            await self._lose(str(error))
            return await self.here.run(job, *args, what=what)
        except KilledWorker as error:  # not to be done here: it is the job that does it
            LEARNING_JOBS.labels(THERE, LOST).inc()
            raise Temporary(
                f"learning {what or getattr(job, '__name__', job)}: the workers of Dask that did it ended one after the other, "
                "as when memory runs out; it is tried again soon. Where that goes on give them more memory"
            ) from error
        self._found()
        LEARNING_JOBS.labels(THERE, DONE if answer.error is None else RAISED).inc()
        if answer.error is not None:
            raise answer.error
        value: T = answer.value
        return value

    async def close(self) -> None:
        """Leave the cluster, and end what learns here."""
        await self._leave()
        await self.here.close()

    async def _there(self, job: Callable[..., Any], args: tuple[Any, ...]) -> Answer:
        """Return what came of a job there; raises `_LostError` and `KilledWorker`."""
        client = await self._joined()
        async with _handed(client, job, args) as (future, ended):
            try:
                async with asyncio.timeout(self.job_s):
                    await ended.wait()
            except TimeoutError as error:
                LEARNING_JOBS.labels(THERE, OVERDUE).inc()
                raise _LostError(
                    f"there was no answer within {self.job_s:g} s; {await self._replaced(client, future)}"
                ) from error
            answer = await asyncio.to_thread(_outcome, future)
        if answer.other is not None:
            pairs = zip(answer.other, versions(), strict=True)
            which = ", ".join(f"{name} {theirs} there and {ours} here" for (name, theirs), (_, ours) in pairs if theirs != ours)
            raise _LostError(f"its workers have other versions ({which}); start them from the image of the service")
        return answer

    async def _replaced(self, client: Client, future: Future) -> str:
        """End the worker that hangs with a job, so that its nanny starts another one; return what came of that."""
        try:
            async with asyncio.timeout(2 * self.connect_s):  # to ask which one it is, and to end it
                return await asyncio.to_thread(_restarted, client, future, self.connect_s)
        except (TimeoutError, OSError, ValueError, RuntimeError) as error:
            return f"the worker that had it could not be started anew: {error or 'nobody answered'}; do that by hand"

    async def _joined(self) -> Client:
        """Return the connection; raises `_LostError`."""
        async with self._connecting:
            if self._client is None:
                try:
                    self._client = await asyncio.to_thread(_connected, self.address, self.connect_s)
                except (OSError, ValueError, RuntimeError) as error:
                    raise _LostError(str(error)) from error
            return self._client

    async def _lose(self, why: str) -> None:
        """Say once that Dask is lost, and why, and look for it later."""
        self._lost_s = self.clock.monotonic_s()
        if not self._told:
            log.warning("dask_lost", address=self.address, error=why, learning="in processes here", again_in_s=self.again_s)
        self._told = True
        await self._leave()

    def _found(self) -> None:
        if self._told:
            log.info("dask_found_again", address=self.address)
        self._lost_s, self._told = None, False

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(TimeoutError):  # it is forgotten all the same
                await asyncio.to_thread(client.close, timeout=self.connect_s)


@asynccontextmanager
async def _handed(
    client: Client, job: Callable[..., Any], args: tuple[Any, ...]
) -> AsyncIterator[tuple[Future, asyncio.Event]]:
    """Hand a job over, not on the event loop; yields it with what is set at its end. Afterwards it is given up."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future) -> None:
        with suppress(RuntimeError):  # the service has ended meanwhile
            loop.call_soon_threadsafe(ended.set)

    future = await asyncio.to_thread(_submitted, client, job, args)
    try:
        future.add_done_callback(tell)
        yield future, ended
    finally:
        future.release()


def _restarted(client: Client, future: Future, timeout_s: float) -> str:
    """Start the worker anew that a job is with; nothing else ends a thread that hangs.

    First the job is given up, as Dask would give it to the next worker, which would hang as well.
    """
    them = [worker for worker, keys in client.processing().items() if future.key in keys]
    client.cancel([future])
    if not them:
        return "no worker had begun with it: give the cluster more of them"
    found = client.restart_workers(them, timeout=timeout_s, raise_for_error=False)
    return ", ".join(f"its worker {worker} was ended: {how}" for worker, how in found.items())


def _connected(address: str, timeout_s: float) -> Client:
    dask.config.set(_QUIET)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] in _LOGGERS and isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.WARNING)
    return Client(address, timeout=timeout_s, set_as_default=False, name="foresail")


def _submitted(client: Client, job: Callable[..., Any], args: tuple[Any, ...]) -> Future:
    try:
        if not client.nthreads():
            raise _LostError("it has no workers")
        return client.submit(answered, versions(), job, args, pure=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise _LostError(f"a job could not be handed over: {error}") from error


def _outcome(future: Future) -> Answer:
    """Return the answer; an error is Dask's own, as those of jobs are in their answer."""
    if future.status == "finished":
        try:
            answer: Answer = future.result()
        except (CancelledError, OSError) as lost:  # the scheduler went away between the end of the job and its answer
            raise _LostError(f"the answer of a job was lost: {lost}") from lost
        return answer
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        raise error
    raise _LostError(f"a job ended there as {future.status}" + (f": {type(error).__name__}: {error}" if error else ""))
