"""What runs beside the server and breaks is told at once, and begins again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import structlog

from exporters.names.account import Account
from exporters.names.book import PodBook
from exporters.names.watch import PodWatch
from exporters.program import _missing, _running
from tests.fakes.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp


class Breaking:
    """A source that breaks at each of its first runs."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.runs = 0
        self.cancelled = False

    async def run(self) -> None:
        self.runs += 1
        if self.runs <= self.left:
            raise KeyError("broken on purpose")
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


async def test_a_source_that_breaks_is_told_in_one_line_each_time_and_begins_again() -> None:
    source = Breaking(2)
    with structlog.testing.capture_logs() as lines:
        async with _running(source, "pod_watch", "names get older", pause_s=0.01):
            await until(lambda: source.runs == 3)
    assert [(line["event"], line["source"], line["consequence"]) for line in lines] == [
        ("source_broken", "pod_watch", "names get older")
    ] * 2
    assert source.cancelled


async def test_one_that_is_broken_does_not_keep_the_program_from_ending() -> None:
    source = Breaking(1)
    with structlog.testing.capture_logs():
        async with asyncio.timeout(60), _running(source, "kubelet", "sizes get older", pause_s=1000.0):
            await until(lambda: source.runs == 1)
    assert source.runs == 1


class BrokenWatch(PodWatch):
    async def _attempt(self, session: aiohttp.ClientSession) -> None:
        raise KeyError(f"broken on purpose with {session}")


async def test_a_watch_that_breaks_delays_readiness_no_longer(tmp_path: Path) -> None:
    watch = BrokenWatch(Account("http://127.0.0.1:9", tmp_path / "token", None), "node-a", PodBook())
    assert _missing(watch) is not None
    with pytest.raises(KeyError):
        await watch.run()
    assert _missing(watch) is None
