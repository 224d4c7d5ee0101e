import asyncio
import math

import numpy as np
import pytest
from structlog.testing import capture_logs

from autoscaler.errors import Temporary
from autoscaler.model import GateState, History, WorkloadKey
from autoscaler.reasons import Reason
from autoscaler.settings import ForecastSettings, Settings
from autoscaler.telemetry import REGISTRY
from tests.unit.loops.scenes import CPU_80, NAMESPACE, NOW_S, PER_POD_10, QUERY, Scene

SHOP = WorkloadKey(NAMESPACE, "Deployment", "shop")
DAY_S = 3600.0  # a season of one hour, so that nine of them are little data
STEP_S = 30
SETTINGS = Settings(forecast=ForecastSettings(step_s=STEP_S, refresh_s=30.0, expiry_s=120.0))
FORECAST = {"enabled": True, "historySeconds": 9 * 3600, "seasons": [3600], "leadSeconds": 300}
RAMP_S = 840.0  # after the hour: a minute before the load rises


def a_season(until_s: float = NOW_S, days: int = 9, top: float = 0.6) -> History:
    """CPU of a whole workload: quiet from the hour on, and six times as much from a quarter past until ten to."""
    points = int(days * DAY_S / STEP_S) + 1
    start_s = until_s - (points - 1) * STEP_S
    phase = (start_s + STEP_S * np.arange(points) - NOW_S) % DAY_S / DAY_S
    noise = np.random.default_rng(0).normal(0, 0.01 * top, points)
    return History(start_s, float(STEP_S), np.where((phase >= 0.25) & (phase < 0.83), top, top / 6) + noise)


def a_seasonal_shop(**spec: object) -> Scene:
    scene = Scene(settings=SETTINGS)
    scene.deploy(replicas=2)
    scene.autoscale(forecast=FORECAST, maxReplicas=20, **spec)
    scene.metrics.histories["cpu"][SHOP] = a_season()
    return scene


async def learns(scene: Scene) -> None:
    """Read, learn all that decisions need, and forecast."""
    await scene.forecasting.once()
    for _ in range(3):
        await scene.learning.once()
    await scene.forecasting.once()


async def test_a_season_scales_up_ahead_of_the_load() -> None:
    scene = a_seasonal_shop()
    scene.clock.advance(RAMP_S)
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    scene.use_cpu(0.050)
    await learns(scene)
    await scene.scaling.once()
    assert scene.status()["forecast"]["gate"] == "Open"
    assert scene.replicas() > 2
    assert scene.condition("ForecastActive") == ("True", "ForecastInUse")
    assert scene.status()["candidates"]["stabilized"] == 2
    assert scene.status()["candidates"]["predicted"] == scene.replicas()
    assert scene.status()["leadSeconds"] == 300
    assert scene.status()["forecast"]["metric"] == "cpu"
    labels = {"namespace": NAMESPACE, "name": "shop", "metric": "cpu"}
    assert REGISTRY.get_sample_value("foresail_forecast_gate_open", labels) == 1
    peak = REGISTRY.get_sample_value("foresail_forecast_peak", labels)
    assert peak is not None
    assert 0.5 < peak < 1.0


async def test_one_query_a_resource_and_one_a_promql_serve_all_objects() -> None:
    scene = a_seasonal_shop()
    scene.deploy("cart")
    scene.autoscale("cart", forecast=FORECAST, metrics=[CPU_80, PER_POD_10])
    scene.autoscale("third", target="shop", forecast=FORECAST, metrics=[PER_POD_10])
    await scene.forecasting.once()
    assert sorted(call[:2] for call in scene.metrics.calls) == [("query_history", QUERY), ("workload_history", "cpu")]


async def test_after_the_first_read_only_the_end_is_read() -> None:
    scene = a_seasonal_shop()
    await scene.forecasting.once()
    scene.clock.advance(60)
    await scene.forecasting.once()
    first, second = scene.metrics.calls
    assert first[3] - first[2] == 9 * 3600
    assert second[3] - second[2] <= 360 + STEP_S


async def test_an_object_without_history_is_learning_and_says_so() -> None:
    scene = a_seasonal_shop()
    scene.metrics.histories.clear()
    scene.use_cpu(0.080)
    await scene.forecasting.once()
    await scene.scaling.once()
    assert scene.condition("ForecastActive")[0] == "False"
    assert next(iter(scene.forecasts.forecasts.values())).gate is GateState.LEARNING


