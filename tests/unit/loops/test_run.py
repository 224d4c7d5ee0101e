import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from autoscaler.board import Board
from autoscaler.clock import ManualClock
from autoscaler.errors import Temporary
from autoscaler.loops.run import BACKOFF_S, Heartbeat, Loop, Runner, Service, pause, run
from autoscaler.telemetry import REGISTRY


async def forever() -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    pass


def always() -> bool:
    return True


@dataclass(slots=True)
class Waits:
    """Stands for waiting: moves the clock, keeps how long, and tells to stop after so many waits."""

    clock: ManualClock
    enough: int
    waited_s: list[float] = field(default_factory=list)

    async def __call__(self, stop: asyncio.Event, wait_s: float) -> None:
        self.waited_s.append(wait_s)
        self.clock.advance(wait_s)
        if len(self.waited_s) >= self.enough:
            stop.set()


@dataclass(slots=True)
class Passes:
    """A pass that fails as often as a test says; each takes some time."""

    clock: ManualClock
    failures: list[Exception] = field(default_factory=list)
    takes_s: float = 0.0
    count: int = 0

    async def __call__(self) -> None:
        self.count += 1
        self.clock.advance(self.takes_s)
        if self.failures:
            raise self.failures.pop(0)


def a_runner(waits: int) -> tuple[Runner, ManualClock, Waits]:
    clock = ManualClock(1000.0)
    pauses = Waits(clock, waits)
    return Runner(clock, Board(), asyncio.Event(), pauses), clock, pauses


async def test_passes_begin_one_period_apart_whatever_they_take() -> None:
    runner, clock, waits = a_runner(3)
    passes = Passes(clock, takes_s=4.0)
    await runner.repeat(Loop("scale", passes, 15.0), always)
    assert waits.waited_s == [11.0, 11.0, 11.0]
    assert passes.count == 3


async def test_failed_passes_wait_by_the_written_list_and_a_good_one_starts_it_anew() -> None:
    runner, clock, waits = a_runner(11)
    errors: list[Exception] = [Temporary("busy") for _ in range(9)]
    passes = Passes(clock, failures=errors)
    await runner.repeat(Loop("scale", passes, 15.0), always)
    assert waits.waited_s == [*BACKOFF_S, 13.0, 13.0, 15.0, 15.0]
    assert REGISTRY.get_sample_value("foresail_loop_errors_total", {"loop": "scale"}) == 9


async def test_a_wait_that_the_other_side_asks_for_is_kept() -> None:
    runner, clock, waits = a_runner(1)
    await runner.repeat(Loop("scale", Passes(clock, [Temporary("busy", retry_after_s=30.0)]), 15.0), always)
    assert waits.waited_s == [30.0]


async def test_any_error_is_logged_once_and_shown_and_the_loop_goes_on() -> None:
    runner, clock, _ = a_runner(2)
    passes = Passes(clock, [ZeroDivisionError("division by zero")])
    with capture_logs() as logs:
        await runner.repeat(Loop("heal", passes, 5.0), always)
    assert [line["event"] for line in logs] == ["pass_failed"]
    assert logs[0]["exc_info"] is not None
    assert passes.count == 2
    assert runner.board.loops["heal"].error == ""
    assert runner.board.loops["heal"].last_error_s == 1000.0


async def test_a_pass_that_hangs_is_cut_off() -> None:
    runner, _, waits = a_runner(1)
    await runner.repeat(Loop("scale", forever, 15.0, deadline_s=0.01), always)
    assert waits.waited_s == [1.0]
    assert "longer than" in runner.board.loops["scale"].error


async def test_no_pass_begins_before_the_caches_are_filled() -> None:
    runner, clock, waits = a_runner(4)
    passes = Passes(clock)
    answers = [False, False, True]
    await runner.repeat(Loop("scale", passes, 15.0), lambda: answers.pop(0))
    assert waits.waited_s[:2] == [0.5, 0.5]
    assert passes.count == 2


async def test_the_stop_ends_loops_then_drains_then_gives_the_lease_back_then_ends_the_rest() -> None:
    order: list[str] = []
    stop = asyncio.Event()

    def until_cancelled(name: str) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            try:
                await forever()
            finally:
                order.append(name)

        return work

    async def one_pass() -> None:
        stop.set()
        await asyncio.sleep(0.01)  # the stop comes in the middle of a pass
        order.append("pass")

    drained = asyncio.Event()

    async def drain() -> None:
        order.append("drain")
        drained.set()

    async def notify() -> None:
        await drained.wait()
        order.append("notify")

    service = Service(
        loops=[Loop("scale", one_pass, 15.0)],
        background=[until_cancelled("caches")],
        notify=notify,
        drain=drain,
        elect=until_cancelled("lease"),
        ready=always,
    )
    async with asyncio.timeout(60):
        await run(service, Runner(ManualClock(), Board(), stop))
    assert order == ["pass", "drain", "notify", "lease", "caches"]


async def test_a_part_in_the_background_that_ends_takes_the_process_with_it() -> None:
    service = Service(loops=[], background=[nothing], notify=forever, drain=nothing, elect=forever, ready=always)
    async with asyncio.timeout(60):
        with pytest.raises(ExceptionGroup) as caught:
            await run(service, Runner(ManualClock(), Board(), asyncio.Event()))
    assert "ended though nobody told it to" in str(caught.value.exceptions[0])


async def test_a_wait_ends_when_told_to_stop() -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(60):
        await pause(stop, 3600.0)
    await pause(asyncio.Event(), 0.001)


async def test_the_heart_stops_when_no_beat_comes() -> None:
    clock = ManualClock(10.0)
    heart = Heartbeat(clock)
    assert not heart.alive()
    task = asyncio.create_task(heart.run())
    await asyncio.sleep(0)
    assert heart.alive()
    clock.advance(31.0)
    assert not heart.alive()
    task.cancel()
