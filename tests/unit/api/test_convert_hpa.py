"""Each version and each kind of metric of an HPA becomes the spec that our own parser reads the same way."""

import json
from typing import Any

import pytest

from autoscaler.api.convert.hpa import made_by_keda, read_hpa, spec_of_hpa
from autoscaler.api.convert.parts import Note

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
RULES = {
    "stabilizationWindowSeconds": 60,
    "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}],
    "selectPolicy": "Min",
}


def hpa(version: str = "autoscaling/v2", annotations: dict[str, str] | None = None, **spec: object) -> dict[str, Any]:
    metadata = {"name": "shop", "namespace": "market", "annotations": annotations or {}}
    return {
        "apiVersion": version,
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": {"scaleTargetRef": TARGET, "maxReplicas": 9, **spec},
    }


def test_a_v2_is_taken_as_it_is() -> None:
    spec = {"minReplicas": 2, "metrics": [CPU], "behavior": {"scaleUp": RULES, "scaleDown": {"tolerance": "0.05"}}}
    assert spec_of_hpa(hpa(**spec)) == {"scaleTargetRef": TARGET, "maxReplicas": 9, **spec}


def test_an_hpa_of_the_api_without_type_meta_is_one_of_v2() -> None:
    live = hpa(metrics=[CPU])
    del live["apiVersion"]
    assert spec_of_hpa(live)["metrics"] == [CPU]


def test_nulls_and_empty_lists_are_absent_but_an_empty_behavior_is_not() -> None:
    spec = spec_of_hpa(hpa(minReplicas=None, metrics=[], behavior={"scaleUp": None}))
    assert spec == {"scaleTargetRef": TARGET, "maxReplicas": 9, "behavior": {}}


def test_the_cpu_target_of_v1_comes_after_the_metrics_of_its_annotation() -> None:
    old = [
        {
            "type": "External",
            "external": {"metricName": "queue", "metricSelector": {"matchLabels": {"q": "a"}}, "targetValue": "30"},
        }
    ]
    spec = spec_of_hpa(
        hpa("autoscaling/v1", {"autoscaling.alpha.kubernetes.io/metrics": json.dumps(old)}, targetCPUUtilizationPercentage=70)
    )
    metric = {"name": "queue", "selector": {"matchLabels": {"q": "a"}}}
    queue = {"type": "External", "external": {"metric": metric, "target": {"type": "Value", "value": "30"}}}
    assert spec["metrics"] == [queue, CPU]


def test_a_v1_without_any_metric_has_none_here_either() -> None:
    assert "metrics" not in spec_of_hpa(hpa("autoscaling/v1"))


