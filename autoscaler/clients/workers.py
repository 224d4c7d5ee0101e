"""Where models are learnt: in processes of this machine (here), or on a Dask cluster (`dask_workers`).

A fit takes a second of a core and more, and Python runs one thread at a time: in this process it would hold up decisions,
watches and probes. The processes are joblib's (loky): each is a fresh Python with only what the job imports, not a copy of a
process with connections and threads. One that is not needed for some minutes ends, and gives its memory back.
"""

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor, ShutdownExecutorError

from autoscaler.clients.ports import T, Ts, Workers
from autoscaler.clock import Clock
from autoscaler.errors import InvalidSettings, Temporary
from autoscaler.settings import ForecastSettings
from autoscaler.telemetry import LEARNING_JOBS

HERE = "processes"  # the label `where` of what was learnt in processes of this machine
DONE, RAISED, LOST, OVERDUE = "done", "raised", "lost", "overdue"  # the label `result`
IDLE_S = 300  # five passes of the forecasting loop without anything to learn
LESSON_S = 600.0  # fifty times what the longest lesson takes on a core of its own: on a busy node it gets a small share of one
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")
_LOWEST_PRIORITY = 19
_LOOK_S = 2.0  # after its parent, which is the one way to know that it was killed


def open_workers(settings: ForecastSettings, clock: Clock) -> Workers:
    """Return where the settings say that models are learnt; nothing is started or connected before the first job.

    Raises InvalidSettings where Dask is asked for and not installed.
    """
    if not settings.dask_address:
        return ProcessWorkers(settings.workers)
    here = ProcessWorkers(1)  # as many as the cluster has would be more memory than the pod may use
    try:
        from autoscaler.clients.dask_workers import DaskWorkers  # noqa: PLC0415 - 37 MB that only this setting asks for
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"forecast.dask_address is {settings.dask_address}, and the Python package {error.name} is not installed: it comes "
            "with the extra `dask`. Type: pip install 'foresail[dask]' (an image: --build-arg EXTRAS=exporter,service,dask), "
            "or leave the setting empty"
        ) from error
    return DaskWorkers(settings.dask_address, here, clock)


@dataclass(slots=True)
class ProcessWorkers:
    """Implements `ports.Workers` with at most `count` processes, none of which is there before the first job.

    Each is a pool of its own: a process of loky that dies, or has to be ended, takes all jobs of its pool along.
    """

    count: int = 1
    idle_s: float = IDLE_S
    job_s: float = LESSON_S
    _idle: list[ProcessPoolExecutor] = field(default_factory=list, init=False)
    _busy: set[ProcessPoolExecutor] = field(default_factory=set, init=False)
    _closed: bool = field(default=False, init=False)
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.count)

    async def run(self, job: Callable[[*Ts], T], *args: *Ts, what: str = "") -> T:
        """Run a job in a process; see `ports.Workers`. One that nobody waits for any more is ended, as is one that hangs."""
        what = what or getattr(job, "__name__", str(job))
        async with self._free:
            if self._closed:
                raise Temporary(f"learning {what}: the service is about to end")
            pool = self._idle.pop() if self._idle else self._started()
            self._busy.add(pool)
            try:
                answer = await self._answer(pool, job, args, what)
            except (Temporary, asyncio.CancelledError):
                await self._forget(pool)
                raise
            except Exception:
                LEARNING_JOBS.labels(HERE, RAISED).inc()
                self._rest(pool)
                raise
            self._rest(pool)
        LEARNING_JOBS.labels(HERE, DONE).inc()
        return answer

    async def close(self) -> None:
        """End all processes, also in the middle of a job."""
        self._closed = True
        for pool in (*self._idle, *self._busy):
            await self._forget(pool)

    async def _answer(self, pool: ProcessPoolExecutor, job: Callable[[*Ts], T], args: tuple[*Ts], what: str) -> T:
        """Return what came of a job; raises Temporary where the process is lost, or has to be."""
        try:
            async with asyncio.timeout(self.job_s) as limit:
                return await asyncio.wrap_future(await asyncio.to_thread(_submitted, pool, job, args))
        except (BrokenProcessPool, ShutdownExecutorError) as error:
            LEARNING_JOBS.labels(HERE, LOST).inc()
            raise Temporary(_ended(what, error)) from error
        except MemoryError as error:
            LEARNING_JOBS.labels(HERE, LOST).inc()
            raise Temporary(f"learning {what}: there was not enough memory; {_REMEDY}") from error
        except TimeoutError as error:
            if not limit.expired():  # it is the job's own
                raise
            LEARNING_JOBS.labels(HERE, OVERDUE).inc()
            raise Temporary(
                f"learning {what}: there was no answer within {self.job_s:g} s, so the process was ended; it is tried again "
                "later. Where this happens again and again give the service more CPU (resources of the chart) or lower "
                "forecast.workers; where there is enough of it please report this line"
            ) from error

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, timeout=self.idle_s, initializer=_stand_back, initargs=(os.getpid(),), env=_ONE_THREAD)

    def _rest(self, pool: ProcessPoolExecutor) -> None:
        """Keep a pool for the next job; one that `close` has ended meanwhile has no use."""
        if pool in self._busy:
            self._busy.discard(pool)
            self._idle.append(pool)

    async def _forget(self, pool: ProcessPoolExecutor) -> None:
        """End what is left of a pool; the next job makes a new one."""
        self._busy.discard(pool)
        if pool in self._idle:
            self._idle.remove(pool)
        await asyncio.to_thread(pool.shutdown, wait=True, kill_workers=True)


_REMEDY = (
    "it is tried again soon. Where this happens again and again give the service more memory "
    "(resources.limits.memory of the chart) or lower forecast.workers"
)


def _submitted(pool: ProcessPoolExecutor, job: Callable[[*Ts], T], args: tuple[*Ts]) -> Future[T]:
    """Give a job to a pool, which may have to start a process first."""
    future: Future[T] = pool.submit(job, *args)
    return future


def _ended(what: str, error: Exception) -> str:
    if isinstance(error, ShutdownExecutorError):
        return f"learning {what}: the service is about to end"
    codes = ", ".join(re.findall(r"[A-Z]+\(-?\d+\)", str(error))) or "no exit code known"
    return f"learning {what}: a process that learns ended before it was done ({codes}), as when memory runs out; {_REMEDY}"


def _stand_back(service: int) -> None:
    """Make a process give way to all others, leave a Ctrl-C to the service, and end with it even where it is killed."""
    os.nice(_LOWEST_PRIORITY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(service,), name="end-with-service", daemon=True).start()


def _end_with(service: int) -> None:
    while os.getppid() == service:
        time.sleep(_LOOK_S)
    os._exit(1)
