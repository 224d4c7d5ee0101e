"""Reading and writing with patience, and telling the user: what all steps of taking over and giving back have in common.

A step is a look that is repeated: it reads how things are, returns as soon as they are as wanted, and else makes one write, of
which it believes nothing. So it does not matter whether an answer was lost, somebody else wrote meanwhile, or the step was done
by a run that died after it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.connection import Connection
from autoscaler.clients.kube.objects import Objects
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS as OURS
from autoscaler.clients.ports import Json, NotFound
from autoscaler.clock import Clock, SystemClock
from autoscaler.errors import ForesailError, Temporary
from autoscaler.model import ObjectKey

MANAGER = "foresail-cli"  # field manager of what is written by a command
T = TypeVar("T")
Say = Callable[[str], None]


class Unready(ForesailError):
    """The time for a step is over; the message says what was waited for, and why it did not come."""


@dataclass(slots=True)
class Waiting:
    """Why a step is not done yet, for the message when its time is over."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command: where it reads and writes, whom it tells, and how long it waits for each step."""

    connection: Connection
    say: Say
    timeout_s: float = 120.0
    poll_s: float = 0.5
    dry_run: bool = False
    settle_s: float = 3.0  # how long an HPA must have stood before it is relied on
    clock: Clock = field(default_factory=SystemClock)

    @property
    def objects(self) -> Objects:
        """Objects of any kind, written in the name of this command."""
        return Objects(self.connection, MANAGER)

    @property
    def kube(self) -> KubeClient:
        """The service's own client, for scales."""
        return KubeClient(self.connection)

    def within(self, timeout_s: float) -> "Session":
        """Return the same with another patience."""
        return replace(self, timeout_s=timeout_s)

    async def hpa(self, key: ObjectKey) -> Json | None:
        """Read an HPA."""
        found = await self.objects.get(HPAS, key.namespace, key.name)
        return None if isinstance(found, NotFound) else found

    async def ours(self, key: ObjectKey) -> Json | None:
        """Read an object of ours."""
        found = await self.objects.get(OURS, key.namespace, key.name)
        return None if isinstance(found, NotFound) else found

    async def until(self, what: str, look: Callable[[Waiting], Awaitable[T | None]]) -> T:
        """Repeat a look until it returns something; what is Temporary is waited out.

        `what` finishes the sentence "waited for …". Raises Unready when the time is over.
        """
        end_s = self.clock.monotonic_s() + self.timeout_s
        waiting = Waiting()
        while True:
            try:
                found = await look(waiting)
            except Temporary as error:
                found, waiting.why = None, str(error)
            if found is not None:
                return found
            if self.clock.monotonic_s() >= end_s:
                raise Unready(f"waited for {what} for {self.timeout_s:g} s in vain{f': {waiting.why}' if waiting.why else ''}")
            await asyncio.sleep(self.poll_s)


def key_of(obj: Json) -> ObjectKey:
    """Return namespace and name of an object."""
    return ObjectKey(obj["metadata"]["namespace"], obj["metadata"]["name"])
