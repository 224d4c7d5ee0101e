"""Several questions to one server within one time, so that one that hangs delays what is said of it, and not for long.

Each question alone waits for `prometheus.timeout_s`; with many of them, some at a time, a pass would take minutes, and all that
while nobody would be told why nothing is scaled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from autoscaler.errors import ForesailError, Temporary

PARALLEL_QUERIES = 8  # more would only wait in Prometheus (its own default is 20 at a time, for everybody)
ROUNDS = 2  # of questions that each take their whole time; what is left then is not asked in this pass
MOST_S = 40.0  # less than the deadline of a pass, whatever the time of one question is

T = TypeVar("T")


def budget_s(timeout_s: float) -> float:
    """Return how long all questions of a pass may take together, in seconds, when one may take `timeout_s`."""
    return min(ROUNDS * timeout_s, MOST_S)


PROMETHEUS = ("Prometheus", "make queries cheaper, or raise prometheus.timeout_s")
METRICS_APIS = ("the metrics APIs of the cluster", "see whether their adapters are well")


async def ask(
    questions: Sequence[Callable[[], Awaitable[T]]], within_s: float, whom: tuple[str, str] = PROMETHEUS
) -> list[T | ForesailError]:
    """Return the answer to each question, in their order, or the error in place of one.

    What has no answer after `within_s` seconds is given up, and what was not asked by then is not asked any more; both are
    Temporary errors. Raises what is no ForesailError.
    """
    bound = asyncio.Semaphore(PARALLEL_QUERIES)

    async def one(question: Callable[[], Awaitable[T]]) -> T | ForesailError:
        async with bound:
            try:
                return await question()
            except ForesailError as error:
                return error

    tasks = [asyncio.create_task(one(question)) for question in questions]
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks, timeout=within_s)
        in_time = [task.done() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    late = Temporary(
        f"{whom[0]} did not answer {in_time.count(False)} of {len(tasks)} questions within the {within_s:g} s that a pass has "
        f"for all; check the load there, {whom[1]}"
    )
    return [task.result() if done else late for task, done in zip(tasks, in_time, strict=True)]
