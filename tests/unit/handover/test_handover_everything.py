"""All that Foresail holds is found, listed and given back; what fails is told, and the rest goes on."""

import pytest

from autoscaler.api.convert.to_hpa import hpa_of
from autoscaler.api.marks import ADOPTED, FLOOR, FLOOR_OF, OWNER_MIN, RESTORE_FINALIZER
from autoscaler.errors import ForesailError
from autoscaler.handover.everything import carry_out, look_around, work
from autoscaler.handover.record import record_of
from autoscaler.handover.release import Terms
from tests.unit.handover.stage import HPAS, NAMESPACE, OURS, SHORT_S, Json, Stage, an_autoscaler, an_hpa


def put_adopted(stage: Stage, name: str) -> None:
    record = record_of(an_hpa(name, target=name))
    stage.cluster.put(OURS, an_autoscaler(name, target=name, mode="Scale", annotations={ADOPTED: record}))


def held(name: str, *, gone: bool, replicas: int | None = None, **spec: object) -> Json:
    """An object that scales the shop, with what the shop had before; the one that stays scales another."""
    target = "shop" if gone else "cafe"
    obj = an_autoscaler(name, target=target, mode="Scale", finalizers=[RESTORE_FINALIZER])
    obj["spec"] |= {"onDelete": "Restore", **spec}
    if gone:
        obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return (
        obj if replicas is None else {**obj, "status": {"originalReplicas": replicas, "originalTarget": f"Deployment/{target}"}}
    )


async def release_all(stage: Stage, *namespaces: str, terms: Terms | None = None) -> int:
    session = stage.session(SHORT_S)
    return await carry_out(session, await look_around(session, namespaces, terms or Terms()))


async def test_everything_is_given_back_at_once(stage: Stage) -> None:
    await stage.kill()
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    for name in ("one", "two"):
        put_adopted(stage, name)
    notes = {FLOOR_OF: "default/gone", OWNER_MIN: "2", FLOOR: "1"}
    stage.cluster.put(HPAS, an_hpa("raised", target="other", annotations=notes))
    stage.cluster.put(OURS, held("going", gone=True, replicas=5))
    stage.cluster.put(OURS, held("staying", gone=False, replicas=7))
    assert await release_all(stage) == 0
    assert stage.hpa("one")
    assert stage.hpa("two")
    raised, staying = stage.hpa("raised"), stage.ours("staying")
    assert raised
    assert staying
    assert raised["spec"]["minReplicas"] == 2
    assert not staying["metadata"].get("finalizers")
    assert (stage.ours("one"), stage.ours("two"), stage.ours("going")) == (None, None, None)
    assert stage.scene.replicas() == 5  # of the one that was being deleted; the other one's are as they were
    assert await release_all(stage) == 0
    assert work(stage.cluster.list(OURS), stage.cluster.list(HPAS), Terms()).tasks == ()


async def test_one_that_fails_is_told_and_the_others_go_on(stage: Stage) -> None:
    await stage.kill()
    stage.cluster.put(OURS, an_autoscaler("broken", mode="Scale", annotations={ADOPTED: "?"}))
    put_adopted(stage, "whole")
    assert await release_all(stage) == 1
    assert "failed: PredictiveAutoscaler default/broken: cannot be given back" in stage.text
    assert stage.hpa("whole")


async def test_an_object_that_took_over_nothing_is_left_and_named_or_gets_an_hpa(stage: Stage) -> None:
    await stage.kill()
    stage.cluster.put(OURS, an_autoscaler("plain", target="plain", mode="Scale"))
    found = work(stage.cluster.list(OURS), stage.cluster.list(HPAS), Terms())
    assert found.tasks == ()
    assert "PredictiveAutoscaler default/plain took over no HPA: it stays" in found.left[0]
    assert await release_all(stage, terms=Terms(make=hpa_of)) == 0
    assert stage.hpa("plain")
    assert stage.ours("plain") is None


async def test_only_the_namespaces_that_are_named_are_touched(stage: Stage) -> None:
    await stage.kill()
    put_adopted(stage, "one")
    assert await release_all(stage, "elsewhere") == 0
    assert stage.hpa("one") is None
    assert await release_all(stage, "elsewhere", NAMESPACE) == 0
    assert stage.hpa("one")


async def test_a_silent_service_is_waited_for_once(stage: Stage) -> None:
    await stage.kill()
    for index in range(20):
        put_adopted(stage, f"app-{index}")
    assert await release_all(stage) == 0
    assert stage.text.count("It seems not to run") == 20
    assert stage.text.count(f"for {SHORT_S:g} s in vain") <= 8  # those that were under way at once


