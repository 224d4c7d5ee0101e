"""The learning loop: what the fleet is to learn next -> learnt by a worker, elsewhere -> taken over.

A lesson for each worker, so that learning is spread over the day; a tick of the forecasting loop never waits for one, nor does
a lesson for another one. What a lesson fails with is an error of the pass that sees its end; when it is due again is the
schooling's to say.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from autoscaler.errors import Temporary
from autoscaler.forecasting.peaks.schooling import Work
from autoscaler.forecasting.types import NotEnoughHistory
from autoscaler.loops.context import Context
from autoscaler.loops.keeper import Keeper

LOOK_S = 5.0  # while some workers have nothing to do, before it is asked again whether there is something

log = structlog.get_logger()

Failure = Exception | None


class LessonFailed(Exception):
    """What no worker is to blame for: learning the same again gives the same."""

    def __init__(self, work: Work, doing: str) -> None:
        """Name the lesson, and what failed with it; the error itself is the cause."""
        super().__init__(
            f"{doing} {work.name} failed; others are learnt meanwhile, and this is tried again about an hour later (one 24th "
            "of the group's day). It is a fault of Foresail: please report this line and what follows it"
        )


@dataclass(slots=True)
class LearnLoop:
    """Sees to it that models are there, and that they are of today."""

    context: Context
    keeper: Keeper
    _lessons: set[asyncio.Task[Failure]] = field(default_factory=set)  # that are being learnt, also from one pass to the next

    async def once(self) -> None:
        """Give each free worker what is due, and wait for the end of a lesson; raises what one failed with."""
        workers = self.context.settings.forecast.workers
        while self.context.leads() and len(self._lessons) < workers and (work := await self._due()):
            self._lessons.add(asyncio.create_task(self._learn(work)))
        if not self._lessons:
            return
        try:
            done, _ = await asyncio.wait(
                self._lessons,
                return_when=asyncio.FIRST_COMPLETED,
                timeout=None if len(self._lessons) == workers else LOOK_S,
            )
        except asyncio.CancelledError:
            await self._end()
            raise
        self._lessons -= done
        failures = [failure for failure in (lesson.result() for lesson in done) if failure is not None]
        for failure in failures[1:]:  # the first is told of by whoever repeats this
            log.warning("lesson_failed", error=str(failure))
        if failures:
            raise failures[0]

    async def _due(self) -> Work | None:
        async with self.keeper.lock:
            fleet, is_read = self.keeper.fleet, self.keeper.is_read
            return fleet.due(is_read) or fleet.curve_due(is_read)

    async def _end(self) -> None:
        """Give up all lessons."""
        lessons, self._lessons = self._lessons, set()
        for lesson in lessons:
            lesson.cancel()
        await asyncio.gather(*lessons, return_exceptions=True)

    async def _learn(self, work: Work) -> Failure:
        """Return what a lesson failed with, if it did."""
        began_s = self.context.clock.monotonic_s()
        after: Callable[[], None] = work.dropped
        failure: Failure = None
        try:
            learnt = await self.context.workers.run(work.job, *work.args, what=work.name)
            after = partial(work.done, learnt)
        except NotEnoughHistory as refusal:
            after = work.refused
            log.info("lesson_refused", lesson=work.name, because=str(refusal))
        except Temporary as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - the pass raises it
            after, failure = work.refused, _caused(LessonFailed(work, "learning"), error)
        finally:
            async with self.keeper.lock:
                failure = _taken(work, after) or failure
        if isinstance(after, partial) and failure is None:
            log.info("lesson_learnt", lesson=work.name, took_s=round(self.context.clock.monotonic_s() - began_s, 1))
        return failure


def _taken(work: Work, after: Callable[[], None]) -> Failure:
    """Say to the fleet what came of a lesson; one that it cannot take over would be due again at once, and for ever."""
    try:
        after()
    except Exception as error:  # noqa: BLE001 - the pass raises it
        work.refused()
        return _caused(LessonFailed(work, "taking over what was learnt by"), error)
    return None


def _caused(failure: LessonFailed, error: Exception) -> LessonFailed:
    failure.__cause__ = error
    return failure
