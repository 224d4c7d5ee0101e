"""What must not be adopted is refused with every reason and what to do about it; pure."""

import pytest

from autoscaler.api.convert.hpa import spec_of_hpa
from autoscaler.api.marks import ADOPTED, FLOOR_OF
from autoscaler.handover.plan import Finish, Refusal, Scene, TakeOver, manifest_of, plan
from autoscaler.handover.record import record_of
from autoscaler.handover.word import Word, far_apart, names_hpa, wanted_by_hpa, word_of
from tests.unit.handover.stage import SHOP, Json, an_autoscaler, an_hpa

KINDS = {"kind": "HorizontalPodAutoscaler"}, {"kind": "PredictiveAutoscaler"}


def planned(hpas: list[Json], ours: list[Json], name: str | None = None) -> TakeOver | Finish | Refusal:
    scene = Scene([{**KINDS[0], **one} for one in hpas], [{**KINDS[1], **one} for one in ours])
    return plan(SHOP, scene, name, spec_of_hpa)


def refusal(*hpas: Json, ours: tuple[Json, ...] = (), name: str | None = None) -> str:
    found = planned(list(hpas), list(ours), name)
    assert isinstance(found, Refusal)
    assert len(found.reasons) == 1, found.reasons
    return found.reasons[0]


def owner(kind: str, *, controller: bool) -> Json:
    return {"apiVersion": "v1", "kind": kind, "name": "boss", "uid": "u", "controller": controller}


def test_an_hpa_that_a_scaled_object_makes_is_refused_with_the_way_to_go() -> None:
    reason = refusal(an_hpa(ownerReferences=[owner("ScaledObject", controller=True)]))
    assert "ScaledObject boss controls it" in reason
    assert "foresail convert" in reason
    assert "KEDA made it" in refusal(an_hpa(labels={"scaledobject.keda.sh/name": "boss"}))


def test_an_hpa_that_any_controller_makes_is_refused() -> None:
    assert "Rollout boss controls it and would make it again" in refusal(
        an_hpa(ownerReferences=[owner("Rollout", controller=True)])
    )


def test_an_owner_that_controls_nothing_becomes_the_owner_of_ours() -> None:
    owners = [owner("App", controller=False)]
    found = planned([an_hpa(ownerReferences=owners)], [])
    assert isinstance(found, TakeOver)
    assert found.body["metadata"]["ownerReferences"] == owners


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, "it is being deleted"),
        ({"finalizers": ["a/b"]}, "the finalizer a/b would keep it"),
        ({"annotations": {FLOOR_OF: "x/y"}}, "foresail release x/y"),
    ],
)
def test_an_hpa_that_could_not_be_given_up_cleanly_is_refused(meta: Json, words: str) -> None:
    assert words in refusal(an_hpa(**meta))


def test_two_hpas_of_one_target_are_refused() -> None:
    assert "HorizontalPodAutoscaler default/twin has the same target" in refusal(an_hpa(), an_hpa("twin"))


def test_a_target_that_another_of_ours_scales_is_refused() -> None:
    reason = refusal(an_hpa(), ours=(an_autoscaler("other", mode="Scale"),))
    assert "PredictiveAutoscaler default/other scales the same target (mode Scale)" in reason


def test_a_name_that_is_taken_is_refused_and_another_can_be_given() -> None:
    taken = an_autoscaler(target="elsewhere", mode="Scale")
    assert "has that name and another target (Deployment default/elsewhere); give another one by --name" in refusal(
        an_hpa(), ours=(taken,)
    )
    found = planned([an_hpa()], [taken], "shop-foresail")
    assert isinstance(found, TakeOver)
    assert found.body["metadata"]["name"] == "shop-foresail"


def test_an_hpa_under_a_floor_of_ours_is_refused() -> None:
    floor = an_autoscaler("floor")
    floor["spec"] = {"mode": "HPAFloor", "scaleTargetRef": {"kind": "HorizontalPodAutoscaler", "name": "shop"}}
    assert "raises its minReplicas (mode HPAFloor); delete that object first" in refusal(an_hpa(), ours=(floor,))


def test_what_cannot_be_converted_is_refused_by_the_name_of_the_field() -> None:
    hpa = an_hpa()
    hpa["spec"]["metrics"] = [{"type": "Resource", "resource": {"name": "gpu", "target": {"type": "Utilization"}}}]
    found = planned([hpa], [])
    assert isinstance(found, Refusal)
    assert any("cannot be a PredictiveAutoscaler: spec.metrics[0].resource" in one for one in found.reasons)


