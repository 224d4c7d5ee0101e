"""Kubernetes' metrics APIs for real: the client reads them, and the service scales by them as the HPA beside it does.

metrics-server asks the real kubelet; the custom and external metrics come from the sample server of their library. Both stand
behind the aggregation layer of the real API server. Two twins are scaled by the same metrics: one by kube-controller-manager's
Horizontal Pod Autoscaler, one by the service.
"""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.connection import connect
from autoscaler.clients.ports import ExternalMetric, MetricQuestion, MetricValue, ObjectMetric, PodsMetric, UsageMetric
from autoscaler.settings import KubernetesSettings
from demo.cluster import Cluster
from demo.cluster.api import Api
from demo.cluster.config import PAUSE_IMAGE
from demo.cluster.errors import ClusterError
from tests.integration.metrics_apis.entries import ADMIN, aggregated, served
from tests.integration.metrics_apis.programs import METRICS_SERVER, TEST_ADAPTER, built

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
NAMESPACE = "metrics-apis"
SCRAPED = ("--kubelet-insecure-tls", "--kubelet-preferred-address-types=InternalIP", "--metric-resolution=15s")
PORTS = {METRICS_SERVER: 4443, TEST_ADAPTER: 4444}
WRITES = 8080  # where the sample is told values
GROUPS = {
    "v1beta1.metrics.k8s.io": METRICS_SERVER,
    "v1beta2.custom.metrics.k8s.io": TEST_ADAPTER,
    "v1beta1.external.metrics.k8s.io": TEST_ADAPTER,
}
THEIRS, OURS, WATCHED = "theirs", "ours", "watched"
IMAGE = "foresail-test/busy:1"
DOCKERFILE = """\
ARG BASE
FROM ${BASE}
CMD ["python3", "-c", "while True: pass"]
"""
REQUEST_MILLICORES, QUOTA_MILLICORES = 10, 50  # a busy pod uses its quota, five times what it requests
MOST = 6
SETTLE_S = 100.0  # of both: a sync period is 15 s, and a new pod is Ready within seconds


@dataclass(frozen=True)
class World:
    """The cluster with the metrics APIs, the twins and the service."""

    cluster: Cluster
    writes: int  # port on 127.0.0.1

    @property
    def api(self) -> Api:
        return Api(self.cluster.state.api_port, self.cluster.layout.pki)

    def tell(self, path: str, value: str) -> None:
        """Tell the sample server the value of a metric."""
        connection = http.client.HTTPConnection("127.0.0.1", self.writes, timeout=5)
        connection.request(
            "POST", f"/write-metrics/namespaces/{NAMESPACE}/{path}", json.dumps(value), {"Content-Type": "application/json"}
        )
        assert connection.getresponse().status == 200
        connection.close()

    def get(self, kind: str, name: str) -> Json:
        """Return an object of the namespace."""
        group = {
            "deployments": "apps/v1",
            "horizontalpodautoscalers": "autoscaling/v2",
            "predictiveautoscalers": "foresail.dev/v1alpha1",
        }[kind]
        return self.api.object(f"/apis/{group}/namespaces/{NAMESPACE}/{kind}/{name}") or {}

    def replicas(self, name: str) -> int:
        """Return what a twin is asked to have."""
        return int(self.get("deployments", name)["spec"]["replicas"])

    def until(self, condition: Callable[[], bool], what: str, deadline_s: float = SETTLE_S) -> None:
        """Wait for something."""
        try:
            self.cluster.wait(lambda: condition() or None, deadline_s, what)
        except ClusterError as error:
            kinds = "horizontalpodautoscalers,predictiveautoscalers"
            text = self.cluster.kubectl("get", kinds, "-n", NAMESPACE, "-o", "jsonpath={range .items[*]}{.status}{'\\n'}{end}")
            raise ClusterError(f"{error}\n{text}") from error


