import asyncio

import msgspec
import pytest
from structlog.testing import capture_logs

from autoscaler.api.types import PredictiveAutoscalerSpec
from autoscaler.errors import Permanent, Temporary
from autoscaler.loops.status import find, timestamp
from autoscaler.scaling.decide import policy_of
from autoscaler.scaling.types import Policy
from autoscaler.settings import ScalingSettings, Settings
from autoscaler.telemetry import REGISTRY
from tests.fakes.kube import FakeStore
from tests.unit.loops.scenes import NAMESPACE, NOW_S, PER_POD_10, Scene, a_shop

OBJECT = {"namespace": NAMESPACE, "name": "shop"}


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {**OBJECT, **labels})


async def test_load_above_the_target_scales_up_and_is_told_everywhere() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)  # twice the target of 80 % of 100m
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert scene.kube.events[0].reason == "SuccessfulRescale"
    assert scene.kube.events[0].note.startswith("New size: 4; reason: ")
    assert scene.kube.events[0].regarding["kind"] == "PredictiveAutoscaler"
    assert scene.notifier.types() == ["foresail.scaled"]
    told = scene.notifier.notices[0].data
    assert (told["before"], told["after"], told["reason"], told["cause"]) == (2, 4, "SuccessfulRescale", "AboveTarget")
    assert sample("foresail_desired_replicas") == 4
    assert sample("foresail_current_replicas") == 2
    assert sample("foresail_decision_candidate_replicas", source="reactive") == 4
    assert sample("foresail_metric_load", metric="cpu") == 0.32
    status = scene.status()
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 4)
    assert status["lastScaleTime"] == "2027-01-15T08:00:00Z"
    assert status["metrics"][0]["current"] == {"averageUtilization": 160, "averageValue": "160m"}
    assert scene.condition("AbleToScale") == ("True", "SucceededRescale")
    assert scene.condition("Acting") == ("True", "ModeScale")
    assert scene.board.acts[-1]["after"] == 4


async def test_the_same_pass_again_does_not_act_again_nor_write_the_status() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.080)
    await scene.scaling.once()
    writes = len(scene.kube.named("update_status"))
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert len(scene.kube.named("update_status")) == writes == 1


async def test_a_cache_that_lags_behind_our_own_write_makes_no_second_act() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    workloads = scene.stores.workloads["Deployment"]
    assert isinstance(workloads, FakeStore)
    workloads.freeze()
    await scene.scaling.once()
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert len(scene.kube.named("set_scale")) == 1


async def test_a_status_that_the_cache_has_not_brought_back_is_not_written_again() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.080)
    assert isinstance(scene.stores.autoscalers, FakeStore)
    scene.stores.autoscalers.freeze()
    await scene.scaling.once()
    await scene.scaling.once()
    assert len(scene.kube.named("update_status")) == 1


async def test_mode_observe_decides_and_reports_but_does_not_scale() -> None:
    scene = a_shop(replicas=2, mode="Observe")
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.status()["desiredReplicas"] == 4
    assert scene.condition("Acting") == ("False", "ModeObserve")
    assert scene.kube.named("set_scale") == []
    assert scene.notifier.notices == []


async def test_mode_observe_without_another_scaler_says_that_nothing_scales_the_target() -> None:
    scene = Scene()
    scene = Scene(cluster=scene.cluster, hpas=FakeStore(scene.cluster, "horizontalpodautoscalers"))
    scene.deploy()
    scene.autoscale(mode="Observe")
    await scene.scaling.once()
    assert scene.condition("Acting") == ("False", "NoOtherScaler")


async def test_the_one_switch_of_the_service_stops_every_act() -> None:
    scene = Scene(settings=Settings(acts=False))
    scene.deploy(replicas=2)
    scene.autoscale()
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert scene.kube.named("set_scale") == []
    assert scene.condition("Acting") == ("False", "ActsDisabled")
    assert scene.status()["desiredReplicas"] == 4


async def test_a_replica_that_does_not_lead_asks_and_writes_nothing() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    scene.leading = False
    await scene.scaling.once()
    assert scene.kube.calls == []
    assert scene.metrics.calls == []


async def test_leadership_lost_between_decision_and_act_stops_the_act_and_all_reports() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)

    def lose() -> None:
        scene.leading = False

    scene.kube.before("get_scale", lose)
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.kube.named("set_scale") == []
    assert scene.kube.named("update_status") == []
    assert scene.kube.events == []


