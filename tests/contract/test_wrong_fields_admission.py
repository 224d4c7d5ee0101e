"""The API server refuses every field of our resources that is wrong, in every way that the schema tells, and names it."""

import asyncio

import pytest

from autoscaler.clients.kube.connection import Call, Connection
from autoscaler.clients.kube.resources import HEALING_POLICIES, PREDICTIVE_AUTOSCALERS
from demo.cluster import Cluster
from tests.contract.support import a_namespace
from tests.full_specs import SPECS, Json
from tests.unit.helm.test_helm_crds import schema_of
from tests.wrong_fields import Wrong, wrongs

pytestmark = pytest.mark.cluster

RESOURCES = {"PredictiveAutoscaler": PREDICTIVE_AUTOSCALERS, "HealingPolicy": HEALING_POLICIES}
TRIED = {"dryRun": "All", "fieldValidation": "Strict"}  # nothing is stored, and an unknown field is told instead of dropped
REFUSED = frozenset({400, 422})
PARALLEL = 8


async def answer(connection: Connection, namespace: str, kind: str, spec: Json) -> str | None:
    """Return the words that a spec is refused with; None when it is taken."""
    resource = RESOURCES[kind]
    body = {"apiVersion": resource.api_version, "kind": kind, "metadata": {"name": "tried"}, "spec": spec}
    said = await connection.send(Call("create", resource, namespace, body=body, query=TRIED), expect=REFUSED)
    return None if said.ok else str(said.body.get("message"))


@pytest.mark.parametrize("kind", sorted(RESOURCES))
async def test_the_api_server_refuses_every_wrong_field_by_its_name(cluster: Cluster, kind: str) -> None:
    cases = [one for one in wrongs(kind, schema_of(kind)["properties"]["spec"], SPECS[kind]) if one.by_schema]
    assert len(cases) > 50
    bound = asyncio.Semaphore(PARALLEL)

    async with a_namespace(cluster.kubeconfig) as objects:

        async def complaint(wrong: Wrong) -> str | None:
            async with bound:
                said = await answer(objects.connection, objects.namespace, kind, wrong.spec)
            if said is None:
                return f"{wrong}: taken"
            named = f"{wrong.field}.unheardOf" if wrong.how == "has an unknown field" else wrong.field
            return None if named in said else f"{wrong}: {said}"

        for spec in SPECS[kind]:
            assert await answer(objects.connection, objects.namespace, kind, spec) is None
        complaints = [one for one in await asyncio.gather(*map(complaint, cases)) if one]
    assert complaints == []
