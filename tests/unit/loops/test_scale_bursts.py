"""Bursts through the loop: which windows are asked for, what is told, and what a window without an answer costs."""

from collections.abc import Mapping

from autoscaler.clients.ports import Sample
from autoscaler.errors import Temporary
from tests.fakes.prometheus import FakeMetrics
from tests.unit.loops.scenes import NAMESPACE, Scene, a_shop, passes

BURST = {"thresholdPercent": 150, "windowSeconds": 30, "holdSeconds": 60}
MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}


def use_short(scene: Scene, cores: float, window_s: int = 30) -> None:
    """Let every pod use so much CPU over a short window."""
    for pod in scene.cluster.list("pods"):
        at_s, key = scene.clock.now_s() - 5, (NAMESPACE, pod["metadata"]["name"])
        scene.metrics.usage_over["cpu", window_s][key] = {"app": Sample({}, at_s, cores)}


async def test_a_burst_is_seen_over_its_own_window_told_and_ends() -> None:
    scene = a_shop(replicas=2, maxReplicas=50, burst=BURST)
    scene.clock.advance(15)
    scene.use_cpu(0.080)
    use_short(scene, 0.480)
    await scene.scaling.once()
    assert (scene.replicas(), scene.condition("Burst")) == (12, ("True", "Burst"))
    assert scene.status()["candidates"]["burst"] == 12
    scene.deploy(replicas=12)
    for _ in range(4):
        scene.clock.advance(15)
        scene.use_cpu(0.070)
        use_short(scene, 0.070)
        await scene.scaling.once()
    assert (scene.replicas(), scene.condition("Burst")) == (11, ("False", "NoBurst"))
    assert [reason for reason in scene.reasons() if "Burst" in reason] == ["Burst", "NoBurst"]
    scene.autoscale(maxReplicas=50)
    await passes(scene, 1, cores=0.070)
    assert scene.condition("Burst") == ("", "")


async def test_each_window_is_asked_for_once_and_only_where_an_object_needs_it() -> None:
    scene = a_shop(replicas=2)
    for name in ("a", "b", "c", "d", "e"):
        scene.deploy(name)
    scene.autoscale("a", burst=BURST)
    scene.autoscale("b", burst=BURST)
    scene.autoscale("c", burst={"windowSeconds": 20})
    scene.autoscale("d", burst={"windowSeconds": 10}, metrics=[MEMORY])
    scene.autoscale("e", burst={"windowSeconds": 60})  # as long as the window that all have
    await scene.scaling.once()
    asked = [call[1:] for call in scene.metrics.calls if call[0] == "pod_usage"]
    assert sorted(asked) == [("cpu",), ("cpu", 20), ("cpu", 30), ("memory",)]


async def test_with_the_metrics_api_usage_is_taken_as_it_is() -> None:
    scene = a_shop(replicas=2, burst=BURST, resourceMetrics="MetricsAPI")
    await scene.scaling.once()
    assert scene.metrics.calls == []


class WithoutShortWindows(FakeMetrics):
    """A Prometheus that answers no query over a window of its own."""

    async def pod_usage(self, resource: str, *, window_s: int | None = None) -> Mapping[tuple[str, str], Mapping[str, Sample]]:
        if window_s is not None:
            raise Temporary("too many queries")
        return await super().pod_usage(resource)


async def test_a_short_window_without_an_answer_costs_only_the_burst() -> None:
    scene = Scene(metrics=WithoutShortWindows())
    scene.put_node()
    scene.deploy()
    scene.autoscale(burst=BURST)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert (scene.replicas(), scene.condition("Burst")) == (4, ("False", "NoBurst"))
    [said] = [one["message"] for one in scene.status()["conditions"] if one["type"] == "Burst"]
    assert said.endswith("cpu cannot be read over that time: too many queries")