async def test_a_workload_that_no_pod_is_known_to_belong_to_says_what_its_history_is_found_by() -> None:
    scene = a_seasonal_shop(metrics=[CPU_80, PER_POD_10])
    del scene.metrics.histories["cpu"][SHOP]
    scene.metrics.histories["cpu"][WorkloadKey(NAMESPACE, "Deployment", "other")] = a_season()
    await scene.forecasting.once()
    messages = {series.metric: one.message for series, one in scene.forecasts.forecasts.items()}
    assert f"no cpu of {SHOP}" in messages["cpu"]
    assert "foresail_pod_info" in messages["cpu"]
    assert "foresail_pod_info" not in str([text for metric, text in messages.items() if metric != "cpu"])


async def test_an_expired_forecast_is_not_used() -> None:
    scene = a_seasonal_shop()
    scene.clock.advance(RAMP_S)
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    await learns(scene)
    scene.clock.advance(121)
    scene.use_cpu(0.080)
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.condition("ForecastActive") == ("False", "ForecastExpired")
    writes = len(scene.kube.named("update_status"))
    scene.clock.advance(15)
    scene.use_cpu(0.080)
    await scene.scaling.once()
    assert len(scene.kube.named("update_status")) == writes  # its age is no news


async def test_prometheus_down_keeps_the_forecasts_that_there_are_and_says_so_once() -> None:
    scene = a_seasonal_shop()
    await scene.forecasting.once()
    before = dict(scene.forecasts.forecasts)
    scene.metrics.fail("workload_history", Temporary("connection refused"), times=2)
    with capture_logs() as logs:
        for _ in range(2):
            scene.clock.advance(30)
            await scene.forecasting.once()
    assert scene.forecasts.forecasts == before
    assert [line["event"] for line in logs].count("prometheus_unreachable") == 1


async def test_one_bad_query_costs_only_its_own_forecast() -> None:
    scene = a_seasonal_shop()
    scene.autoscale("other", target="shop", forecast=FORECAST, metrics=[PER_POD_10])
    scene.metrics.fail("query_history", Temporary("bad query"))
    await scene.forecasting.once()
    assert [series.metric for series in scene.forecasts.forecasts] == ["cpu"]


async def test_a_container_metric_says_that_it_is_not_forecast() -> None:
    target = {"type": "Utilization", "averageUtilization": 80}
    metric = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "app", "target": target}}
    scene = a_seasonal_shop(metrics=[metric])
    scene.use_cpu(0.080)
    await scene.forecasting.once()
    await scene.scaling.once()
    assert scene.condition("ForecastActive") == ("False", "ForecastFailed")


async def test_the_forecast_of_another_target_is_not_taken_for_this_one() -> None:
    scene = a_seasonal_shop()
    await scene.forecasting.once()
    scene.deploy("cart")
    scene.autoscale(target="cart", forecast=FORECAST)
    scene.use_cpu(0.080, "cart")
    await scene.scaling.once()
    assert scene.condition("ForecastActive") == ("False", "ForecastLearning")


async def test_a_replica_that_does_not_lead_asks_prometheus_nothing_and_still_learns_lead_times() -> None:
    scene = a_seasonal_shop()
    scene.leading = False
    await scene.forecasting.once()
    assert scene.metrics.calls == []
    assert scene.forecasts.leads.ready_s(SHOP) == 40.0


async def test_an_object_with_the_forecast_off_is_not_asked_for() -> None:
    scene = Scene(settings=SETTINGS)
    scene.deploy()
    scene.autoscale()
    await scene.forecasting.once()
    assert scene.metrics.calls == []


async def test_an_object_says_what_the_forecast_was_worth_on_its_own_load() -> None:
    scene = a_seasonal_shop()
    scene.use_cpu(0.050)
    await learns(scene)
    await scene.scaling.once()
    row = scene.status()["forecast"]
    assert row["lostRatio"] < 0.5
    assert row["podsRatio"] < 1.25
    assert "would have lost" in row["message"]
    labels = {"namespace": NAMESPACE, "name": "shop", "metric": "cpu"}
    assert REGISTRY.get_sample_value("foresail_forecast_lost_ratio", labels) == pytest.approx(row["lostRatio"], abs=0.01)


