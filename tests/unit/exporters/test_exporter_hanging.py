"""A read that hangs in the kernel: everybody is told, and the process can still be ended.

A FIFO stands for the kernel's file: opening it hangs until somebody writes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
import structlog

from exporters.exposition.budget import LONGEST_TIMEOUT_S, SHORTEST_TIMEOUT_S
from exporters.server import Site, application, serving
from exporters.shared import Times
from tests.fakes.waiting import until
from tests.unit.exporters.counting import LOCAL
from tests.unit.exporters.raw_clients import ASK
from tests.unit.exporters.running import get, running
from tests.unit.exporters.trees import Rig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.exporters.trees import Host

IMPATIENT = Times(reuse_s=0.0, not_ready_s=0.2, not_healthy_s=0.5, leave_s=0.2)
NEVER_ALARMED = replace(IMPATIENT, not_ready_s=60.0)
A_SECOND = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}


@pytest.fixture
def fifo(v2: Host) -> Path:
    """Make the first cgroup's memory.stat hang."""
    file = min(v2.cgroupfs.rglob("kubepods*/**/memory.stat"))
    file.unlink()
    os.mkfifo(file)
    return file


def let_go(fifo: Path) -> None:
    """Answer who waits, and whoever comes later, with a file that is there."""
    writer = os.open(fifo, os.O_WRONLY)
    fifo.unlink()
    fifo.write_text("anon 1\n", encoding="ascii")
    os.close(writer)


async def test_a_collection_that_hangs_is_told_to_all_and_so_is_its_end(v2: Host, fifo: Path) -> None:
    app = application(Site(Rig(v2).exporter, LOCAL, "1.2.3", lambda: None), IMPATIENT)
    async with serving(app, LOCAL) as (host, port), aiohttp.ClientSession(f"http://{host}:{port}") as session:

        async def said(path: str) -> tuple[int, str]:
            async with session.get(path, headers=A_SECOND) as response:
                return response.status, await response.text()

        async def until_status(path: str, status: int) -> str:
            async with asyncio.timeout(60):
                while (found := await said(path))[0] != status:  # noqa: ASYNC110 - what is waited for tells nobody
                    await asyncio.sleep(0.01)
                return found[1]

        with structlog.testing.capture_logs() as lines:
            begin_s = time.monotonic()
            status, text = await said("/metrics")
            assert (status, text.startswith("no collection came to its end in the 1 s")) == (503, True)
            assert time.monotonic() - begin_s < SHORTEST_TIMEOUT_S + 5
            assert "hangs in a read of memory" in await until_status("/readyz", 503)
            assert "hangs in a read of memory" in await until_status("/healthz", 503)
            status, text = await said("/metrics")
            assert (status, "hangs in a read of memory" in text) == (503, True)
            await asyncio.to_thread(let_go, fifo)
            await until_status("/readyz", 200)
            assert (await said("/healthz"))[0] == 200
            assert (await said("/metrics"))[0] == 200
        told = [line["event"] for line in lines if line["event"].startswith("collection_")]
        assert told == ["collection_hangs", "collection_came_to_an_end"]


async def test_what_a_thread_that_hangs_may_use_is_not_closed(v2: Host, fifo: Path) -> None:
    rig = Rig(v2)
    app = application(Site(rig.exporter, LOCAL, "1.2.3", lambda: None), NEVER_ALARMED)
    with structlog.testing.capture_logs() as lines:
        async with serving(app, LOCAL) as (host, port), aiohttp.ClientSession() as session:
            async with session.get(f"http://{host}:{port}/metrics", headers=A_SECOND) as response:
                assert response.status == 503
            kept = rig.reader.kept
    assert rig.reader.kept == kept > 0
    assert [line["event"] for line in lines] == ["collection_left_behind"]
    await asyncio.to_thread(let_go, fifo)
    await until(lambda: rig.reader.kept != kept)
    rig.exporter.close()


@pytest.mark.slow
async def test_a_process_that_hangs_ends_within_its_usual_time(v2: Host, fifo: Path) -> None:  # noqa: ARG001 - it hangs
    flags = (f"--path.procfs={v2.procfs}", f"--path.cgroupfs={v2.cgroupfs}", f"--path.containers-log={v2.log}")
    with running(*flags, "--web.listen-address=127.0.0.1:0", "--no-kubernetes") as (url, process, _):
        host, port = url.removeprefix("http://").split(":")
        asked = urllib.request.Request(f"{url}/metrics", headers=A_SECOND)  # noqa: S310 - the process above
        with pytest.raises(urllib.error.HTTPError, match="503"):
            await asyncio.to_thread(urllib.request.urlopen, asked)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(ASK[:-2] + f"X-Prometheus-Scrape-Timeout-Seconds: {LONGEST_TIMEOUT_S}\r\n\r\n".encode())
        await writer.drain()
        assert await asyncio.to_thread(get, f"{url}/healthz") == "ok\n"  # so the one before it has been read too
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()
        await asyncio.to_thread(process.wait, 15)
        assert process.returncode == 0
        assert process.stderr is not None
        events = [json.loads(line)["event"] for line in process.stderr]
    assert events == ["collection_left_behind", "stopped"]
