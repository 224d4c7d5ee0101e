import pytest

from autoscaler.api.convert.hpa import spec_of_hpa
from autoscaler.api.convert.to_hpa import hpa_of
from autoscaler.errors import Permanent

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
QUERY = {"type": "Prometheus", "prometheus": {"query": "up", "target": {"type": "Value", "value": "1"}}}
QUEUE = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "1"}}}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
PLAIN = {"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 5, "metrics": [CPU]}


def an_object(**spec: object) -> dict[str, object]:
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": {**PLAIN, "mode": "Scale", **spec}}


def test_what_both_say_is_carried_over_and_back_again() -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    hpa, notes = hpa_of(an_object(behavior=behavior))
    assert hpa["spec"] == {**PLAIN, "behavior": behavior}
    assert (hpa["apiVersion"], hpa["kind"], hpa["metadata"]) == (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {"name": "web", "namespace": "shop"},
    )
    assert notes == []
    assert spec_of_hpa(hpa) == hpa["spec"]


def test_without_metrics_both_scale_by_cpu() -> None:
    assert "metrics" not in hpa_of(an_object(metrics=[]))[0]["spec"]


def test_a_query_is_left_out_and_named_and_so_is_an_activation() -> None:
    queue = {**QUEUE, "external": {**QUEUE["external"], "activation": "5"}}
    hpa, notes = hpa_of(an_object(metrics=[QUERY, queue]))
    assert hpa["spec"]["metrics"] == [QUEUE]
    assert [note.partition(" is")[0] for note in notes] == ["spec.metrics[0]", "spec.metrics[1].external.activation"]


def test_queries_alone_make_no_hpa_as_it_would_scale_by_cpu() -> None:
    with pytest.raises(Permanent, match=r"shop/web: all its metrics are PromQL"):
        hpa_of(an_object(metrics=[QUERY]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("forecast", {"enabled": True}),
        ("schedules", [{"name": "day"}]),
        ("burst", {"holdSeconds": 60}),
        ("fallback", {"behavior": "Current"}),
        ("pause", {"all": True}),
        ("resourceMetrics", "MetricsAPI"),
        ("cpuInitializationPeriodSeconds", 0),
        ("initialReadinessDelaySeconds", 10),
        ("onDelete", "Restore"),
    ],
)
def test_what_no_hpa_says_is_named(field: str, value: object) -> None:
    hpa, notes = hpa_of(an_object(**{field: value}))
    assert hpa["spec"] == PLAIN
    assert [note.partition(" is")[0] for note in notes] == [f"spec.{field}"]


@pytest.mark.parametrize("spec", [{"forecast": {"enabled": False}}, {"resourceMetrics": "Prometheus"}, {"onDelete": "Keep"}])
def test_what_is_switched_off_is_no_loss(spec: dict[str, object]) -> None:
    assert hpa_of(an_object(**spec))[1] == []


def test_what_a_feature_gate_decides_is_named() -> None:
    _, notes = hpa_of(an_object(minReplicas=0, behavior={"scaleUp": {"tolerance": "0.05"}}))
    assert ["HPAScaleToZero" in notes[0], "HPAConfigurableTolerance" in notes[1]] == [True, True]
