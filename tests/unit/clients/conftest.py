"""A pretended API server over HTTP, and the product's client that speaks to it."""

from collections.abc import AsyncIterator

import pytest

from autoscaler.clients.kube.client import KubeClient
from autoscaler.clock import ManualClock
from tests.fakes.api_server import FakeApiServer


@pytest.fixture
async def api() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer() as server:
        yield server


@pytest.fixture
async def client(api: FakeApiServer) -> AsyncIterator[KubeClient]:
    made = KubeClient(api.connection(), instance="foresail-0", clock=ManualClock(1_767_225_600.25))
    yield made
    await made.close()
