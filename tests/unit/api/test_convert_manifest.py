"""Any object of a file: what goes over, what is left out, what is refused and what is none of our business."""

from typing import Any

import pytest

from autoscaler.api.convert.manifest import Result, from_manifest
from autoscaler.api.marks import ADOPTED, ADOPTING, FLOOR, FLOOR_OF, ORIGIN, OWNER_MIN, TOOLS

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}


def hpa(metadata: dict[str, Any] | None = None, **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop"} | (metadata or {}),
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "shop", "apiVersion": "apps/v1"}, "maxReplicas": 9, **spec},
        "status": {"currentReplicas": 3},
    }


def test_the_new_object_has_its_fields_in_the_order_of_the_examples() -> None:
    [new] = from_manifest(hpa({"namespace": "market"}, metrics=[CPU], behavior={}, minReplicas=2)).objects
    assert list(new) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(new["spec"]) == ["scaleTargetRef", "mode", "minReplicas", "maxReplicas", "metrics", "behavior"]
    assert list(new["spec"]["scaleTargetRef"]) == ["apiVersion", "kind", "name"]
    assert list(new["spec"]["metrics"][0]) == ["type", "resource"]


def test_nobody_is_swapped_by_accident() -> None:
    assert from_manifest(hpa()).objects[0]["spec"]["mode"] == "Observe"
    assert from_manifest(hpa(), "Scale").objects[0]["spec"]["mode"] == "Scale"


def test_metadata_of_the_user_goes_over_and_that_of_controllers_stays() -> None:
    converted = from_manifest(
        hpa(
            {
                "uid": "1",
                "resourceVersion": "7",
                "managedFields": [{}],
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"z": "1", "app": "shop"},
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "autoscaling.alpha.kubernetes.io/conditions": "[]",
                    "autoscaling.alpha.kubernetes.io/current-metrics": "[]",
                    "Example.com/Note": "kept",
                },
            }
        )
    )
    assert converted.objects[0]["metadata"] == {
        "name": "shop",
        "labels": {"z": "1", "app": "shop"},
        "annotations": {"Example.com/Note": "kept"},
    }
    assert list(converted.objects[0]["metadata"]["labels"]) == ["z", "app"]
    assert converted.notes == ()


@pytest.mark.parametrize("kind", ["labels", "annotations"])
@pytest.mark.parametrize("mark", [*TOOLS, ADOPTED, ADOPTING, ORIGIN, FLOOR_OF, OWNER_MIN, FLOOR])
def test_what_a_tool_or_foresail_knows_the_old_object_by_is_left_out_and_noted(mark: str, kind: str) -> None:
    converted = from_manifest(hpa({kind: {mark: "x", "argocd.argoproj.io/sync-wave": "1"}}))
    assert converted.objects[0]["metadata"] == {"name": "shop", kind: {"argocd.argoproj.io/sync-wave": "1"}}
    assert [note.field for note in converted.notes if note.field != "spec.minReplicas"] == [f"metadata.{kind}[{mark}]"]
    who = TOOLS.get(mark, "Foresail")
    assert who in str(converted.notes[0])


@pytest.mark.parametrize(
    ("metadata", "noted"),
    [
        ({"ownerReferences": [{"kind": "Revision", "name": "shop-1"}]}, "metadata.ownerReferences"),
        ({"finalizers": ["a.b/c"]}, "metadata.finalizers"),
        ({"labels": {"a": 1}}, "metadata.labels[a]"),
        ({"labels": {"a b": "1"}}, "metadata.labels[a b]"),
        ({"labels": {"a": "b c"}}, "metadata.labels[a]"),
        ({"labels": ["a"]}, "metadata.labels"),
        ({"annotations": {"a": True}}, "metadata.annotations[a]"),
        ({"annotations": {"a/b/c": "d"}}, "metadata.annotations[a/b/c]"),
    ],
)
def test_metadata_that_cannot_go_over_is_noted(metadata: dict[str, Any], noted: str) -> None:
    converted = from_manifest(hpa(metadata))
    assert converted.objects[0]["metadata"] == {"name": "shop"}
    assert [note.field for note in converted.notes] == [noted]


def test_a_metric_that_we_do_not_have_is_named_and_the_others_stay() -> None:
    disk = {
        "type": "Resource",
        "resource": {"name": "ephemeral-storage", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
    }
    converted = from_manifest(hpa(metrics=[disk, CPU]))
    assert converted.objects[0]["spec"]["metrics"] == [CPU]
    [note] = converted.notes
    assert (note.field, "resource.name must be one of cpu, memory" in note.message) == ("spec.metrics[0]", True)


def test_an_hpa_whose_metrics_all_fail_does_not_become_one_of_cpu() -> None:
    converted = from_manifest(hpa(metrics=[{"type": "Guess"}]))
    assert (converted.result, converted.notes[0].field) == (Result.REFUSED, "spec.metrics")
    assert converted.notes[1].field == "spec.metrics[0]"


def test_rules_that_the_api_server_would_refuse_are_named_and_the_other_direction_stays() -> None:
    converted = from_manifest(hpa(behavior={"scaleUp": {"policies": []}, "scaleDown": {"selectPolicy": "Min"}}))
    assert converted.objects[0]["spec"]["behavior"] == {"scaleDown": {"selectPolicy": "Min"}}
    assert [note.field for note in converted.notes] == ["spec.behavior.scaleUp"]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"maxReplicas": 0}, "spec.maxReplicas"),
        ({"minReplicas": 0}, "spec.minReplicas"),
        ({"scaleTargetRef": None}, "spec.scaleTargetRef"),
        (
            {"scaleTargetRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "x"}},
            "spec.scaleTargetRef",
        ),
        ({"behavior": 1}, "spec.behavior"),
        ({"metrics": {"a": 1}}, "spec.metrics"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(spec: dict[str, Any], reason: str) -> None:
    converted = from_manifest(hpa(**spec))
    assert converted.result is Result.REFUSED
    assert reason in [note.field for note in converted.notes]


@pytest.mark.parametrize("metadata", [{"name": None}, {"name": "Shop"}, {"namespace": "a.b"}])
def test_a_name_that_the_api_server_would_refuse_is_refused(metadata: dict[str, Any]) -> None:
    assert from_manifest(hpa(metadata)).result is Result.REFUSED


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("HorizontalPodAutoscaler", "autoscaling/v3"),
        ("HorizontalPodAutoscaler", None),
        ("ScaledObject", "keda.k8s.io/v1alpha1"),
    ],
)
def test_a_version_that_is_not_known_is_no_success(kind: str, version: str | None) -> None:
    converted = from_manifest({**hpa(), "kind": kind, "apiVersion": version})
    assert (converted.result, converted.notes[0].field) == (Result.REFUSED, "apiVersion")


@pytest.mark.parametrize("kind", ["ConfigMap", "ScaledJob", "PredictiveAutoscaler", None, ["a"]])
def test_other_kinds_are_passed_over(kind: object) -> None:
    assert from_manifest({**hpa(), "kind": kind}).result is Result.PASSED_OVER


def test_an_hpa_that_keda_made_is_passed_over_with_the_name_of_what_to_convert() -> None:
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "worker"}
    converted = from_manifest(hpa({"ownerReferences": [owner]}))
    assert converted.result is Result.PASSED_OVER
    assert "worker" in converted.notes[0].message
