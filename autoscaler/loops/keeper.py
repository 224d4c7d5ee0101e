"""The fleet of series that the forecasting loop keeps up to date and the learning loop learns from, one of them at a time.

Copies of it make a restart fast: only what came since is read, and nothing is learnt again that is of today.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from autoscaler.clients.ports import NoCopy, Pieces, Saved
from autoscaler.forecasting.peaks import copies
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.loops.forecast_book import Series
from autoscaler.loops.history import OVERLAP_S, HistoryReader, Question
from autoscaler.model import ObjectKey, WorkloadKey
from autoscaler.settings import ForecastSettings

log = structlog.get_logger()

T = TypeVar("T")

_TRIES = 3  # to write all groups between two ticks, a minute apart
_DAY_S = 86_400.0
_SPARE_S = 3600.0  # beyond whole days: what lies two weeks back is looked at from a little earlier on


@dataclass(slots=True)
class Keeper:
    """Series with their loads, how far these have been read, and who may touch them now."""

    fleet: Fleet[Series]
    reader: HistoryReader[WorkloadKey]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_restored: bool = False
    # One thread: several at once would take the CPU from the event loop.
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="fleet"))

    @classmethod
    def of(cls, settings: ForecastSettings) -> "Keeper":
        """Return a keeper of nothing yet."""
        fleet: Fleet[Series] = Fleet.empty(float(settings.step_s), settings.history_days * _DAY_S + _SPARE_S)
        return cls(fleet, HistoryReader(settings.max_points))

    def keep(self, wanted: Sequence[Series], end_s: float) -> Sequence[Series]:
        """Take new series in and let others go, as of a time, for a caller who holds the lock; return the new ones."""
        ahead_s = self.fleet.loads.end_s - end_s
        if ahead_s > OVERLAP_S:  # nothing would be read, and what is there taken for new, until the time has come again
            log.warning("clock_went_back", by_s=ahead_s, remedy="none is needed: all is read and learnt again")
            self.fleet = Fleet.empty(self.fleet.loads.step_s, self.fleet.history_s)
            self.reader = HistoryReader(self.reader.max_points)
        return self.fleet.keep(wanted, end_s)

    async def restore(self, saved: Saved) -> None:
        """Take over what was saved, once; what cannot be used is said in the log, and learnt again."""
        if self.is_restored:
            return
        self.is_restored = True
        first = await self._copy(saved, copies.LOADS)
        if first is None:
            return
        found = {copies.LOADS: first}
        for name in first.words.get("groups", ()):
            if (one := await self._copy(saved, name)) is not None:
                found[name] = one
        loads = self.fleet.loads
        try:
            fleet = copies.restored(loads.step_s, loads.points, found, NAMING)
        except ValueError as error:
            log.warning("saved_copy_unusable", because=str(error), remedy="none is needed: it is read and learnt again")
            return
        async with self.lock:
            self.fleet = fleet
        for words, end_s in first.words.get("read", ()):
            series = NAMING.read(words)
            if series.question is not None and fleet.known(series):  # of who went while it was written nothing is known
                self.reader.was_read(series.question, series.owner, min(float(end_s), fleet.loads.end_s))
        log.info("fleet_restored", series=len(fleet.rows), groups=len(fleet.groups), as_of_s=fleet.loads.end_s)

    async def save(self, saved: Saved) -> None:
        """Save a copy, part by part, while the fleet goes on; raises Temporary where it cannot be written."""
        for tries in range(1, _TRIES + 1):
            async with self.lock:
                read = self._read_up_to()  # before the copy is made: what is read meanwhile may not be in it
                plan = copies.Plan.of(self.fleet)
            if plan is None:
                return
            whole = await self._save_groups(saved, plan)
            if not whole and tries < _TRIES:
                continue
            if not whole:
                log.warning("saved_groups_too_slow", remedy="a faster volume; until then a restart tries forecasts anew")
            loads = Pieces(np.dtype(np.uint16), plan.shape, partial(self._loads, plan))
            await saved.write(copies.LOADS, {copies.PACKED: loads}, plan.words(NAMING) | {"read": read})
            return

    async def _save_groups(self, saved: Saved, plan: copies.Plan[Series]) -> bool:
        """Write all groups; return whether they are of one moment: there was no tick meanwhile."""
        for name in plan.parts:
            async with self.lock:
                if not plan.holds:
                    return False
                copy = await self.aside(partial(plan.part, name, NAMING))
            await saved.write(name, copy.arrays, copy.words)
        return True

    async def _loads(self, plan: copies.Plan[Series]) -> AsyncIterator[NDArray[Any]]:
        for first in range(0, plan.shape[0], copies.ROWS):
            async with self.lock:
                part = await self.aside(partial(plan.loads, first))
            yield part

    async def aside(self, work: Callable[[], T]) -> T:
        """Do something with the fleet in a thread, for a caller who holds the lock.

        A thread cannot be stopped. So whoever is cut off waits for its end all the same: until then the lock must be held, as
        arrays must not be moved while somebody reads them.
        """
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            raise

    def _read_up_to(self) -> list[Any]:
        """Return, in words, the series of which all was read, each with the time up to which it was."""
        ends = ((series, self.reader.read_up_to(series.question)) for series in self.fleet.rows if series.question is not None)
        return [[NAMING.write(series), end_s] for series, end_s in ends if end_s is not None and self.is_read(series)]

    async def _copy(self, saved: Saved, name: str) -> copies.Copy | None:
        one = await saved.read(name)
        if isinstance(one, NoCopy):
            if one.reason:
                log.warning("saved_copy_unusable", because=one.reason)
            return None
        return copies.Copy(one.arrays, one.header)

    def is_read(self, series: Series) -> bool:
        """Say whether all of a series' history has been read."""
        return series.question is not None and self.reader.is_whole(series.question, series.owner)


def _written(series: Series) -> list[str]:
    """Return a series in words."""
    question = series.question or Question()
    owner = series.owner
    return [*astuple(series.key), series.metric, question.resource, question.promql, owner.namespace, owner.kind, owner.name]


def _read(words: Any) -> Series:  # noqa: ANN401 - JSON
    if not isinstance(words, list) or len(words) != _WORDS or not all(isinstance(one, str) for one in words):
        raise ValueError(f"{words!r} names no series")
    namespace, name, metric, resource, promql, *owner = words
    return Series(ObjectKey(namespace, name), metric, Question(resource, promql), WorkloadKey(*owner))


_WORDS = 8
NAMING: copies.Naming[Series] = copies.Naming(_written, _read)
