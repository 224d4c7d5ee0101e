"""Mode HPAFloor in the scaling loop: what is raised, what is left alone, and what is given back."""

import pytest
import structlog
from msgspec.structs import replace

from autoscaler.api.marks import FLOOR, FLOOR_OF, OWNER_MIN
from autoscaler.errors import Temporary
from autoscaler.model import GateState, ObjectKey
from autoscaler.telemetry import REGISTRY
from tests.fakes.kube import FakeStore
from tests.unit.loops.floor_scenes import (
    HPAS,
    a_floored_shop,
    acting,
    floor,
    foresee,
    gitops,
    hpa,
    look,
    marks,
    min_replicas,
    restarted,
    someone_writes,
    writes,
)
from tests.unit.loops.scenes import CPU_80, NAMESPACE, Scene

WINDOW = 300 // 15 + 1  # passes until what was asked for once does not count any more


def stores_of(scene: Scene) -> FakeStore:
    assert isinstance(scene.stores.hpas, FakeStore)
    return scene.stores.hpas


async def test_a_forecast_raises_the_floor_and_remembers_what_the_owner_wants() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    assert min_replicas(scene) == 5
    notes = hpa(scene)["metadata"]["annotations"]
    assert (notes[FLOOR_OF], notes[OWNER_MIN], notes[FLOOR]) == ("default/shop", "2", "5")
    assert scene.kube.named("set_scale") == []
    assert acting(scene)[:2] == ("True", "ModeHPAFloor")
    assert "is 5, of which its owner asks for 2" in acting(scene)[2]
    assert scene.status()["floor"] == {"name": "shop", "minReplicas": 5, "ownerMinReplicas": 2}


async def test_a_raise_is_told_by_event_notice_metric_and_page() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    assert scene.reasons("PredictiveAutoscaler") == ["FloorRaised"]
    [notice] = [one for one in scene.notifier.notices if one.type == "foresail.floor"]
    assert (notice.data["before"], notice.data["after"], notice.data["owner"]) == (2, 5, 2)
    labels = {"namespace": NAMESPACE, "name": "shop", "act": "floor", "result": "done"}
    assert REGISTRY.get_sample_value("foresail_acts_total", labels) == 1
    assert [row["act"] for row in scene.board.acts] == ["floor"]


def counted(action: str) -> float:
    labels = {"namespace": NAMESPACE, "name": "shop", "action": action, "reason": "ForecastAhead"}
    return REGISTRY.get_sample_value("foresail_decisions_total", labels) or 0.0


async def test_what_was_done_about_a_decision_is_told_of_the_floor_and_the_rest_is_left_to_the_hpa() -> None:
    scene = a_floored_shop()
    before = counted("scale_up")
    await look(scene, 6)
    row = scene.status()["decision"]
    assert (row["current"], row["desired"], row["result"], row["resultReason"]) == (2, 6, "done", "FloorRaised")
    assert row["floor"] == {"before": 2, "after": 6}
    assert row["resultMessage"] == "setting the floor of HorizontalPodAutoscaler default/shop from 2 to 6"
    raised = scene.status()["lastChange"]
    assert raised == row
    await look(scene, 6, passes=3)
    row = scene.status()["decision"]
    assert (row["result"], row["resultReason"], row["floor"]) == ("left", "ModeHPAFloor", {"before": 6, "after": 6})
    assert row["resultMessage"] == "the HPA scales the target; its minReplicas is 6"
    assert scene.status()["lastChange"] == raised
    assert counted("scale_up") == before + 1
    assert scene.board.decisions[ObjectKey(NAMESPACE, "shop")][-1]["result"] == "left"
    scene.deploy(replicas=6)  # by the HPA
    await look(scene, 6)
    assert scene.status()["decision"]["result"] == "held"
    assert "lastScaleTime" not in scene.status()
    assert "SuccessfulRescale" not in scene.reasons()


async def test_a_floor_that_cannot_be_written_or_may_not_be_is_told_as_such() -> None:
    scene = a_floored_shop()
    scene.kube.fail("apply_floor", Temporary("busy"))
    await look(scene, 6)
    row = scene.status()["decision"]
    assert (row["result"], row["resultReason"], row["floor"]) == ("failed", "FloorFailed", {"before": 2, "after": 2})
    assert stores_of(scene)
    stores_of(scene).age = 91
    await look(scene, 6)
    row = scene.status()["decision"]
    assert (row["result"], row["resultReason"]) == ("blocked", "RefusedStale")