def manifests() -> list[Json]:
    """Return the servers' entries at the API server, and what is scaled."""
    made: list[Json] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}]
    for name, port in PORTS.items():
        made += [*served(name, port), *aggregated((group for group, server in GROUPS.items() if server == name), name)]
    front = {"name": "front", "namespace": NAMESPACE}
    made.append({"apiVersion": "v1", "kind": "Service", "metadata": front, "spec": {"ports": [{"port": 80}]}})
    asleep: Json = {"image": PAUSE_IMAGE}
    resources = {"requests": {"cpu": f"{REQUEST_MILLICORES}m"}, "limits": {"cpu": f"{QUOTA_MILLICORES}m"}}
    busy: Json = {"image": IMAGE, "resources": resources}
    return [*made, deployment(THEIRS, asleep), deployment(OURS, asleep), deployment(WATCHED, busy)]


def deployment(name: str, what: Json) -> Json:
    """Return a Deployment of one container."""
    labels = {"app": name}
    container = {"name": "app", "imagePullPolicy": "Never", **what}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


FRONT = {"apiVersion": "v1", "kind": "Service", "name": "front"}
BY_THREE_APIS = [
    {
        "type": "Object",
        "object": {
            "describedObject": FRONT,
            "metric": {"name": "requests"},
            "target": {"type": "AverageValue", "averageValue": "10"},
        },
    },
    {
        "type": "External",
        "external": {
            "metric": {"name": "my-external-metric", "selector": {"matchLabels": {"foo": "bar"}}},
            "target": {"type": "AverageValue", "averageValue": "40"},
        },
    },
]
CPU = [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 100}}}]


def scaler(kind: str, target: str, metrics: list[Json], **spec: Json | str) -> Json:
    """Return an HPA or one of our objects."""
    version = "autoscaling/v2" if kind == "HorizontalPodAutoscaler" else "foresail.dev/v1alpha1"
    quick = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": target, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": 1,
            "maxReplicas": 2 if target == WATCHED else MOST,
            "metrics": metrics,
            "behavior": quick,
            **spec,
        },
    }


def own(target: str, mode: str, metrics: list[Json]) -> Json:
    """Return one of our objects, which reads what the HPA reads."""
    more: Json = {"mode": mode, "resourceMetrics": "MetricsAPI", "forecast": {"enabled": False}}
    return scaler("PredictiveAutoscaler", target, metrics, **more)


