"""Taking over an HPA beside the real scaling loop: every step, every failure between two of them, and the way back."""

import asyncio
from collections.abc import Callable

import pytest
import yaml

from autoscaler.api.convert.hpa import spec_of_hpa
from autoscaler.api.marks import ADOPTED, ADOPTING, ORIGIN
from autoscaler.errors import ForesailError, Permanent
from autoscaler.handover.adopt import Order, Refused, manifest
from autoscaler.handover.record import adopted
from tests.fakes.api_server import Matcher
from tests.fakes.waiting import until
from tests.unit.handover.stage import (
    HPAS,
    NAMESPACE,
    OURS,
    SHOP,
    SHORT_S,
    Json,
    Stage,
    a_stage,
    an_autoscaler,
    an_hpa,
    does,
    of,
)


def fail(stage: Stage, which: Matcher) -> None:
    stage.api.fail(503, when=which)


def lose(stage: Stage, which: Matcher) -> None:
    stage.api.lose(which)


async def test_an_hpa_is_taken_over_and_can_be_made_again_from_what_is_kept(stage: Stage) -> None:
    before = stage.hpa()
    await stage.adopt()
    ours = stage.ours()
    assert stage.driver() == "ours"
    assert ours
    assert before
    assert (ours["spec"]["mode"], ours["spec"]["maxReplicas"]) == ("Scale", 10)
    kept = adopted(ours)
    assert kept
    assert kept["spec"] == before["spec"]
    assert ADOPTING not in ours["metadata"]["annotations"]
    assert stage.ever_without_driver() == []
    assert "wants 2 replicas, PredictiveAutoscaler default/shop 2" in stage.text


async def test_while_both_are_there_the_service_writes_nothing_and_afterwards_it_does(stage: Stage) -> None:
    stage.scene.use_cpu(0.16)  # ours wants 4 by now, the HPA says 2
    with pytest.raises(Refused, match=r"wants 2 replicas, PredictiveAutoscaler default/shop 4; --force"):
        await stage.adopt(SHORT_S)
    assert stage.scene.replicas() == 2
    assert (stage.driver(), stage.ours()) == ("HPA", None)
    await stage.adopt(force=True)
    await until(lambda: stage.scene.replicas() == 4)
    assert stage.ever_without_driver() == []


async def test_a_difference_within_the_tolerance_is_none(stage: Stage) -> None:
    stage.scene.use_cpu(0.16)
    await stage.adopt(tolerance=1.0)
    assert stage.driver() == "ours"


async def test_without_a_service_nothing_is_deleted_and_the_object_is_taken_away_again(stage: Stage) -> None:
    await stage.kill()
    with pytest.raises(Refused, match=r"said nothing about it yet; is the service running"):
        await stage.adopt(SHORT_S)
    assert (stage.driver(), stage.ours()) == ("HPA", None)
    assert not stage.api.seen("DELETE", HPAS)


async def test_a_service_that_must_not_act_is_no_driver() -> None:
    async with a_stage(acts=False) as stage:
        with pytest.raises(Refused, match="the setting acts is false"):
            await stage.adopt()
        assert (stage.driver(), stage.ours()) == ("HPA", None)


async def test_when_the_service_dies_at_the_deletion_the_hpa_is_made_again(stage: Stage) -> None:
    before = stage.hpa()
    gate = stage.api.hold(of("DELETE", HPAS))

    async def die() -> None:
        await until(lambda: stage.api.seen("DELETE", HPAS))
        await stage.kill()
        gate.set()

    dying = asyncio.create_task(die())
    with pytest.raises(Refused, match="drives again, as it was before"):
        await stage.adopt(0.6)
    await dying
    again = stage.hpa()
    assert before
    assert again
    assert again["spec"] == before["spec"]
    assert again["metadata"]["uid"] != before["metadata"]["uid"]
    assert not [one for one in again["metadata"].get("managedFields", ()) if one.get("manager", "").startswith("foresail")]
    assert stage.ours() is None


