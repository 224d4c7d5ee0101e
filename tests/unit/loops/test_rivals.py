"""Who scales a target already is named, and left to it."""

import pytest

from autoscaler.loops.status import find
from tests.fakes.cluster import FakeCluster, Json
from tests.fakes.kube import FakeStore
from tests.unit.loops.scenes import NAMESPACE, Scene

SHOP = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
KEDA = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "shop-by-queue", "uid": "1", "controller": True}


def a_scene(**spec: object) -> Scene:
    """A shop that needs twice its pods, in a cluster with HPAs and KEDA."""
    cluster = FakeCluster()
    stores = [FakeStore(cluster, plural) for plural in ("horizontalpodautoscalers", "scaledobjects")]
    scene = Scene(cluster=cluster, hpas=stores[0], scaled_objects=stores[1])
    scene.deploy(replicas=2)
    scene.autoscale(**spec)
    scene.use_cpu(0.160)
    return scene


def put_hpa(scene: Scene, name: str = "keda-hpa-shop", **meta: object) -> None:
    obj = {"metadata": {"namespace": NAMESPACE, "name": name, **meta}, "spec": {"scaleTargetRef": SHOP}}
    scene.cluster.put("horizontalpodautoscalers", obj)


def put_scaled_object(scene: Scene, ref: Json | None = None) -> None:
    obj = {
        "metadata": {"namespace": NAMESPACE, "name": "shop-by-queue"},
        "spec": {"scaleTargetRef": {"name": "shop"} if ref is None else ref, "triggers": []},
    }
    scene.cluster.put("scaledobjects", obj)


def refusal(scene: Scene) -> str:
    """Return the words of the condition that names a rival; empty when there is none."""
    condition = find(scene.status(), "AbleToScale")
    return str(condition["message"]) if condition["reason"] == "TargetConflict" else ""


async def test_a_target_of_a_scaled_object_is_refused_though_it_has_no_hpa_now() -> None:
    scene = a_scene()
    put_scaled_object(scene)
    await scene.scaling.once()
    assert scene.kube.named("set_scale") == []
    assert refusal(scene).startswith("ScaledObject default/shop-by-queue already scales the target")
    assert "TargetConflict" in scene.reasons()
    assert scene.notifier.types() == ["foresail.refused"]


async def test_an_hpa_that_keda_made_is_named_by_its_scaled_object() -> None:
    scene = a_scene()
    put_scaled_object(scene)
    put_hpa(scene, ownerReferences=[KEDA])
    await scene.scaling.once()
    assert scene.kube.named("set_scale") == []
    named = "ScaledObject default/shop-by-queue (by its HorizontalPodAutoscaler default/keda-hpa-shop)"
    assert refusal(scene).startswith(named)


@pytest.mark.parametrize(
    "owner", [{**KEDA, "controller": False}, {**KEDA, "kind": "Deployment"}, {**KEDA, "apiVersion": "other.example/v1"}]
)
async def test_an_hpa_that_another_made_is_named_as_it_is(owner: Json) -> None:
    scene = a_scene()
    put_hpa(scene, ownerReferences=[owner])
    await scene.scaling.once()
    assert refusal(scene).startswith("HorizontalPodAutoscaler default/keda-hpa-shop already")


@pytest.mark.parametrize(
    "ref",
    [
        {"name": "cart"},
        {"name": "shop", "kind": "StatefulSet"},
        {"name": "shop", "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"},
        {},
    ],
)
async def test_a_scaled_object_of_something_else_is_no_rival(ref: Json) -> None:
    scene = a_scene()
    put_scaled_object(scene, ref)
    await scene.scaling.once()
    assert refusal(scene) == ""
    assert scene.replicas() == 4


async def test_a_scaled_object_that_goes_leaves_the_target_to_us() -> None:
    scene = a_scene()
    put_scaled_object(scene)
    await scene.scaling.once()
    scene.cluster.delete("scaledobjects", NAMESPACE, "shop-by-queue")
    await scene.scaling.once()
    assert refusal(scene) == ""
    assert scene.replicas() == 4


async def test_mode_observe_is_what_a_scaled_object_is_watched_by() -> None:
    scene = a_scene(mode="Observe")
    put_scaled_object(scene)
    await scene.scaling.once()
    assert refusal(scene) == ""
    assert scene.condition("Acting") == ("False", "ModeObserve")  # not NoOtherScaler


async def test_scaled_objects_that_nobody_has_heard_of_for_long_hold() -> None:
    scene = a_scene()
    assert scene.scaled_objects is not None
    scene.scaled_objects.age = 91
    await scene.scaling.once()
    assert scene.condition("Acting") == ("False", "RefusedStale")


async def test_scaled_objects_that_may_not_be_listed_hold_and_the_right_that_is_missing_is_named() -> None:
    scene = a_scene()
    assert scene.scaled_objects is not None
    scene.scaled_objects.synced = False
    scene.scaled_objects.problem = 'list scaledobjects: HTTP 403; grant verb "list" on "scaledobjects" in API group "keda.sh"'
    await scene.scaling.once()
    assert scene.replicas() == 2
    acting = find(scene.status(), "Acting")
    assert (acting["status"], acting["reason"]) == ("False", "RefusedStale")
    assert acting["message"].startswith("the watch of scaledobjects has not been answered yet")
    assert acting["message"].endswith('grant verb "list" on "scaledobjects" in API group "keda.sh"')


@pytest.mark.parametrize("what", ["HorizontalPodAutoscaler", "ScaledObject", "PredictiveAutoscaler"])
async def test_an_object_whose_target_another_scales_does_not_claim_to_act(what: str) -> None:
    scene = a_scene()
    if what == "HorizontalPodAutoscaler":
        put_hpa(scene)
    elif what == "ScaledObject":
        put_scaled_object(scene)
    else:
        scene.autoscale("older", target="shop", age_s=1000)
    scene.use_cpu(0.080)  # nothing is to be done, which is no reason to be silent
    await scene.scaling.once()
    acting = find(scene.status(), "Acting")
    assert (acting["status"], acting["reason"]) == ("False", "TargetConflict")
    assert acting["message"].startswith(f"{what} default/")
    assert refusal(scene) == acting["message"]