RESTORED = {"originalReplicas": 5, "originalTarget": "Deployment/shop"}


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"onDelete": "Keep"}, RESTORED),
        ({"mode": "HPAFloor"}, RESTORED),
        ({"mode": "Observe"}, RESTORED),
        ({}, {}),
        ({}, {"originalReplicas": 5}),
        ({}, {"originalReplicas": 5, "originalTarget": "Deployment/cafe"}),
        ({}, {"originalReplicas": "5", "originalTarget": "Deployment/shop"}),
    ],
)
async def test_replicas_are_restored_only_where_that_is_asked_for_and_known(stage: Stage, spec: Json, status: Json) -> None:
    await stage.kill()
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    stage.cluster.put(OURS, {**held("going", gone=True, **spec), "status": status})
    assert await release_all(stage) == 0
    assert stage.scene.replicas() == 2
    assert stage.ours("going") is None


@pytest.mark.parametrize("who", ["HorizontalPodAutoscaler", "ScaledObject", "PredictiveAutoscaler", "none"])
async def test_a_target_that_another_scales_by_now_is_left_to_it(stage: Stage, who: str) -> None:
    await stage.kill()
    if who != "HorizontalPodAutoscaler":
        stage.cluster.delete(HPAS, NAMESPACE, "shop")
    if who == "ScaledObject":
        stage.api.absent.clear()
        meta = {"namespace": NAMESPACE, "name": "shop"}
        stage.cluster.put("scaledobjects", {"metadata": meta, "spec": {"scaleTargetRef": {"name": "shop"}}})
    stage.cluster.put(OURS, held("going", gone=True, replicas=5))
    mode = "Scale" if who == "PredictiveAutoscaler" else "Observe"
    stage.cluster.put(OURS, an_autoscaler("younger", mode=mode))
    assert await release_all(stage) == 0
    assert stage.scene.replicas() == (5 if who == "none" else 2)
    assert stage.ours("going") is None
    assert (f"stay as they are, as {who} default/" in stage.text) is (who != "none")


async def test_a_target_that_cannot_be_scaled_back_keeps_its_object(stage: Stage) -> None:
    await stage.kill()
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    stage.cluster.put(OURS, held("going", gone=True, replicas=5))
    stage.api.fail(403, {"message": "denied by policy"}, when=lambda request: request.path.endswith("/scale"), times=9)
    assert await release_all(stage) == 1
    assert stage.ours("going")
    assert "denied by policy" in stage.text


async def test_a_record_that_somebody_broke_fails_alone(stage: Stage) -> None:
    await stage.kill()
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    put_adopted(stage, "one")
    stage.cluster.put(OURS, an_autoscaler("bad", target="bad", mode="Scale", annotations={ADOPTED: "[" * 100_000}))
    stage.cluster.put(HPAS, an_hpa("raised", annotations={FLOOR_OF: "default/gone", OWNER_MIN: "9" * 5_000, FLOOR: "1"}))
    assert await release_all(stage) == 1
    assert stage.hpa("one")
    assert "PredictiveAutoscaler default/bad" in stage.text
    raised = stage.hpa("raised")
    assert raised
    assert (raised["spec"]["minReplicas"], raised["metadata"].get("annotations") or {}) == (1, {})


@pytest.mark.parametrize("body", [[1, 2, 3], {}, {"items": [1]}, {"items": [{}]}, {"items": 5}])
async def test_what_is_no_answer_of_an_api_server_is_not_taken_for_an_empty_cluster(stage: Stage, body: Json) -> None:
    stage.api.fail(200, body)
    with pytest.raises(ForesailError, match="list predictiveautoscalers: the answer is JSON, but no object of Kubernetes"):
        await look_around(stage.session(SHORT_S), (), Terms())


async def test_a_server_that_knows_no_hpas_is_none_of_kubernetes(stage: Stage) -> None:
    stage.api.fail(404, "404 page not found", times=2)
    with pytest.raises(ForesailError, match="list horizontalpodautoscalers: HTTP 404"):
        await look_around(stage.session(SHORT_S), (), Terms())


async def test_two_objects_of_one_target_become_one_hpa(stage: Stage) -> None:
    await stage.kill()
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    for name in ("one", "two"):
        stage.cluster.put(OURS, an_autoscaler(name, mode="Scale"))
    assert await release_all(stage, terms=Terms(make=hpa_of)) == 0
    assert len(stage.cluster.list(HPAS)) == 1
    assert stage.cluster.list(OURS) == []


async def test_a_target_that_an_hpa_of_another_name_drives_is_left_to_it_and_that_is_said(stage: Stage) -> None:
    await stage.kill()
    stage.cluster.put(OURS, an_autoscaler("mine", mode="Scale"))
    found = work(stage.cluster.list(OURS), stage.cluster.list(HPAS), Terms(make=hpa_of))
    assert "leaves its target to" in found.tasks[0].words
    assert await release_all(stage, terms=Terms(make=hpa_of)) == 0
    assert [one["metadata"]["name"] for one in stage.cluster.list(HPAS)] == ["shop"]
    assert stage.ours("mine") is None