async def test_a_run_that_dies_on_its_way_back_leaves_the_hpa_to_drive_and_can_be_typed_again(stage: Stage) -> None:
    gate = stage.api.hold(of("DELETE", HPAS))
    kept = stage.api.hold(of("DELETE", OURS))  # the last thing that going back does
    adopting = asyncio.create_task(stage.adopt(0.3))
    await until(lambda: stage.api.seen("DELETE", HPAS))
    await stage.kill()
    gate.set()
    await until(lambda: stage.api.seen("DELETE", OURS))
    adopting.cancel()
    kept.set()
    assert stage.driver() == "HPA"
    again = stage.hpa()
    assert again
    stage.cluster.put(HPAS, {**again, "status": an_hpa()["status"]})
    stage.alive = True
    await stage.adopt()
    assert stage.driver() == "ours"
    assert stage.ever_without_driver() == []


async def test_an_object_that_observes_the_target_is_the_one_that_takes_over_with_all_it_says(stage: Stage) -> None:
    stage.cluster.put(OURS, an_autoscaler("watcher"))
    await stage.adopt()
    watcher = stage.ours("watcher")
    assert watcher
    assert watcher["spec"]["mode"] == "Scale"
    assert watcher["spec"]["forecast"] == {"enabled": False}
    assert (stage.ours(), stage.hpa()) == (None, None)


async def test_an_object_that_observed_does_so_again_after_a_refusal(stage: Stage) -> None:
    stage.cluster.put(OURS, an_autoscaler())
    stage.scene.use_cpu(0.16)
    with pytest.raises(Refused):
        await stage.adopt(SHORT_S)
    ours = stage.ours()
    assert ours
    assert ours["spec"]["mode"] == "Observe"
    assert not ours["metadata"].get("annotations")
    assert stage.driver() == "HPA"


@pytest.mark.parametrize("how", [fail, lose])
@pytest.mark.parametrize(("method", "plural"), [("POST", OURS), ("DELETE", HPAS), ("PATCH", OURS), ("GET", "shop")])
async def test_a_request_that_fails_or_whose_answer_is_lost_is_tried_again(
    stage: Stage, method: str, plural: str, how: Callable[[Stage, Matcher], None]
) -> None:
    how(stage, of(method, plural))
    await stage.adopt()
    assert stage.driver() == "ours"
    assert stage.ever_without_driver() == []


