"""`onDelete: Restore`: replicas are written down before the first act, and come back when the object goes."""

import pytest
from msgspec.structs import replace

from autoscaler.api.marks import RESTORE_FINALIZER
from autoscaler.clients.ports import Json
from autoscaler.errors import Temporary
from tests.fakes.kube import FakeStore
from tests.unit.loops.floor_scenes import HPAS, floor, gitops
from tests.unit.loops.scenes import NAMESPACE, Scene, a_shop

OURS = "predictiveautoscalers"


def a_restored_shop(replicas: int = 2, **spec: object) -> Scene:
    return a_shop(replicas=replicas, onDelete="Restore", **spec)


def finalizers(scene: Scene, name: str = "shop") -> list[str]:
    obj = scene.cluster.get(OURS, NAMESPACE, name)
    assert obj
    return list(obj["metadata"].get("finalizers") or [])


def delete(scene: Scene) -> None:
    scene.cluster.mark_deleted(OURS, NAMESPACE, "shop")


def is_gone(scene: Scene) -> bool:
    return scene.cluster.get(OURS, NAMESPACE, "shop") is None


async def once(scene: Scene, cores: float = 0.160) -> None:
    scene.use_cpu(cores)
    await scene.scaling.once()
    scene.clock.advance(15)


async def test_replicas_are_written_down_before_the_first_act() -> None:
    scene = a_restored_shop()
    await once(scene)
    assert scene.replicas() == 4
    assert finalizers(scene) == [RESTORE_FINALIZER]
    assert (scene.status()["originalReplicas"], scene.status()["originalTarget"]) == (2, "Deployment/shop")
    order = [call[0] for call in scene.kube.calls if call[0] in {"set_finalizers", "update_status", "set_scale"}]
    assert order[:3] == ["set_finalizers", "update_status", "set_scale"]
    assert scene.condition("AbleToScale") == ("True", "SucceededRescale")


async def test_they_are_written_down_once() -> None:
    scene = a_restored_shop()
    await once(scene)
    scene.deploy(replicas=4)
    await once(scene)
    other = Scene(cluster=scene.cluster, clock=scene.clock, metrics=scene.metrics)
    await once(other)
    assert other.status()["originalReplicas"] == 2
    assert len([call for call in [*scene.kube.calls, *other.kube.calls] if call[0] == "set_finalizers"]) == 1


async def test_an_object_that_goes_brings_the_replicas_back() -> None:
    scene = a_restored_shop()
    await once(scene)
    delete(scene)
    await once(scene)
    assert (scene.replicas(), is_gone(scene)) == (2, True)
    assert scene.reasons("PredictiveAutoscaler")[-1] == "Restored"
    assert "foresail.restored" in scene.notifier.types()


async def test_a_new_service_brings_them_back_as_well() -> None:
    scene = a_restored_shop()
    await once(scene)
    delete(scene)
    other = Scene(cluster=scene.cluster, clock=scene.clock, metrics=scene.metrics)
    await once(other)
    assert (other.replicas(), is_gone(other)) == (2, True)


async def test_without_what_was_there_nothing_is_changed() -> None:
    scene = a_restored_shop()
    scene.kube.fail("set_finalizers", Temporary("busy"))
    await once(scene)
    assert scene.replicas() == 2
    scene.kube.fail("update_status", Temporary("busy"))
    await once(scene)
    assert scene.replicas() == 2
    await once(scene)
    assert (scene.replicas(), scene.status()["originalReplicas"]) == (4, 2)


async def test_an_object_that_somebody_writes_meanwhile_is_left_to_the_next_pass() -> None:
    scene = a_restored_shop()
    scene.kube.before("set_finalizers", lambda: scene.autoscale(onDelete="Restore"))
    await once(scene)
    assert scene.replicas() == 2
    await once(scene)
    assert (scene.replicas(), scene.status()["originalReplicas"]) == (4, 2)


@pytest.mark.parametrize("spec", [{"onDelete": "Keep"}, {"onDelete": "Restore", "mode": "Observe"}])
async def test_an_object_that_restores_nothing_any_more_goes_as_it_is(spec: Json) -> None:
    scene = a_restored_shop()
    await once(scene)
    scene.autoscale(**spec)
    obj = scene.cluster.get(OURS, NAMESPACE, "shop")
    assert obj
    scene.cluster.finalized(OURS, obj, [RESTORE_FINALIZER])
    await once(scene)
    assert finalizers(scene) == []
    delete(scene)
    await once(scene)
    assert (scene.replicas(), is_gone(scene)) == (4, True)


async def test_an_object_that_never_may_act_gets_no_finalizer() -> None:
    scene = a_restored_shop()
    off = Scene(settings=replace(scene.settings, acts=False), cluster=scene.cluster, clock=scene.clock)
    await once(off)
    assert finalizers(off) == []


