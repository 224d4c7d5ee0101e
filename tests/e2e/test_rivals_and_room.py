"""Others on the real cluster: a tool that sets replicas back is left to it, and a full node is not asked for ever more pods.

API server, controllers, scheduler and kubelet are real, and so are the service's parts as `foresail run` puts them together.
They run in the test's own process, so that times can be short; only the load is told by the test.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from autoscaler.clients.kube.resources import DEPLOYMENTS, PODS, PREDICTIVE_AUTOSCALERS
from autoscaler.compose import assembled
from autoscaler.loops.run import run
from autoscaler.settings import (
    ForecastSettings,
    KubernetesSettings,
    LeaderElectionSettings,
    PrometheusSettings,
    ScalingSettings,
    Settings,
    WebSettings,
)
from autoscaler.telemetry import REGISTRY
from demo.cluster import Cluster
from demo.cluster.config import PAUSE_IMAGE
from demo.constants import SYSTEM_NAMESPACE
from tests.contract.support import Objects, a_namespace
from tests.e2e.alone import the_service_account, until
from tests.fakes.loopback import LoopbackServer

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
PER_POD = 10
HOLD_S = 3.0
SCALED = "shop"


@dataclass(slots=True)
class Load(LoopbackServer):
    """A Prometheus that answers each query with the load of this moment, and has no history."""

    value: float = PER_POD

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a query."""
        now_s = time.time()
        found = [] if request.path.endswith("query_range") else [{"metric": {}, "value": [now_s, str(self.value)]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": found}})


@dataclass(slots=True)
class World:
    """A namespace of the cluster, and the service that looks after it."""

    cluster: Cluster
    objects: Objects
    load: Load
    manifests: dict[str, Json] = field(default_factory=dict)

    async def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Type a command, in the namespace."""
        command = (*words, "--namespace", self.objects.namespace)
        return await asyncio.to_thread(self.cluster.kubectl, *command, stdin=stdin)

    async def apply(self, name: str, *how: str) -> None:
        """Apply a manifest, as somebody who keeps it in Git does."""
        await self.kubectl("apply", "--filename=-", *how, stdin=json.dumps(self.manifests[name]))

    async def replicas(self) -> int:
        """Return what the Deployment wants now."""
        return int((await self.objects.read(DEPLOYMENTS, SCALED))["spec"]["replicas"])

    async def status(self) -> Json:
        """Return the status of the PredictiveAutoscaler."""
        return dict((await self.objects.read(PREDICTIVE_AUTOSCALERS, SCALED)).get("status") or {})

    async def condition(self, kind: str) -> Json:
        """Return a condition of the PredictiveAutoscaler; empty while there is none."""
        return next((one for one in (await self.status()).get("conditions", ()) if one["type"] == kind), {})

    async def events(self, reason: str) -> list[Json]:
        """Return the Events of a reason."""
        found = json.loads(await self.kubectl("get", "events.events.k8s.io", "--output=json"))["items"]
        return [one for one in found if one["reason"] == reason and one["regarding"]["kind"] == "PredictiveAutoscaler"]

    async def scaled_to(self, count: int) -> None:
        """Wait until the Deployment wants so many."""
        await until(self.replicas, lambda found: found == count)

    async def turned(self, kind: str, status: str) -> Json:
        """Wait until a condition has a status; return it."""
        return await until(lambda: self.condition(kind), lambda found: found.get("status") == status)

    async def decided(self, action: str, reason: str, more: int) -> None:
        """Wait for so many more decisions of a kind."""
        labels = {"namespace": self.objects.namespace, "name": SCALED, "action": action, "reason": reason}

        async def count() -> float:
            return REGISTRY.get_sample_value("foresail_decisions_total", labels) or 0.0

        wanted = await count() + more
        await until(count, lambda found: found >= wanted)

    def sample(self, name: str) -> float | None:
        """Return a series of the PredictiveAutoscaler."""
        return REGISTRY.get_sample_value(name, {"namespace": self.objects.namespace, "name": SCALED})


@pytest.fixture
def alone(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster without a service of its own, which would look after our objects as well."""
    other = ("deployment/foresail", "--namespace", SYSTEM_NAMESPACE)
    there = cluster.kubectl("get", *other, "--ignore-not-found", "--output=name")
    if there:
        cluster.kubectl("scale", *other, "--replicas=0")
        gone = ("--selector=app.kubernetes.io/component=service", "--namespace", SYSTEM_NAMESPACE, "--timeout=60s")
        cluster.kubectl("wait", "pods", "--for=delete", *gone)
    yield cluster
    if there:
        cluster.kubectl("scale", *other, "--replicas=1")


@asynccontextmanager
async def served(cluster: Cluster, folder: Path) -> AsyncIterator[World]:
    """A namespace, and the service for it alone while the block lasts."""
    async with (
        a_namespace(cluster.kubeconfig) as objects,
        the_service_account(cluster, objects.namespace, folder) as kubeconfig,
        Load() as load,
    ):
        settings = Settings(
            prometheus=PrometheusSettings(url=load.url, rate_window_s=4),
            scaling=ScalingSettings(sync_period_s=0.5, downscale_stabilization_s=0, unschedulable_hold_s=HOLD_S),
            forecast=ForecastSettings(refresh_s=1.0, step_s=4, default_lead_s=1.0),
            leader_election=LeaderElectionSettings(enabled=False),
            web=WebSettings(host="127.0.0.1", port=0),
            kubernetes=KubernetesSettings(kubeconfig=str(kubeconfig), namespaces=(objects.namespace,)),
        )
        stop = asyncio.Event()
        async with assembled(settings, stop) as (service, runner):
            running = asyncio.create_task(run(service, runner))
            try:
                yield World(cluster, objects, load)
            finally:
                stop.set()
                await running


def deployment(name: str, replicas: int, cpu_milli: int) -> Json:
    """Return pods that do nothing and request so much."""
    labels = {"app": name}
    resources = {"requests": {"cpu": f"{cpu_milli}m"}}
    container = {"name": "app", "image": PAUSE_IMAGE, "imagePullPolicy": "Never", "resources": resources}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def autoscaler() -> Json:
    """Return the object that scales the shop by its load, as fast as it can."""
    target = {"type": "AverageValue", "averageValue": str(PER_POD)}
    at_once = {"policies": [{"type": "Pods", "value": 100, "periodSeconds": 15}], "stabilizationWindowSeconds": 0}
    return {
        "metadata": {"name": SCALED},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": SCALED},
            "mode": "Scale",
            "minReplicas": 1,
            "maxReplicas": 8,
            "metrics": [{"type": "Prometheus", "prometheus": {"query": "load", "target": target}}],
            "behavior": {"scaleUp": at_once},
        },
    }


@pytest.mark.parametrize(
    ("how", "manager"),
    [((), "kubectl-client-side-apply (Update"), (("--server-side", "--force-conflicts"), "kubectl (Apply")],
    ids=["client-side", "server-side"],
)
async def test_a_manifest_that_sets_the_replicas_back_is_named_and_not_fought(
    how: tuple[str, ...], manager: str, alone: Cluster, tmp_path: Path
) -> None:
    async with served(alone, tmp_path) as world:
        world.manifests[SCALED] = deployment(SCALED, 1, 10)
        world.load.value = 3 * PER_POD
        await world.apply(SCALED, *how)
        await world.objects.create(PREDICTIVE_AUTOSCALERS, autoscaler())
        for _ in range(3):
            await world.scaled_to(3)
            await world.apply(SCALED, *how)
        contested = await world.turned("Acting", "False")
        assert contested["reason"] == "TargetContested"
        assert (
            f"was set back to 1 each time it was scaled (3 times within 15 minutes), last by field manager {manager} at"
            in (contested["message"])
        )
        await world.decided("scale_up", "AboveTarget", 3)
        assert await world.replicas() == 1
        [event] = await world.events("TargetContested")
        assert event["note"] == contested["message"]
        assert world.sample("foresail_contested") == 1


async def test_a_full_node_is_not_asked_for_ever_more_pods_until_there_is_room(alone: Cluster, tmp_path: Path) -> None:
    [node] = json.loads(alone.kubectl("get", "nodes", "--output=json"))["items"]
    room_milli = milli(node["status"]["allocatable"]["cpu"])
    async with served(alone, tmp_path) as world:
        await world.objects.create(DEPLOYMENTS, deployment("filler", 1, room_milli * 7 // 10))
        await world.kubectl("rollout", "status", "deployment/filler", "--timeout=60s")
        await world.objects.create(DEPLOYMENTS, deployment(SCALED, 1, room_milli // 10))
        await world.kubectl("rollout", "status", f"deployment/{SCALED}", "--timeout=60s")
        await world.objects.create(PREDICTIVE_AUTOSCALERS, autoscaler())
        assert (await world.turned("Schedulable", "True"))["reason"] == "Schedulable"
        quick_s = await looked_ahead(world, 0)
        world.load.value = 4 * PER_POD
        await world.scaled_to(4)
        full = await world.turned("Schedulable", "False")
        assert full["reason"] == "Unschedulable"
        assert "0/1 nodes are available: 1 Insufficient cpu" in full["message"]
        assert await looked_ahead(world, quick_s + 2 * HOLD_S) > quick_s  # the wait of the pods counts while it lasts
        assert (world.sample("foresail_unschedulable_pods") or 0) >= 1
        world.load.value = 6 * PER_POD
        await world.decided("hold", "Unschedulable", 3)
        assert await world.replicas() == 4
        assert (await world.status())["candidates"]["reactive"] == 6
        assert len(await world.events("Unschedulable")) == 1
        await world.kubectl("delete", "deployment/filler", "--wait=true")
        await world.scaled_to(6)
        await world.turned("Schedulable", "True")
        assert await pods_with_a_node(world) == 6
        assert await looked_ahead(world, quick_s + HOLD_S) > quick_s  # what it took was watched, so it is no outlier


async def looked_ahead(world: World, at_least_s: float) -> float:
    """Wait until the lead time is at least so long; return it."""
    status = await until(world.status, lambda found: found.get("leadSeconds", -1) >= at_least_s)
    return float(status["leadSeconds"])


async def pods_with_a_node(world: World) -> int:
    """Return how many pods of the shop have a node."""
    found = json.loads(await world.kubectl("get", PODS.plural, f"--selector=app={SCALED}", "--output=json"))["items"]
    return sum("nodeName" in pod["spec"] for pod in found)


def milli(cpu: str) -> int:
    """Return an amount of CPU as the node tells it, in millicores."""
    return int(cpu[:-1]) if cpu.endswith("m") else int(cpu) * 1000
