import pytest
from structlog.testing import capture_logs

from autoscaler.api.types import HealingPolicySpec
from autoscaler.clients.ports import Json
from autoscaler.errors import Temporary
from autoscaler.healing.decide import decide
from autoscaler.healing.types import Decision, Observation, State
from autoscaler.settings import HealingSettings, Settings
from autoscaler.telemetry import REGISTRY
from tests.fakes.kube import FakeStore
from tests.unit.loops.scenes import BROKEN, NAMESPACE, Scene

OBJECT = {"namespace": NAMESPACE, "name": "shop"}
PLURAL = "healingpolicies"


def a_sick_shop(settings: Settings | None = None, **spec: object) -> Scene:
    """A shop of three pods of which one has not been Ready for 100 s, under a policy that tolerates 60 s."""
    scene = Scene(settings=settings or Settings())
    scene.put_node()
    scene.deploy(replicas=3)
    scene.break_one()
    scene.heal(**spec)
    return scene


def acts(scene: Scene) -> list[str]:
    return [act["state"] for act in scene.status(plural=PLURAL).get("acts", [])]


def pods(scene: Scene) -> list[Json]:
    rows: list[Json] = scene.status(plural=PLURAL)["pods"]
    return rows


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {**OBJECT, **labels})


async def test_a_pod_that_is_unready_for_too_long_is_evicted_once_and_this_is_told_everywhere() -> None:
    scene = a_sick_shop()
    await scene.healing.once()
    await scene.healing.once()
    uid = scene.kube.named("evict")[0][2]
    assert scene.kube.named("evict") == [(NAMESPACE, BROKEN, uid)]
    assert acts(scene) == ["Done"]
    assert scene.reasons("Pod") == ["RestartedByEviction"]
    assert scene.reasons("HealingPolicy") == ["RestartedByEviction"]
    assert scene.notifier.types() == ["foresail.evicted"]
    assert scene.notifier.notices[0].data["pod"]["name"] == BROKEN
    assert sample("foresail_acts_total", act="evict", result="done") == 1
    assert scene.board.acts[-1]["pod"] == BROKEN
    assert scene.condition("Acting", plural=PLURAL) == ("True", "ModeHeal")


async def test_the_budget_is_reserved_in_the_api_before_the_eviction() -> None:
    scene = a_sick_shop()
    seen: list[list[str]] = []
    scene.kube.before("evict", lambda: seen.append(acts(scene)))
    await scene.healing.once()
    assert seen == [["Reserved"]]
    assert acts(scene) == ["Done"]


async def test_a_replacement_that_becomes_ready_is_told_once_as_healed() -> None:
    scene = a_sick_shop()
    await scene.healing.once()
    scene.cluster.finish_deletions()
    scene.deploy(replicas=3)
    scene.clock.advance(30)
    await scene.healing.once()
    await scene.healing.once()
    assert acts(scene) == ["Healed"]
    assert scene.notifier.types() == ["foresail.evicted", "foresail.healed"]
    assert scene.reasons("HealingPolicy") == ["RestartedByEviction", "Healed"]
    assert scene.condition("PodsHealthy", plural=PLURAL) == ("True", "Healthy")


async def test_no_replacement_in_time_is_told_as_unhealed() -> None:
    scene = a_sick_shop()
    await scene.healing.once()
    scene.cluster.finish_deletions()
    scene.clock.advance(scene.settings.healing.outcome_s)
    await scene.healing.once()
    assert acts(scene) == ["Unhealed"]
    assert "foresail.unhealed" in scene.notifier.types()
    assert "StillFailing" in scene.reasons("HealingPolicy")


async def test_a_crash_between_reservation_and_eviction_costs_the_budget_and_evicts_nothing_twice() -> None:
    scene = a_sick_shop()
    scene.kube.fail("evict", KeyboardInterrupt())  # type: ignore[arg-type] # nothing in the loop catches this
    with pytest.raises(KeyboardInterrupt):
        await scene.healing.once()
    assert acts(scene) == ["Reserved"]
    after = Scene(cluster=scene.cluster)  # the service starts again and knows only what is in the API
    await after.healing.once()
    assert after.kube.named("evict") == []
    assert pods(after)[0]["reason"] == "PendingOutcome"


