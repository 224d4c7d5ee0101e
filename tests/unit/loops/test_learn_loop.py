"""Lessons that hang, are lost or cannot be taken over: others are learnt meanwhile, and they come again later."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from autoscaler.errors import Temporary
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.forecasting.peaks.schooling import Work
from autoscaler.loops.forecast_book import Series
from autoscaler.loops.learn import LessonFailed
from autoscaler.settings import ForecastSettings, Settings
from tests.fakes.workers import FakeWorkers
from tests.unit.loops.scenes import Scene
from tests.unit.loops.test_forecast_loop import DAY_S, SHOP, STEP_S, a_season, a_seasonal_shop, learns

Due = Callable[[Fleet[Series], Callable[[Series], bool]], Work | None]


@dataclass(slots=True)
class HangingWorkers(FakeWorkers):
    """Hangs with the first job until it is given up."""

    given_up: list[str] = field(default_factory=list)

    async def run(self, job: Callable[..., Any], *args: Any, what: str = "") -> Any:  # noqa: ANN401 - as the port has it
        if self.learnt:
            return await FakeWorkers.run(self, job, *args, what=what)
        self.learnt.append(what)
        try:
            return await asyncio.Event().wait()
        finally:
            self.given_up.append(what)


def two_groups(workers: FakeWorkers) -> Scene:
    scene = a_seasonal_shop()
    scene.settings = Settings(forecast=ForecastSettings(step_s=STEP_S, refresh_s=30.0, expiry_s=120.0, workers=2))
    scene.deploy("other", replicas=2)
    scene.autoscale("other", forecast={"enabled": True, "seasons": [int(DAY_S)], "risk": 0.9}, maxReplicas=20)
    scene.metrics.histories["cpu"][replace(SHOP, name="other")] = a_season()
    scene.workers = workers
    scene.restart()
    return scene


async def test_while_one_lesson_hangs_the_others_are_learnt_and_no_tick_waits() -> None:
    workers = HangingWorkers()
    scene = two_groups(workers)
    await scene.forecasting.once()
    for _ in range(3):
        await scene.learning.once()
    hanging, *others = workers.learnt
    assert len(others) >= 2
    assert not set(others) & {hanging}
    await scene.forecasting.once()
    assert len(scene.forecasts.forecasts) == 2
    waits = asyncio.create_task(scene.learning.once())
    await asyncio.sleep(0)
    waits.cancel()  # the end of the service gives up what hangs
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert workers.given_up == [hanging]


async def test_a_lesson_that_is_lost_again_and_again_waits_longer_each_time_and_others_are_learnt() -> None:
    scene = two_groups(FakeWorkers())
    await scene.forecasting.once()
    keeper = scene.forecasting.keeper
    lost: dict[str, list[int]] = {}
    for point in range(40):
        while (work := keeper.fleet.due(keeper.is_read)) is not None:
            lost.setdefault(work.name, []).append(point)
            work.dropped()
        keeper.fleet.loads.append(keeper.fleet.loads.end_s + STEP_S, np.full((2, 1), 3.0))
    models = [points for name, points in lost.items() if name.startswith("a model")]
    assert len(models) == 2
    for points in models:
        gaps = [later - one for one, later in pairwise(points)]
        assert gaps[0] == 1
        assert gaps == sorted(gaps)
        assert gaps[-1] == DAY_S / 24 / STEP_S


async def test_what_cannot_be_taken_over_is_named_and_not_due_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, due = a_seasonal_shop(), Fleet.due
    await scene.forecasting.once()

    def spoilt(_: object) -> None:
        raise KeyError("shop")

    def faulty(one: Fleet[Series], is_read: Callable[[Series], bool]) -> Work | None:
        work = due(one, is_read)
        return work and replace(work, done=spoilt)

    with monkeypatch.context() as patch:
        patch.setattr(Fleet, "due", faulty)
        with pytest.raises(LessonFailed, match=r"taking over what was learnt by a model of 1 series, .* s ahead") as failed:
            await scene.learning.once()
    assert isinstance(failed.value.__cause__, KeyError)
    await scene.learning.once()
    model, other = scene.workers.learnt
    assert other != model


async def test_a_worker_that_ended_costs_a_lesson_a_little_time() -> None:
    scene = a_seasonal_shop()
    await scene.forecasting.once()
    scene.workers.die()
    with pytest.raises(Temporary, match="learning a model of 1 series"):
        await scene.learning.once()
    await scene.learning.once()
    assert scene.workers.learnt[0] not in scene.workers.learnt[1:]  # something else comes first
    scene.clock.advance(STEP_S)
    await learns(scene)
    assert scene.workers.learnt.count(scene.workers.learnt[0]) == 2
