"""One cache over several namespaces."""

import asyncio

import pytest

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.joined import JoinedStore, reflect
from autoscaler.clients.kube.reflector import Reflector
from autoscaler.clients.kube.resources import NODES, PODS, trim_node, trim_pod
from autoscaler.clients.ports import Store
from autoscaler.errors import Temporary
from autoscaler.telemetry import REGISTRY
from tests.fakes.api_server import FakeApiServer
from tests.fakes.waiting import until


async def test_only_the_namespaces_that_are_served_are_asked_for_and_seen_as_one(
    api: FakeApiServer, client: KubeClient
) -> None:
    for namespace in ("a", "b", "c"):
        api.cluster.put("pods", {"metadata": {"namespace": namespace, "name": f"web-{namespace}"}})
    store = reflect(client, PODS, ("a", "b"), trim_pod)
    port: Store = store
    assert not port.synced
    changed = asyncio.Event()
    store.subscribe(changed)
    task = asyncio.create_task(store.run())
    await store.wait_synced(5)
    assert store.synced
    assert [obj["metadata"]["name"] for obj in store.items()] == ["web-a", "web-b"]
    assert store.get("b", "web-b") is not None
    assert store.get("c", "web-c") is None
    assert {path.partition("?")[0] for _, path, _ in api.requests} == {
        "/api/v1/namespaces/a/pods",
        "/api/v1/namespaces/b/pods",
    }
    changed.clear()
    await until(lambda: len(api.watchers) == 2)
    api.cluster.put("pods", {"metadata": {"namespace": "b", "name": "new"}})
    await asyncio.wait_for(changed.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_namespace_that_cannot_be_listed_keeps_the_whole_from_being_synced(
    api: FakeApiServer, client: KubeClient
) -> None:
    api.fail(500, when=lambda request: "/namespaces/b/" in request.path, times=1000)
    store = reflect(client, PODS, ("a", "b"), trim_pod)
    assert isinstance(store, JoinedStore)
    task = asyncio.create_task(store.run())
    await until(lambda: store.reflectors[0].synced and store.reflectors[1]._problem)
    assert not store.synced
    assert REGISTRY.get_sample_value("foresail_watch_age_seconds", {"resource": "pods"}) == store.age_s() == float("inf")
    with pytest.raises(Temporary, match="HTTP 500"):
        await store.wait_synced(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_without_names_all_namespaces_are_one_watch_and_nodes_have_none(client: KubeClient) -> None:
    for store in (reflect(client, PODS, (), trim_pod), reflect(client, NODES, ("a",), trim_node)):
        assert isinstance(store, Reflector)
        assert store.namespace is None
