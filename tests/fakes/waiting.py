"""Waits for a condition with a deadline, where there is no event to wait for."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], deadline_s: float = 60.0) -> None:
    """Return as soon as the condition holds; TimeoutError when it does not within the deadline."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.002)
