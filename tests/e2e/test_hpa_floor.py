"""Mode HPAFloor against a real API server and the real HPA controller: raised, enforced, respected, given back.

The service runs as a process of its own, so that it can be killed. No load is measured here: a fixed pause asks for the floor,
and the HPA brings its target within its bounds without any metric.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from autoscaler.api.floor_standing import NAMES, OWNER_MIN
from autoscaler.api.marks import ADOPTED, FLOOR_MANAGER, RESTORE_FINALIZER
from autoscaler.clients.kube.connection import APPLY_PATCH, MERGE_PATCH, Call, connect
from autoscaler.clients.kube.floors import Floors
from autoscaler.clients.kube.resources import DEPLOYMENTS, PREDICTIVE_AUTOSCALERS
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.ports import Conflict, NotFound
from autoscaler.handover.record import record_of
from autoscaler.settings import KubernetesSettings
from demo.cluster import Cluster
from tests.contract.support import Objects, a_namespace
from tests.e2e import alone
from tests.e2e.alone import a_deployment, a_service, the_service_account

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
APP, TAKEN, HELD = "web", "taken", "held"


@pytest.fixture
async def place(cluster: Cluster) -> AsyncIterator[Objects]:
    """A namespace with a Deployment of two pods and an HPA of GitOps from 2 to 6."""
    async with a_namespace(cluster.kubeconfig) as objects:
        await objects.create(DEPLOYMENTS, a_deployment(APP, 2))
        await gitops(objects, 2)
        yield objects


def an_hpa(objects: Objects, name: str, min_replicas: int) -> Json:
    """Return an HPA of a Deployment of its name."""
    target = {"type": "Utilization", "averageUtilization": 80}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    spec = {"scaleTargetRef": deployment_ref(name), "minReplicas": min_replicas, "maxReplicas": 6, "metrics": metrics}
    meta = {"name": name, "namespace": objects.namespace}
    return {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "metadata": meta, "spec": spec}


def deployment_ref(name: str) -> Json:
    """Return a reference to a Deployment."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}


async def gitops(objects: Objects, min_replicas: int) -> None:
    """Apply the HPA on the server's side, as a GitOps tool does."""
    body = an_hpa(objects, APP, min_replicas)
    query = {"fieldManager": "gitops", "force": "true"}
    await objects.connection.send(Call("patch", HPAS, objects.namespace, APP, "", body, query, content_type=APPLY_PATCH))


async def ask_for(objects: Objects, replicas: int) -> None:
    """Create an object that asks for a fixed floor."""
    ref = {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "name": APP}
    spec = {"scaleTargetRef": ref, "mode": "HPAFloor", "pause": {"replicas": replicas}}
    await objects.create(PREDICTIVE_AUTOSCALERS, {"metadata": {"name": APP}, "spec": spec})


async def until(objects: Objects, holds: Callable[[Json], bool], folder: Path) -> Json:
    """Wait until the HPA is as it should be, and return it."""
    return await alone.until(lambda: objects.read(HPAS, APP), holds, folder / "log")


async def until_refused(objects: Objects, folder: Path) -> str:
    """Wait until the floor is refused as contested, and return what is said of it."""

    def contested(obj: Json) -> list[str]:
        conditions = obj.get("status", {}).get("conditions", ())
        return [one["message"] for one in conditions if (one["type"], one["reason"]) == ("Acting", "FloorContested")]

    obj = await alone.until(lambda: objects.read(PREDICTIVE_AUTOSCALERS, APP), contested, folder / "log")
    return contested(obj)[0]


async def until_pods(objects: Objects, count: int) -> None:
    """Wait until the HPA has brought the Deployment to so many replicas, and they run."""

    def there(found: Json) -> bool:
        return bool(found["spec"]["replicas"] == count and found["status"].get("readyReplicas") == count)

    await alone.until(lambda: objects.read(DEPLOYMENTS, APP), there)


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
        assert "field manager gitops (Apply" in await until_refused(place, tmp_path)


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


async def test_a_floor_of_an_hpa_that_is_gone_is_a_conflict_and_no_want_of_the_right_to_create(
    cluster: Cluster, place: Objects, tmp_path: Path
) -> None:
    async with the_service_account(cluster, place.namespace, tmp_path) as kubeconfig:
        connection = await connect(KubernetesSettings(kubeconfig=str(kubeconfig)))
        floors = Floors(connection)
        try:
            seen = await floors.get(place.namespace, APP)
            assert not isinstance(seen, NotFound)
            await place.delete(HPAS, APP)
            assert await floors.apply(seen, 4, {}, force=True) is Conflict.CONFLICT  # of the UID: it is read again
            assert await floors.forget(seen, ()) is NotFound.NOT_FOUND
        finally:
            await connection.close()


async def until_wanted(objects: Objects, name: str, count: int, folder: Path) -> None:
    """Wait until somebody has asked a Deployment for so many replicas."""
    await alone.until(lambda: objects.read(DEPLOYMENTS, name), lambda one: one["spec"]["replicas"] == count, folder / "log")


async def typed(cluster: Cluster, *words: str) -> str:
    """Type a command as the administrator, and return what it says; it must succeed."""
    command = (sys.executable, "-m", "autoscaler", *words, "--kubeconfig", str(cluster.kubeconfig))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_all_that_a_dead_service_held_is_given_back_at_once(cluster: Cluster, place: Objects, tmp_path: Path) -> None:
    def scaled(name: str, least: int, **more: object) -> Json:
        return {"scaleTargetRef": deployment_ref(name), "mode": "Scale", "minReplicas": least, "maxReplicas": 6, **more}

    for name in (TAKEN, HELD):
        await place.create(DEPLOYMENTS, a_deployment(name, 2))
    hpa = an_hpa(place, TAKEN, 1)
    marks = {ADOPTED: record_of(hpa)}  # as adopt leaves it
    await place.create(PREDICTIVE_AUTOSCALERS, {"metadata": {"name": TAKEN, "annotations": marks}, "spec": scaled(TAKEN, 3)})
    await place.create(PREDICTIVE_AUTOSCALERS, {"metadata": {"name": HELD}, "spec": scaled(HELD, 4, onDelete="Restore")})
    await ask_for(place, 4)
    async with a_service(cluster, place, tmp_path):
        await until(place, has(4, "2"), tmp_path)
        await until_wanted(place, TAKEN, 3, tmp_path)
        await until_wanted(place, HELD, 4, tmp_path)
    await place.delete(PREDICTIVE_AUTOSCALERS, HELD)
    assert (await place.read(PREDICTIVE_AUTOSCALERS, HELD))["metadata"]["finalizers"] == [RESTORE_FINALIZER]
    everything = ("release", "--all", "--yes", "--namespace", place.namespace, "--timeout", "15")
    said = await typed(cluster, *everything)
    assert "3 done, 0 failed" in said
    assert "It seems not to run" in said
    made = await place.read(HPAS, TAKEN)
    assert (made["spec"]["minReplicas"], made["spec"]["scaleTargetRef"]) == (
        3,
        deployment_ref(TAKEN),
    )  # the bounds of the object
    assert not [one for one in made["metadata"].get("managedFields", ()) if "foresail" in one["manager"]]
    floored = await place.read(HPAS, APP)
    assert has(2, None)(floored)
    assert is_clean(floored)
    assert (await place.read(DEPLOYMENTS, HELD))["spec"]["replicas"] == 2
    left = (await place.connection.send(Call("list", PREDICTIVE_AUTOSCALERS, place.namespace))).body["items"]
    assert left == []
    assert await typed(cluster, *everything) == "Foresail holds nothing here\n"
