"""KEDA's ScaledObjects on a real API server: their definition comes and goes while the service watches."""

import asyncio

import pytest

from autoscaler.clients.kube.connection import Call, Connection
from autoscaler.clients.kube.reflector import Pace, Reflector
from autoscaler.clients.kube.resources import SCALED_OBJECTS, trim_scaled_object
from tests.contract.support import DEFINITIONS, Json, Objects, a_namespace, until_found
from tests.fakes.waiting import until

pytestmark = pytest.mark.cluster

NAME = f"{SCALED_OBJECTS.plural}.{SCALED_OBJECTS.group}"
DEADLINE_S = 60.0
DEFINITION: Json = {
    "metadata": {"name": NAME},
    "spec": {
        "group": SCALED_OBJECTS.group,
        "scope": "Namespaced",
        "names": {"plural": SCALED_OBJECTS.plural, "singular": "scaledobject", "kind": SCALED_OBJECTS.kind},
        "versions": [
            {
                "name": SCALED_OBJECTS.version,
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


async def define(connection: Connection) -> None:
    """Install the kind, as the chart of KEDA does, and wait until it is served."""
    await connection.send(Call("create", DEFINITIONS, body=DEFINITION))
    await until_found(connection, Call("list", SCALED_OBJECTS))


async def undefine(objects: Objects) -> None:
    """Remove the kind and every object of it."""
    await Objects(objects.connection, "").delete(DEFINITIONS, NAME)


async def test_a_kind_that_comes_is_watched_and_one_that_goes_leaves_an_empty_cache(cluster: object) -> None:
    async with a_namespace(cluster.kubeconfig) as objects:
        pace = Pace(watch_s=(2.0, 2.0), first_wait_s=0.1, look_again_s=0.5)
        store = Reflector(objects.client, SCALED_OBJECTS, trim=trim_scaled_object, optional=True, pace=pace)
        task = asyncio.create_task(store.run())
        defined = False
        try:
            await store.wait_synced(DEADLINE_S)
            assert store.items() == ()
            await define(objects.connection)
            defined = True
            spec = {"scaleTargetRef": {"name": "shop"}, "triggers": [{"type": "cron"}]}
            await objects.create(SCALED_OBJECTS, {"metadata": {"name": "shop"}, "spec": spec})
            await until(lambda: len(store.items()) == 1, DEADLINE_S)
            found = store.get(objects.namespace, "shop")
            assert found is not None
            assert found["spec"] == {"scaleTargetRef": {"name": "shop"}}
            await objects.delete(SCALED_OBJECTS, "shop")
            await until(lambda: store.items() == (), DEADLINE_S)
            await objects.create(SCALED_OBJECTS, {"metadata": {"name": "cart"}, "spec": spec})
            await until(lambda: len(store.items()) == 1, DEADLINE_S)
            await undefine(objects)
            defined = False
            await until(lambda: store.items() == () and store._version is None, DEADLINE_S)
            assert store.synced
            assert store.age_s() < 5
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if defined:
                await undefine(objects)
