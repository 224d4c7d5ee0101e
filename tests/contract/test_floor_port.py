"""The floor of an HPA: what the fakes and a real API server do with it, field by field and owner by owner."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from autoscaler.api.marks import FLOOR_MANAGER
from autoscaler.clients.kube.connection import APPLY_PATCH, MERGE_PATCH, Call
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS, trim_hpa
from autoscaler.clients.ports import Conflict, FieldConflict, Kube, NotFound
from tests.contract.support import Objects, a_fake, a_namespace
from tests.fakes import fields
from tests.fakes.cluster import FakeCluster

Json = dict[str, Any]
NOTES = {"foresail.dev/floor-of": "shop/web", "foresail.dev/owner-min-replicas": "2"}


class World(Protocol):
    """A cluster with an HPA that others write as well."""

    kube: Kube
    namespace: str

    async def apply(self, manager: str, min_replicas: int | None, *, force: bool = False) -> None:
        """Let somebody apply the HPA on the server's side."""

    async def update(self, manager: str, min_replicas: int) -> None:
        """Let somebody write its minReplicas."""


@dataclass
class FakeWorld:
    kube: Kube
    cluster: FakeCluster
    namespace: str = "shop"

    async def apply(self, manager: str, min_replicas: int | None, *, force: bool = False) -> None:
        name = {"namespace": self.namespace, "name": "web"}
        live = self.cluster.get(HPAS.plural, self.namespace, "web") or {"metadata": name, "spec": {}}
        applied = fields.applied(live, {"metadata": name, "spec": a_spec(min_replicas)}, manager, force=force)
        assert isinstance(applied, dict), applied
        self.cluster.put(HPAS.plural, applied)

    async def update(self, manager: str, min_replicas: int) -> None:
        live = self.cluster.get(HPAS.plural, self.namespace, "web")
        assert live
        wanted = fields.merged(live, {"spec": {"minReplicas": min_replicas}})
        self.cluster.put(HPAS.plural, fields.replaced(live, wanted, manager))


@dataclass
class RealWorld(Objects):
    """A namespace of a real cluster."""

    @property
    def kube(self) -> Kube:
        return self.client

    async def apply(self, manager: str, min_replicas: int | None, *, force: bool = False) -> None:
        spec, meta = a_spec(min_replicas), {"name": "web", "namespace": self.namespace}
        body = {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "metadata": meta, "spec": spec}
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        await self.connection.send(Call("patch", HPAS, self.namespace, "web", "", body, query, content_type=APPLY_PATCH))

    async def update(self, manager: str, min_replicas: int) -> None:
        body, query = {"spec": {"minReplicas": min_replicas}}, {"fieldManager": manager}
        await self.connection.send(Call("patch", HPAS, self.namespace, "web", "", body, query, content_type=MERGE_PATCH))


def a_spec(min_replicas: int | None) -> Json:
    spec: Json = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9}
    return spec if min_replicas is None else {**spec, "minReplicas": min_replicas}


