"""A count that somebody sets back again and again is left to them, and they are named."""

import pytest

from autoscaler.errors import Permanent
from autoscaler.loops.contested import FIRST_REST_S, REVERTS
from autoscaler.loops.status import find, timestamp
from autoscaler.telemetry import REGISTRY
from tests.fakes.cluster import own_replicas
from tests.fakes.kube import FakeStore
from tests.unit.loops.scenes import NAMESPACE, NOW_S, Scene, a_shop

ARGO_CD = "argocd-controller"


def revert(scene: Scene, to: int = 2, manager: str = ARGO_CD, plural: str = "deployments") -> None:
    """Let a tool apply its manifest."""
    obj = scene.cluster.get(plural, NAMESPACE, "shop")
    assert obj is not None
    if obj["spec"]["replicas"] != to:
        obj["spec"]["replicas"] = to
        own_replicas(obj, manager, "Apply", at=timestamp(scene.clock.now_s()))
        scene.cluster.put(plural, obj)


async def fight(scene: Scene, rounds: int = REVERTS, manager: str = ARGO_CD, plural: str = "deployments") -> None:
    """Scale up and be set back so many times, then pass once more."""
    for _ in range(rounds):
        await one_pass(scene)
        revert(scene, manager=manager, plural=plural)
    await one_pass(scene)


async def one_pass(scene: Scene) -> None:
    scene.clock.advance(15)
    scene.use_cpu(0.160)  # twice the target
    await scene.scaling.once()


def writes(scene: Scene) -> int:
    return len(scene.kube.named("set_scale"))


def contested() -> float | None:
    return REGISTRY.get_sample_value("foresail_contested", {"namespace": NAMESPACE, "name": "shop"})


async def test_a_tool_that_sets_the_replicas_back_is_named_and_not_fought() -> None:
    scene = a_shop(replicas=2)
    await fight(scene)
    assert writes(scene) == REVERTS
    assert scene.replicas() == 2
    assert scene.condition("Acting") == ("False", "TargetContested")
    message = find(scene.status(), "Acting")["message"]
    reverted_at = timestamp(NOW_S + 15 * REVERTS)
    assert f"last by field manager argocd-controller (Apply at {reverted_at})" in message
    assert "spec.replicas of Deployment default/shop was set back to 2" in message
    assert "managedFieldsManagers" in message
    assert contested() == 1
    for _ in range(5):
        await one_pass(scene)
    assert writes(scene) == REVERTS
    assert scene.reasons().count("TargetContested") == 1
    assert scene.notifier.types().count("foresail.refused") == 1
    assert scene.status()["desiredReplicas"] == 4  # what would be done is still said
    assert find(scene.status(), "Acting")["message"] == message


async def test_a_person_who_changes_the_count_now_and_then_is_normal_life() -> None:
    scene = a_shop(replicas=2)
    await fight(scene, rounds=REVERTS - 1)
    assert writes(scene) == REVERTS
    assert scene.replicas() == 4
    assert scene.condition("Acting") == ("True", "ModeScale")
    assert contested() == 0


async def test_after_an_hour_it_is_tried_again_and_left_for_longer_after_one_revert() -> None:
    scene = a_shop(replicas=2)
    await fight(scene)
    scene.clock.advance(FIRST_REST_S)
    await one_pass(scene)
    assert writes(scene) == REVERTS + 1
    assert contested() == 0
    revert(scene)
    await one_pass(scene)
    assert writes(scene) == REVERTS + 1
    assert scene.condition("Acting") == ("False", "TargetContested")
    scene.clock.advance(FIRST_REST_S)
    await one_pass(scene)
    assert writes(scene) == REVERTS + 1  # the second rest is twice as long


async def test_a_change_of_the_object_is_taken_for_a_remedy() -> None:
    scene = a_shop(replicas=2)
    await fight(scene)
    scene.autoscale(maxReplicas=11)
    await one_pass(scene)
    assert writes(scene) == REVERTS + 1
    assert scene.condition("Acting") == ("True", "ModeScale")


async def test_a_cache_that_lags_behind_our_writes_is_no_revert() -> None:
    scene = a_shop(replicas=2)
    workloads = scene.stores.workloads["Deployment"]
    assert isinstance(workloads, FakeStore)
    workloads.freeze()
    for _ in range(3 * REVERTS):
        await one_pass(scene)
    workloads.thaw()
    assert writes(scene) == 1
    assert scene.condition("Acting") == ("True", "ModeScale")


async def test_an_hpa_that_came_meanwhile_is_named_rather_than_its_writes() -> None:
    cluster = a_shop(replicas=2).cluster
    scene = Scene(cluster=cluster, hpas=FakeStore(cluster, "horizontalpodautoscalers"))
    await fight(scene)
    assert scene.condition("Acting") == ("False", "TargetContested")
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    meta = {"namespace": NAMESPACE, "name": "old"}
    scene.cluster.put("horizontalpodautoscalers", {"metadata": meta, "spec": {"scaleTargetRef": ref}})
    await one_pass(scene)
    assert scene.condition("AbleToScale") == ("False", "TargetConflict")


async def test_another_leader_begins_anew() -> None:
    scene = a_shop(replicas=2)
    await fight(scene)
    scene.leading = False
    await one_pass(scene)
    scene.leading = True
    await one_pass(scene)
    assert scene.condition("Acting") == ("True", "ModeScale")


def a_bare_replica_set() -> Scene:
    """A shop of a kind that is not cached with its replicas."""
    scene = a_shop(replicas=2)
    labels = {"app": "shop"}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}}
    scene.cluster.put("replicasets", {"metadata": {"namespace": NAMESPACE, "name": "shop"}, "spec": spec})
    scene.autoscale(scaleTargetRef={"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop"})
    return scene


async def test_of_a_kind_that_is_not_cached_the_object_is_read_once_it_happens() -> None:
    scene = a_bare_replica_set()
    await fight(scene, manager="helm", plural="replicasets")
    message = find(scene.status(), "Acting")["message"]
    assert "last by field manager helm (Apply" in message
    assert "Helm chart" in message
    await one_pass(scene)
    assert len(scene.kube.named("managed_fields")) == 1


@pytest.mark.parametrize("how", ["forbidden", "gone"])
async def test_where_nobody_may_look_somebody_did_it(how: str) -> None:
    scene = a_bare_replica_set()
    if how == "forbidden":
        scene.kube.fail("managed_fields", Permanent("HTTP 403"))
    else:
        scene.kube.before("managed_fields", lambda: scene.cluster.delete("replicasets", NAMESPACE, "shop"))
    await fight(scene, rounds=REVERTS, plural="replicasets")
    assert "last by somebody;" in find(scene.status(), "Acting")["message"]