async def test_a_contested_floor_is_shown_as_it_was_given_back() -> None:
    scene = a_floored_shop(2)
    for _ in range(3):
        await look(scene, 5)
        gitops(scene, 2)
    await look(scene, 5)
    assert scene.status()["floor"]["minReplicas"] == 2


async def test_what_stays_as_it_is_is_written_once() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5, passes=3)
    assert writes(scene) == ["apply_floor"]


async def test_load_alone_moves_no_floor() -> None:
    scene = a_floored_shop(2)
    await look(scene, None, cores=0.5)
    assert scene.status()["desiredReplicas"] > 2
    assert (min_replicas(scene), writes(scene)) == (2, [])


async def test_a_floor_stays_below_the_maximum_of_the_hpa() -> None:
    scene = a_floored_shop(2)
    await look(scene, 50)
    assert min_replicas(scene) == 10


async def test_a_floor_goes_down_to_the_owners_value_when_the_window_has_passed() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    await look(scene, 1, passes=WINDOW - 2)
    assert min_replicas(scene) == 5
    await look(scene, 1, passes=2)
    assert (min_replicas(scene), marks(scene)) == (2, [])
    assert scene.reasons("PredictiveAutoscaler") == ["FloorRaised", "FloorRestored"]


async def test_a_floor_goes_down_in_steps_when_less_is_asked_for() -> None:
    scene = a_floored_shop(2)
    await look(scene, 7)
    await look(scene, 4, passes=WINDOW + 1)
    assert min_replicas(scene) == 4
    assert scene.reasons("PredictiveAutoscaler") == ["FloorRaised", "FloorLowered"]
    assert [call[-1] for call in scene.kube.named("apply_floor")] == [True, False]  # force: the first time only


@pytest.mark.parametrize("fields", [{"gate": GateState.SHUT}, {"expires_s": 0.0}])
async def test_a_forecast_that_is_shut_or_expired_lets_the_floor_go(fields: dict[str, object]) -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    for _ in range(WINDOW + 1):
        foresee(scene, 5, **fields)
        scene.use_cpu(0.080)
        await scene.scaling.once()
        scene.clock.advance(15)
    assert (min_replicas(scene), marks(scene)) == (2, [])


async def test_the_window_is_that_of_the_hpa() -> None:
    scene = a_floored_shop(2)
    gitops(scene, 2, behavior={"scaleDown": {"stabilizationWindowSeconds": 30}})
    await look(scene, 5)
    await look(scene, 1, passes=3)
    assert min_replicas(scene) == 2


async def test_an_owner_who_had_no_min_replicas_has_none_again() -> None:
    scene = a_floored_shop(None)
    await look(scene, 5)
    assert hpa(scene)["metadata"]["annotations"][OWNER_MIN] == ""
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await look(scene)
    assert (min_replicas(scene), marks(scene)) == (1, [])


async def test_a_deleted_object_leaves_nothing_behind() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await look(scene)
    assert (min_replicas(scene), marks(scene)) == (2, [])
    assert scene.reasons("HorizontalPodAutoscaler") == ["FloorRestored"]
    labels = {"namespace": NAMESPACE, "name": "shop", "act": "floor", "result": "done"}
    assert REGISTRY.get_sample_value("foresail_acts_total", labels) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"mode": "Observe", "scaleTargetRef": {"kind": "Deployment", "name": "shop"}, "maxReplicas": 10},
        {"forecast": {"enabled": False}},
        {"hpa": "other"},
    ],
    ids=["mode", "forecast", "target"],
)
async def test_an_object_that_asks_for_no_floor_any_more_gives_it_back(spec: dict[str, object]) -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    floor(scene, **spec)
    await look(scene, 5)
    assert (min_replicas(scene), marks(scene)) == (2, [])


async def test_an_object_that_is_being_deleted_gives_the_floor_back() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    obj = scene.cluster.get("predictiveautoscalers", NAMESPACE, "shop")
    assert obj
    scene.cluster.put("predictiveautoscalers", {**obj, "metadata": {**obj["metadata"], "finalizers": ["someone/else"]}})
    scene.cluster.mark_deleted("predictiveautoscalers", NAMESPACE, "shop")
    await look(scene, 5)
    assert (min_replicas(scene), marks(scene)) == (2, [])


async def test_an_object_that_became_invalid_keeps_its_floor() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    floor(scene, maxReplicas=3)
    await look(scene, 5)
    assert scene.condition("Valid")[0] == "False"
    assert min_replicas(scene) == 5