def test_a_target_that_nobody_finds_by_its_api_version_is_refused_as_the_service_would_not_see_the_rival() -> None:
    hpa = an_hpa()
    hpa["spec"]["scaleTargetRef"]["apiVersion"] = "extensions/v1beta1"
    assert "apiVersion extensions/v1beta1, under which nobody finds it" in refusal(hpa)


def test_every_reason_is_given_at_once() -> None:
    found = planned([an_hpa(finalizers=["a/b"]), an_hpa("twin")], [an_autoscaler("other", mode="Scale")])
    assert isinstance(found, Refusal)
    assert len(found.reasons) == 3


def test_who_applies_the_hpa_from_git_is_named_as_a_warning() -> None:
    found = planned([an_hpa(annotations={"argocd.argoproj.io/tracking-id": "x"}, labels={})], [])
    assert isinstance(found, TakeOver)
    assert "Argo CD manages this HPA" in found.warnings[0]


def test_of_several_that_observe_the_one_of_that_name_takes_over() -> None:
    found = planned([an_hpa()], [an_autoscaler("a"), an_autoscaler("b")], "b")
    assert isinstance(found, TakeOver)
    assert found.there is not None
    assert found.there["metadata"]["name"] == "b"
    nobody = planned([an_hpa()], [an_autoscaler("a"), an_autoscaler("b")])
    assert isinstance(nobody, TakeOver)
    assert nobody.there is None


def test_an_hpa_that_is_gone_is_found_by_its_record() -> None:
    ours = an_autoscaler("x", mode="Scale", annotations={ADOPTED: record_of(an_hpa())})
    found = planned([], [ours])
    assert isinstance(found, Finish)
    assert found.hpa["spec"] == an_hpa()["spec"]


def test_the_manifest_for_git_has_neither_record_nor_status() -> None:
    found = planned([an_hpa()], [])
    assert isinstance(found, TakeOver)
    body = manifest_of(found.body)
    assert body["metadata"] == {"name": "shop", "namespace": "default"}
    assert body["spec"]["mode"] == "Scale"
    assert set(body) == {"apiVersion", "kind", "metadata", "spec"}


def said(**conditions: tuple[str, str]) -> Json:
    listed = [{"type": kind, "status": one[0], "reason": one[1], "message": one[1]} for kind, one in conditions.items()]
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "desiredReplicas": 3, "conditions": listed}}


WELL = {"AbleToScale": ("True", "a"), "ScalingActive": ("True", "b"), "Acting": ("True", "c"), "Valid": ("True", "d")}


def test_what_the_status_says_of_another_generation_is_nothing() -> None:
    obj = said(**WELL)
    assert word_of(obj).drives
    obj["metadata"]["generation"] = 3
    assert not word_of(obj).said
    assert not word_of({"metadata": {"generation": 1}}).said


@pytest.mark.parametrize("kind", ["AbleToScale", "ScalingActive", "Acting"])
def test_one_condition_that_is_false_is_no_driver_and_is_told(kind: str) -> None:
    word = word_of(said(**{**WELL, kind: ("False", "Trouble")}))
    assert not word.drives
    assert word.trouble == f"{kind} is False: Trouble"


def test_only_this_very_hpa_is_meant() -> None:
    hpa = an_hpa()
    text = "HorizontalPodAutoscaler default/{} already scales the target"
    assert names_hpa(Word(said=True, refuses_for=text.format("shop")), hpa)
    for other in ("shop-2", "shop.v2", "workshop", "shop2"):
        assert not names_hpa(Word(said=True, refuses_for=text.format(other)), hpa)


def test_an_hpa_that_cannot_read_its_metrics_wants_what_is_there() -> None:
    hpa = an_hpa(wants=4)
    hpa["status"] |= {"currentReplicas": 2}
    assert wanted_by_hpa(hpa) == 4
    hpa["status"]["conditions"] = [{"type": "ScalingActive", "status": "False"}]
    assert wanted_by_hpa(hpa) == 2
    assert wanted_by_hpa({"status": {}}) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "apart"), [(3, 2, False), (4, 2, True), (11, 10, False), (22, 20, False), (23, 20, True)]
)
def test_one_pod_or_a_tenth_is_no_difference(ours: int, theirs: int, apart: bool) -> None:  # noqa: FBT001
    assert far_apart(ours, theirs, 0.1) is apart


def test_a_broken_record_of_another_object_is_not_in_the_way() -> None:
    bad = an_autoscaler("bad", target="bad", mode="Scale", annotations={ADOPTED: "garbage"})
    assert isinstance(planned([an_hpa()], [bad]), TakeOver)
    gone = an_autoscaler(mode="Scale", annotations={ADOPTED: record_of(an_hpa())})
    assert isinstance(planned([], [bad, gone]), Finish)