STEPS = {
    "the object is made": lambda stage: stage.ours() is not None,
    "the service has decided": lambda stage: bool((stage.ours() or {}).get("status", {}).get("conditions")),
    "the HPA is deleted": lambda stage: stage.hpa() is None,
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_run_that_dies_after_a_step_leaves_a_driver_and_the_next_one_brings_it_to_its_end(
    stage: Stage, step: str
) -> None:
    await does(lambda: STEPS[step](stage), stage.adopt())
    assert stage.driver() != "nobody"
    await stage.adopt()
    assert stage.driver() == "ours"
    ours = stage.ours()
    assert ours
    assert ADOPTING not in ours["metadata"]["annotations"]
    assert stage.ever_without_driver() == []


async def test_an_hpa_that_was_changed_after_a_run_died_is_taken_over_as_it_is_now(stage: Stage) -> None:
    await does(lambda: STEPS["the object is made"](stage), stage.adopt())
    changed = stage.hpa()
    assert changed
    changed["spec"] |= {"maxReplicas": 20}
    stage.cluster.put(HPAS, changed)
    await stage.adopt()
    ours = stage.ours()
    assert ours
    assert ours["spec"]["maxReplicas"] == 20
    kept = adopted(ours)
    assert kept
    assert kept["spec"]["maxReplicas"] == 20
    assert stage.ever_without_driver() == []


@pytest.mark.parametrize("step", STEPS)
async def test_from_wherever_a_run_died_release_leads_back(stage: Stage, step: str) -> None:
    await does(lambda: STEPS[step](stage), stage.adopt())
    await stage.release()
    assert stage.driver() == "HPA"
    assert stage.ours() is None
    assert stage.ever_without_driver() == []


async def test_what_an_earlier_run_left_is_not_believed_until_the_service_says_it_again(stage: Stage) -> None:
    await does(lambda: STEPS["the service has decided"](stage), stage.adopt())
    await until(lambda: stage.ours() is None or "TargetConflict" in str(stage.ours()))
    await stage.kill()  # and the status stays as it is
    with pytest.raises(Refused, match="is the service running"):
        await stage.adopt(SHORT_S)
    assert not stage.api.seen("DELETE", HPAS)
    assert stage.driver() == "HPA"


async def test_a_service_that_is_restarted_in_between_does_not_scale_down(stage: Stage) -> None:
    stage.scene.use_cpu(0.01)  # one pod would do, but for the window that the first count opened
    gate = stage.api.hold(of("DELETE", HPAS))
    adopting = asyncio.create_task(stage.adopt(force=True))
    await until(lambda: stage.api.seen("DELETE", HPAS))
    stage.restart()
    gate.set()
    await adopting
    for _ in range(3):
        await stage.scene.scaling.once()
    assert stage.scene.replicas() == 2


async def test_an_hpa_that_somebody_changes_meanwhile_is_not_deleted(stage: Stage) -> None:
    gate = stage.api.hold(of("DELETE", HPAS))
    adopting = asyncio.create_task(stage.adopt())
    await until(lambda: stage.api.seen("DELETE", HPAS))
    changed = stage.hpa()
    assert changed
    changed["spec"]["maxReplicas"] = 20
    stage.cluster.put(HPAS, changed)
    gate.set()
    with pytest.raises(Refused, match="somebody changed"):
        await adopting
    assert stage.driver() == "HPA"
    assert stage.ours() is None


async def test_an_hpa_whose_status_moves_meanwhile_is_deleted_all_the_same(stage: Stage) -> None:
    gate = stage.api.hold(of("DELETE", HPAS))
    adopting = asyncio.create_task(stage.adopt())
    await until(lambda: stage.api.seen("DELETE", HPAS))
    moved = stage.hpa()
    assert moved
    moved["status"]["currentCPU"] = 7
    stage.cluster.put(HPAS, moved)
    gate.set()
    await adopting
    assert stage.driver() == "ours"


async def test_an_hpa_that_a_tool_makes_again_ends_the_take_over(stage: Stage) -> None:
    gate = stage.api.hold(lambda request: request.method == "GET" and bool(stage.api.seen("DELETE", HPAS)))
    adopting = asyncio.create_task(stage.adopt())
    await until(lambda: stage.hpa() is None)
    stage.cluster.put(HPAS, an_hpa())
    gate.set()
    with pytest.raises(Refused, match=r"a tool that applies it from Git|was replaced|somebody changed"):
        await adopting
    assert stage.driver() == "HPA"
    assert stage.ours() is None


async def test_an_hpa_that_a_finalizer_holds_is_followed_by_ours_when_it_goes(stage: Stage) -> None:
    gate = stage.api.hold(of("DELETE", HPAS))
    adopting = asyncio.create_task(stage.adopt(0.6))
    await until(lambda: stage.api.seen("DELETE", HPAS))
    held = stage.hpa()
    assert held
    held["metadata"]["finalizers"] = ["example.com/later"]
    stage.cluster.put(HPAS, held)
    gate.set()
    with pytest.raises(Permanent, match="drives as soon as the HPA is gone"):
        await adopting
    assert stage.driver() == "HPA"
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    assert stage.driver() == "ours"
    await stage.adopt()
    assert "drives Deployment default/shop" in stage.text


async def test_a_second_time_nothing_is_done(stage: Stage) -> None:
    await stage.adopt()
    writes = len([one for one in stage.api.requests if one[0] != "GET"])
    await stage.adopt()
    assert "was adopted before" in stage.lines[-1]
    assert len([one for one in stage.api.requests if one[0] != "GET"]) == writes


async def test_a_dry_run_says_each_step_and_changes_nothing(stage: Stage) -> None:
    version = stage.hpa()
    await stage.adopt(dry_run=True)
    assert [line[:8] for line in stage.lines] == ["1. would", "2. would", "3. would", "4. would"]
    assert (stage.hpa(), stage.ours()) == (version, None)
    assert {path.partition("?")[2] for _, path, _ in stage.api.seen("POST", OURS)} == {"fieldManager=foresail-cli&dryRun=All"}


async def test_an_hpa_that_nobody_knows_is_an_error(stage: Stage) -> None:
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    with pytest.raises(Refused, match="there is no HorizontalPodAutoscaler default/shop"):
        await stage.adopt()


async def test_the_record_survives_as_text(stage: Stage) -> None:
    stage.cluster.put(HPAS, an_hpa(labels={"team": "ü"}, annotations={"a": '{"b":1}'}))
    await stage.adopt()
    ours = stage.ours()
    assert ours
    kept = adopted(ours)
    assert kept
    assert kept["metadata"]["labels"] == {"team": "ü"}
    assert kept["metadata"]["annotations"] == {"a": '{"b":1}'}
    assert "labels" not in ours["metadata"]
    assert isinstance(ours["metadata"]["annotations"][ADOPTED], str)


async def test_who_could_not_make_the_hpa_again_does_not_delete_it(stage: Stage) -> None:
    stage.api.forbidden.add(("create", HPAS))
    with pytest.raises(Refused, match=r"goes on to drive: create horizontalpodautoscalers default: HTTP 403"):
        await stage.adopt()
    assert not stage.api.seen("DELETE", HPAS)
    assert (stage.driver(), stage.ours()) == ("HPA", None)


@pytest.mark.parametrize(("verb", "plural"), [("list", HPAS), ("list", OURS), ("get", HPAS), ("get", OURS), ("create", OURS)])
async def test_a_right_that_is_missing_before_the_first_write_is_named(stage: Stage, verb: str, plural: str) -> None:
    stage.api.forbidden.add((verb, plural))
    with pytest.raises(Permanent, match=rf'grant verb "{verb}" on "{plural}" .* to the user whom the cause names'):
        await stage.adopt()
    assert stage.driver() == "HPA"


async def test_a_take_over_that_cannot_be_taken_back_says_why_and_what_to_type(stage: Stage) -> None:
    stage.api.forbidden |= {("delete", HPAS), ("delete", OURS)}
    with pytest.raises(Permanent) as caught:
        await stage.adopt()
    for word in ("delete horizontalpodautoscalers", "delete predictiveautoscalers", "type: foresail release default/shop"):
        assert word in str(caught.value)
    assert stage.driver() == "HPA"


async def test_two_who_adopt_at_once_leave_exactly_one_driver(stage: Stage) -> None:
    results = await asyncio.gather(stage.adopt(), stage.adopt(), return_exceptions=True)
    assert all(one is None or isinstance(one, ForesailError) for one in results), results
    assert stage.driver() == "ours"
    assert stage.ever_without_driver() == []


def changed(stage: Stage, plural: str, change: Callable[[Json], None]) -> None:
    """Let somebody change an HPA or an object of ours, as the API server stores it."""
    obj = stage.cluster.get(plural, NAMESPACE, "shop")
    assert obj
    spec = str(obj["spec"])
    change(obj)
    obj["metadata"]["generation"] = obj["metadata"].get("generation", 0) + (str(obj["spec"]) != spec)
    stage.cluster.put(plural, obj)


def edited(obj: Json) -> None:
    obj["spec"] |= {"maxReplicas": 30, "pause": {"scaleIn": True}}


def labelled(obj: Json) -> None:
    obj["metadata"]["labels"] = {"team": "shop"}


def raised(obj: Json) -> None:
    obj["spec"]["maxReplicas"] = 20


async def test_a_second_adoption_that_is_refused_keeps_the_object_that_is_the_user_s_by_now(stage: Stage) -> None:
    await stage.adopt()
    changed(stage, OURS, edited)
    stage.cluster.put(HPAS, an_hpa(wants=9))  # the very same, by a tool; it wants far more
    with pytest.raises(Refused, match="wants 9 replicas"):
        await stage.adopt(SHORT_S)
    ours = stage.ours()
    assert ours
    assert (ours["spec"]["mode"], ours["spec"]["maxReplicas"], ours["spec"]["pause"]) == ("Observe", 30, {"scaleIn": True})
    assert "is in mode Observe again" in stage.text


async def test_what_a_user_wrote_into_a_half_done_take_over_outlives_a_change_of_the_hpa_that_does_not_matter(
    stage: Stage,
) -> None:
    await does(lambda: stage.ours() is not None, stage.adopt())
    changed(stage, OURS, edited)
    changed(stage, HPAS, labelled)
    uid = (stage.ours() or {})["metadata"]["uid"]
    await stage.adopt()
    ours = stage.ours()
    assert ours
    assert (ours["metadata"]["uid"], ours["spec"]["maxReplicas"], stage.driver()) == (uid, 30, "ours")
    kept = adopted(ours)
    assert kept
    assert kept["metadata"]["labels"] == {"team": "shop"}


async def test_where_user_and_hpa_have_both_changed_nobody_is_overruled(stage: Stage) -> None:
    await does(lambda: stage.ours() is not None, stage.adopt())
    changed(stage, OURS, edited)
    changed(stage, HPAS, raised)
    before = stage.ours()
    with pytest.raises(Refused, match="somebody has changed both; set the mode of that object to Observe"):
        await stage.adopt()
    ours = stage.ours()
    assert ours
    assert before
    assert ours["spec"] == before["spec"]
    changed(stage, OURS, lambda obj: obj["spec"].update(mode="Observe"))
    await stage.adopt()
    ours = stage.ours()
    assert ours
    assert (ours["spec"]["maxReplicas"], stage.driver()) == (30, "ours")


@pytest.mark.parametrize("change", [edited, labelled])
async def test_what_a_user_wrote_into_a_half_done_take_over_outlives_its_refusal(
    stage: Stage, change: Callable[[Json], None]
) -> None:
    await does(lambda: stage.ours() is not None, stage.adopt())
    changed(stage, OURS, change)
    written = stage.ours()
    stage.cluster.put(HPAS, an_hpa(wants=9))
    with pytest.raises(Refused, match="wants 9 replicas"):
        await stage.adopt(SHORT_S)
    ours = stage.ours()
    assert ours
    assert written
    assert ours["spec"] == {**written["spec"], "mode": "Observe"}
    assert "as somebody has changed it" in stage.text


async def test_an_hpa_that_goes_while_the_take_over_is_taken_back_is_followed_by_ours(stage: Stage) -> None:
    stage.api.forbidden.add(("delete", HPAS))
    gate = stage.api.hold(lambda request: request.path.endswith(f"/{OURS}/shop") and bool(stage.api.seen("DELETE", HPAS)))
    adopting = asyncio.create_task(stage.adopt())
    await until(lambda: stage.api.seen("DELETE", HPAS) and f"/{OURS}/shop" in stage.api.requests[-1][1])
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    gate.set()
    with pytest.raises(Permanent, match="was deleted again"):
        await adopting
    assert stage.driver() == "ours"
    assert stage.ever_without_driver() == []


async def test_what_observed_before_is_marked_so_when_it_drives(stage: Stage) -> None:
    stage.cluster.put(OURS, an_autoscaler())
    await stage.adopt()
    ours = stage.ours()
    assert ours
    assert ours["metadata"]["annotations"].keys() == {ADOPTED, ORIGIN}


async def test_the_manifest_is_of_the_object_that_would_take_over(stage: Stage) -> None:
    watcher = an_autoscaler("watcher")
    stage.cluster.put(OURS, watcher)
    printed = yaml.safe_load(await manifest(stage.session(), Order(SHOP), spec_of_hpa))
    assert (printed["metadata"]["name"], printed["spec"]) == ("watcher", {**watcher["spec"], "mode": "Scale"})
    stage.cluster.put(HPAS, an_hpa(ownerReferences=[{"kind": "App", "name": "boss", "controller": True}]))  # it is refused now
    assert yaml.safe_load(await manifest(stage.session(), Order(SHOP), spec_of_hpa)) == printed


async def test_the_manifest_follows_the_hpa_until_it_is_adopted_and_the_object_afterwards(stage: Stage) -> None:
    async def bounds() -> tuple[str, int]:
        printed = yaml.safe_load(await manifest(stage.session(), Order(SHOP), spec_of_hpa))
        return printed["spec"]["mode"], printed["spec"]["maxReplicas"]

    await does(lambda: stage.ours() is not None, stage.adopt())
    changed(stage, HPAS, raised)
    assert await bounds() == ("Scale", 20)
    await stage.adopt()
    changed(stage, OURS, edited)
    assert await bounds() == ("Scale", 30)
    stage.cluster.delete(OURS, NAMESPACE, "shop")
    with pytest.raises(Permanent, match="there is no HorizontalPodAutoscaler default/shop, and none of that name was adopted"):
        await bounds()


async def test_a_dry_run_says_that_an_object_of_an_earlier_run_would_be_made_anew(stage: Stage) -> None:
    await does(lambda: stage.ours() is not None, stage.adopt())
    changed(stage, HPAS, raised)
    stage.lines.clear()
    await stage.adopt(dry_run=True)
    assert "1. would make PredictiveAutoscaler default/shop anew" in stage.text