@pytest.fixture(params=["memory", "http", pytest.param("cluster", marks=pytest.mark.cluster)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param != "cluster":
        async with a_fake(request.param) as (kube, cluster):
            yield FakeWorld(kube, cluster)
    else:
        async with a_namespace(request.getfixturevalue("cluster").kubeconfig) as objects:
            yield RealWorld(objects.connection, objects.namespace)


async def seen(world: World) -> Json:
    found = await world.kube.get_hpa(world.namespace, "web")
    assert isinstance(found, dict)
    return found


async def raised(world: World, floor: int) -> Json:
    """Take minReplicas, whoever has it."""
    applied = await world.kube.apply_floor(await seen(world), min_replicas=floor, annotations=NOTES, force=True)
    assert isinstance(applied, dict), applied
    return applied


def managers(hpa: Json) -> list[str]:
    """Return who owns minReplicas."""
    entries = trim_hpa(hpa)["metadata"]["managedFields"]
    return sorted(one["manager"] for one in entries if "f:minReplicas" in one["fieldsV1"].get("f:spec", {}))


async def test_an_hpa_that_is_not_there_is_an_answer(world: World) -> None:
    assert await world.kube.get_hpa(world.namespace, "web") is NotFound.NOT_FOUND


async def test_a_floor_takes_min_replicas_from_its_owner_and_nothing_else(world: World) -> None:
    await world.apply("gitops", 2)
    after = await raised(world, 5)
    assert (after["spec"]["minReplicas"], after["spec"]["maxReplicas"]) == (5, 9)
    assert after["metadata"]["annotations"].items() >= NOTES.items()
    assert managers(after) == [FLOOR_MANAGER]
    assert (await seen(world))["spec"] == after["spec"]


async def test_without_force_what_somebody_else_owns_stays_his(world: World) -> None:
    await world.apply("gitops", 2)
    refused = await world.kube.apply_floor(await seen(world), min_replicas=5, annotations=NOTES, force=False)
    assert isinstance(refused, FieldConflict)
    assert "gitops" in refused.message
    assert (await seen(world))["spec"]["minReplicas"] == 2


async def test_a_floor_of_ones_own_is_moved_without_force(world: World) -> None:
    await world.apply("gitops", 2)
    before = await raised(world, 5)
    moved = await world.kube.apply_floor(before, min_replicas=7, annotations=NOTES, force=False)
    assert isinstance(moved, dict)
    assert moved["spec"]["minReplicas"] == 7


async def test_an_hpa_that_was_written_meanwhile_is_a_conflict(world: World) -> None:
    await world.apply("gitops", 2)
    old = await seen(world)
    await world.update("someone", 3)
    assert await world.kube.apply_floor(old, min_replicas=5, annotations=NOTES, force=True) is Conflict.CONFLICT
    assert await world.kube.forget_floor(old, list(NOTES)) is Conflict.CONFLICT


async def test_an_hpa_that_is_gone_is_not_made(world: World) -> None:
    await world.apply("gitops", 2)
    gone = await seen(world)
    gone["metadata"]["name"] = "gone"
    answer = await world.kube.apply_floor(gone, min_replicas=5, annotations=NOTES, force=True)
    assert answer in {NotFound.NOT_FOUND, Conflict.CONFLICT}
    assert await world.kube.forget_floor(gone, list(NOTES)) in {NotFound.NOT_FOUND, Conflict.CONFLICT}
    assert await world.kube.get_hpa(world.namespace, "gone") is NotFound.NOT_FOUND


async def test_somebody_who_writes_another_value_owns_it_again(world: World) -> None:
    await world.apply("gitops", 2)
    await raised(world, 5)
    await world.update("someone", 3)
    assert managers(await seen(world)) == ["someone"]
    await world.apply("gitops", 4, force=True)
    assert managers(await seen(world)) == ["gitops"]


async def test_somebody_who_applies_the_same_value_owns_it_as_well(world: World) -> None:
    await world.apply("gitops", 2)
    await raised(world, 5)
    await world.apply("gitops", 5)
    assert managers(await seen(world)) == [FLOOR_MANAGER, "gitops"]


async def test_nobody_owns_what_an_hpa_without_min_replicas_has(world: World) -> None:
    await world.apply("gitops", None)
    before = await seen(world)
    assert (before["spec"]["minReplicas"], managers(before)) == (1, [])


async def test_giving_back_leaves_the_value_of_the_owner_and_no_trace(world: World) -> None:
    await world.apply("gitops", 2)
    up = await raised(world, 5)
    down = await world.kube.apply_floor(up, min_replicas=2, annotations=NOTES, force=False)
    assert isinstance(down, dict)
    left = await world.kube.forget_floor(down, list(NOTES))
    assert isinstance(left, dict)
    now = await seen(world)
    assert now["spec"]["minReplicas"] == left["spec"]["minReplicas"] == 2
    assert not NOTES.keys() & now["metadata"].get("annotations", {}).keys()
    assert FLOOR_MANAGER not in [one["manager"] for one in now["metadata"]["managedFields"]]
    await world.apply("gitops", 3)  # nobody stands in his way
    assert managers(await seen(world)) == ["gitops"]


async def test_an_owner_who_had_none_has_none_again(world: World) -> None:
    await world.apply("gitops", None)
    up = await raised(world, 5)
    down = await world.kube.apply_floor(up, min_replicas=None, annotations=NOTES, force=False)
    assert isinstance(down, dict)
    assert down["spec"]["minReplicas"] == 1
    await world.kube.forget_floor(down, list(NOTES))
    now = await seen(world)
    assert (now["spec"]["minReplicas"], managers(now)) == (1, [])
    assert FLOOR_MANAGER not in [one["manager"] for one in now["metadata"]["managedFields"]]


async def test_a_finalizer_is_put_and_taken_away_by_the_version_that_was_seen(world: World) -> None:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    meta = {"name": "web", "namespace": world.namespace}
    obj = {"metadata": meta, "spec": {"scaleTargetRef": ref, "mode": "Observe", "maxReplicas": 5}}
    made = world.cluster.put(PREDICTIVE_AUTOSCALERS.plural, obj) if isinstance(world, FakeWorld) else None
    if isinstance(world, RealWorld):
        made = await world.create(PREDICTIVE_AUTOSCALERS, obj)
    assert made
    where = (PREDICTIVE_AUTOSCALERS.plural, world.namespace, "web")
    old = made["metadata"]["resourceVersion"]
    new = await world.kube.set_finalizers(*where, finalizers=["foresail.dev/restore"], resource_version=old)
    assert isinstance(new, str)
    assert await world.kube.set_finalizers(*where, finalizers=[], resource_version=old) is Conflict.CONFLICT
    assert isinstance(await world.kube.set_finalizers(*where, finalizers=[], resource_version=new), str)
    missing = (where[0], where[1], "nobody")
    assert await world.kube.set_finalizers(*missing, finalizers=[], resource_version=old) is NotFound.NOT_FOUND
