"""The port `Kube`: the fake in memory, the client against the fake API server, and against a real one do the same."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from autoscaler.api.field_owners import REPLICAS, owner_of
from autoscaler.clients.kube.connection import Call
from autoscaler.clients.kube.resources import DEPLOYMENTS, EVENTS, PODS, PREDICTIVE_AUTOSCALERS, Resource
from autoscaler.clients.ports import Conflict, EventNote, EvictionResult, Kube, NotFound, Target
from autoscaler.errors import Permanent
from demo.cluster.config import PAUSE_IMAGE
from tests.contract.support import Objects, a_fake, a_namespace, within
from tests.fakes.cluster import KINDS, FakeCluster
from tests.fakes.kube import FakeKube

Json = dict[str, Any]
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
READY_S = 120


class World(Protocol):
    """A cluster that a test may write to, and the port under test."""

    kube: Kube
    namespace: str

    async def create(self, resource: Resource, obj: Json) -> Json:
        """Create an object in the namespace and return it as stored."""

    async def touch(self, resource: Resource, name: str) -> None:
        """Let somebody else write an object."""

    async def running_pod(self, name: str) -> Json:
        """Create a pod and return it when it is Running and Ready."""

    async def protect(self, name: str) -> None:
        """Let a disruption budget forbid the eviction of a pod."""

    async def events(self) -> list[Json]:
        """Return the Events of the namespace in the API's form."""


@dataclass
class FakeWorld:
    kube: Kube
    cluster: FakeCluster
    namespace: str = "shop"

    async def create(self, resource: Resource, obj: Json) -> Json:
        return self.cluster.put(resource.plural, within(self.namespace, obj))

    async def touch(self, resource: Resource, name: str) -> None:
        obj = self.cluster.get(resource.plural, self.namespace, name)
        assert obj
        obj["metadata"]["labels"] = {"touched": "yes"}
        self.cluster.put(resource.plural, obj)

    async def running_pod(self, name: str) -> Json:
        pod = {**_pod(name), "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        return await self.create(PODS, pod)

    async def protect(self, name: str) -> None:
        self.cluster.budgeted.add((self.namespace, name))

    async def events(self) -> list[Json]:
        if isinstance(self.kube, FakeKube):
            return [
                {"reason": one.reason, "action": one.action, "note": one.note, "regarding": one.regarding, "type": _type(one)}
                for one in self.kube.events
            ]
        return self.cluster.list("events")


@dataclass
class RealWorld(Objects):
    """A namespace of a real cluster."""

    @property
    def kube(self) -> Kube:
        return self.client

    async def running_pod(self, name: str) -> Json:
        await self.create(PODS, _pod(name))
        async with asyncio.timeout(READY_S):
            while True:
                pod = await self.read(PODS, name)
                if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ())):
                    return pod
                await asyncio.sleep(0.2)

    async def protect(self, name: str) -> None:
        spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}}
        await self.create(BUDGETS, {"metadata": {"name": name}, "spec": spec})
        async with asyncio.timeout(READY_S):
            while True:
                status = (await self.read(BUDGETS, name)).get("status", {})
                if status.get("observedGeneration") and status.get("currentHealthy"):
                    return
                await asyncio.sleep(0.2)

    async def events(self) -> list[Json]:
        answer = await self.connection.send(Call("list", EVENTS, self.namespace))
        return [item for item in answer.body["items"] if item.get("reportingController") == "foresail.dev/autoscaler"]


def _type(note: EventNote) -> str:
    return "Warning" if note.warning else "Normal"


def _pod(name: str) -> Json:
    # The pause image is the one image that the node has anyway: the kubelet needs it for each pod.
    container = {"name": "pause", "image": PAUSE_IMAGE, "imagePullPolicy": "Never"}
    return {
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 30},
    }