async def test_a_new_leader_does_not_scale_down_before_the_window_has_passed() -> None:
    scene = a_shop(replicas=4)
    scene.use_cpu(0.010)
    await scene.scaling.once()
    assert scene.replicas() == 4
    scene.leading = False
    await scene.scaling.once()
    scene.leading = True
    scene.clock.advance(290)
    scene.use_cpu(0.010)
    await scene.scaling.once()  # seeded anew
    scene.clock.advance(290)
    scene.use_cpu(0.010)
    await scene.scaling.once()
    assert scene.replicas() == 4
    scene.clock.advance(15)
    scene.use_cpu(0.010)
    await scene.scaling.once()
    assert scene.replicas() == 1


async def test_no_metrics_hold_the_replicas_and_say_why() -> None:
    scene = a_shop(replicas=2)
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.condition("ScalingActive") == ("False", "FailedGetResourceMetric")
    assert "FailedGetResourceMetric" in scene.reasons()


async def test_prometheus_down_at_start_holds_says_so_once_and_goes_on_when_it_is_back() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    scene.metrics.fail("pod_usage", Temporary("asking http://prometheus: connection refused"), times=2)
    with capture_logs() as logs:
        await scene.scaling.once()
        await scene.scaling.once()
    told = [line for line in logs if line["event"] == "prometheus_unreachable"]
    assert len(told) == 1
    assert told[0]["url"] == scene.settings.prometheus.url
    assert told[0]["setting"] == "prometheus.url"
    assert scene.replicas() == 2
    assert scene.condition("ScalingActive") == ("False", "FailedGetResourceMetric")
    assert scene.reasons().count("FailedGetResourceMetric") == 1
    assert scene.notifier.types() == ["foresail.failed"]
    with capture_logs() as logs:
        await scene.scaling.once()
    assert "prometheus_answers_again" in [line["event"] for line in logs]
    assert scene.replicas() == 4


async def test_an_outage_is_told_to_receivers_once_and_not_for_each_object() -> None:
    scene = a_shop(replicas=2)
    for name in ("a", "b", "c"):
        scene.deploy(name)
        scene.autoscale(name)
    scene.metrics.fail("pod_usage", Temporary("connection refused"), times=2)
    await scene.scaling.once()
    await scene.scaling.once()
    assert scene.notifier.types() == ["foresail.failed"]
    assert scene.reasons().count("FailedGetResourceMetric") == 4  # an Event belongs to its object


async def test_an_empty_selector_selects_no_pods_and_says_so() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    deployment = scene.cluster.get("deployments", NAMESPACE, "shop")
    assert deployment is not None
    scene.cluster.put("deployments", {**deployment, "spec": {"replicas": 2, "selector": {}}})
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.condition("ScalingActive") == ("False", "InvalidSelector")


async def test_targets_that_share_pods_are_both_held_as_their_load_is_nobodys() -> None:
    scene = a_shop(replicas=2)
    scene.deploy("cart")
    scene.autoscale("cart")
    scene.use_cpu(0.160)
    scene.use_cpu(0.160, "cart")
    cart = scene.cluster.get("deployments", NAMESPACE, "cart")
    assert cart is not None
    both = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop", "cart"]}]}
    scene.cluster.put("deployments", {**cart, "spec": {"replicas": 2, "selector": both}})
    await scene.scaling.once()
    assert (scene.replicas(), scene.replicas("cart")) == (2, 2)
    assert scene.condition("ScalingActive") == ("False", "AmbiguousSelector")
    assert scene.condition("ScalingActive", "cart") == ("False", "AmbiguousSelector")
    assert scene.reasons().count("AmbiguousSelector") == 2
    message = next(one["message"] for one in scene.status()["conditions"] if one["type"] == "ScalingActive")
    assert "default/cart" in message
    scene.autoscale("cart", mode="Observe")
    await scene.scaling.once()
    assert scene.replicas() == 4


async def test_a_candidate_that_is_no_longer_weighed_has_no_series() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.080)
    await scene.scaling.once()
    assert sample("foresail_decision_candidate_replicas", source="reactive") == 2
    scene.metrics.usage.clear()
    await scene.scaling.once()
    assert sample("foresail_decision_candidate_replicas", source="reactive") is None
    assert sample("foresail_metric_load", metric="cpu") is None


async def test_old_samples_hold() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160, age_s=61)
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.condition("ScalingActive") == ("False", "StaleMetrics")


async def passes(scene: Scene, times: int, *, cores: float | None) -> None:
    """Pass so many times, one each 15 s, with a load or with none known."""
    for _ in range(times):
        scene.clock.advance(15)
        scene.metrics.usage.clear()
        if cores is not None:
            scene.use_cpu(cores)
        await scene.scaling.once()


