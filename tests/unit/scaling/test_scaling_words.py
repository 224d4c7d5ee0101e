"""What Events say of a change, in the HPA's own words."""

import msgspec
import pytest

from autoscaler.api.types import MetricSpec
from autoscaler.scaling.words import cause
from tests.builders import a_query_metric, a_resource_metric

PER_POD = {"type": "AverageValue", "averageValue": "1"}
WHOLE = {"type": "Value", "value": "1"}
LABELS = "MatchLabels:map[string]string{a: 1,b: 2,}"
EXPRESSIONS = "MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:c,Operator:In,Values:[x y],},}"
INGRESS = {"kind": "Ingress", "name": "front"}


def metric(kind: str, **source: object) -> MetricSpec:
    return msgspec.convert({"type": kind, kind[0].lower() + kind[1:]: source}, MetricSpec)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (a_resource_metric(utilization=50), "cpu resource utilization (percentage of request)"),
        (a_resource_metric(average="50m"), "cpu resource"),
        (
            a_resource_metric("memory", utilization=5, container="app"),
            "memory container resource utilization (percentage of request)",
        ),
        (a_resource_metric("memory", average="5", container="app"), "memory resource"),
        (metric("Pods", metric={"name": "rps"}, target=PER_POD), "pods metric rps"),
        (metric("Object", metric={"name": "hits"}, target=WHOLE, describedObject=INGRESS), "Ingress metric hits"),
        (metric("Object", metric={"name": "hits"}, target=PER_POD, describedObject=INGRESS), "external metric hits(nil)"),
        (metric("External", metric={"name": "queue"}, target=PER_POD), "external metric queue(nil)"),
        (
            metric(
                "External",
                metric={
                    "name": "queue",
                    "selector": {
                        "matchLabels": {"b": "2", "a": "1"},
                        "matchExpressions": [{"key": "c", "operator": "In", "values": ["x", "y"]}],
                    },
                },
                target=WHOLE,
            ),
            f"external metric queue(&LabelSelector{{{LABELS},{EXPRESSIONS},}})",
        ),
        (a_query_metric(query="sum(x)"), "query sum(x)"),
    ],
)
def test_a_metric_that_asks_for_more_is_named(spec: MetricSpec, words: str) -> None:
    assert cause(3, 2, spec) == f"{words} above target"


def test_less_is_asked_for_by_all() -> None:
    assert cause(1, 2, a_resource_metric()) == "All metrics below target"
    assert cause(2, 2, a_resource_metric()) == ""