def a_deployment(name: str, replicas: int) -> Json:
    """Return a Deployment whose pods no node takes: only its replicas matter here."""
    labels = {"app": name}
    pod = {"nodeSelector": {"foresail.dev/nowhere": "yes"}, "containers": [{"name": "app", "image": "none"}]}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def an_autoscaler(name: str) -> Json:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": ref, "mode": "Observe", "maxReplicas": 5}}


@pytest.fixture(params=["memory", "http", pytest.param("cluster", marks=pytest.mark.cluster)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param != "cluster":
        async with a_fake(request.param) as (kube, cluster):
            yield FakeWorld(kube, cluster)
    else:
        async with a_namespace(request.getfixturevalue("cluster").kubeconfig) as objects:
            yield RealWorld(objects.connection, objects.namespace)


def target(world: World, name: str, kind: str = "Deployment") -> Target:
    return Target("apps/v1", kind, world.namespace, name)


async def test_the_scale_of_a_target_is_read_with_its_selector(world: World) -> None:
    made = await world.create(DEPLOYMENTS, a_deployment("web", 2))
    scale = await world.kube.get_scale(target(world, "web"))
    assert not isinstance(scale, NotFound)
    assert (scale.spec_replicas, scale.selector, scale.uid) == (2, "app=web", made["metadata"]["uid"])


async def test_a_target_that_is_not_there_is_an_answer(world: World) -> None:
    assert await world.kube.get_scale(target(world, "nobody")) is NotFound.NOT_FOUND


async def test_who_set_the_replicas_of_a_target_can_be_read(world: World) -> None:
    await world.create(DEPLOYMENTS, a_deployment("web", 2))
    where = target(world, "web")
    written: object = Conflict.CONFLICT
    while written is Conflict.CONFLICT:  # the real controllers write the object, too
        seen = await world.kube.get_scale(where)
        assert not isinstance(seen, NotFound)
        written = await world.kube.set_scale(where, replicas=3, seen=seen)
    found = await world.kube.managed_fields(where)
    assert not isinstance(found, NotFound)
    owner = owner_of(found, REPLICAS)
    assert owner is not None
    assert (owner.manager, owner.operation, owner.subresource) == ("foresail", "Update", "scale")
    assert await world.kube.managed_fields(target(world, "nobody")) is NotFound.NOT_FOUND


async def test_a_kind_that_does_not_exist_is_an_error(world: World) -> None:
    with pytest.raises(Permanent, match="Deploymnt"):
        await world.kube.get_scale(target(world, "web", "Deploymnt"))


async def test_replicas_are_written_and_the_new_scale_can_be_written_again(world: World) -> None:
    await world.create(DEPLOYMENTS, a_deployment("web", 2))
    where = target(world, "web")
    for replicas in (5, 0, 3):
        seen = await world.kube.get_scale(where)
        while (written := await world.kube.set_scale(where, replicas=replicas, seen=seen)) is Conflict.CONFLICT:
            seen = await world.kube.get_scale(where)  # the deployment controller wrote the status meanwhile
        assert written.spec_replicas == replicas
        again = await world.kube.get_scale(where)
        assert again.spec_replicas == replicas


async def test_a_scale_that_somebody_else_wrote_meanwhile_is_a_conflict(world: World) -> None:
    await world.create(DEPLOYMENTS, a_deployment("web", 2))
    seen = await world.kube.get_scale(target(world, "web"))
    await _settled_touch(world, "web")
    assert await world.kube.set_scale(target(world, "web"), replicas=3, seen=seen) is Conflict.CONFLICT
    now = await world.kube.get_scale(target(world, "web"))
    assert now.spec_replicas == 2


async def _settled_touch(world: World, name: str) -> None:
    """Write a Deployment although its controller may be writing it at the same time."""
    async with asyncio.timeout(READY_S):
        while True:
            try:
                return await world.touch(DEPLOYMENTS, name)
            except Exception as problem:
                if "409" not in str(problem):
                    raise


async def test_replicas_of_a_target_that_is_gone_are_not_written(world: World) -> None:
    await world.create(DEPLOYMENTS, a_deployment("web", 2))
    seen = await world.kube.get_scale(target(world, "web"))
    assert await world.kube.set_scale(target(world, "nobody"), replicas=3, seen=seen) in {NotFound.NOT_FOUND, Conflict.CONFLICT}


async def test_a_status_is_replaced_once_and_a_second_writer_sees_the_conflict(world: World) -> None:
    made = await world.create(PREDICTIVE_AUTOSCALERS, an_autoscaler("web"))
    version = made["metadata"]["resourceVersion"]
    where = ("predictiveautoscalers", world.namespace, "web")
    first = await world.kube.update_status(
        *where, status={"currentReplicas": 1, "desiredReplicas": 2}, resource_version=version
    )
    assert isinstance(first, str)
    assert first != version
    second = await world.kube.update_status(*where, status={"desiredReplicas": 9}, resource_version=version)
    assert second is Conflict.CONFLICT
    third = await world.kube.update_status(*where, status={"desiredReplicas": 3}, resource_version=first)
    assert isinstance(third, str)


async def test_a_status_that_says_the_same_makes_no_new_version(world: World) -> None:
    made = await world.create(PREDICTIVE_AUTOSCALERS, an_autoscaler("web"))
    where = ("predictiveautoscalers", world.namespace, "web")
    first = await world.kube.update_status(
        *where, status={"desiredReplicas": 2}, resource_version=made["metadata"]["resourceVersion"]
    )
    assert await world.kube.update_status(*where, status={"desiredReplicas": 2}, resource_version=first) == first


async def test_the_status_of_an_object_that_is_gone_is_an_answer(world: World) -> None:
    answer = await world.kube.update_status("predictiveautoscalers", world.namespace, "nobody", status={}, resource_version="1")
    assert answer in {NotFound.NOT_FOUND, Conflict.CONFLICT}


async def test_a_pod_is_evicted_by_its_uid(world: World) -> None:
    pod = await world.running_pod("web-1")
    assert await world.kube.evict(world.namespace, "web-1", uid=pod["metadata"]["uid"]) is EvictionResult.ACCEPTED


async def test_another_pod_of_the_same_name_is_not_evicted(world: World) -> None:
    await world.running_pod("web-1")
    other = "00000000-0000-0000-0000-000000000000"
    assert await world.kube.evict(world.namespace, "web-1", uid=other) is EvictionResult.GONE


async def test_a_pod_that_is_not_there_is_gone(world: World) -> None:
    assert await world.kube.evict(world.namespace, "nobody", uid="00000000-0000-0000-0000-000000000000") is EvictionResult.GONE


async def test_a_disruption_budget_refuses_an_eviction(world: World) -> None:
    pod = await world.running_pod("web-1")
    await world.protect("web-1")
    uid = pod["metadata"]["uid"]
    assert await world.kube.evict(world.namespace, "web-1", uid=uid) is EvictionResult.DISRUPTION_BUDGET


async def test_an_event_is_written_even_when_its_note_is_too_long(world: World) -> None:
    made = await world.create(DEPLOYMENTS, a_deployment("web", 2))
    regarding = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": world.namespace,
        "name": "web",
        "uid": made["metadata"]["uid"],
    }
    await world.kube.create_event(EventNote(regarding, "SuccessfulRescale", "Scale", "é" * 1000, warning=True))
    (event,) = await world.events()
    assert (event["reason"], event["action"], event["type"]) == ("SuccessfulRescale", "Scale", "Warning")
    assert event["regarding"]["name"] == "web"
    assert event["note"].startswith("ééé")


def test_the_fake_cluster_knows_the_kinds_of_the_client() -> None:
    for resource in (DEPLOYMENTS, PODS, EVENTS, PREDICTIVE_AUTOSCALERS):
        assert KINDS[resource.plural] == (resource.api_version, resource.kind)
