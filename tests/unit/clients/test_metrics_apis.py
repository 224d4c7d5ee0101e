"""Questions to the custom and external metrics APIs, over real HTTP: the paths are those of the HPA's own clients."""

from typing import Any

import pytest

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.ports import ExternalMetric, MetricQuestion, MetricValue, ObjectMetric, PodsMetric, UsageMetric
from autoscaler.errors import Permanent
from autoscaler.telemetry import REGISTRY
from tests.fakes.api_server import FakeApiServer

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop"
AT = "2026-01-02T03:04:05Z"
AT_S = 1767323045.0


def item(value: str, name: str = "", **fields: object) -> dict[str, Any]:
    about = {"describedObject": {"kind": "Pod", "name": name}} if name else {}
    return {"value": value, "timestamp": AT, **about, **fields}


async def test_a_metric_of_pods_is_asked_for_all_pods_of_the_selector_at_once(api: FakeApiServer, client: KubeClient) -> None:
    path = f"{CUSTOM}/pods/*/rps?labelSelector=app%3Dshop&metricLabelSelector=path%3Dcart"
    api.metrics[path] = [item("1500m", "shop-1", windowSeconds=30), item("2", "shop-2")]
    values = await client.metric(PodsMetric("shop", "rps", pods="app=shop", series="path=cart"))
    assert values == [MetricValue("shop-1", 1500, AT_S, 30.0), MetricValue("shop-2", 2000, AT_S, 60.0)]


async def test_the_usage_of_pods_is_asked_for_all_of_the_selector(api: FakeApiServer, client: KubeClient) -> None:
    used = {
        "metadata": {"name": "shop-1"},
        "timestamp": AT,
        "window": "15s",
        "containers": [{"name": "app", "usage": {"cpu": "7m"}}],
    }
    api.metrics["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector=app%3Dshop"] = [used]
    found = [await client.metric(UsageMetric("shop", "cpu", container, "app=shop")) for container in (None, "app", "other")]
    assert found == [[MetricValue("shop-1", 7, AT_S, 15.0)], [MetricValue("shop-1", 7, AT_S, 15.0)], []]


@pytest.mark.parametrize(
    ("question", "path"),
    [
        (ObjectMetric("shop", "hits", "apps/v1", "Deployment", "web"), f"{CUSTOM}/deployments.apps/web/hits"),
        (ObjectMetric("shop", "hits", "v1", "Pod", "web"), f"{CUSTOM}/pods/web/hits"),
        (ObjectMetric("shop", "hits", "", "Pod", "web", "a=b"), f"{CUSTOM}/pods/web/hits?metricLabelSelector=a%3Db"),
        (ObjectMetric("shop", "hits", "v1", "Namespace", "any"), f"{CUSTOM}/metrics/hits"),
        (ExternalMetric("shop", "queue"), f"{EXTERNAL}/queue"),
        (ExternalMetric("shop", "queue", "name=fast"), f"{EXTERNAL}/queue?labelSelector=name%3Dfast"),
    ],
)
async def test_an_object_and_what_is_outside_have_paths_of_their_own(
    api: FakeApiServer, client: KubeClient, question: MetricQuestion, path: str
) -> None:
    api.metrics[path] = [item("7")]
    assert await client.metric(question) == [MetricValue("", 7000, AT_S, 60.0)]


async def test_the_version_of_an_api_is_looked_up_once_and_again_after_a_failure(
    api: FakeApiServer, client: KubeClient
) -> None:
    api.metrics[f"{EXTERNAL}/queue"] = [item("7")]
    await client.metric(ExternalMetric("shop", "queue"))
    await client.metric(ExternalMetric("shop", "queue"))
    lookups = [path for _, path, _ in api.requests if path == "/apis/external.metrics.k8s.io"]
    assert len(lookups) == 1
    newer = EXTERNAL.replace("v1beta1", "v1")
    api.metrics = {f"{newer}/queue": [item("8")]}
    with pytest.raises(Permanent, match="could not find the metric"):
        await client.metric(ExternalMetric("shop", "queue"))
    assert [value.milli for value in await client.metric(ExternalMetric("shop", "queue"))] == [8000]


async def test_without_an_adapter_the_remedy_is_told(client: KubeClient) -> None:
    with pytest.raises(Permanent, match=r"nobody serves custom\.metrics\.k8s\.io in this cluster; install an adapter"):
        await client.metric(PodsMetric("shop", "rps", pods="app=shop"))


async def test_names_that_users_choose_are_not_labels_of_our_metrics(api: FakeApiServer, client: KubeClient) -> None:
    api.metrics[f"{EXTERNAL}/queue_of_somebody"] = []
    assert await client.metric(ExternalMetric("shop", "queue_of_somebody")) == []
    counted = {
        sample.labels["resource"] for metric in REGISTRY.collect() for sample in metric.samples if "resource" in sample.labels
    }
    assert "metrics" in counted
    assert not any("queue_of_somebody" in resource for resource in counted)