async def test_a_new_service_keeps_a_floor_for_a_window_and_then_goes_by_its_own_forecast() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    scene = restarted(scene)
    await look(scene, None)
    assert min_replicas(scene) == 5
    await look(scene, None, passes=WINDOW)
    assert (min_replicas(scene), marks(scene)) == (2, [])


async def test_a_new_service_finishes_what_a_dead_one_began() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    scene.kube.fail("forget_floor", Temporary("gone away"))
    await look(scene)
    assert min_replicas(scene) == 2
    assert marks(scene) != []
    scene = restarted(scene)
    await look(scene)
    assert (min_replicas(scene), marks(scene)) == (2, [])


async def test_an_owner_who_asks_for_another_value_is_heard_and_the_floor_is_raised_above_it() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    gitops(scene, 3)
    await look(scene, 5)
    assert (min_replicas(scene), hpa(scene)["metadata"]["annotations"][OWNER_MIN]) == (5, "3")
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await look(scene)
    assert (min_replicas(scene), marks(scene)) == (3, [])


async def test_an_owner_who_asks_for_more_than_the_floor_has_his_way() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    someone_writes(scene, 8)
    await look(scene, 5)
    assert (min_replicas(scene), marks(scene)) == (8, [])


async def test_an_owner_who_applies_the_value_of_the_floor_owns_it() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    gitops(scene, 5)
    await look(scene, 5)
    assert (min_replicas(scene), marks(scene)) == (5, [])


async def test_somebody_who_sets_it_back_again_and_again_is_named_and_left_alone() -> None:
    scene = a_floored_shop(2)
    for _ in range(3):
        await look(scene, 5)
        assert min_replicas(scene) == 5
        gitops(scene, 2)
    await look(scene, 5)
    assert (min_replicas(scene), marks(scene)) == (2, [])
    status, reason, message = acting(scene)
    assert (status, reason) == ("False", "FloorContested")
    assert "argocd-controller" in message
    assert "managedFieldsManagers" in message
    before = len(writes(scene))
    await look(scene, 5, passes=20)
    assert len(writes(scene)) == before
    assert scene.reasons("PredictiveAutoscaler").count("FloorContested") == 1
    assert REGISTRY.get_sample_value("foresail_contested", {"namespace": NAMESPACE, "name": "shop"}) == 1
    assert scene.notifier.types().count("foresail.refused") == 1


@pytest.mark.parametrize("again", ["an hour", "another spec"])
async def test_what_was_contested_is_tried_again(again: str) -> None:
    scene = a_floored_shop(2)
    for _ in range(3):
        await look(scene, 5)
        gitops(scene, 2)
    await look(scene, 5)
    if again == "an hour":
        scene.clock.advance(3600)
    else:
        floor(scene, forecast={"enabled": True, "risk": 0.95})
    await look(scene, 5)
    assert min_replicas(scene) == 5
    assert acting(scene)[:2] == ("True", "ModeHPAFloor")


async def test_an_hpa_that_was_replaced_without_our_marks_is_its_owners() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    scene.cluster.delete(HPAS, NAMESPACE, "shop")
    gitops(scene, 4)
    await look(scene, 5)
    assert hpa(scene)["metadata"]["annotations"][OWNER_MIN] == "4"


async def test_managed_fields_that_were_lost_lose_nothing() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    found = hpa(scene)
    found["metadata"]["managedFields"] = []
    scene.cluster.put(HPAS, found)
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await look(scene)
    assert (min_replicas(scene), marks(scene)) == (2, [])


async def test_an_hpa_of_keda_is_refused_by_the_name_of_its_scaled_object() -> None:
    scene = a_floored_shop(2)
    found = hpa(scene)
    found["metadata"]["ownerReferences"] = [
        {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "shop-scaler", "controller": True}
    ]
    scene.cluster.put(HPAS, found)
    await look(scene, 5, passes=2)
    assert writes(scene) == []
    status, reason, message = acting(scene)
    assert (status, reason) == ("False", "OwnedByScaledObject")
    assert "default/shop-scaler" in message
    assert "minReplicaCount" in message
    assert scene.reasons("PredictiveAutoscaler") == ["OwnedByScaledObject"]


async def test_of_two_objects_for_one_hpa_the_older_counts() -> None:
    scene = a_floored_shop(2)
    floor(scene, "younger", hpa="shop", age_s=10)
    await look(scene, 5)
    assert hpa(scene)["metadata"]["annotations"][FLOOR_OF] == "default/shop"
    assert scene.condition("Acting", "younger") == ("False", "TargetConflict")
    assert scene.condition("AbleToScale", "younger") == ("False", "TargetConflict")
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await look(scene, 5)
    assert (min_replicas(scene), hpa(scene)["metadata"]["annotations"][FLOOR_OF]) == (5, "default/younger")
    assert hpa(scene)["metadata"]["annotations"][OWNER_MIN] == "2"


