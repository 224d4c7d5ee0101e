"""A cache of all objects of one kind, kept fresh by a list and a watch; the port `Store`.

The rules are those of client-go's reflector: list in pages, watch with bookmarks from the list's resourceVersion, go on from
the last one after a clean end, list again after 410. Beyond them it does not trust silence: a stream without an event or a
bookmark for `silence_s` is broken and made anew. Objects that went away while nobody watched vanish with the next list.
Nothing here ends the loop but cancelling it; what fails is logged once, counted and tried again.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from random import Random

import structlog

from autoscaler.clients.kube.backoff import Backoff
from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.failures import Expired, NotServed
from autoscaler.clients.kube.resources import Json, Resource, trim_metadata
from autoscaler.clock import Clock, SystemClock
from autoscaler.errors import ForesailError, Permanent, Temporary
from autoscaler.telemetry import WATCH_AGE, WATCH_RELISTS

_log = structlog.get_logger(__name__)
_SHORT_WATCH_S = 1.0  # a watch that ends sooner, without an event, would make a loop without a pause
_MAX_PAGES_STARTED_ANEW = 3  # of one list, when its pages expire while they are read


@dataclass(frozen=True, slots=True)
class Pace:
    """When a reflector asks, waits and gives up; the defaults are for a real API server."""

    page_size: int = 500
    # The API server is asked to end a watch after a random time between these. It sends a bookmark once a minute, and two
    # seconds before the end: short watches tell a quiet cluster from a dead connection before decisions call it stale.
    watch_s: tuple[float, float] = (20.0, 28.0)
    silence_s: float = 45.0  # well above the longest watch; a stream that says nothing for so long is broken
    first_wait_s: float = 0.8
    longest_wait_s: float = 30.0
    look_again_s: float = 60.0  # between two looks whether an optional kind is there; well below what decisions call stale


@dataclass(slots=True)
class Reflector:
    """Keeps the objects of `resource`, in one namespace or all; `trim` takes off each what nobody reads.

    An `optional` kind need not exist in the cluster: while the API server does not know it, the cache is filled and empty, and
    looks again from time to time; its custom resource definition may come and go.
    """

    client: KubeClient
    resource: Resource
    namespace: str | None = None
    selector: str = ""  # label selector, as the API takes it
    trim: Callable[[Json], Json] = trim_metadata
    optional: bool = False
    clock: Clock = field(default_factory=SystemClock)
    random: Random = field(default_factory=Random)
    pace: Pace = field(default_factory=Pace)
    synced: bool = field(default=False, init=False)
    problem: str = field(default="", init=False)  # of the last attempt; empty since the API server was heard of
    _objects: dict[tuple[str, str], Json] = field(default_factory=dict, init=False)
    _version: str | None = field(default=None, init=False)  # None: list before the next watch
    _heard_s: float | None = field(default=None, init=False)
    _synced_once: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _subscribers: list[asyncio.Event] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        WATCH_AGE.labels(resource=self.resource.plural).set_function(self.age_s)

    def items(self) -> Sequence[Json]:
        """Return all objects known now."""
        return tuple(self._objects.values())

    def get(self, namespace: str, name: str) -> Json | None:
        """Return one object, or None; the namespace of cluster-wide objects is empty."""
        return self._objects.get((namespace, name))

    def age_s(self) -> float:
        """Return the seconds since the API server was last heard of (event, bookmark or list); infinite before that.

        Half a minute is normal where nothing changes: that is how long one watch lasts (`Pace.watch_s`).
        """
        return math.inf if self._heard_s is None else self.clock.monotonic_s() - self._heard_s

    def subscribe(self, event: asyncio.Event) -> None:
        """Set the event whenever an object came, changed or went; several stores may share one event."""
        self._subscribers.append(event)

    async def wait_synced(self, deadline_s: float) -> None:
        """Wait for the first whole list; Temporary, with the last problem, when it is not there within so many seconds."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._synced_once.wait()
        except TimeoutError:
            raise Temporary(
                f"listing {self.resource.plural}: not complete within {deadline_s:g} s; {self.problem or 'no answer yet'}"
            ) from None

    async def run(self) -> None:
        """List and watch until cancelled."""
        backoff = Backoff(self.pace.first_wait_s, self.pace.longest_wait_s, self.random)
        while True:
            try:
                if self._version is None:
                    await self._list()
                await self._watch(backoff)
            except ForesailError as problem:
                absent = self.optional and isinstance(problem, NotServed)
                await asyncio.sleep(self._absent() if absent else self._failed(problem, backoff))

    def _absent(self) -> float:
        """Be empty, as nobody can have an object of a kind that is not there; return how long to wait for the next look."""
        changed = not self.synced or bool(self._objects)
        self._objects, self._version, self.synced, self.problem = {}, None, True, ""
        self._hear()
        self._synced_once.set()
        if changed:
            _log.info("kind_not_served", resource=self.resource.plural, group=self.resource.group)
            self._tell()
        return self.pace.look_again_s

    def _failed(self, problem: ForesailError, backoff: Backoff) -> float:
        """Return how long to wait after a failure."""
        wait_s = backoff.next_s()
        if isinstance(problem, Expired):
            self._version = None
        elif isinstance(problem, Temporary) and problem.retry_after_s is not None:
            wait_s = max(wait_s, problem.retry_after_s)
        elif isinstance(problem, Permanent):
            wait_s = max(wait_s, self.pace.longest_wait_s / 2)  # somebody must change something first
        self.problem = str(problem)
        _log.warning("watch_failed", resource=self.resource.plural, problem=self.problem, retry_in_s=round(wait_s, 1))
        return wait_s

    async def _list(self) -> None:
        """Replace all objects by what there is now."""
        WATCH_RELISTS.labels(resource=self.resource.plural).inc()
        found: dict[tuple[str, str], Json] = {}
        more, anew = "", 0
        asked_s = self.clock.monotonic_s()
        while True:
            query = {"limit": str(self.pace.page_size), **({"continue": more} if more else {}), **self._selected()}
            try:
                page = await self.client.list_page(self.resource, self.namespace, query)
            except Expired:
                anew += 1
                if anew > _MAX_PAGES_STARTED_ANEW:
                    raise
                more, found, asked_s = "", {}, self.clock.monotonic_s()
                continue
            found.update((_key(obj), self.trim({**self._type, **obj})) for obj in page.items)
            more = page.more
            if not more:
                break
        changed = not self.synced or found != self._objects
        self._objects, self._version, self.synced = found, page.resource_version, True
        self._heard_s = asked_s  # all pages are of the moment of the first; until the last is there, the old objects are served
        self._synced_once.set()
        if changed:
            self._tell()

    async def _watch(self, backoff: Backoff) -> None:
        """Follow the changes since the last resourceVersion until the API server ends the watch."""
        query = {
            "resourceVersion": str(self._version),
            "timeoutSeconds": str(round(self.random.uniform(*self.pace.watch_s))),
            **self._selected(),
        }
        heard, opened_s = False, self.clock.monotonic_s()
        watch = self.client.watch(self.resource, self.namespace, query, silence_s=self.pace.silence_s)
        async with aclosing(watch) as events:
            async for event in events:
                self._hear()
                self._apply(event)
                if not heard:
                    heard, self.problem = True, ""
                    backoff.reset()
        if not heard and self.clock.monotonic_s() - opened_s < _SHORT_WATCH_S:
            raise Temporary(f"watch {self.resource.plural}: the API server ended it at once; it is opened again")
        self._hear()

    def _apply(self, event: Json) -> None:
        obj = event["object"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self._objects[_key(obj)] = self.trim(obj)
                self._tell()
            case "DELETED":
                self._objects.pop(_key(obj), None)
                self._tell()
            case _:
                pass  # a bookmark: only its resourceVersion counts
        self._version = obj["metadata"]["resourceVersion"]

    @property
    def _type(self) -> dict[str, str]:
        """What the items of a list lack, and the objects of a watch have."""
        return {"apiVersion": self.resource.api_version, "kind": self.resource.kind}

    def _selected(self) -> dict[str, str]:
        return {"labelSelector": self.selector} if self.selector else {}

    def _hear(self) -> None:
        self._heard_s = self.clock.monotonic_s()

    def _tell(self) -> None:
        for event in self._subscribers:
            event.set()


def _key(obj: Json) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]
