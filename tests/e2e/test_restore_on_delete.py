"""`onDelete: Restore` against a real API server: the finalizer holds the object until its target is what it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoscaler.api.marks import RESTORE_FINALIZER
from autoscaler.clients.kube.connection import Call
from autoscaler.clients.kube.resources import DEPLOYMENTS, PREDICTIVE_AUTOSCALERS
from demo.cluster import Cluster
from tests.contract.support import Objects, a_namespace
from tests.e2e import alone
from tests.e2e.alone import a_deployment, a_service

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
APP = "web"


async def until(objects: Objects, holds: Callable[[int, list[Json]], bool], folder: Path) -> None:
    """Wait until the Deployment's replicas and our objects are as they should be."""

    async def look() -> tuple[int, list[Json]]:
        deployment = await objects.read(DEPLOYMENTS, APP)
        ours = (await objects.connection.send(Call("list", PREDICTIVE_AUTOSCALERS, objects.namespace))).body["items"]
        return deployment["spec"]["replicas"], ours

    await alone.until(look, lambda found: holds(*found), folder / "log")


async def test_replicas_come_back_although_the_service_was_killed_in_between(cluster: Cluster, tmp_path: Path) -> None:
    async with a_namespace(cluster.kubeconfig) as place:
        await place.create(DEPLOYMENTS, a_deployment(APP, 2))
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP}
        bounds = {"minReplicas": 4, "maxReplicas": 6}  # below its bounds a target is scaled without any metric
        spec = {"scaleTargetRef": ref, "mode": "Scale", **bounds, "onDelete": "Restore"}
        await place.create(PREDICTIVE_AUTOSCALERS, {"metadata": {"name": APP}, "spec": spec})
        async with a_service(cluster, place, tmp_path):
            await until(place, lambda replicas, _: replicas == 4, tmp_path)
        obj = await place.read(PREDICTIVE_AUTOSCALERS, APP)
        assert (obj["metadata"]["finalizers"], obj["status"]["originalReplicas"]) == ([RESTORE_FINALIZER], 2)
        await place.delete(PREDICTIVE_AUTOSCALERS, APP)
        await until(place, lambda replicas, ours: replicas == 4 and "deletionTimestamp" in ours[0]["metadata"], tmp_path)
        async with a_service(cluster, place, tmp_path):
            await until(place, lambda replicas, ours: replicas == 2 and not ours, tmp_path)
