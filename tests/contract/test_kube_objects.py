"""Objects read and written whole: against the fake API server and against a real one the same comes of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from autoscaler.clients.kube.connection import APPLY_PATCH, Call
from autoscaler.clients.kube.objects import Objects
from autoscaler.clients.kube.resources import HORIZONTAL_POD_AUTOSCALERS as HPAS
from autoscaler.clients.kube.resources import PREDICTIVE_AUTOSCALERS as OURS
from autoscaler.clients.kube.resources import Resource
from autoscaler.clients.ports import Conflict, NotFound
from autoscaler.errors import Permanent
from demo.cluster import Cluster
from tests.contract.support import a_namespace
from tests.fakes.api_server import FakeApiServer

Json = dict[str, Any]
GONE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class World(Objects):
    """A namespace that a test may write to, and the objects in it."""

    namespace: str = "shop"

    def an_hpa(self, **spec: object) -> Json:
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        return self.named("web", {"scaleTargetRef": ref, "minReplicas": 2, "maxReplicas": 5, **spec})

    def an_autoscaler(self) -> Json:
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        return self.named("web", {"scaleTargetRef": ref, "mode": "Observe", "maxReplicas": 5})

    def named(self, name: str, spec: Json) -> Json:
        return {"metadata": {"name": name, "namespace": self.namespace}, "spec": spec}

    def as_manager(self, manager: str) -> "World":
        return replace(self, manager=manager)

    async def apply(self, resource: Resource, obj: Json, *, force: bool = False) -> Json | Conflict:
        """Apply an object on the server's side, as people and tools do."""
        meta = obj["metadata"]
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        query = {"fieldManager": self.manager, "force": str(force).lower()}
        call = Call("patch", resource, meta["namespace"], meta["name"], body=body, query=query, content_type=APPLY_PATCH)
        answer = await self.connection.send(call, expect=frozenset({409}))
        return answer.body if answer.ok else Conflict.CONFLICT


