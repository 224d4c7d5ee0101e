"""The port `Workers` in this very process, with knobs: a worker that dies, a job that waits."""

import asyncio
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field

from autoscaler.clients.ports import T, Ts
from autoscaler.errors import Temporary


@dataclass(slots=True)
class FakeWorkers:
    """Does each job at once; `learnt` holds what was asked for, in order."""

    learnt: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None  # jobs wait for it
    closed: bool = False
    _deaths: int = 0
    _faults: list[Exception] = field(default_factory=list)

    def die(self, times: int = 1) -> None:
        """Let a worker die in each of the next jobs."""
        self._deaths += times

    def spoil(self, fault: Exception) -> None:
        """Let the next job raise something."""
        self._faults.append(fault)

    async def run(self, job: Callable[[*Ts], T], *args: *Ts, what: str = "") -> T:
        """Do a job, with all that goes in and out pickled, so that what no process could be sent fails here too."""
        what = what or getattr(job, "__name__", str(job))
        self.learnt.append(what)
        if self.gate:
            await self.gate.wait()
        if self.closed:
            raise Temporary(f"learning {what}: the service is about to end")
        if self._deaths:
            self._deaths -= 1
            raise Temporary(f"learning {what}: a process that learns ended before it was done (SIGKILL(-9))")
        if self._faults:
            raise self._faults.pop()
        sent_job, sent_args = pickle.loads(pickle.dumps((job, args)))  # noqa: S301 - of our own
        answer: T = pickle.loads(pickle.dumps(sent_job(*sent_args)))  # noqa: S301 - likewise
        return answer

    async def close(self) -> None:
        """Take no more jobs."""
        self.closed = True