async def test_the_curve_of_the_next_hours_is_learnt_when_nothing_else_is_to_be_learnt() -> None:
    scene = a_seasonal_shop()
    await learns(scene)
    for _ in range(2):
        await scene.learning.once()
    assert [name.partition(" of ")[0] for name in scene.workers.learnt] == [
        "a model",
        "an earlier model",
        "what forecasts",
        "the curve",
    ]
    fleet = scene.forecasting.keeper.fleet
    (found,) = fleet.curves_of(list(fleet.rows)).values()
    assert len(found.points) > 5


async def test_nothing_is_learnt_where_another_replica_leads() -> None:
    scene = a_seasonal_shop()
    await scene.forecasting.once()
    scene.leading = False
    for _ in range(3):
        await scene.learning.once()
    scene.leading = True
    await scene.forecasting.once()
    made = next(iter(scene.forecasts.forecasts.values()))
    assert made.message == "learning: a model is being made from the history"


async def test_a_lesson_that_no_worker_could_learn_is_due_again() -> None:
    scene = a_seasonal_shop()
    await scene.forecasting.once()
    scene.workers.die()
    with pytest.raises(Temporary):
        await scene.learning.once()
    scene.clock.advance(STEP_S)
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    await learns(scene)
    assert next(iter(scene.forecasts.forecasts.values())).gate is GateState.OPEN


async def test_a_pass_that_is_cut_off_in_the_middle_of_reading_loses_nothing() -> None:
    scene = a_seasonal_shop()
    stop = scene.metrics.gate("workload_history")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await scene.forecasting.once()
    stop.set()
    await learns(scene)
    made = next(iter(scene.forecasts.forecasts.values()))
    assert made.gate is GateState.OPEN
    assert math.isfinite(made.peak)


async def test_after_a_restart_a_saved_copy_serves_at_once_and_only_the_end_is_read() -> None:
    scene = a_seasonal_shop()
    await learns(scene)
    (before,) = scene.forecasts.forecasts.values()
    await scene.forecasting.keeper.save(scene.saved)
    again = a_seasonal_shop()
    again.saved = scene.saved
    again.restart()
    again.clock.advance(60)
    again.metrics.histories["cpu"][SHOP] = a_season(again.clock.now_s())
    await again.forecasting.once()
    (after,) = again.forecasts.forecasts.values()
    assert (after.gate, after.lost_ratio) == (GateState.OPEN, pytest.approx(before.lost_ratio, abs=0.01))
    assert [call[3] - call[2] for call in again.metrics.calls] == [360.0]
    await again.learning.once()
    assert [name.split(",")[0] for name in again.workers.learnt] == [
        "the curve of the next hours from 1 series"
    ]  # of which no copy is saved


@pytest.mark.parametrize("name", ["loads", "group-0"])
async def test_a_saved_copy_that_cannot_be_used_is_learnt_again(name: str) -> None:
    scene = a_seasonal_shop()
    await learns(scene)
    await scene.forecasting.keeper.save(scene.saved)
    scene.saved.unusable[name] = f"the saved copy {name} is damaged"
    again = a_seasonal_shop()
    again.saved = scene.saved
    again.restart()
    with capture_logs() as logs:
        await again.forecasting.once()
    assert f"the saved copy {name} is damaged" in str([line for line in logs if line["event"] == "saved_copy_unusable"])
    (made,) = again.forecasts.forecasts.values()
    assert made.gate is GateState.LEARNING
    await learns(again)
    (made,) = again.forecasts.forecasts.values()
    assert made.gate is GateState.OPEN


@pytest.mark.parametrize(("season_s", "fits"), [(60, False), (19 * STEP_S, False), (20 * STEP_S, True)])
async def test_a_season_of_a_few_points_is_refused_with_the_field_the_value_and_what_to_do(
    season_s: int, *, fits: bool
) -> None:
    scene = Scene(settings=SETTINGS)
    scene.deploy(replicas=2)
    scene.autoscale(forecast={"enabled": True, "seasons": [season_s, int(DAY_S)]}, maxReplicas=20)
    scene.metrics.histories["cpu"][SHOP] = a_season()
    await scene.forecasting.once()
    (made,) = scene.forecasts.forecasts.values()
    assert (made.reason is Reason.FORECAST_FAILED) == (not fits)
    if not fits:
        await scene.learning.once()
        assert scene.workers.learnt == []
        for word in ("spec.forecast.seasons", f"{season_s} s", f"is {20 * STEP_S} s", "forecast.step_s", "Name longer ones"):
            assert word in made.message