async def test_a_target_that_is_gone_holds_nothing_up() -> None:
    scene = a_restored_shop()
    await once(scene)
    scene.cluster.delete("deployments", NAMESPACE, "shop")
    delete(scene)
    await scene.scaling.once()
    assert is_gone(scene)


async def test_a_target_that_an_hpa_scales_by_now_is_left_to_it() -> None:
    scene = a_restored_shop()
    await once(scene)
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    meta = {"namespace": NAMESPACE, "name": "new"}
    scene.cluster.put("horizontalpodautoscalers", {"metadata": meta, "spec": {"scaleTargetRef": ref}})
    delete(scene)
    hpas = FakeStore(scene.cluster, "horizontalpodautoscalers")
    other = Scene(cluster=scene.cluster, clock=scene.clock, metrics=scene.metrics, hpas=hpas)
    await once(other)
    assert (other.replicas(), is_gone(other)) == (4, True)


@pytest.mark.parametrize("age_s", [10, 1000])
async def test_a_target_that_another_object_of_ours_scales_by_now_is_left_to_it_whichever_is_older(age_s: float) -> None:
    scene = a_restored_shop()
    await once(scene)
    scene.deploy(replicas=4)
    scene.autoscale("other", target="shop", age_s=age_s)
    delete(scene)
    await once(scene, 0.080)
    assert (scene.replicas(), is_gone(scene)) == (4, True)


async def test_what_was_written_down_is_forgotten_with_the_mode_that_restores() -> None:
    scene = a_restored_shop()
    await once(scene)
    scene.autoscale(onDelete="Restore", mode="Observe")
    await once(scene, 0.080)
    assert "originalReplicas" not in scene.status()
    scene.deploy(replicas=9)  # by somebody who lives with that from now on
    scene.autoscale(onDelete="Restore", mode="Scale")
    await once(scene, 0.160)
    assert (scene.status()["originalReplicas"], scene.replicas()) == (9, 10)
    delete(scene)
    await once(scene)
    assert (scene.replicas(), is_gone(scene)) == (9, True)


async def test_an_object_that_raises_a_floor_instead_keeps_no_finalizer() -> None:
    scene = a_restored_shop()
    await once(scene)
    cluster = scene.cluster
    floored = Scene(cluster=cluster, clock=scene.clock, metrics=scene.metrics, hpas=FakeStore(cluster, HPAS))
    gitops(floored, 2)
    floor(floored)
    obj = cluster.get(OURS, NAMESPACE, "shop")
    assert obj
    cluster.finalized(OURS, obj, [RESTORE_FINALIZER])
    await once(floored)
    assert finalizers(floored) == []
    assert "originalReplicas" not in floored.status()


async def test_another_target_is_written_down_anew_and_the_old_one_is_not_touched() -> None:
    scene = a_restored_shop()
    scene.deploy("cafe", replicas=3)
    await once(scene)
    obj = scene.cluster.get(OURS, NAMESPACE, "shop")
    assert obj
    obj["spec"]["scaleTargetRef"]["name"] = "cafe"
    scene.cluster.put(OURS, obj)
    await once(scene)
    assert (scene.status()["originalReplicas"], scene.status()["originalTarget"]) == (3, "Deployment/cafe")


@pytest.mark.parametrize("why", ["acts", "failure", "silence"])
async def test_an_object_that_cannot_go_says_why_once(why: str) -> None:
    scene = a_restored_shop()
    await once(scene)
    delete(scene)
    settings = replace(scene.settings, acts=why != "acts")
    other = Scene(cluster=scene.cluster, clock=scene.clock, metrics=scene.metrics, settings=settings)
    if why == "failure":
        other.kube.fail("set_scale", Temporary("busy"), times=3)
    if why == "silence":
        assert isinstance(other.stores.autoscalers, FakeStore)
        other.stores.autoscalers.age = 91
    for _ in range(3):
        await once(other)
    assert (other.replicas(), is_gone(other)) == (4, False)
    assert other.reasons("PredictiveAutoscaler") == ["RestoreFailed"]
    [told] = [one for one in other.status()["conditions"] if one["type"] == "Acting"]
    assert told["status"] == "False"
    assert "foresail release --all" in told["message"]


async def test_an_object_that_is_being_deleted_scales_nothing() -> None:
    scene = a_shop(replicas=2)
    obj = scene.cluster.get(OURS, NAMESPACE, "shop")
    assert obj
    scene.cluster.finalized(OURS, obj, ["someone/else"])
    delete(scene)
    await once(scene)
    assert scene.replicas() == 2
    assert finalizers(scene) == ["someone/else"]


async def test_a_replica_that_does_not_lead_lets_nothing_go() -> None:
    scene = a_restored_shop()
    await once(scene)
    delete(scene)
    scene.kube.before("get_scale", lambda: setattr(scene, "leading", False))
    await once(scene)
    assert (scene.replicas(), is_gone(scene)) == (4, False)