@pytest.mark.parametrize("blind", [20, 21, 22, 200])
async def test_low_first_values_after_an_outage_do_not_scale_down(blind: int) -> None:
    scene = a_shop(replicas=8)
    await passes(scene, 30, cores=0.080)
    await passes(scene, blind, cores=None)
    await passes(scene, 3, cores=0.030)  # rates over two and three samples
    await passes(scene, 20, cores=0.080)
    assert scene.replicas() == 8
    assert scene.kube.named("set_scale") == []


async def test_load_that_is_still_low_a_window_after_an_outage_scales_down() -> None:
    scene = a_shop(replicas=8)
    await passes(scene, 30, cores=0.080)
    await passes(scene, 40, cores=None)
    await passes(scene, 20, cores=0.030)
    assert scene.replicas() == 8
    await passes(scene, 2, cores=0.030)
    assert scene.replicas() == 3


async def test_single_passes_without_a_load_do_not_put_off_a_scale_down() -> None:
    scene = a_shop(replicas=8)
    await passes(scene, 10, cores=0.080)
    for _ in range(5):
        await passes(scene, 5, cores=0.030)
        await passes(scene, 1, cores=None)
    assert scene.replicas() == 3


async def test_a_watch_that_is_silent_for_too_long_holds() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    assert isinstance(scene.stores.pods, FakeStore)
    scene.stores.pods.age = 91
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.condition("ScalingActive") == ("False", "StaleMetrics")


async def test_an_object_that_may_be_gone_by_now_scales_nothing() -> None:
    scene = a_shop(replicas=8, maxReplicas=4)
    assert isinstance(scene.stores.autoscalers, FakeStore)
    scene.stores.autoscalers.freeze()
    scene.stores.autoscalers.age = 91
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    scene.use_cpu(0.010)
    await scene.scaling.once()
    assert scene.kube.named("set_scale") == []


async def test_a_silent_watch_of_what_is_asked_for_is_told_and_holds_until_it_is_heard_again() -> None:
    scene = Scene()
    hpas = FakeStore(scene.cluster, "horizontalpodautoscalers")
    scene = Scene(cluster=scene.cluster, hpas=hpas)
    scene.deploy(replicas=2)
    scene.autoscale()
    scene.use_cpu(0.160)
    hpas.age = 91
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.condition("Acting") == ("False", "RefusedStale")
    hpas.age = 1
    await scene.scaling.once()
    assert scene.replicas() == 4


async def test_a_conflict_on_the_scale_is_left_to_the_next_pass() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    scene.kube.before("set_scale", lambda: scene.deploy(replicas=3))
    await scene.scaling.once()
    assert scene.replicas() == 3
    assert sample("foresail_acts_total", act="scale", result="conflict") == 1
    assert scene.reasons() == []
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert scene.replicas() == 6


async def test_a_scale_that_the_api_server_refuses_is_reported_and_the_others_go_on() -> None:
    scene = a_shop(replicas=2)
    scene.deploy("cart", replicas=2)
    scene.autoscale("cart")
    scene.use_cpu(0.160)
    scene.use_cpu(0.160, "cart")
    scene.kube.fail("set_scale", Permanent("forbidden"))  # the first is cart
    await scene.scaling.once()
    assert scene.replicas("cart") == 2
    assert scene.replicas("shop") == 4
    assert scene.condition("AbleToScale", "cart") == ("False", "FailedUpdateScale")
    assert "FailedRescale" in scene.reasons()
    assert "foresail.failed" in scene.notifier.types()


async def test_a_missing_target_is_named_and_the_others_go_on() -> None:
    scene = a_shop(replicas=2)
    scene.autoscale("lost", target="nothing")
    scene.use_cpu(0.160)
    await scene.scaling.once()
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert scene.condition("AbleToScale", "lost") == ("False", "FailedGetScale")
    assert scene.condition("ScalingActive", "lost") == ("", "")  # nothing was found out about its load, as with the HPA
    assert [reason for reason in scene.reasons() if reason != "SuccessfulRescale"] == ["FailedGetScale"]
    message = next(one["message"] for one in scene.status("lost")["conditions"] if one["type"] == "AbleToScale")
    assert "Deployment default/nothing" in message


