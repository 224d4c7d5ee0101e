"""Who touches the fleet of series when, what is kept of it over a restart, and what happens where time does not go on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from autoscaler.clients.ports import Json, Pieces
from autoscaler.errors import Temporary
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.forecasting.peaks.schooling import Work
from autoscaler.loops.forecast_book import Series
from autoscaler.loops.keeper import Keeper
from autoscaler.loops.learn import LessonFailed
from autoscaler.model import GateState, History
from autoscaler.settings import ForecastSettings, Settings
from tests.fakes.saved import FakeSaved
from tests.fakes.workers import FakeWorkers
from tests.unit.loops.scenes import NOW_S, Scene
from tests.unit.loops.test_forecast_loop import DAY_S, FORECAST, SHOP, STEP_S, a_season, a_seasonal_shop, learns
from tests.unit.loops.test_learn_loop import two_groups


async def test_whoever_is_cut_off_holds_the_lock_until_the_thread_is_done() -> None:
    keeper, begun, go_on = Keeper.of(ForecastSettings()), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)

    async def locked() -> None:
        async with keeper.lock:
            await keeper.aside(work)

    task = asyncio.create_task(locked())
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(3):  # as a deadline does, and then the end of the service
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert keeper.lock.locked()
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not keeper.lock.locked()


async def test_another_object_for_the_same_load_has_all_of_its_past_read() -> None:
    scene = a_seasonal_shop()
    await learns(scene)
    scene.cluster.delete("predictiveautoscalers", "default", "shop")
    scene.autoscale("renamed", target="shop", forecast=FORECAST, maxReplicas=20)
    await learns(scene)
    ((series, made),) = scene.forecasts.forecasts.items()
    assert series.key.name == "renamed"
    assert made.gate is GateState.OPEN


async def test_what_was_not_read_before_a_copy_was_made_is_read_after_the_restart() -> None:
    scene = a_seasonal_shop()
    await learns(scene)
    scene.metrics.fail("workload_history", Temporary("down"), 10)
    scene.clock.advance(1200)
    await scene.forecasting.once()
    await scene.forecasting.keeper.save(scene.saved)
    again = a_seasonal_shop()
    again.saved = scene.saved
    again.restart()
    again.clock.advance(1260)
    again.metrics.histories["cpu"][SHOP] = a_season(again.clock.now_s())
    await again.forecasting.once()
    loads = again.forecasting.keeper.fleet.loads
    assert np.isfinite(loads.values(np.array([0]), 60)).all()
    assert not (loads.packed[0] == 0).sum() > loads.points - 9 * DAY_S / STEP_S


async def test_a_clock_that_was_ahead_leaves_nothing_behind() -> None:
    scene = a_seasonal_shop()
    scene.clock.advance(1e6)
    await scene.forecasting.once()
    scene.clock.at_s = NOW_S
    await learns(scene)
    (made,) = scene.forecasts.forecasts.values()
    assert made.gate is GateState.OPEN
    assert scene.forecasting.keeper.fleet.loads.end_s == NOW_S


async def test_a_lesson_that_fails_whatever_is_done_does_not_stand_in_the_way_of_others() -> None:
    scene = a_seasonal_shop()
    await scene.forecasting.once()
    scene.workers.spoil(ValueError("an array is odd"))
    with pytest.raises(LessonFailed, match=r"learning a model of 1 series, .* is tried again") as failed:
        await scene.learning.once()
    assert str(failed.value.__cause__) == "an array is odd"
    await scene.learning.once()
    model, other = scene.workers.learnt
    assert other != model
    scene.clock.advance(0.05 * DAY_S)  # it is tried again an hour of such a day later
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    await learns(scene)
    assert scene.workers.learnt.count(model) == 2


async def test_a_lesson_that_was_taken_is_given_back_where_another_worker_finds_nothing_but_a_fault() -> None:
    scene = a_seasonal_shop()
    scene.settings = Settings(forecast=ForecastSettings(step_s=STEP_S, refresh_s=30.0, expiry_s=120.0, workers=2))
    scene.restart()
    await scene.forecasting.once()
    due: Callable[[Fleet[Series], Callable[[Series], bool]], Work | None] = Fleet.due
    calls: list[Fleet[Series]] = []

    def faulty(one: Fleet[Series], is_read: Callable[[Series], bool]) -> Work | None:
        calls.append(one)
        if len(calls) == 2:
            raise KeyError("a fault")
        return due(one, is_read)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fleet, "due", faulty)
        with pytest.raises(KeyError):
            await scene.learning.once()
    await learns(scene)
    (made,) = scene.forecasts.forecasts.values()
    assert made.gate is GateState.OPEN


async def test_what_was_read_is_laid_while_the_event_loop_turns() -> None:
    scene = a_seasonal_shop()
    fleet = scene.forecasting.keeper.fleet
    laying, go_on = threading.Event(), threading.Event()
    lay: Callable[..., None] = Fleet.lay

    def slowly(one: Fleet[Series], found: Mapping[Series, History]) -> None:
        laying.set()
        assert go_on.wait(10)
        lay(one, found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fleet, "lay", slowly)
        reads = asyncio.create_task(scene.forecasting.once())
        await asyncio.to_thread(laying.wait, 10)
        assert scene.forecasting.keeper.lock.locked()  # nobody else touches the loads meanwhile
        assert not reads.done()
        go_on.set()
        await reads
    assert np.isfinite(fleet.loads.highest).all()


@dataclass(slots=True)
class BusySaved(FakeSaved):
    """Does something while a copy is written, as often as it is told."""

    meanwhile: Callable[[], Awaitable[None]] | None = None
    times: int = 0

    async def write(self, name: str, arrays: Mapping[str, NDArray[Any] | Pieces], header: Json) -> None:
        if self.meanwhile and self.times:
            self.times -= 1
            await self.meanwhile()
        await FakeSaved.write(self, name, arrays, header)


@pytest.mark.parametrize(("times", "tried"), [(0, True), (1, True), (9, False)])
async def test_a_copy_that_is_written_while_the_fleet_goes_on_is_of_one_moment(times: int, *, tried: bool) -> None:
    scene = two_groups(FakeWorkers())
    await learns(scene)
    await learns(scene)

    async def minute() -> None:
        later(scene)
        await scene.forecasting.once()

    saved = BusySaved(meanwhile=minute, times=times)
    with capture_logs() as logs:
        await scene.forecasting.keeper.save(saved)
    assert ("saved_groups_too_slow" in [one["event"] for one in logs]) == (not tried)
    again = two_groups(FakeWorkers())
    again.saved = saved
    again.restart()
    again.clock.at_s = scene.clock.now_s()
    later(again)
    await again.forecasting.once()
    gates = [made.gate is GateState.OPEN for made in again.forecasts.forecasts.values()]
    assert all(gates) == tried
    assert len(gates) == 2
    loads = again.forecasting.keeper.fleet.loads
    assert np.isfinite(loads.values(np.array([0, 1]), 60)).all()


def later(scene: Scene) -> None:
    scene.clock.advance(STEP_S)
    for owner in list(scene.metrics.histories["cpu"]):
        scene.metrics.histories["cpu"][owner] = a_season(scene.clock.now_s())
