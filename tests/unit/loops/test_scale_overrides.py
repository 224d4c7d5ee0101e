"""Pauses, fallbacks and bursts through the loop: what is written, what is told, and what survives a restart."""

from autoscaler.errors import Temporary
from tests.fakes.kube import FakeStore
from tests.unit.loops.scenes import NAMESPACE, a_shop, passes, restart

STATIC_5 = {"behavior": "Static", "replicas": 5, "afterSeconds": 60}


async def test_a_pause_is_told_when_it_begins_and_when_it_ends() -> None:
    scene = a_shop(replicas=2, pause={"all": True})
    await passes(scene, 3, cores=0.160)
    assert scene.replicas() == 2
    assert scene.condition("Paused") == ("True", "Paused")
    assert scene.status()["desiredReplicas"] == 2
    scene.autoscale()
    await passes(scene, 2, cores=0.160)
    assert scene.replicas() == 4
    assert scene.condition("Paused") == ("False", "NotPaused")
    assert [reason for reason in scene.reasons() if "Paused" in reason] == ["Paused", "NotPaused"]


async def test_without_a_pause_nothing_is_told_of_one() -> None:
    scene = a_shop(replicas=2)
    await passes(scene, 2, cores=0.080)
    assert scene.condition("Paused") == ("False", "NotPaused")
    assert scene.reasons() == []


async def test_an_object_that_only_observes_says_what_its_pause_would_do() -> None:
    scene = a_shop(replicas=2, mode="Observe", pause={"replicas": 7})
    await passes(scene, 1, cores=0.160)
    assert scene.replicas() == 2
    assert scene.status()["desiredReplicas"] == 7
    assert scene.condition("Paused") == ("True", "Paused")


async def test_a_pause_at_zero_is_left_again_also_by_a_service_that_started_meanwhile() -> None:
    scene = a_shop(replicas=2, minReplicas=2, pause={"replicas": 0})
    await passes(scene, 1, cores=0.080)
    assert scene.replicas() == 0
    scene.deploy(replicas=0)
    await passes(scene, 1, cores=None)
    assert scene.condition("ScaledToZero") == ("True", "Paused")
    restart(scene)
    scene.autoscale(minReplicas=2)
    await passes(scene, 1, cores=None)
    assert scene.replicas() == 2
    assert scene.condition("ScaledToZero") == ("False", "NotScaledToZero")


async def test_a_target_that_somebody_else_took_to_zero_stays_there() -> None:
    scene = a_shop(replicas=2, minReplicas=2)
    await passes(scene, 1, cores=0.080)
    scene.deploy(replicas=0)
    restart(scene)
    await passes(scene, 2, cores=None)
    assert scene.replicas() == 0


async def test_a_target_that_load_took_to_zero_is_not_taken_for_one_of_a_pause() -> None:
    """The setting that let autoscaling go there was switched off since, which leaves the target at zero."""
    scene = a_shop(replicas=0, minReplicas=2)
    told = {"type": "ScaledToZero", "status": "True", "reason": "ScaledToZero", "message": "no load"}
    obj = scene.cluster.get("predictiveautoscalers", NAMESPACE, "shop")
    assert obj is not None
    scene.cluster.put("predictiveautoscalers", {**obj, "status": {"conditions": [told]}})
    await passes(scene, 1, cores=None)
    assert scene.replicas() == 0
    scene.cluster.put("predictiveautoscalers", {**obj, "status": {"conditions": [{**told, "reason": "Paused"}]}})
    restart(scene)
    await passes(scene, 1, cores=None)
    assert scene.replicas() == 2


async def test_a_fallback_is_carried_out_told_once_and_ends_with_the_outage() -> None:
    scene = a_shop(replicas=2, fallback=STATIC_5)
    await passes(scene, 4, cores=None)
    assert (scene.replicas(), scene.condition("Fallback")) == (2, ("False", "NoFallback"))
    await passes(scene, 1, cores=None)
    assert (scene.replicas(), scene.condition("Fallback")) == (5, ("True", "Fallback"))
    assert scene.status()["candidates"]["fallback"] == 5
    scene.deploy(replicas=5)
    await passes(scene, 2, cores=None)
    restart(scene)
    await passes(scene, 1, cores=None)
    assert scene.replicas() == 5
    await passes(scene, 1, cores=0.032)
    assert (scene.replicas(), scene.condition("Fallback")) == (5, ("False", "NoFallback"))
    assert [event.reason for event in scene.kube.events if event.reason == "Fallback" and event.warning] == ["Fallback"]
    failed = [notice.data["reason"] for notice in scene.notifier.notices if notice.type == "foresail.failed"]
    assert failed.count("Fallback") == 1


async def test_after_a_restart_a_fallback_waits_anew() -> None:
    scene = a_shop(replicas=2, fallback=STATIC_5)
    await passes(scene, 4, cores=None)
    restart(scene)
    await passes(scene, 4, cores=None)
    assert scene.replicas() == 2
    await passes(scene, 1, cores=None)
    assert scene.replicas() == 5


async def test_in_an_outage_of_prometheus_receivers_are_not_told_of_each_fallback() -> None:
    scene = a_shop(replicas=2, fallback=STATIC_5)
    scene.metrics.fail("pod_usage", Temporary("connection refused"), times=6)
    await passes(scene, 6, cores=0.080)
    assert scene.replicas() == 5
    assert "Fallback" in scene.reasons()
    assert scene.notifier.types() == ["foresail.failed", "foresail.scaled"]
    assert scene.notifier.notices[1].data["cause"] == "Fallback"


async def test_behind_a_silent_watch_a_fallback_does_nothing() -> None:
    scene = a_shop(replicas=2, fallback=STATIC_5)
    assert isinstance(scene.stores.pods, FakeStore)
    await passes(scene, 4, cores=None)
    scene.stores.pods.age = 91
    await passes(scene, 4, cores=None)
    assert scene.replicas() == 2
    scene.stores.pods.age = 1
    await passes(scene, 1, cores=None)
    assert scene.replicas() == 5
