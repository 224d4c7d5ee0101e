"""Hosts and pods that the exporter's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exporters.names.book import PodBook
from exporters.names.pod import pod_of
from exporters.names.wire import PodList
from tests.unit.exporters.counting import Counting
from tests.unit.exporters.trees import FIXTURES, Host, Rig, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.unit.exporters.raw_clients import Client


@pytest.fixture
def v1(tmp_path: Path) -> Host:
    return unpack("v1", tmp_path)


@pytest.fixture
def v2(tmp_path: Path) -> Host:
    return unpack("v2", tmp_path)


@pytest.fixture
def book() -> PodBook:
    """The pods of the v2 host as the API tells them."""
    listed = msgspec.json.decode((FIXTURES / "pods.json").read_bytes(), type=PodList)
    known = PodBook()
    known.replace(pod_of(raw) for raw in listed.items or ())
    return known


@pytest.fixture
async def clients() -> AsyncIterator[list[Client]]:
    made: list[Client] = []
    yield made
    for client in made:
        await client.leave()


@pytest.fixture
def counting(v2: Host) -> Counting:
    return Counting(Rig(v2).exporter)