async def test_a_policy_that_somebody_else_wrote_is_not_acted_on_until_the_next_pass() -> None:
    scene = a_sick_shop()
    scene.kube.before("update_status", scene.heal)
    await scene.healing.once()
    assert scene.kube.named("evict") == []
    assert "RefusedConflict" in scene.reasons("Pod")
    assert acts(scene) == []
    await scene.healing.once()
    assert len(scene.kube.named("evict")) == 1


async def test_a_budget_that_cannot_be_reserved_means_no_eviction() -> None:
    scene = a_sick_shop()
    scene.kube.fail("update_status", Temporary("the API server is busy"), times=2)
    await scene.healing.once()
    assert scene.kube.named("evict") == []


async def test_a_disruption_budget_is_respected_and_the_act_settled_as_failed() -> None:
    scene = a_sick_shop()
    scene.cluster.budgeted.add((NAMESPACE, BROKEN))
    await scene.healing.once()
    await scene.healing.once()
    assert acts(scene) == ["Failed"]
    assert len(scene.kube.named("evict")) == 1
    assert scene.reasons("Pod")[0] == "RefusedDisruptionBudget"
    assert sample("foresail_refusals_total", act="evict", reason="RefusedDisruptionBudget") == 1


async def test_an_eviction_that_fails_is_settled_and_the_other_policies_go_on() -> None:
    scene = a_sick_shop()
    scene.heal("zoo", selector={"matchLabels": {"app": "zoo"}})
    scene.kube.fail("evict", Temporary("time-out"))
    await scene.healing.once()
    assert acts(scene) == ["Failed"]
    assert "EvictionFailed" in scene.reasons("Pod")
    assert scene.status("zoo", PLURAL)["healthyPods"] == 0


async def test_a_refusal_is_told_once_as_long_as_its_reason_is_the_same() -> None:
    scene = a_sick_shop()
    scene.put_node(ready=False)
    for _ in range(3):
        await scene.healing.once()
        scene.clock.advance(5)
    assert scene.reasons("Pod") == ["RefusedNodeNotReady"]
    assert scene.notifier.types() == ["foresail.refused"]
    assert sample("foresail_refusals_total", act="evict", reason="RefusedNodeNotReady") == 1
    scene.put_node(ready=True)
    await scene.healing.once()
    assert scene.reasons("Pod") == ["RefusedNodeNotReady", "RestartedByEviction"]


async def test_a_watch_older_than_thirty_seconds_never_acts() -> None:
    scene = a_sick_shop()
    assert isinstance(scene.stores.nodes, FakeStore)
    scene.stores.nodes.age = 31
    await scene.healing.once()
    assert scene.kube.named("evict") == []
    assert pods(scene)[0]["reason"] == "RefusedStale"


async def test_mode_observe_says_what_would_be_done() -> None:
    scene = a_sick_shop(mode="Observe")
    await scene.healing.once()
    assert scene.kube.named("evict") == []
    assert pods(scene)[0]["verb"] == "notify"
    assert scene.condition("Acting", plural=PLURAL) == ("False", "ModeObserve")
    assert scene.notifier.types() == ["foresail.unhealthy"]
    assert sample("foresail_healing_unhealthy_pods") == 1


async def test_the_one_switch_of_the_service_stops_evictions() -> None:
    scene = a_sick_shop(Settings(acts=False))
    await scene.healing.once()
    assert scene.kube.named("evict") == []
    assert (pods(scene)[0]["verb"], pods(scene)[0]["reason"]) == ("notify", "ActsDisabled")
    assert acts(scene) == []
    assert scene.condition("Acting", plural=PLURAL) == ("False", "ActsDisabled")


async def test_where_evictions_are_switched_off_none_is_tried_and_the_policy_says_so() -> None:
    scene = a_sick_shop(Settings(healing=HealingSettings(acts=False)))
    await scene.healing.once()
    assert scene.kube.named("evict") == []
    assert (pods(scene)[0]["verb"], pods(scene)[0]["reason"]) == ("notify", "ActsDisabled")
    assert scene.condition("Acting", plural=PLURAL) == ("False", "ActsDisabled")
    conditions = scene.status(plural=PLURAL)["conditions"]
    assert "healing.acts is false" in next(one["message"] for one in conditions if one["type"] == "Acting")


