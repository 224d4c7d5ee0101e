import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from structlog.testing import capture_logs

from autoscaler.errors import Temporary
from autoscaler.forecasting.fleet import forecast
from autoscaler.forecasting.types import Request
from autoscaler.model import Forecast, GateState, History, WorkloadKey
from autoscaler.settings import ForecastSettings, Settings
from autoscaler.telemetry import REGISTRY
from tests.unit.loops.scenes import CPU_80, NAMESPACE, NOW_S, PER_POD_10, QUERY, Scene

SHOP = WorkloadKey(NAMESPACE, "Deployment", "shop")
DAY_S = 3600.0  # a season of one hour, so that five of them are little data
STEP_S = 30
SETTINGS = Settings(forecast=ForecastSettings(step_s=STEP_S, refresh_s=30.0, expiry_s=120.0))
FORECAST = {"enabled": True, "historySeconds": 6 * 3600, "seasons": [3600], "leadSeconds": 300}


def a_season(until_s: float = NOW_S, days: int = 6, top: float = 0.6) -> History:
    """CPU of a whole workload that rises and falls once an hour; lowest at each full hour since `NOW_S`."""
    points = int(days * DAY_S / STEP_S) + 1
    start_s = until_s - (points - 1) * STEP_S
    at_s = start_s + STEP_S * np.arange(points)
    return History(start_s, float(STEP_S), 0.1 + (top - 0.1) * (1 - np.cos(2 * np.pi * (at_s - NOW_S) / DAY_S)) / 2)


def a_seasonal_shop(**spec: object) -> Scene:
    scene = Scene(settings=SETTINGS)
    scene.deploy(replicas=2)
    scene.autoscale(forecast=FORECAST, maxReplicas=20, **spec)
    scene.metrics.histories["cpu"][SHOP] = a_season()
    return scene


async def test_a_season_scales_up_ahead_of_the_load() -> None:
    scene = a_seasonal_shop()
    scene.clock.advance(900)  # a quarter into the season: the load rises fastest
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    scene.use_cpu(0.070)
    await scene.forecasting.once()
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
    assert 0.35 < peak < 0.9


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
    assert first[3] - first[2] == 6 * 3600
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
    scene.clock.advance(900)
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    await scene.forecasting.once()
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
        await scene.forecasting.once()
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


async def test_a_fit_that_outlives_its_pass_is_not_joined_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = a_seasonal_shop()
    go_on, running, most = threading.Event(), 0, 0

    def slow(requests: Sequence[Request], previous: Sequence[Forecast | None], *times_s: float) -> tuple[Forecast, ...]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        go_on.wait(15)
        running -= 1
        return forecast(requests, previous, *times_s)

    monkeypatch.setattr("autoscaler.loops.forecast.forecast", slow)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await scene.forecasting.once()
    go_on.set()
    await scene.forecasting.once()
    assert most == 1
    assert scene.forecasts.forecasts