@pytest.fixture(params=["http", pytest.param("cluster", marks=pytest.mark.cluster)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "http":
        async with FakeApiServer() as api:
            connection = api.connection()
            yield World(connection, "a-command")
            await connection.close()
    else:
        async with a_namespace(request.getfixturevalue("cluster").kubeconfig) as real:
            yield World(real.connection, "a-command", real.namespace)


def owners(obj: Json, field: str) -> set[tuple[str, str]]:
    """Return the managers that own a field of the spec, and how."""
    entries = obj["metadata"].get("managedFields", ())
    return {(one["manager"], one["operation"]) for one in entries if f"f:{field}" in one["fieldsV1"].get("f:spec", {})}


def managers(obj: Json) -> set[str]:
    return {one["manager"] for one in obj["metadata"].get("managedFields", ())}


async def test_an_object_is_created_once_read_and_listed_with_its_kind(world: World) -> None:
    made = await world.create(HPAS, world.an_hpa())
    assert isinstance(made, dict)
    assert await world.create(HPAS, world.an_hpa()) is Conflict.CONFLICT
    found = await world.get(HPAS, world.namespace, "web")
    assert isinstance(found, dict)
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    (listed,) = await world.list(HPAS, world.namespace)
    assert (listed["kind"], listed["apiVersion"]) == ("HorizontalPodAutoscaler", "autoscaling/v2")
    assert any(one["metadata"]["uid"] == made["metadata"]["uid"] for one in await world.list(HPAS))


async def test_of_a_kind_that_is_not_installed_there_are_none(world: World) -> None:
    nothing = Resource("foresail.dev", "v1alpha1", "nothings", "Nothing")
    assert await world.list(nothing) == []
    assert await world.get(nothing, world.namespace, "web") is NotFound.NOT_FOUND


async def test_an_object_that_is_only_tried_is_not_stored(world: World) -> None:
    assert isinstance(await world.create(OURS, world.an_autoscaler(), dry_run=True), dict)
    assert await world.get(OURS, world.namespace, "web") is NotFound.NOT_FOUND


async def test_only_the_object_that_was_seen_is_deleted(world: World) -> None:
    made = await world.create(OURS, world.an_autoscaler())
    assert isinstance(made, dict)
    for other in ({"uid": GONE}, {"resourceVersion": "1"}):
        assert await world.delete(OURS, {"metadata": {**made["metadata"], **other}}) is Conflict.CONFLICT
    assert await world.delete(OURS, made) is None
    assert await world.delete(OURS, made) is NotFound.NOT_FOUND


async def test_an_object_with_a_finalizer_stays_until_it_is_taken_off(world: World) -> None:
    body = world.an_autoscaler()
    body["metadata"]["finalizers"] = ["foresail.dev/restore"]
    made = await world.create(OURS, body)
    assert isinstance(made, dict)
    assert await world.delete(OURS, made) is None
    left = await world.get(OURS, world.namespace, "web")
    assert isinstance(left, dict)
    assert left["metadata"]["deletionTimestamp"]
    assert isinstance(await world.merge(OURS, left, {"metadata": {"finalizers": None}}), dict)
    assert await world.get(OURS, world.namespace, "web") is NotFound.NOT_FOUND


async def test_a_patch_changes_what_it_names_and_the_generation_with_the_spec(world: World) -> None:
    made = await world.create(OURS, world.an_autoscaler())
    assert isinstance(made, dict)
    marked = await world.merge(OURS, made, {"metadata": {"annotations": {"a": "b"}}})
    assert isinstance(marked, dict)
    assert marked["metadata"]["generation"] == 1
    moded = await world.merge(OURS, marked, {"spec": {"mode": "Scale"}, "metadata": {"annotations": {"a": None}}})
    assert isinstance(moded, dict)
    assert (moded["spec"]["mode"], moded["spec"]["maxReplicas"], moded["metadata"]["generation"]) == ("Scale", 5, 2)
    assert not moded["metadata"].get("annotations")


async def test_a_patch_of_another_version_of_the_object_is_a_conflict(world: World) -> None:
    made = await world.create(OURS, world.an_autoscaler())
    assert isinstance(made, dict)
    assert isinstance(await world.merge(OURS, made, {"spec": {"mode": "Scale"}}), dict)
    assert await world.merge(OURS, made, {"spec": {"mode": "Observe"}}) is Conflict.CONFLICT
    assert await world.merge(OURS, {"metadata": {**made["metadata"], "name": "no"}}, {"spec": {}}) is NotFound.NOT_FOUND


async def test_the_status_is_patched_apart_and_makes_no_generation(world: World) -> None:
    made = await world.create(OURS, world.an_autoscaler())
    assert isinstance(made, dict)
    told = await world.merge(OURS, made, {"status": {"desiredReplicas": 3}}, subresource="status")
    assert isinstance(told, dict)
    silent = await world.merge(OURS, told, {"status": None}, subresource="status")
    assert isinstance(silent, dict)
    assert not silent.get("status")
    assert silent["metadata"]["generation"] == 1


async def test_what_is_applied_is_ours_and_goes_with_us_and_a_conflict_needs_force(world: World) -> None:
    owner, floor = world.as_manager("somebody"), world.as_manager("a-floor")
    await owner.create(HPAS, world.an_hpa())
    raised = {"metadata": {**world.an_hpa()["metadata"], "annotations": {"mark": "us"}}, "spec": {"minReplicas": 4}}
    assert await floor.apply(HPAS, raised) is Conflict.CONFLICT
    applied = await floor.apply(HPAS, raised, force=True)
    assert isinstance(applied, dict)
    assert (applied["spec"]["minReplicas"], applied["metadata"]["annotations"]["mark"]) == (4, "us")
    assert owners(applied, "minReplicas") == {("a-floor", "Apply")}
    lowered = await floor.apply(HPAS, {"metadata": world.an_hpa()["metadata"], "spec": {"minReplicas": 3}})
    assert isinstance(lowered, dict)
    assert "mark" not in lowered["metadata"].get("annotations", {})


async def test_a_field_that_is_patched_back_is_no_longer_the_applier_s_and_entries_can_be_taken_off(world: World) -> None:
    owner, floor = world.as_manager("somebody"), world.as_manager("a-floor")
    await owner.create(HPAS, world.an_hpa())
    raised = {"metadata": world.an_hpa()["metadata"], "spec": {"minReplicas": 4}}
    applied = await floor.apply(HPAS, raised, force=True)
    assert isinstance(applied, dict)
    back = await floor.merge(HPAS, applied, {"spec": {"minReplicas": 2}})
    assert isinstance(back, dict)
    assert owners(back, "minReplicas") == {("a-floor", "Update")}
    kept = [one for one in back["metadata"]["managedFields"] if one["manager"] != "a-floor"]
    clean = await floor.merge(HPAS, back, {"metadata": {"managedFields": kept}})
    assert isinstance(clean, dict)
    assert managers(clean) == {"somebody"}
    assert (clean["spec"]["minReplicas"], owners(clean, "minReplicas")) == (2, set())
    again = await owner.apply(HPAS, {"metadata": world.an_hpa()["metadata"], "spec": world.an_hpa()["spec"]})
    assert isinstance(again, dict), "the owner can apply his own file again, without a conflict"


async def test_a_field_that_is_taken_away_gets_the_default_of_the_api(world: World) -> None:
    made = await world.create(HPAS, world.an_hpa())
    assert isinstance(made, dict)
    assert isinstance(await world.merge(HPAS, made, {"spec": {"minReplicas": None}}), dict)
    found = await world.get(HPAS, world.namespace, "web")
    assert isinstance(found, dict)
    assert found["spec"].get("minReplicas", 1) == 1


@pytest.mark.cluster
async def test_what_the_api_server_refuses_is_raised_with_its_words(cluster: Cluster) -> None:
    async with a_namespace(cluster.kubeconfig) as real:
        world = World(real.connection, "a-command", real.namespace)
        with pytest.raises(Permanent, match="maxReplicas"):
            await world.create(HPAS, world.an_hpa(maxReplicas=1), dry_run=True)