async def test_a_replica_that_does_not_lead_touches_nothing() -> None:
    scene = a_sick_shop()
    scene.leading = False
    await scene.healing.once()
    assert scene.kube.calls == []


async def test_leadership_lost_after_the_reservation_stops_the_eviction_and_every_word() -> None:
    scene = a_sick_shop()

    def lose() -> None:
        scene.leading = False

    scene.kube.before("update_status", lose)
    await scene.healing.once()
    assert scene.kube.named("evict") == []
    assert scene.kube.events == []
    assert acts(scene) == ["Reserved"]


async def test_a_second_policy_over_the_same_pods_waits_for_the_outcome_of_the_first() -> None:
    scene = a_sick_shop()
    scene.heal("zz-other")
    await scene.healing.once()
    assert len(scene.kube.named("evict")) == 1
    assert scene.status("zz-other", PLURAL)["pods"][0]["reason"] == "PendingOutcome"


async def test_a_cache_that_lags_behind_the_book_evicts_nothing_twice() -> None:
    scene = a_sick_shop()
    for store in (scene.stores.policies, scene.stores.pods):
        assert isinstance(store, FakeStore)
        store.freeze()
    await scene.healing.once()
    scene.clock.advance(5)
    await scene.healing.once()
    assert len(scene.kube.named("evict")) == 1


async def test_an_invalid_policy_names_its_fields_once_and_the_others_go_on() -> None:
    scene = a_sick_shop()
    scene.heal("bad", selector={}, mode="Often")
    await scene.healing.once()
    await scene.healing.once()
    assert len(scene.kube.named("evict")) == 1
    assert scene.condition("Valid", "bad", PLURAL) == ("False", "InvalidSpec")
    message = scene.status("bad", PLURAL)["conditions"][0]["message"]
    assert "spec.mode" in message
    assert "spec.selector" in message
    assert scene.reasons("HealingPolicy").count("InvalidSpec") == 1
    assert REGISTRY.get_sample_value("foresail_objects", {"kind": PLURAL, "valid": "false"}) == 1


async def test_a_healthy_shop_is_written_once_and_then_left_alone() -> None:
    scene = Scene()
    scene.put_node()
    scene.deploy(replicas=3)
    scene.heal()
    for _ in range(3):
        await scene.healing.once()
        scene.clock.advance(5)
    assert len(scene.kube.named("update_status")) == 1
    assert scene.status(plural=PLURAL)["healthyPods"] == 3


async def test_a_pod_that_stays_broken_does_not_make_every_pass_a_write() -> None:
    scene = a_sick_shop(mode="Observe")
    for _ in range(3):
        await scene.healing.once()
        scene.clock.advance(5)
    assert len(scene.kube.named("update_status")) == 1


async def test_series_of_a_removed_policy_go() -> None:
    scene = a_sick_shop(mode="Observe")
    await scene.healing.once()
    assert sample("foresail_healing_breaker_open") == 0
    scene.cluster.delete(PLURAL, NAMESPACE, "shop")
    await scene.healing.once()
    assert sample("foresail_healing_breaker_open") is None
    assert scene.board.policies == {}


async def test_acts_are_counted_apart_for_a_policy_and_an_autoscaler_of_the_same_name() -> None:
    scene = a_sick_shop()
    scene.autoscale()
    scene.use_cpu(0.160)
    await scene.scaling.once()
    await scene.healing.once()
    scene.cluster.delete("healingpolicies", NAMESPACE, "shop")
    await scene.healing.once()
    assert sample("foresail_acts_total", act="evict", result="done") is None
    assert sample("foresail_acts_total", act="scale", result="done") == 1


async def test_an_error_of_ours_in_one_policy_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = a_sick_shop()
    scene.heal("aaa", selector={"matchLabels": {"app": "zoo"}}, budget={"perHour": 99})

    def broken(observation: Observation, spec: HealingPolicySpec, *rest: object) -> tuple[Decision, State]:
        if spec.budget.per_hour == 99:
            raise ZeroDivisionError
        return decide(observation, spec, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("autoscaler.loops.heal.decide", broken)
    with capture_logs() as logs:
        await scene.healing.once()
    assert "object_failed" in [line["event"] for line in logs]
    assert len(scene.kube.named("evict")) == 1
