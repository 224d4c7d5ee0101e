"""The way back: the HPA is made again whatever has died, and nothing of ours is left on it."""

import asyncio
import json

import pytest

from autoscaler.api.convert.to_hpa import hpa_of
from autoscaler.api.marks import ADOPTED, RESTORE_FINALIZER
from autoscaler.errors import Permanent
from autoscaler.handover.adopt import Refused
from autoscaler.handover.record import record_of
from autoscaler.handover.release import MakeHpa, Service
from autoscaler.handover.session import Unready
from tests.fakes.waiting import until
from tests.unit.handover.stage import HPAS, LONG_S, NAMESPACE, OURS, SHORT_S, Json, Stage, an_autoscaler, an_hpa, does, of


async def adopted(stage: Stage, **spec: object) -> Json:
    """Adopt the shop's HPA, then change the object as a user may; return the HPA as it was."""
    before = stage.hpa()
    assert before
    await stage.adopt()
    ours = stage.ours()
    assert ours
    ours["spec"] |= spec
    if spec:
        ours["metadata"]["generation"] += 1
        stage.cluster.put(OURS, ours)
    return before


async def test_the_hpa_is_back_as_it_was_and_no_field_of_it_is_ours(stage: Stage) -> None:
    stage.cluster.put(HPAS, an_hpa(labels={"team": "shop"}, annotations={"note": "ours"}))
    before = await adopted(stage)
    await stage.release()
    after = stage.hpa()
    assert after
    assert after["spec"] == before["spec"]
    assert {key: after["metadata"][key] for key in ("labels", "annotations")} == {
        "labels": {"team": "shop"},
        "annotations": {"note": "ours"},
    }
    assert not [one for one in after["metadata"]["managedFields"] if "foresail" in one.get("manager", "")]
    assert stage.ours() is None
    assert stage.ever_without_driver() == []
    assert "2. the service stands back" in stage.text


async def test_the_service_writes_nothing_once_the_hpa_is_there(stage: Stage) -> None:
    await adopted(stage)
    gate = stage.api.hold(of("DELETE", OURS))
    releasing = asyncio.create_task(stage.release())
    await until(lambda: stage.api.seen("DELETE", OURS))
    stage.scene.use_cpu(0.5)
    for _ in range(3):
        await stage.scene.scaling.once()
    assert stage.scene.replicas() == 2
    gate.set()
    await releasing


async def test_bounds_that_were_changed_since_are_kept_and_told(stage: Stage) -> None:
    before = await adopted(stage, maxReplicas=30, metrics=[{"type": "Prometheus"}])
    await stage.release()
    after = stage.hpa()
    assert after
    assert after["spec"] == {**before["spec"], "maxReplicas": 30}
    assert "maxReplicas is 30, as PredictiveAutoscaler default/shop has it by now; it was 10" in stage.text


async def test_as_it_was_means_the_old_bounds_too(stage: Stage) -> None:
    before = await adopted(stage, maxReplicas=30)
    await stage.release(as_it_was=True)
    after = stage.hpa()
    assert after
    assert after["spec"] == before["spec"]


async def test_a_dead_service_is_not_waited_for_in_vain(stage: Stage) -> None:
    await adopted(stage)
    await stage.kill()
    await stage.release(SHORT_S)
    assert (stage.driver(), stage.ours()) == ("HPA", None)
    assert "It seems not to run" in stage.text


async def test_kept_it_observes_beside_the_hpa_and_could_be_adopted_again(stage: Stage) -> None:
    await adopted(stage)
    await stage.release(keep=True)
    ours = stage.ours()
    assert ours
    assert ours["spec"]["mode"] == "Observe"
    assert ADOPTED not in ours["metadata"].get("annotations", {})
    with pytest.raises(Refused, match="has not said yet what it wants"):
        await stage.adopt(SHORT_S)
    stage.cluster.put(HPAS, an_hpa())
    await stage.adopt()
    assert stage.driver() == "ours"


async def test_an_object_that_observed_before_a_take_over_died_observes_again(stage: Stage) -> None:
    stage.cluster.put(OURS, an_autoscaler())
    await does(lambda: (stage.ours() or {})["spec"]["mode"] == "Scale", stage.adopt())
    await stage.release()
    ours = stage.ours()
    assert ours
    assert (ours["spec"]["mode"], stage.driver()) == ("Observe", "HPA")


