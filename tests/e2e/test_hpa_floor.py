"""Mode HPAFloor against a real API server and the real HPA controller: raised, enforced, respected, given back.

The service runs as a process of its own, so that it can be killed. No load is measured here: a fixed pause asks for the floor,
and the HPA brings its target within its bounds without any metric.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from autoscaler.api.marks import FLOOR_MANAGER
from autoscaler.clients.kube.connection import APPLY_PATCH, MERGE_PATCH, Call
from autoscaler.clients.kube.resources import DEPLOYMENTS, PREDICTIVE_AUTOSCALERS
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.loops.floor_standing import NAMES, OWNER_MIN
from demo.cluster import Cluster
from tests.contract.support import Objects, a_namespace
from tests.e2e.alone import a_deployment, a_service

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
DEADLINE_S = 90.0
APP = "web"


@pytest.fixture
async def place(cluster: Cluster) -> AsyncIterator[Objects]:
    """A namespace with a Deployment of two pods and an HPA of GitOps from 2 to 6."""
    async with a_namespace(cluster.kubeconfig) as objects:
        await objects.create(DEPLOYMENTS, a_deployment(APP, 2))
        await gitops(objects, 2)
        yield objects


async def gitops(objects: Objects, min_replicas: int) -> None:
    """Apply the HPA on the server's side, as a GitOps tool does."""
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP}
    target = {"type": "Utilization", "averageUtilization": 80}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    spec = {"scaleTargetRef": ref, "minReplicas": min_replicas, "maxReplicas": 6, "metrics": metrics}
    meta = {"name": APP, "namespace": objects.namespace}
    body = {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "metadata": meta, "spec": spec}
    query = {"fieldManager": "gitops", "force": "true"}
    await objects.connection.send(Call("patch", HPAS, objects.namespace, APP, "", body, query, content_type=APPLY_PATCH))


async def ask_for(objects: Objects, replicas: int) -> None:
    """Create an object that asks for a fixed floor."""
    ref = {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "name": APP}
    spec = {"scaleTargetRef": ref, "mode": "HPAFloor", "pause": {"replicas": replicas}}
    await objects.create(PREDICTIVE_AUTOSCALERS, {"metadata": {"name": APP}, "spec": spec})


async def until(objects: Objects, holds: Callable[[Json], bool], folder: Path) -> Json:
    """Wait until the HPA is as it should be, and return it."""
    found: Json = {}
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found = await objects.read(HPAS, APP)
                if holds(found):
                    return found
                await asyncio.sleep(0.2)
    except TimeoutError:
        log = (folder / "log").read_text()[-3000:]
        pytest.fail(f"the HPA stayed {found['spec']} {found['metadata'].get('annotations')}; the service said:\n{log}")


async def until_refused(objects: Objects) -> str:
    """Wait until the floor is refused as contested, and return what is said of it."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            obj = await objects.read(PREDICTIVE_AUTOSCALERS, APP)
            for one in obj.get("status", {}).get("conditions", ()):
                if (one["type"], one["reason"]) == ("Acting", "FloorContested"):
                    return str(one["message"])
            await asyncio.sleep(0.2)


async def until_pods(objects: Objects, count: int) -> None:
    """Wait until the HPA has brought the Deployment to so many replicas, and they run."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = await objects.read(DEPLOYMENTS, APP)
            if found["spec"]["replicas"] == count and found["status"].get("readyReplicas") == count:
                return
            await asyncio.sleep(0.2)


def has(min_replicas: int, owner: str | None) -> Callable[[Json], bool]:
    """Return a condition: minReplicas and what is remembered of its owner, None for no floor."""

    def look(hpa: Json) -> bool:
        notes = hpa["metadata"].get("annotations") or {}
        return bool(hpa["spec"]["minReplicas"] == min_replicas and notes.get(OWNER_MIN) == owner)

    return look


def is_clean(hpa: Json) -> bool:
    """Say whether nothing of ours is left on the HPA."""
    meta = hpa["metadata"]
    managers = {entry["manager"] for entry in meta["managedFields"]}
    return not set(NAMES) & set(meta.get("annotations") or {}) and FLOOR_MANAGER not in managers


async def test_a_floor_is_raised_enforced_by_the_hpa_and_given_back(cluster: Cluster, place: Objects, tmp_path: Path) -> None:
    await ask_for(place, 4)
    async with a_service(cluster, place, tmp_path):
        await until(place, has(4, "2"), tmp_path)
        await until_pods(place, 4)
        await gitops(place, 3)
        await until(place, has(4, "3"), tmp_path)
        obj = await place.read(PREDICTIVE_AUTOSCALERS, APP)
        assert obj["status"]["floor"]["minReplicas"] == 4
        await place.delete(PREDICTIVE_AUTOSCALERS, APP)
        left = await until(place, lambda hpa: has(3, None)(hpa) and is_clean(hpa), tmp_path)
    before = left["metadata"]["managedFields"]
    await gitops(place, 2)  # nobody stands in the way of the owner
    assert (await place.read(HPAS, APP))["spec"]["minReplicas"] == 2
    assert {entry["manager"] for entry in before} >= {"gitops"}


async def test_an_owner_who_keeps_setting_it_back_is_left_alone(cluster: Cluster, place: Objects, tmp_path: Path) -> None:
    await ask_for(place, 4)
    async with a_service(cluster, place, tmp_path):
        for _ in range(3):
            await until(place, has(4, "2"), tmp_path)
            await gitops(place, 2)
        await until(place, lambda hpa: has(2, None)(hpa) and is_clean(hpa), tmp_path)
        assert "field manager gitops (Apply" in await until_refused(place)


async def test_a_floor_of_a_service_that_was_killed_is_given_back_by_the_next(
    cluster: Cluster, place: Objects, tmp_path: Path
) -> None:
    await ask_for(place, 5)
    async with a_service(cluster, place, tmp_path) as process:
        await until(place, has(5, "2"), tmp_path)
        process.kill()
        await process.wait()
    await place.delete(PREDICTIVE_AUTOSCALERS, APP)
    assert has(5, "2")(await place.read(HPAS, APP)), "nobody was there to lower it"
    async with a_service(cluster, place, tmp_path):
        await until(place, lambda hpa: has(2, None)(hpa) and is_clean(hpa), tmp_path)


async def test_a_floor_that_a_person_overrides_is_his_wish(cluster: Cluster, place: Objects, tmp_path: Path) -> None:
    await ask_for(place, 4)
    async with a_service(cluster, place, tmp_path):
        await until(place, has(4, "2"), tmp_path)
        body, query = {"spec": {"minReplicas": 5}}, {"fieldManager": "kubectl-edit"}
        call = Call("patch", HPAS, place.namespace, APP, "", body, query, content_type=MERGE_PATCH)
        await place.connection.send(call)
        await until(place, lambda hpa: has(5, None)(hpa) and is_clean(hpa), tmp_path)