@pytest.fixture(scope="module")
def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start both servers, the twins and the service; take all of it away again."""
    programs = built()
    context = tmp_path_factory.mktemp("image")
    (context / "Dockerfile").write_text(DOCKERFILE)
    cluster.build_image(IMAGE, context=context, dockerfile=context / "Dockerfile", key=DOCKERFILE)
    crds = Path(__file__).resolve().parents[2] / "helm" / "foresail" / "crds"
    cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={crds}")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"--filename={crds}")
    inner, folder = cluster.layout.inner_kubeconfig, tmp_path_factory.mktemp("certificates")
    for name, port in PORTS.items():
        asked = [f"--{kind}={inner}" for kind in ("authentication-kubeconfig", "authorization-kubeconfig")]
        config = f"--kubeconfig={inner}" if name == METRICS_SERVER else f"--lister-kubeconfig={inner}"
        own_options = SCRAPED if name == METRICS_SERVER else ()
        cluster.spawn(
            name, [programs / name, config, *asked, f"--secure-port={port}", f"--cert-dir={folder / name}", *own_options]
        )
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests()})
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=text)
    made = World(cluster, cluster.forward(cluster.node_ip, WRITES))
    service = None
    try:
        cluster.kubectl("wait", "--for=condition=Available", "--timeout=60s", *(f"apiservice/{name}" for name in GROUPS))
        service = started(cluster, tmp_path_factory.mktemp("service"))
        yield made
    finally:
        if service is not None:
            service.terminate()
            service.wait(timeout=30)
        cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false", "--ignore-not-found")
        cluster.kubectl("delete", "--ignore-not-found", *(f"apiservice/{name}" for name in GROUPS))
        cluster.kubectl("delete", "-n", ADMIN, "--ignore-not-found", *(f"service/{name}" for name in PORTS))
        for name in PORTS:
            cluster.end(name)


def started(cluster: Cluster, folder: Path) -> "subprocess.Popen[bytes]":
    """Run the service on this machine, without Prometheus: nothing here is asked of it."""
    settings = {
        "prometheus": {"url": "http://127.0.0.1:9"},
        "leader_election": {"enabled": False},
        "kubernetes": {"kubeconfig": str(cluster.kubeconfig), "namespaces": [NAMESPACE]},
        "web": {"host": "127.0.0.1", "port": 0},
    }
    config = folder / "settings.json"
    config.write_text(json.dumps(settings))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", "autoscaler", "run", f"--config={config}"], stderr=log)


def asked_of(kubeconfig: Path) -> Callable[[MetricQuestion], Any]:
    async def ask(question: MetricQuestion) -> dict[str, MetricValue]:
        connection = await connect(KubernetesSettings(kubeconfig=str(kubeconfig)))
        try:
            return {one.of: one for one in await KubeClient(connection).metric(question)}
        finally:
            await connection.close()

    return ask


async def test_the_client_reads_what_each_api_says(world: World) -> None:
    ask = asked_of(world.cluster.kubeconfig)
    world.tell("services/front/requests", "5500m")
    pod, *_ = world.cluster.kubectl("get", "pods", "-n", NAMESPACE, "-l", f"app={WATCHED}", "-o", "name").split()
    name = pod.removeprefix("pod/")
    world.tell(f"pods/{name}/depth", "7")
    [of_front] = (await ask(ObjectMetric(NAMESPACE, "requests", "v1", "Service", "front"))).values()
    assert of_front.milli == 5500
    assert {of: one.milli for of, one in (await ask(PodsMetric(NAMESPACE, "depth", f"app={WATCHED}"))).items()} == {name: 7000}
    external = await ask(ExternalMetric(NAMESPACE, "my-external-metric", "foo=bar"))
    assert [one.milli for one in external.values()] == [42_000]
    assert await ask(ExternalMetric(NAMESPACE, "nothing-of-that-name")) == {}

    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/{name}"
    world.until(lambda: world.api.object(path) is not None, "metrics-server to know the pod")
    usage = await ask(UsageMetric(NAMESPACE, "memory", None, f"app={WATCHED}"))
    told = (world.api.object(path) or {})["containers"][0]["usage"]["memory"]
    assert name in usage
    assert usage[name].milli == int(told.removesuffix("Ki")) * 1024 * 1000


def test_the_service_scales_by_the_three_apis_as_the_hpa_does(world: World) -> None:
    objects = [
        scaler("HorizontalPodAutoscaler", THEIRS, BY_THREE_APIS),
        own(OURS, "Scale", BY_THREE_APIS),
        scaler("HorizontalPodAutoscaler", WATCHED, CPU),
        own(WATCHED, "Observe", CPU),
    ]
    world.tell("services/front/requests", "35")
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    world.cluster.kubectl("apply", "--server-side", "--filename=-", stdin=text)
    for requests, wanted in (("35", 4), ("58", 6), ("500", MOST), ("12", 2), ("0", 2)):  # the external metric alone asks for 2

        def settled(requests: str = requests, wanted: int = wanted) -> bool:
            world.tell("services/front/requests", requests)  # again, as an old value is none
            return (world.replicas(THEIRS), world.replicas(OURS)) == (wanted, wanted)

        world.until(settled, f"HPA and service to ask for {wanted} pods for {requests} requests")
    time.sleep(16)  # a sync period in which neither may change its mind
    assert (world.replicas(THEIRS), world.replicas(OURS)) == (2, 2)

    world.until(lambda: world.replicas(WATCHED) == 2, "the HPA to double pods that are too busy")

    def both() -> list[Json]:
        kinds = ("horizontalpodautoscalers", "predictiveautoscalers")
        return [world.get(kind, WATCHED).get("status", {}) for kind in kinds]

    world.until(lambda: [one.get("desiredReplicas") for one in both()] == [2, 2], "HPA and service to want 2 of them")
    hpa, ours = both()
    busy = 100 * QUOTA_MILLICORES / REQUEST_MILLICORES
    utilizations = (
        hpa["currentMetrics"][0]["resource"]["current"]["averageUtilization"],
        ours["metrics"][0]["current"]["averageUtilization"],
    )
    assert utilizations == (pytest.approx(busy, rel=0.3), pytest.approx(busy, rel=0.3))