STEPS = {
    "the HPA is made": lambda stage: stage.hpa() is not None,
    "the service stands back": lambda stage: "2. " in stage.text.rpartition("1. ")[2] and stage.hpa() is not None,
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_release_that_dies_after_a_step_leaves_a_driver_and_the_next_one_ends_it(stage: Stage, step: str) -> None:
    await adopted(stage)
    stage.lines.clear()
    await does(lambda: STEPS[step](stage), stage.release())
    assert stage.driver() == "HPA"
    if stage.ours() is not None:
        await stage.release()
    assert stage.ours() is None
    assert stage.ever_without_driver() == []


@pytest.mark.parametrize("lost", ["lost", "failed"])
@pytest.mark.parametrize(("method", "plural"), [("POST", HPAS), ("PATCH", HPAS), ("DELETE", OURS)])
async def test_a_write_that_fails_or_whose_answer_is_lost_is_tried_again(
    stage: Stage, method: str, plural: str, lost: str
) -> None:
    await adopted(stage)
    if lost == "lost":
        stage.api.lose(of(method, plural))
    else:
        stage.api.fail(503, when=of(method, plural))
    await stage.release()
    assert (stage.driver(), stage.ours()) == ("HPA", None)


async def test_replicas_are_not_restored_though_the_object_asks_for_it_as_the_hpa_drives(stage: Stage) -> None:
    await adopted(stage, onDelete="Restore")
    ours = stage.ours()
    assert ours
    ours["metadata"]["finalizers"] = [RESTORE_FINALIZER]
    stage.cluster.put(OURS, ours)
    await stage.release()
    assert stage.ours() is None
    kept = [change.object for change in stage.cluster.history if change.plural == OURS][-1]
    assert kept["spec"]["onDelete"] == "Keep"


async def test_an_object_that_somebody_has_deleted_and_a_finalizer_holds_is_given_back(stage: Stage) -> None:
    await adopted(stage)
    ours = stage.ours()
    assert ours
    ours["metadata"] |= {"finalizers": [RESTORE_FINALIZER], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    await stage.kill()
    stage.cluster.put(OURS, ours)
    await stage.release(SHORT_S)
    assert (stage.driver(), stage.ours()) == ("HPA", None)


async def test_a_finalizer_of_somebody_else_is_named(stage: Stage) -> None:
    await adopted(stage)
    ours = stage.ours()
    assert ours
    ours["metadata"]["finalizers"] = ["example.com/later"]
    stage.cluster.put(OURS, ours)
    with pytest.raises(Unready, match=r"the finalizer example\.com/later holds it"):
        await stage.release(SHORT_S)
    assert stage.driver() == "HPA"


async def test_an_object_that_took_over_nothing_is_refused_without_make_hpa(stage: Stage) -> None:
    stage.cluster.put(OURS, an_autoscaler(mode="Scale"))
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    with pytest.raises(Permanent, match="took over no HPA, so there is none to give back"):
        await stage.release()
    await stage.release(make=hpa_of)
    made = stage.hpa()
    assert made
    assert made["spec"] == an_hpa()["spec"]
    assert stage.ours() is None
    assert stage.ever_without_driver() == []


SPEC: Json = an_hpa()["spec"]


@pytest.mark.parametrize(
    "record",
    [
        "{}",
        "[" * 100_000,
        json.dumps({"name": "shop", "spec": SPEC, "labels": 1}),
        json.dumps({"name": "shop", "spec": SPEC, "ownerReferences": ["boss"]}),
        json.dumps({"name": "shop", "spec": [["scaleTargetRef", {}]]}),
        json.dumps({"name": 7, "spec": SPEC}),
        json.dumps({"name": "../shop\x1b[2J", "spec": SPEC}),
        '{"name": "shop", "spec": {"scaleTargetRef": {}, "metrics": ' + "[" * 300 + "]" * 300 + "}}",
    ],
)
async def test_a_record_that_somebody_broke_is_named_and_make_hpa_helps(stage: Stage, record: str) -> None:
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    stage.cluster.put(OURS, an_autoscaler(mode="Scale", annotations={ADOPTED: record}))
    with pytest.raises(Permanent, match="it is no record of an HPA"):
        await stage.release()
    await stage.release(make=hpa_of)
    assert stage.driver() == "HPA"


async def test_a_record_makes_no_hpa_for_a_target_that_its_object_does_not_have(stage: Stage) -> None:
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    forged = record_of(an_hpa("forged", target="database"))
    stage.cluster.put(OURS, an_autoscaler(mode="Scale", annotations={ADOPTED: forged}))
    with pytest.raises(Permanent, match=r"an HPA of another target than Deployment default/shop"):
        await stage.release(as_it_was=True)
    assert stage.hpa("forged") is None
    assert stage.driver() == "ours"


async def test_another_hpa_of_that_name_is_not_taken_for_ours(stage: Stage) -> None:
    await adopted(stage)
    stage.cluster.put(HPAS, an_hpa(target="other"))
    with pytest.raises(Permanent, match="there is one of that name for another target"):
        await stage.release()
    assert stage.ours() is not None


async def test_what_is_not_there_is_an_error_and_what_was_given_back_is_none(stage: Stage) -> None:
    await stage.release()
    assert "nothing to give back" in stage.text
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    with pytest.raises(Permanent, match="there is no PredictiveAutoscaler default/shop"):
        await stage.release()


async def test_a_dry_run_changes_nothing(stage: Stage) -> None:
    await adopted(stage)
    version = stage.cluster.version
    await stage.kill()
    version = stage.cluster.version
    await stage.release(dry_run=True)
    assert stage.cluster.version == version
    assert stage.lines[-1] == "3. would delete it"


async def test_an_hpa_that_is_pruned_again_leaves_ours_to_drive(stage: Stage) -> None:
    await adopted(stage)
    gate = stage.api.hold(lambda request: request.method == "PATCH" and f"/{HPAS}/" in request.path)
    releasing = asyncio.create_task(stage.release())
    await until(lambda: stage.api.seen("PATCH", HPAS))  # the last write to the HPA: then the service is waited for
    await stage.kill()
    gate.set()
    await until(lambda: "1. " in stage.text.rpartition("4. ")[2])
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    with pytest.raises(Permanent, match=r"was deleted again .*; PredictiveAutoscaler default/shop stays, and goes on to drive"):
        await releasing
    assert stage.driver() == "ours"


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("alive", [False, True])
async def test_an_hpa_that_goes_at_the_last_moment_leaves_ours_to_drive(stage: Stage, *, alive: bool, keep: bool) -> None:
    await adopted(stage)
    if not alive:
        await stage.kill()
    gate = stage.api.hold(lambda request: request.path.endswith(f"/{OURS}/shop") and "\n2. " in stage.text.rpartition("4. ")[2])
    releasing = asyncio.create_task(stage.release(SHORT_S, keep=keep))
    await until(lambda: "\n2. " in stage.text.rpartition("4. ")[2])
    await until(lambda: len(stage.api.requests) and stage.api.requests[-1][1].endswith(f"/{OURS}/shop"))
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    gate.set()
    with pytest.raises(Permanent, match="goes on to drive"):
        await releasing
    ours = stage.ours()
    assert ours
    assert ours["spec"]["mode"] == "Scale"


async def test_an_hpa_that_is_collected_with_an_owner_that_is_gone_leaves_ours_to_drive(stage: Stage) -> None:
    await adopted(stage)
    await stage.kill()

    async def collect() -> None:
        await until(lambda: stage.hpa() is not None and "\n2. " in stage.text.rpartition("4. ")[2])
        stage.cluster.delete(HPAS, NAMESPACE, "shop")

    collecting = asyncio.create_task(collect())
    with pytest.raises(Permanent, match="goes on to drive"):
        await stage.release(SHORT_S, settle_s=30.0)
    await collecting
    assert stage.driver() == "ours"


async def test_an_hpa_that_is_being_deleted_is_no_driver_but_waited_for_and_then_made(stage: Stage) -> None:
    await adopted(stage)
    going = an_hpa(finalizers=["example.com/later"], deletionTimestamp="2026-01-01T00:00:00Z")
    stage.cluster.put(HPAS, going)
    with pytest.raises(Unready, match=r"is being deleted, and the finalizer example\.com/later holds it"):
        await stage.release(SHORT_S)
    assert stage.ours() is not None
    releasing = asyncio.create_task(stage.release())
    await until(lambda: len(stage.api.seen("GET", HPAS)) > 5)
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    await releasing
    assert (stage.driver(), stage.ours()) == ("HPA", None)
    assert stage.ever_without_driver() == []


@pytest.mark.parametrize("make", [None, hpa_of])
async def test_an_hpa_of_another_name_that_drives_the_target_is_the_only_one(stage: Stage, make: MakeHpa | None) -> None:
    await adopted(stage)
    stage.cluster.put(HPAS, an_hpa("by-hand"))
    await stage.release(make=make)
    assert (stage.hpa(), stage.ours()) == (None, None)
    assert stage.hpa("by-hand")
    assert "1. HorizontalPodAutoscaler default/by-hand is there, and drives Deployment default/shop" in stage.text
    assert "2. the service stands back" in stage.text


async def test_two_hpas_of_one_target_are_named_and_ours_stays(stage: Stage) -> None:
    await adopted(stage)
    for name in ("one", "two"):
        stage.cluster.put(HPAS, an_hpa(name))
    with pytest.raises(Permanent, match="default/one and HorizontalPodAutoscaler default/two both have the target"):
        await stage.release()
    assert stage.ours() is not None


async def test_an_object_that_observed_before_it_was_adopted_observes_again(stage: Stage) -> None:
    stage.cluster.put(OURS, an_autoscaler())
    await adopted(stage)
    await stage.release()
    ours = stage.ours()
    assert ours
    assert (ours["spec"]["mode"], stage.driver()) == ("Observe", "HPA")
    assert not ours["metadata"].get("annotations")


async def test_a_service_that_runs_and_has_other_trouble_is_not_called_dead(stage: Stage) -> None:
    await adopted(stage)
    stage.cluster.delete("deployments", NAMESPACE, "shop")
    await until(lambda: "FailedGetScale" in str(stage.ours()))
    service = Service()
    await stage.release(service=service)
    assert "2. the service does not scale Deployment default/shop: AbleToScale is False" in stage.text
    assert (stage.driver(), stage.ours(), service.silent) == ("HPA", None, False)


async def test_a_service_that_died_with_other_trouble_is_called_dead(stage: Stage) -> None:
    await adopted(stage)
    stage.cluster.delete("deployments", NAMESPACE, "shop")
    await until(lambda: "FailedGetScale" in str(stage.ours()))
    await stage.kill()
    service = Service()
    await stage.release(SHORT_S, service=service)
    assert "It seems not to run" in stage.text
    assert (stage.driver(), service.silent) == ("HPA", True)


async def test_a_service_that_runs_and_does_not_stand_back_is_not_called_dead(stage: Stage) -> None:
    await adopted(stage)
    service = Service()
    stage.blind()
    await stage.release(SHORT_S, service=service)
    assert "It runs all the same" in stage.text
    assert not service.silent


async def test_who_may_not_have_the_status_said_again_releases_all_the_same(stage: Stage) -> None:
    await adopted(stage)
    stage.api.forbidden.add(("patch", f"{OURS}/status"))
    await stage.release()
    assert (stage.driver(), stage.ours()) == ("HPA", None)
    assert "2. the service stands back" in stage.text


async def test_a_dry_run_names_the_hpa_that_drives_already(stage: Stage) -> None:
    await adopted(stage)
    stage.cluster.put(HPAS, an_hpa("by-hand"))
    await stage.release(dry_run=True)
    assert "1. HorizontalPodAutoscaler default/by-hand drives Deployment default/shop" in stage.text


async def test_what_a_dead_service_said_last_stays_readable(stage: Stage) -> None:
    stage.cluster.put(OURS, an_autoscaler())
    await does(lambda: (stage.ours() or {})["spec"]["mode"] == "Scale", stage.adopt())
    await until(lambda: bool((stage.ours() or {}).get("status", {}).get("conditions")), deadline_s=LONG_S)
    stage.alive = False
    await stage.release(SHORT_S)
    ours = stage.ours()
    assert ours
    assert ours["spec"]["mode"] == "Observe"
    assert {"AbleToScale", "ScalingActive"} <= {one["type"] for one in ours["status"]["conditions"]}
