"""The cache and the Lease: against the fake API server and a real one they do the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from autoscaler.clients.kube.elector import Elector
from autoscaler.clients.kube.reflector import Pace, Reflector
from autoscaler.clients.kube.resources import LEASES, PREDICTIVE_AUTOSCALERS
from autoscaler.errors import ForesailError
from autoscaler.settings import LeaderElectionSettings
from tests.contract.support import Objects, a_namespace
from tests.fakes.api_server import FakeApiServer
from tests.fakes.waiting import until

DEADLINE_S = 60.0
SETTINGS = LeaderElectionSettings(lease_name="contract")


@pytest.fixture(params=["http", pytest.param("cluster", marks=pytest.mark.cluster)])
async def objects(request: pytest.FixtureRequest) -> AsyncIterator[Objects]:
    if request.param == "http":
        async with FakeApiServer() as api:
            connection = api.connection()
            yield Objects(connection, "shop")
            await connection.close()
    else:
        async with a_namespace(request.getfixturevalue("cluster").kubeconfig) as real:
            yield real


def an_autoscaler(name: str) -> dict:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": ref, "mode": "Observe", "maxReplicas": 5}}


@asynccontextmanager
async def running(reflector: Reflector) -> AsyncIterator[Reflector]:
    task = asyncio.create_task(reflector.run())
    try:
        await reflector.wait_synced(DEADLINE_S)
        yield reflector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def a_reflector(objects: Objects, pace: Pace | None = None) -> Reflector:
    return Reflector(objects.client, PREDICTIVE_AUTOSCALERS, objects.namespace, pace=pace or Pace())


def names(store: Reflector) -> list[str]:
    return sorted(obj["metadata"]["name"] for obj in store.items())


async def test_what_was_there_comes_by_pages_and_what_happens_by_the_watch(objects: Objects) -> None:
    for number in range(5):
        await objects.create(PREDICTIVE_AUTOSCALERS, an_autoscaler(f"a-{number}"))
    async with running(a_reflector(objects, Pace(page_size=2))) as store:
        assert names(store) == [f"a-{number}" for number in range(5)]
        assert store.get(objects.namespace, "a-0")["kind"] == "PredictiveAutoscaler"
        await objects.create(PREDICTIVE_AUTOSCALERS, an_autoscaler("b"))
        await until(lambda: "b" in names(store), DEADLINE_S)
        await objects.delete(PREDICTIVE_AUTOSCALERS, "a-0")
        await until(lambda: "a-0" not in names(store), DEADLINE_S)
        await objects.touch(PREDICTIVE_AUTOSCALERS, "b")
        await until(lambda: store.get(objects.namespace, "b")["metadata"].get("labels") == {"touched": "yes"}, DEADLINE_S)


async def test_our_own_status_comes_back_by_the_watch_with_the_version_that_was_answered(objects: Objects) -> None:
    made = await objects.create(PREDICTIVE_AUTOSCALERS, an_autoscaler("a"))
    async with running(a_reflector(objects)) as store:
        version = await objects.client.update_status(
            "predictiveautoscalers",
            objects.namespace,
            "a",
            status={"desiredReplicas": 3},
            resource_version=made["metadata"]["resourceVersion"],
        )
        await until(lambda: store.get(objects.namespace, "a")["metadata"]["resourceVersion"] == version, DEADLINE_S)
        seen = store.get(objects.namespace, "a")
        assert seen["status"] == {"desiredReplicas": 3}
        assert seen["spec"] == made["spec"]


async def test_one_leads_the_other_waits_and_takes_over_when_the_first_stops(objects: Objects) -> None:
    first, second = (Elector(objects.client, SETTINGS, objects.namespace, name) for name in ("first", "second"))
    await first.step()
    await second.step()
    assert (first.is_leader(), second.is_leader()) == (True, False)
    await first.step()
    assert first.is_leader()
    await first.release()
    await second.step()
    assert (first.is_leader(), second.is_leader()) == (False, True)
    lease = await objects.read(LEASES, "contract")
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("second", 1)


async def test_the_lease_survives_a_stranger_that_writes_it(objects: Objects) -> None:
    elector = Elector(objects.client, SETTINGS, objects.namespace, "first")
    await elector.step()
    await objects.touch(LEASES, "contract")
    await elector.step()
    await elector.step()
    assert elector.is_leader()
    lease = await objects.read(LEASES, "contract")
    assert lease["spec"]["leaseTransitions"] == 0
    assert lease["metadata"]["labels"] == {"touched": "yes"}


@pytest.mark.cluster
@pytest.mark.slow
async def test_a_quiet_watch_is_heard_of_within_the_time_of_one_watch(cluster: object) -> None:
    """The API server sends a bookmark two seconds before the end of a watch, and an end that is clean."""
    async with a_namespace(cluster.kubeconfig) as objects:
        pace = Pace(watch_s=(5.0, 5.0), silence_s=12.0)
        async with running(a_reflector(objects, pace)) as store:
            ages = []
            for _ in range(60):
                await asyncio.sleep(0.25)
                ages.append(store.age_s())
            assert max(ages) < 6.5
            assert store.problem == ""


@pytest.mark.cluster
async def test_a_version_that_was_never_is_answered_by_a_new_list(cluster: object) -> None:
    async with a_namespace(cluster.kubeconfig) as objects:
        store = a_reflector(objects, Pace(first_wait_s=0.05))
        async with running(store):
            store._version = "1"
            store._objects = {}
        await objects.create(PREDICTIVE_AUTOSCALERS, an_autoscaler("a"))
        task = asyncio.create_task(store.run())
        try:
            await until(lambda: names(store) == ["a"], DEADLINE_S)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.cluster
async def test_what_a_token_may_not_do_is_answered_with_the_missing_rule(cluster: object) -> None:
    async with a_namespace(cluster.kubeconfig) as objects:
        objects.connection._api.set_default_header("Impersonate-User", "system:serviceaccount:nobody:nobody")
        try:
            with pytest.raises(
                ForesailError, match=r'grant verb "list" on "predictiveautoscalers" in API group "foresail.dev"'
            ):
                await objects.client.list_page(PREDICTIVE_AUTOSCALERS, objects.namespace, {})
        finally:
            objects.connection._api.default_headers.pop("Impersonate-User")
