"""Metrics of Kubernetes' own APIs in a pass: what is asked, and what an answer or a failure does to the replicas."""

from typing import Any

from autoscaler.clients.ports import ExternalMetric, MetricQuestion, MetricValue, ObjectMetric, PodsMetric, UsageMetric
from autoscaler.errors import Permanent
from tests.unit.loops.scenes import CPU_80, NAMESPACE, NOW_S, Scene, a_shop

PER_POD = {"type": "AverageValue", "averageValue": "10"}
RPS = {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": PER_POD}}
HITS = {
    "type": "Object",
    "object": {
        "describedObject": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"},
        "metric": {"name": "hits", "selector": {"matchExpressions": [{"key": "path", "operator": "In", "values": ["b", "a"]}]}},
        "target": {"type": "Value", "value": "100"},
    },
}
QUEUE = {
    "type": "External",
    "external": {"metric": {"name": "queue", "selector": {"matchLabels": {"a": "b"}}}, "target": PER_POD},
}
ASKED_RPS = PodsMetric(NAMESPACE, "rps", pods="app=shop")
ASKED_HITS = ObjectMetric(NAMESPACE, "hits", "networking.k8s.io/v1", "Ingress", "front", "path in (a,b)")
ASKED_QUEUE = ExternalMetric(NAMESPACE, "queue", "a=b")


def values(*milli: int, age_s: float = 5.0, of: str = "") -> list[MetricValue]:
    return [MetricValue(of, one, NOW_S - age_s, 60.0) for one in milli]


def a_shop_with(metric: dict[str, Any], question: MetricQuestion, answer: list[MetricValue]) -> Scene:
    scene = a_shop(replicas=2, metrics=[metric])
    scene.kube.metrics[question] = answer
    return scene


async def test_a_metric_of_pods_scales() -> None:
    """18 for each of two pods, where one may have 10: 3.6 pods."""
    answer = [*values(18_000, of="shop-abc-0"), *values(18_000, of="shop-abc-1")]
    scene = a_shop_with(RPS, ASKED_RPS, answer)
    await scene.scaling.once()
    assert scene.replicas() == 4


async def test_a_metric_of_an_object_scales_by_the_pods_that_are_ready() -> None:
    scene = a_shop_with(HITS, ASKED_HITS, values(150_000))
    await scene.scaling.once()
    assert scene.replicas() == 3
    assert scene.status()["metrics"][0] | {"proposal": 0} == {
        "name": "hits-of-Ingress-front",
        "type": "Object",
        "target": {"value": "100"},
        "current": {"value": "150"},
        "proposal": 0,
    }


async def test_usage_comes_from_the_metrics_api_where_the_object_says_so() -> None:
    """160m of the 100m that each requests is twice the target of 80 %; Prometheus is not asked, and would say nothing."""
    scene = a_shop(replicas=2, resourceMetrics="MetricsAPI")
    asked = UsageMetric(NAMESPACE, "cpu", None, "app=shop")
    scene.kube.metrics[asked] = [*values(160, of="shop-abc-0"), *values(160, of="shop-abc-1")]
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert scene.metrics.calls == []


async def test_the_series_of_an_external_metric_are_summed() -> None:
    scene = a_shop_with(QUEUE, ASKED_QUEUE, values(15_000, 20_000))
    await scene.scaling.once()
    assert scene.replicas() == 4


async def test_the_same_question_of_several_objects_is_asked_once() -> None:
    scene = a_shop_with(QUEUE, ASKED_QUEUE, values(35_000))
    scene.deploy("cart")
    scene.autoscale("cart", metrics=[QUEUE])
    await scene.scaling.once()
    assert (scene.replicas(), scene.replicas("cart")) == (4, 4)
    assert scene.kube.named("metric") == [(ASKED_QUEUE,)]


async def test_no_value_and_an_old_one_hold() -> None:
    scene = a_shop_with(QUEUE, ASKED_QUEUE, [])
    await scene.scaling.once()
    assert scene.condition("ScalingActive") == ("False", "FailedGetExternalMetric")
    scene.kube.metrics[ASKED_QUEUE] = values(0, age_s=61)
    await scene.scaling.once()
    assert scene.condition("ScalingActive") == ("False", "StaleMetrics")
    assert scene.replicas() == 2


async def test_one_metric_that_fails_beside_another_is_told_once_though_the_other_scales() -> None:
    scene = a_shop(replicas=2, metrics=[CPU_80, HITS])
    scene.use_cpu(0.160)
    scene.kube.fail("metric", Permanent("nobody serves custom.metrics.k8s.io"), times=2)
    await scene.scaling.once()
    assert scene.replicas() == 4
    assert scene.condition("ScalingActive") == ("True", "ValidMetricFound")
    assert scene.reasons() == ["FailedGetObjectMetric", "SuccessfulRescale"]
    await scene.scaling.once()
    assert scene.reasons().count("FailedGetObjectMetric") == 1


async def test_a_metric_without_history_is_not_forecast_and_says_why() -> None:
    scene = a_shop_with({**QUEUE}, ASKED_QUEUE, values(15_000))
    scene.autoscale(metrics=[QUEUE], forecast={"enabled": True})
    await scene.forecasting.once()
    await scene.scaling.once()
    assert scene.condition("ForecastActive") == ("False", "ForecastFailed")
