from collections.abc import AsyncIterator

import pytest

from tests.unit.handover.stage import Stage, a_stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A shop with an HPA, and a service that runs."""
    async with a_stage() as made:
        yield made
