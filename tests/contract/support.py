"""What contract tests do at an API server besides what the product does there: make, read, touch and remove objects."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clients.kube.connection import Call, Connection, connect
from autoscaler.clients.kube.resources import OURS, Resource
from autoscaler.clients.ports import Kube
from autoscaler.errors import ForesailError
from autoscaler.settings import KubernetesSettings
from tests.fakes.api_server import FakeApiServer
from tests.fakes.cluster import FakeCluster
from tests.fakes.kube import FakeKube

Json = dict[str, Any]
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
CRDS = Path(__file__).parents[2] / "helm" / "foresail" / "crds"
DEADLINE_S = 60
_ALREADY_THERE = frozenset({409})


@dataclass
class Objects:
    """The objects of one namespace, over HTTP."""

    connection: Connection
    namespace: str

    @property
    def client(self) -> KubeClient:
        """The product's client on the same connection."""
        return KubeClient(self.connection)

    async def create(self, resource: Resource, obj: Json) -> Json:
        """Create an object in the namespace and return it as stored."""
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **within(self.namespace, obj)}
        return (await self.connection.send(Call("create", resource, self.namespace, body=body))).body

    async def read(self, resource: Resource, name: str) -> Json:
        """Return an object."""
        return (await self.connection.send(Call("get", resource, self.namespace, name))).body

    async def touch(self, resource: Resource, name: str) -> None:
        """Let somebody else write an object."""
        obj = await self.read(resource, name)
        obj["metadata"]["labels"] = {**obj["metadata"].get("labels", {}), "touched": "yes"}
        await self.connection.send(Call("update", resource, self.namespace, name, body=obj))

    async def delete(self, resource: Resource, name: str) -> None:
        """Remove an object; the service itself deletes nothing, so its client has no word for it."""
        path = resource.path(self.namespace, name)
        await self.connection._api.call_api(path, "DELETE", auth_settings=["BearerToken"], _preload_content=False)


def within(namespace: str, obj: Json) -> Json:
    """Return an object with its namespace set."""
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


@asynccontextmanager
async def a_fake(how: str) -> AsyncIterator[tuple[Kube, FakeCluster]]:
    """Give the port over a pretended cluster: the fake in `memory`, or the product's client over `http`."""
    if how == "memory":
        cluster = FakeCluster()
        yield FakeKube(cluster), cluster
        return
    async with FakeApiServer() as api:
        client = KubeClient(api.connection())
        yield client, api.cluster
        await client.close()


@asynccontextmanager
async def a_namespace(kubeconfig: Path) -> AsyncIterator[Objects]:
    """Make a namespace of a real cluster with our CRDs in it, ready for pods; it goes away at the end."""
    connection = await connect(KubernetesSettings(kubeconfig=str(kubeconfig)))
    name = f"contract-{secrets.token_hex(3)}"
    try:
        await _install_crds(connection)
        await connection.send(Call("create", NAMESPACES, body={"metadata": {"name": name}}))
        await until_found(connection, Call("get", ACCOUNTS, name, "default"))  # pods are refused before it is there
        yield Objects(connection, name)
        await Objects(connection, "").delete(NAMESPACES, name)
    finally:
        await connection.close()


async def _install_crds(connection: Connection) -> None:
    """Create our CRDs as the chart does, unless they are there, and wait until they are served."""
    for file in sorted(CRDS.glob("*.yaml")):
        body = yaml.safe_load(file.read_text())
        await connection.send(Call("create", DEFINITIONS, body=body), expect=_ALREADY_THERE)
    for resource in OURS.values():
        await until_found(connection, Call("list", resource))


async def until_found(connection: Connection, call: Call) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await connection.send(call)
            except ForesailError as problem:
                if "404" not in str(problem):
                    raise
                await asyncio.sleep(0.1)
            else:
                return