async def test_an_invalid_object_names_its_fields_once_per_generation_and_the_others_go_on() -> None:
    scene = a_shop(replicas=2)
    scene.autoscale("bad", target="shop", minReplicas=5, maxReplicas=3, mode=None)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert scene.condition("Valid", "bad") == ("False", "InvalidSpec")
    message = next(one["message"] for one in scene.status("bad")["conditions"] if one["type"] == "Valid")
    assert "spec.mode" in message
    assert "spec.m" in message.replace("spec.mode", "")  # the bounds as well
    assert scene.reasons().count("InvalidSpec") == 1
    assert REGISTRY.get_sample_value("foresail_objects", {"kind": "predictiveautoscalers", "valid": "false"}) == 1
    scene.autoscale("bad", target="shop", minReplicas=5, maxReplicas=2)
    await scene.scaling.once()
    assert scene.reasons().count("InvalidSpec") == 2


async def test_an_object_that_was_made_valid_is_served() -> None:
    scene = a_shop(replicas=2, maxReplicas=0)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert scene.condition("Valid")[0] == "False"
    scene.autoscale()
    await scene.scaling.once()
    assert scene.condition("Valid") == ("True", "Valid")
    assert scene.replicas() == 4


async def test_of_two_objects_on_one_target_the_older_wins() -> None:
    scene = a_shop(replicas=2)
    scene.autoscale("younger", target="shop", age_s=10)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert len(scene.kube.named("set_scale")) == 1
    assert scene.condition("AbleToScale", "younger") == ("False", "TargetConflict")
    assert scene.condition("AbleToScale")[0] == "True"
    message = next(one["message"] for one in scene.status("younger")["conditions"] if one["type"] == "AbleToScale")
    assert "PredictiveAutoscaler default/shop" in message


async def test_a_target_that_an_hpa_scales_is_refused() -> None:
    base = Scene()
    hpa = {
        "metadata": {"namespace": NAMESPACE, "name": "old"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}},
    }
    base.cluster.put("horizontalpodautoscalers", hpa)
    scene = Scene(cluster=base.cluster, hpas=FakeStore(base.cluster, "horizontalpodautoscalers"))
    scene.deploy(replicas=2)
    scene.autoscale()
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert scene.kube.named("set_scale") == []
    assert scene.condition("AbleToScale") == ("False", "TargetConflict")
    assert "foresail.refused" in scene.notifier.types()


async def test_a_conflict_on_the_status_is_left_to_the_next_pass() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.080)
    scene.kube.before("update_status", scene.autoscale)
    await scene.scaling.once()
    assert "conditions" not in scene.status()
    await scene.scaling.once()
    assert scene.condition("ScalingActive") == ("True", "ValidMetricFound")


async def test_a_status_that_cannot_be_written_fails_neither_the_act_nor_the_pass() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.160)
    scene.kube.fail("update_status", Temporary("busy"))
    scene.kube.fail("create_event", Temporary("busy"))
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert scene.notifier.types() == ["foresail.scaled"]


async def test_a_time_of_transition_moves_only_with_the_status() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.080)
    await scene.scaling.once()
    first = {one["type"]: one["lastTransitionTime"] for one in scene.status()["conditions"]}
    scene.clock.advance(30)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    second = {one["type"]: one["lastTransitionTime"] for one in scene.status()["conditions"]}
    assert second["AbleToScale"] == first["AbleToScale"]  # True before and after, for another reason


async def test_the_cap_bounds_pods_added_per_minute_and_gives_way_after_it() -> None:
    scene = Scene(settings=Settings(scaling=ScalingSettings(max_added_pods_per_minute=3)))
    for name in ("cart", "shop"):
        scene.deploy(name, replicas=2)
        scene.autoscale(name)
        scene.use_cpu(0.160, name)
    await scene.scaling.once()
    assert scene.replicas("cart") + scene.replicas("shop") == 4 + 3
    await scene.scaling.once()
    assert scene.replicas("cart") + scene.replicas("shop") == 4 + 3
    scene.clock.advance(60)
    for name in ("cart", "shop"):
        scene.deploy(name, replicas=scene.replicas(name))
        scene.use_cpu(0.160, name)
    await scene.scaling.once()
    assert scene.replicas("cart") + scene.replicas("shop") == 4 + 6


async def test_a_decision_held_by_the_cap_says_so() -> None:
    scene = Scene(settings=Settings(scaling=ScalingSettings(max_added_pods_per_minute=1)))
    scene.deploy(replicas=1)
    scene.autoscale()
    scene.use_cpu(0.320)
    await scene.scaling.once()
    assert scene.replicas() == 2
    assert scene.board.decisions[next(iter(scene.board.decisions))][-1]["reason"] == "ClusterCap"