async def test_a_scale_object_on_the_target_of_a_floored_hpa_is_refused() -> None:
    scene = a_floored_shop(2)
    scene.autoscale("direct", target="shop")
    await look(scene, 5, cores=0.5)
    assert min_replicas(scene) == 5
    assert scene.kube.named("set_scale") == []
    assert scene.condition("AbleToScale", "direct") == ("False", "TargetConflict")
    assert scene.condition("AbleToScale")[0] == "True"


async def test_an_hpa_that_is_not_there_is_named() -> None:
    scene = a_floored_shop(2)
    floor(scene, hpa="nobody")
    await look(scene, 5)
    [able] = [one for one in scene.status()["conditions"] if one["type"] == "AbleToScale"]
    assert (able["status"], able["reason"]) == ("False", "FailedGetScale")
    assert "HorizontalPodAutoscaler default/nobody was not found; create it" in able["message"]


async def test_a_metric_that_only_the_hpa_can_read_does_not_spoil_the_others() -> None:
    scene = a_floored_shop(2)
    disk = {
        "type": "Resource",
        "resource": {"name": "ephemeral-storage", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    gitops(scene, 2, metrics=[disk, CPU_80])
    await look(scene, 5)
    assert min_replicas(scene) == 5
    gitops(scene, 2, metrics=[disk])
    await look(scene, None)
    assert (min_replicas(scene), marks(scene)) == (2, [])
    [able] = [one for one in scene.status()["conditions"] if one["type"] == "AbleToScale"]
    assert "ephemeral-storage" in able["message"]


async def test_without_acts_nothing_is_written() -> None:
    scene = a_floored_shop(2)
    off = Scene(settings=replace(scene.settings, acts=False), cluster=scene.cluster, hpas=FakeStore(scene.cluster, HPAS))
    await look(off, 5)
    assert writes(off) == []
    assert acting(off)[:2] == ("False", "ActsDisabled")


async def test_without_acts_what_was_left_behind_stays() -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    off = Scene(settings=replace(scene.settings, acts=False), cluster=scene.cluster, hpas=FakeStore(scene.cluster, HPAS))
    await look(off)
    assert writes(off) == []


async def test_a_replica_that_does_not_lead_writes_nothing() -> None:
    scene = a_floored_shop(2)
    scene.leading = False
    await look(scene, 5)
    assert writes(scene) == []


async def test_a_lease_that_is_lost_right_before_the_write_stops_it() -> None:
    scene = a_floored_shop(2)
    scene.kube.before("get_hpa", lambda: setattr(scene, "leading", False))
    await look(scene, 5)
    assert writes(scene) == []


@pytest.mark.parametrize("watch", ["hpas", "autoscalers", "pods"])
async def test_a_silent_watch_writes_nothing(watch: str) -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    store = getattr(scene.stores, watch)
    store.age = 91
    await look(scene, 8, passes=2)
    await look(scene, None, passes=WINDOW + 1)
    assert (min_replicas(scene), writes(scene)) == (5, ["apply_floor"])
    assert acting(scene)[:2] == ("False", "RefusedStale")


async def test_an_hpa_that_was_written_since_it_was_seen_is_left_to_the_next_pass() -> None:
    scene = a_floored_shop(2)
    scene.kube.before("apply_floor", lambda: someone_writes(scene, 3))
    await look(scene, 5)
    assert min_replicas(scene) == 3
    await look(scene, 5)
    assert (min_replicas(scene), hpa(scene)["metadata"]["annotations"][OWNER_MIN]) == (5, "3")


async def test_a_cache_that_lags_does_not_take_the_floor_for_the_owners_wish() -> None:
    scene = a_floored_shop(2)
    stores_of(scene).freeze()
    await look(scene, 5, passes=2)
    stores_of(scene).thaw()
    await look(scene, 6)
    assert (min_replicas(scene), hpa(scene)["metadata"]["annotations"][OWNER_MIN]) == (6, "2")


async def test_a_failed_write_is_told_and_tried_again() -> None:
    scene = a_floored_shop(2)
    scene.kube.fail("apply_floor", Temporary("the API server is busy"))
    await look(scene, 5)
    assert acting(scene)[:2] == ("False", "FloorFailed")
    await look(scene, 5)
    assert min_replicas(scene) == 5
    assert acting(scene)[:2] == ("True", "ModeHPAFloor")


@pytest.mark.parametrize(
    ("pause", "asked", "expected"),
    [
        ({"all": True}, 8, 5),
        ({"all": True}, 1, 5),
        ({"scaleIn": True}, 8, 8),
        ({"scaleIn": True}, 1, 5),
        ({"scaleOut": True}, 8, 5),
        ({"scaleOut": True}, 1, 2),
        ({"replicas": 7}, 1, 7),
        ({"replicas": 1}, 8, 2),
        ({"replicas": 99}, 8, 10),
    ],
)
async def test_a_pause_holds_the_floor(pause: dict[str, object], asked: int, expected: int) -> None:
    scene = a_floored_shop(2)
    await look(scene, 5)
    floor(scene, pause=pause)
    await look(scene, asked, passes=WINDOW + 1)
    assert min_replicas(scene) == expected


async def test_the_clusters_cap_counts_what_a_floor_adds() -> None:
    base = a_floored_shop(2)
    scaling = replace(base.settings.scaling, max_added_pods_per_minute=2)
    scene = Scene(settings=replace(base.settings, scaling=scaling), cluster=base.cluster, hpas=FakeStore(base.cluster, HPAS))
    await look(scene, 8)
    assert min_replicas(scene) == 4
    await look(scene, 8, passes=2)
    assert min_replicas(scene) == 4
    await look(scene, 8, passes=3)
    assert min_replicas(scene) == 6


async def test_the_speed_that_the_hpa_allows_is_not_used_twice() -> None:
    scene = a_floored_shop(2)
    policies = [{"type": "Pods", "value": 2, "periodSeconds": 60}]
    gitops(scene, 2, behavior={"scaleUp": {"policies": policies}})
    await look(scene, 9)
    assert min_replicas(scene) == 4
    scene.deploy(replicas=4)  # the HPA follows
    await look(scene, 9, passes=2)
    assert min_replicas(scene) == 4
    await look(scene, 9, passes=4)
    assert min_replicas(scene) == 6


@pytest.mark.parametrize("note", [OWNER_MIN, FLOOR])
@pytest.mark.parametrize("text", ["1" * 5_000, "9999999999", "\u0663", "-1", "1e3"])
async def test_an_annotation_of_ours_that_somebody_broke_stops_nobody(note: str, text: str) -> None:
    scene = a_floored_shop()
    await look(scene, 6)
    broken = hpa(scene)
    broken["metadata"]["annotations"][note] = text
    scene.cluster.put(HPAS, broken)
    meta = {"namespace": "elsewhere", "name": "theirs", "annotations": {note: text}}
    scene.cluster.put(HPAS, {"metadata": meta, "spec": {"scaleTargetRef": {}, "maxReplicas": 3}})
    scene.deploy("cafe")
    scene.autoscale("cafe")
    scene.use_cpu(0.160, "cafe")
    await look(scene, 7)
    assert scene.replicas("cafe") == 4
    assert min_replicas(scene) == 7
    assert hpa(scene)["metadata"]["annotations"][OWNER_MIN] == "6"  # nobody knows better
    theirs = scene.cluster.get(HPAS, "elsewhere", "theirs")
    assert theirs
    assert not theirs["metadata"].get("annotations")


async def test_an_hpa_that_an_error_of_ours_fails_at_stops_nobody_and_its_floor_stays() -> None:
    scene = a_floored_shop()
    await look(scene, 6)
    broken = hpa(scene)
    broken["spec"]["minReplicas"] = "six"  # which no API server would let through
    scene.cluster.put(HPAS, broken)
    scene.cluster.put(HPAS, {"metadata": {"namespace": "elsewhere", "name": "theirs"}, "spec": broken["spec"]})
    gitops(scene, 1, "left", scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"})
    left = hpa(scene, "left")
    left["metadata"]["annotations"] = {FLOOR_OF: "default/gone"}
    scene.cluster.put(HPAS, left)
    scene.deploy("cafe")
    scene.autoscale("cafe")
    scene.use_cpu(0.160, "cafe")
    with structlog.testing.capture_logs() as logs:
        await scene.scaling.once()
    assert scene.replicas("cafe") == 4
    assert marks(scene, "left") == []
    assert hpa(scene)["metadata"]["annotations"][FLOOR_OF] == "default/shop"
    assert scene.condition("Valid") == ("False", "InvalidSpec")
    failed = [(one["namespace"], one["name"]) for one in logs if one["event"] == "object_failed"]
    assert failed == [("default", "shop"), ("elsewhere", "theirs")]
