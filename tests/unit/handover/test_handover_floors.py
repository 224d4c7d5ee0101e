"""Floors are given back: the owner's value, without a trace of ours, and whatever somebody wrote since stays."""

import pytest

from autoscaler.api.marks import FLOOR, FLOOR_MANAGER, FLOOR_OF, OWNER_MIN
from autoscaler.clients.kube.connection import APPLY_PATCH, Call
from autoscaler.clients.kube.objects import Objects
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS
from autoscaler.errors import Permanent
from autoscaler.handover.floors import change_back, give_back, has_floor, told
from tests.unit.handover.stage import HPAS, NAMESPACE, OURS, SHOP, Json, Stage, an_autoscaler, an_hpa


async def raised(stage: Stage, owners: int | None, to: int = 5) -> Json:
    """Raise the floor of the shop's HPA as mode HPAFloor does, by server-side apply; no service is there to look after it."""
    await stage.kill()
    plain = an_hpa()
    plain["spec"].pop("minReplicas")
    if owners is not None:
        plain["spec"]["minReplicas"] = owners
    stage.cluster.delete(HPAS, NAMESPACE, "shop")
    await Objects(stage.connection, "kubectl").create(HORIZONTAL_POD_AUTOSCALERS, plain)
    marks = {FLOOR_OF: str(SHOP), OWNER_MIN: "" if owners is None else str(owners), FLOOR: str(to)}
    floor = {"metadata": {**plain["metadata"], "annotations": marks}, "spec": {"minReplicas": to}}
    return await applied_by(FLOOR_MANAGER, stage, floor)


async def applied_by(manager: str, stage: Stage, hpa: Json) -> Json:
    """Apply the shop's HPA on the server's side, with force."""
    query = {"fieldManager": manager, "force": "true"}
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", **hpa}
    call = Call("patch", HORIZONTAL_POD_AUTOSCALERS, NAMESPACE, "shop", "", body, query, content_type=APPLY_PATCH)
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", **(await stage.connection.send(call)).body}


def managers(hpa: Json | None) -> set[str]:
    assert hpa
    return {one["manager"] for one in hpa["metadata"]["managedFields"]}


@pytest.mark.parametrize("owners", [None, 3])
async def test_the_owner_s_value_is_back_and_nothing_is_ours(stage: Stage, owners: int | None) -> None:
    hpa = await raised(stage, owners)
    assert managers(hpa) == {"kubectl", FLOOR_MANAGER}
    await give_back(stage.session(), hpa)
    after = stage.hpa()
    assert after
    assert after["spec"]["minReplicas"] == (owners or 1)  # the API server's default
    assert not after["metadata"].get("annotations")
    assert managers(after) == {"kubectl"}
    assert not has_floor(after)


async def test_a_run_that_dies_between_both_writes_is_ended_by_the_next(stage: Stage) -> None:
    hpa = await raised(stage, 3)
    change = change_back(hpa)
    assert change
    half = await Objects(stage.connection, FLOOR_MANAGER).merge(HORIZONTAL_POD_AUTOSCALERS, hpa, change)
    assert isinstance(half, dict)
    assert half["spec"]["minReplicas"] == 3
    assert has_floor(half)
    assert told(half) == f"HorizontalPodAutoscaler {SHOP}: takes the field manager {FLOOR_MANAGER} off"
    await give_back(stage.session(), half)
    assert managers(stage.hpa()) == {"kubectl"}


async def test_what_the_owner_wrote_since_is_not_overwritten(stage: Stage) -> None:
    hpa = await raised(stage, 3)
    owner = Objects(stage.connection, "kubectl")
    newer = await owner.merge(HORIZONTAL_POD_AUTOSCALERS, hpa, {"spec": {"minReplicas": 7}})
    assert isinstance(newer, dict)
    assert "stays" in told(newer)
    await give_back(stage.session(), newer)
    after = stage.hpa()
    assert after
    assert after["spec"]["minReplicas"] == 7
    assert managers(after) == {"kubectl"}


def test_without_managed_fields_the_annotations_count() -> None:
    hpa = an_hpa(annotations={FLOOR_OF: "a/b", OWNER_MIN: "2", FLOOR: "5"})
    gone: Json = {"metadata": {"annotations": {FLOOR_OF: None, OWNER_MIN: None, FLOOR: None}}}
    hpa["spec"]["minReplicas"] = 5
    assert change_back(hpa) == {**gone, "spec": {"minReplicas": 2}}
    hpa["spec"]["minReplicas"] = 7  # somebody else's, as we wrote 5
    assert change_back(hpa) == gone


@pytest.mark.parametrize("notes", [{OWNER_MIN: "two"}, {OWNER_MIN: "9" * 5_000}, {OWNER_MIN: "9999999999"}, {}])
def test_where_nobody_can_say_what_the_owner_wants_min_replicas_stays_and_that_is_told(notes: Json) -> None:
    hpa = an_hpa(annotations={FLOOR_OF: "a/b", FLOOR: "8", **notes})
    hpa["spec"]["minReplicas"] = 8
    change = change_back(hpa)
    assert change
    assert "spec" not in change
    assert "do not tell what its owner wants (see foresail.dev/owner-min-replicas), so its minReplicas, 8, stays" in told(hpa)


async def test_an_owner_who_applied_the_very_value_of_the_floor_keeps_it(stage: Stage) -> None:
    hpa = await raised(stage, 3, to=8)
    plain = {"metadata": {"namespace": NAMESPACE, "name": "shop"}, "spec": {"minReplicas": 8}}
    applied = await applied_by("argocd-controller", stage, plain)
    assert "stays" in told(applied)
    await give_back(stage.session(), hpa)
    after = stage.hpa()
    assert after
    assert after["spec"]["minReplicas"] == 8
    assert managers(after) == {"kubectl", "argocd-controller"}


def test_an_hpa_that_was_never_raised_has_nothing_to_give_back() -> None:
    assert change_back(an_hpa()) is None


async def test_an_object_in_mode_hpa_floor_is_released_with_its_floor(stage: Stage) -> None:
    await raised(stage, 3)
    floor = an_autoscaler(mode="HPAFloor")
    ref = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "shop"}
    floor["spec"] = {"mode": "HPAFloor", "scaleTargetRef": ref}
    stage.cluster.put(OURS, floor)
    await stage.release()
    after = stage.hpa()
    assert after
    assert after["spec"]["minReplicas"] == 3
    assert stage.ours() is None


async def test_it_cannot_be_kept_as_it_would_raise_again(stage: Stage) -> None:
    stage.cluster.put(OURS, {**an_autoscaler(), "spec": {"mode": "HPAFloor", "scaleTargetRef": {}}})
    with pytest.raises(Permanent, match="would raise minReplicas again"):
        await stage.release(keep=True)


async def test_the_floor_of_an_object_that_is_gone_is_given_back_by_its_name(stage: Stage) -> None:
    await raised(stage, 3)
    await stage.release()
    after = stage.hpa()
    assert after
    assert after["spec"]["minReplicas"] == 3