async def test_series_of_a_removed_object_go_and_its_rows_too() -> None:
    scene = a_shop(replicas=2)
    scene.use_cpu(0.080)
    await scene.scaling.once()
    assert sample("foresail_current_replicas") == 2
    scene.cluster.delete("predictiveautoscalers", NAMESPACE, "shop")
    await scene.scaling.once()
    assert sample("foresail_current_replicas") is None
    assert sample("foresail_decision_candidate_replicas", source="reactive") is None
    assert scene.board.autoscalers == {}


async def test_one_query_a_resource_and_one_a_distinct_promql_serve_the_whole_fleet() -> None:
    scene = Scene()
    for name in ("a", "b", "c"):
        scene.deploy(name)
        scene.autoscale(name, metrics=[PER_POD_10])
    scene.deploy("d")
    scene.autoscale("d")
    scene.deploy("e")
    scene.autoscale("e")
    scene.answer(20.0)
    await scene.scaling.once()
    assert sorted(call[0] for call in scene.metrics.calls) == ["pod_usage", "query"]
    assert scene.kube.named("get_scale") == []  # nobody scales, so nothing is asked per workload


async def test_a_promql_metric_scales_by_its_average() -> None:
    scene = a_shop(replicas=2, metrics=[PER_POD_10])
    scene.answer(35.0)
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert scene.status()["metrics"][0]["name"] == "prometheus-0"


async def test_an_error_of_ours_in_one_decision_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = a_shop(replicas=2)
    scene.deploy("cart", replicas=2)
    scene.autoscale("cart", maxReplicas=9)
    scene.use_cpu(0.160)
    scene.use_cpu(0.160, "cart")

    def broken(spec: PredictiveAutoscalerSpec, *rest: object) -> Policy:
        if spec.max_replicas == 9:
            raise ZeroDivisionError
        return policy_of(spec, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("autoscaler.loops.scale.policy_of", broken)
    with capture_logs() as logs:
        await scene.scaling.once()
    assert "decision_failed" in [line["event"] for line in logs]
    assert scene.condition("ScalingActive", "cart") == ("False", "FailedComputeMetricsReplicas")
    assert (scene.replicas("cart"), scene.replicas("shop")) == (2, 4)


async def test_objects_are_acted_on_side_by_side() -> None:
    scene = a_shop(replicas=2)
    scene.deploy("cart", replicas=2)
    scene.autoscale("cart")
    scene.use_cpu(0.160)
    scene.use_cpu(0.160, "cart")
    gate = scene.kube.gate("set_scale")
    task = asyncio.create_task(scene.scaling.once())
    async with asyncio.timeout(60):
        while len(scene.kube.named("set_scale")) < 2:  # noqa: ASYNC110 - the fake has no event for it
            await asyncio.sleep(0)
    gate.set()
    await task
    assert (scene.replicas("cart"), scene.replicas("shop")) == (4, 4)


async def test_settings_of_scaling_reach_the_decision() -> None:
    settings = msgspec.structs.replace(Settings(), scaling=ScalingSettings(tolerance=0.5))
    scene = Scene(settings=settings)
    scene.deploy(replicas=2)
    scene.autoscale()
    scene.use_cpu(0.110)  # 1.375 of the target
    await scene.scaling.once()
    assert scene.replicas() == 2


async def test_a_pod_without_a_node_is_told_in_the_schedulers_words_once_and_holds_the_count() -> None:
    scene = a_shop(replicas=3)
    pod = scene.cluster.get("pods", NAMESPACE, "shop-abc-2")
    assert pod is not None
    why = {"reason": "Unschedulable", "message": "0/1 nodes: 1 Insufficient cpu"}
    unplaced = {"type": "PodScheduled", "status": "False", "lastTransitionTime": timestamp(NOW_S - 200), **why}
    status = {"phase": "Pending", "conditions": [unplaced]}
    scene.cluster.put("pods", {**pod, "status": status})
    for _ in range(3):
        scene.use_cpu(0.160)
        await scene.scaling.once()
    assert scene.replicas() == 3
    assert scene.condition("Schedulable") == ("False", "Unschedulable")
    assert "1 Insufficient cpu" in find(scene.status(), "Schedulable")["message"]
    assert scene.reasons().count("Unschedulable") == 1
    assert sample("foresail_unschedulable_pods") == 1
    assert len(scene.kube.named("update_status")) == 1
    scene.deploy(replicas=3)
    scene.use_cpu(0.160)
    await scene.scaling.once()
    assert scene.condition("Schedulable") == ("True", "Schedulable")
    assert sample("foresail_unschedulable_pods") == 0
    assert scene.replicas() == 6
