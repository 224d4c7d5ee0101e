"""How long pods stay that a forecast asked for and nothing needs: as far ahead as is forecast, not the scale-down window."""

import pytest

from autoscaler.loops.forecast_book import series_of
from autoscaler.loops.observe import parse
from tests.builders import a_forecast
from tests.unit.loops.scenes import NOW_S, Scene, a_shop

LOAD = 0.16  # cores, what two pods carry at their target of 80 % of 100m


async def a_pass(scene: Scene, at_s: float) -> int:
    """Let the loop pass at a moment and all pods that it asked for be there; return how many."""
    scene.clock.advance(at_s - (scene.clock.now_s() - NOW_S))
    scene.metrics.usage.clear()
    scene.use_cpu(LOAD / scene.replicas())
    await scene.scaling.once()
    scene.deploy(replicas=scene.replicas())
    return scene.replicas()


@pytest.mark.parametrize(("lead_seconds", "gone_s"), [(60, 75), (90, 105)])
async def test_pods_that_a_forecast_asked_for_stay_for_the_lead_time(lead_seconds: int, gone_s: int) -> None:
    scene = a_shop(replicas=2, forecast={"enabled": True, "leadSeconds": lead_seconds})
    (served,), _ = parse(scene.stores.autoscalers.items(), None)
    forecast = a_forecast(0.4, issued_s=NOW_S, expires_s=NOW_S + 20)
    scene.forecasts.forecasts = dict.fromkeys(series_of(served), forecast)
    counts = {at_s: await a_pass(scene, at_s) for at_s in range(0, 121, 15)}
    assert counts == {at_s: 5 if at_s < gone_s else 2 for at_s in counts}