def test_the_behavior_of_v1_is_read_from_the_annotation_with_the_names_of_go() -> None:
    rules = {
        "StabilizationWindowSeconds": 60,
        "SelectPolicy": "Min",
        "Policies": [{"Type": "Pods", "Value": 2, "PeriodSeconds": 30}],
        "Tolerance": None,
    }
    text = json.dumps({"ScaleUp": rules, "ScaleDown": None})
    spec = spec_of_hpa(hpa("autoscaling/v1", {"autoscaling.alpha.kubernetes.io/behavior": text}))
    assert spec["behavior"] == {"scaleUp": RULES}


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", "[" * 100_000, '{"ScaleUp":' * 600 + "{" + "}" * 601])
def test_an_annotation_that_nobody_can_read_is_told_and_ignored_as_by_the_api_server(text: str) -> None:
    notes: list[Note] = []
    spec = read_hpa(hpa("autoscaling/v1", {"autoscaling.alpha.kubernetes.io/behavior": text}), notes)
    assert "behavior" not in spec
    assert [note.field for note in notes] == ["metadata.annotations[autoscaling.alpha.kubernetes.io/behavior]"]


@pytest.mark.parametrize("version", ["autoscaling/v2", "autoscaling/v2beta2"])
def test_annotations_of_old_count_for_nothing_in_versions_that_have_the_fields(version: str) -> None:
    text = json.dumps({"ScaleUp": {"SelectPolicy": "Disabled"}})
    assert "behavior" not in spec_of_hpa(hpa(version, {"autoscaling.alpha.kubernetes.io/behavior": text}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}},
            CPU,
        ),
        (
            {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}},
            {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
        ),
        (
            {
                "type": "ContainerResource",
                "containerResource": {"name": "cpu", "container": "app", "targetAverageUtilization": 50},
            },
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "cpu",
                    "container": "app",
                    "target": {"type": "Utilization", "averageUtilization": 50},
                },
            },
        ),
        (
            {
                "type": "Pods",
                "pods": {"metricName": "rps", "targetAverageValue": "20", "selector": {"matchLabels": {"a": "b"}}},
            },
            {
                "type": "Pods",
                "pods": {
                    "target": {"type": "AverageValue", "averageValue": "20"},
                    "metric": {"name": "rps", "selector": {"matchLabels": {"a": "b"}}},
                },
            },
        ),
        (
            {
                "type": "Object",
                "object": {"target": {"kind": "Ingress", "name": "front"}, "metricName": "hits", "targetValue": "100"},
            },
            {
                "type": "Object",
                "object": {
                    "describedObject": {"kind": "Ingress", "name": "front"},
                    "target": {"type": "Value", "value": "100"},
                    "metric": {"name": "hits"},
                },
            },
        ),
        (
            {
                "type": "Object",
                "object": {
                    "target": {"kind": "Ingress", "name": "front"},
                    "metricName": "hits",
                    "targetValue": "0",
                    "averageValue": "5",
                    "selector": {"matchLabels": {"a": "b"}},
                },
            },
            {
                "type": "Object",
                "object": {
                    "describedObject": {"kind": "Ingress", "name": "front"},
                    "target": {"type": "AverageValue", "averageValue": "5"},
                    "metric": {"name": "hits", "selector": {"matchLabels": {"a": "b"}}},
                },
            },
        ),
        (
            {"type": "External", "external": {"metricName": "queue", "targetAverageValue": "30"}},
            {
                "type": "External",
                "external": {"target": {"type": "AverageValue", "averageValue": "30"}, "metric": {"name": "queue"}},
            },
        ),
    ],
)
def test_each_metric_of_v2beta1_has_its_form_in_v2(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert spec_of_hpa(hpa("autoscaling/v2beta1", metrics=[old]))["metrics"] == [new]


@pytest.mark.parametrize(
    ("source", "given", "meant"),
    [
        ("resource", {"type": "Value", "averageValue": "5"}, {"type": "AverageValue", "averageValue": "5"}),
        ("resource", {"type": "AverageValue", "averageUtilization": 5}, {"type": "Utilization", "averageUtilization": 5}),
        ("pods", {"type": "Value", "averageValue": "5", "value": "3"}, {"type": "AverageValue", "averageValue": "5"}),
        ("external", {"type": "Utilization", "value": "5"}, {"type": "Value", "value": "5"}),
        ("object", {"type": "Value", "value": "5", "averageValue": "3"}, {"type": "Value", "value": "5"}),
        ("object", {"type": "AverageValue", "value": "5"}, {"type": "AverageValue", "value": "5"}),
    ],
)
def test_the_type_of_a_target_is_what_the_hpa_goes_by(source: str, given: dict[str, Any], meant: dict[str, Any]) -> None:
    [metric] = spec_of_hpa(hpa(metrics=[{"type": "T", source: {"target": given}}]))["metrics"]
    assert metric[source]["target"] == meant


@pytest.mark.parametrize(
    ("target", "version"),
    [
        ({"kind": "Deployment"}, "apps/v1"),
        ({"kind": "ReplicationController"}, "v1"),
        ({"kind": "Deployment", "apiVersion": "extensions/v1beta1"}, "apps/v1"),
        ({"kind": "StatefulSet", "apiVersion": "apps/v1beta2"}, "apps/v1"),
        ({"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1"}, "argoproj.io/v1alpha1"),
    ],
)
def test_the_target_is_named_as_it_is_found_today(target: dict[str, str], version: str) -> None:
    assert spec_of_hpa(hpa(scaleTargetRef={**target, "name": "shop"}))["scaleTargetRef"]["apiVersion"] == version


@pytest.mark.parametrize(("own", "low"), [("2", 2), ("", None), ("garbage", 7), ("²", 7)])
def test_a_floor_that_we_raised_is_taken_as_its_owner_wrote_it(own: str, low: int | None) -> None:
    raised = hpa(annotations={"foresail.dev/floor-of": "market/shop", "foresail.dev/owner-min-replicas": own}, minReplicas=7)
    assert spec_of_hpa(raised).get("minReplicas") == low


def test_a_field_that_no_hpa_has_is_told() -> None:
    notes: list[Note] = []
    assert "maxReplica" not in read_hpa(hpa(maxReplica=3), notes)
    assert [note.field for note in notes] == ["spec.maxReplica"]


def test_an_hpa_of_keda_names_its_scaled_object() -> None:
    made = hpa()
    made["metadata"]["ownerReferences"] = [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "shop"}]
    assert made_by_keda(made) == "shop"
    assert made_by_keda(hpa()) is None


@pytest.mark.parametrize(
    "garbage", [{}, {"spec": 1}, {"spec": {"metrics": {"a": 1}}}, {"metadata": [], "spec": {"metrics": [1, []]}}]
)
@pytest.mark.parametrize("version", ["autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2", 7])
def test_garbage_is_handed_on_for_the_parser_to_name(version: object, garbage: dict[str, Any]) -> None:
    assert isinstance(spec_of_hpa({"apiVersion": version, **garbage}), dict)
