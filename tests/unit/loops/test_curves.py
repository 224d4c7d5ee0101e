"""Forecasts with their curves, as people get them told."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from autoscaler.forecasting.peaks.curve import Drawn
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.loops.curves import Curves
from autoscaler.loops.forecast_book import Series
from autoscaler.loops.status import timestamp
from autoscaler.model import History, ObjectKey
from tests.unit.loops.scenes import CPU_80, NAMESPACE, PER_POD_10, QUERY, Scene
from tests.unit.loops.test_forecast_loop import RAMP_S, SHOP, a_season, a_seasonal_shop, learns

KEY = ObjectKey(NAMESPACE, "shop")


def curves_of(scene: Scene) -> Curves:
    return Curves(scene.forecasts, scene.forecasting.keeper)


async def a_drawn_shop(**spec: object) -> Scene:
    """Return a shop a minute before its load rises, of which all has been learnt."""
    scene = a_seasonal_shop(**spec)
    scene.clock.advance(RAMP_S)
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    await learns(scene)
    await scene.learning.once()
    return scene


async def test_a_row_tells_the_gate_what_it_was_worth_and_the_next_hours_in_json() -> None:
    scene = await a_drawn_shop()
    ((series, made),) = scene.forecasts.forecasts.items()
    forecast = replace(made, coverage_ratio=0.95126)
    scene.forecasts.forecasts = {series: forecast}
    (row,) = json.loads(json.dumps((await curves_of(scene).rows([KEY]))[KEY], allow_nan=False))
    assert (row["metric"], row["gate"], row["leadSeconds"], row["risk"]) == ("cpu", "Open", 300, forecast.risk)
    assert (row["reason"], row["message"]) == ("ForecastInUse", forecast.message)
    assert row["peak"] == pytest.approx(forecast.peak, rel=1e-3)
    assert row["lostRatio"] == pytest.approx(forecast.lost_ratio, rel=1e-3)
    assert row["podsRatio"] == pytest.approx(forecast.pods_ratio, rel=1e-3)
    assert row["coverageRatio"] == 0.9513
    assert row["loadAt"] == timestamp(scene.forecasting.keeper.fleet.loads.end_s)
    assert row["load"] < 0.2
    assert "curveMessage" not in row
    assert row["loadAt"] < row["curve"][0]["at"] < row["curve"][-1]["at"]
    assert max(point["median"] for point in row["curve"]) > 3 * row["load"]  # the rise that comes every hour
    assert all(point["median"] <= point["upper"] for point in row["curve"])


async def test_before_it_was_learnt_a_row_says_when_there_will_be_a_curve() -> None:
    scene = a_seasonal_shop()
    await learns(scene)
    (row,) = (await curves_of(scene).rows([KEY]))[KEY]
    assert row["curve"] == []
    assert "once a day" in row["curveMessage"]


async def test_without_any_history_the_answer_is_json_too_and_says_what_is_missing() -> None:
    target = {"type": "Utilization", "averageUtilization": 80}
    container = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "app", "target": target}}
    scene = a_seasonal_shop(metrics=[CPU_80, container])
    scene.metrics.histories.clear()
    await scene.forecasting.once()
    rows = json.loads(json.dumps((await curves_of(scene).rows([KEY]))[KEY], allow_nan=False))
    assert {row["gate"] for row in rows} == {"Learning", "Shut"}
    assert all("peak" not in row and row["curve"] == [] and row["curveMessage"] for row in rows)


async def test_only_those_that_are_asked_for_are_told_each_with_all_its_metrics() -> None:
    scene = a_seasonal_shop(metrics=[CPU_80, PER_POD_10])
    scene.metrics.histories[QUERY] = {}
    scene.deploy("cart")
    scene.autoscale("cart", forecast={"enabled": True})
    await scene.forecasting.once()
    found = await curves_of(scene).rows([KEY, ObjectKey(NAMESPACE, "nobody")])
    assert list(found) == [KEY]
    assert len(found[KEY]) == 2


async def test_a_curve_is_drawn_once_between_two_passes_however_many_look(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = await a_drawn_shop()
    curves = curves_of(scene)
    draws: list[Sequence[Series]] = []
    curves_of_fleet = Fleet.curves_of

    def counted(fleet: Fleet[Series], keys: Sequence[Series]) -> dict[Series, Drawn]:
        draws.append(keys)
        return curves_of_fleet(fleet, keys)

    monkeypatch.setattr(Fleet, "curves_of", counted)
    first, second = await asyncio.gather(curves.rows([KEY]), curves.rows([KEY]))
    assert first == second
    assert len(draws) == 1
    scene.clock.advance(30)
    scene.metrics.histories["cpu"][SHOP] = a_season(scene.clock.now_s())
    await scene.forecasting.once()
    (row,) = (await curves.rows([KEY]))[KEY]
    assert len(draws) == 2
    assert row["loadAt"] > first[KEY][0]["loadAt"]


async def test_an_object_that_is_gone_has_no_curve_any_more() -> None:
    scene = await a_drawn_shop()
    curves = curves_of(scene)
    assert KEY in await curves.rows([KEY])
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await scene.forecasting.once()
    assert await curves.rows([KEY]) == {}


async def test_a_load_that_never_changed_has_a_flat_curve_that_says_so() -> None:
    scene = a_seasonal_shop()
    still = a_season()
    still.values[:] = 0.25
    scene.metrics.histories["cpu"][SHOP] = History(still.start_s, still.step_s, still.values)
    await learns(scene)
    await scene.learning.once()
    (row,) = (await curves_of(scene).rows([KEY]))[KEY]
    assert {(point["median"], point["upper"]) for point in row["curve"]} == {(row["load"], row["load"])}
    assert "never changed" in row["curveMessage"]
