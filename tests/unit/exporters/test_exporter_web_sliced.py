"""What answers cost while they are sent, and that every byte of them comes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import structlog

from exporters.web.room import Doing, Limits
from exporters.web.sliced import _FIRST_BYTES, _SLICE_BYTES
from tests.fakes.waiting import until
from tests.unit.exporters.raw_clients import ASK, Client, connect
from tests.unit.exporters.web_rig import Authority, served, write

if TYPE_CHECKING:
    from exporters.exposition.text import Format
    from tests.unit.exporters.web_rig import Served

LARGE = b"x" * (16 << 20)
OK = b"HTTP/1.1 200 OK"
READERS = 12


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def slow_reader(server: Served, clients: list[Client], tls: object = None) -> Client:
    before = server.gate.room.count(Doing.SENDING)
    client = await connect(server, clients, limit=1024, ssl=tls)
    await client.say(ASK)
    await until(lambda: server.gate.room.count(Doing.SENDING) == before + 1)
    return client


@pytest.mark.parametrize("encrypted", [False, True])
async def test_slow_readers_share_one_copy_of_an_answer(encrypted: bool, tmp_path: Path, clients: list[Client]) -> None:  # noqa: FBT001 - an example
    authority = Authority(tmp_path)
    authority.server()
    file = write(tmp_path, "tls_server_config: {cert_file: server.crt, key_file: server.key}") if encrypted else ""
    async with served(file, body=LARGE) as server:
        trust = authority.trust() if encrypted else None
        await slow_reader(server, clients, trust)
        before = resident_bytes()
        for _ in range(READERS):
            await slow_reader(server, clients, trust)
        assert resident_bytes() - before < READERS * len(LARGE) / 4
        assert [await client.hears() for client in clients] == [OK] * (READERS + 1)


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("length", [0, 1, _FIRST_BYTES, _FIRST_BYTES + 1, _FIRST_BYTES + 2 * _SLICE_BYTES, 3_000_001])
async def test_every_byte_comes_and_the_connection_stays(
    length: int,
    encrypted: bool,  # noqa: FBT001 - an example
    tmp_path: Path,
) -> None:
    body = (b"0123456789abcdef\n" * (length // 17 + 1))[:length]
    authority = Authority(tmp_path)
    authority.server()
    file = write(tmp_path, "tls_server_config: {cert_file: server.crt, key_file: server.key}") if encrypted else ""
    async with (
        served(file, body=body) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1, ssl=authority.trust())) as session,
    ):
        url = server.url(scheme="https" if encrypted else "http")
        for _ in range(2):
            async with session.get(url, headers={"Accept-Encoding": "identity"}) as response:
                assert await response.read() == body
            async with session.head(url, headers={"Accept-Encoding": "identity"}) as response:
                assert (response.headers["Content-Length"], await response.read()) == (str(length), b"")
        assert server.gate.room.count() == 1
        assert server.gate.room._held_bytes() == 0


def answer_anew(server: Served) -> None:
    """Make each answer a copy of its own, as answers to different scrapes are."""

    def answer(_: Format, *, compressed: bool, names: frozenset[str]) -> bytes:  # noqa: ARG001 - as called
        return bytes(bytearray(LARGE))

    server.exporter.answer = answer  # type: ignore[method-assign]


async def test_answers_that_are_being_sent_hold_no_more_than_they_may(clients: list[Client]) -> None:
    limits = replace(Limits(), answers_bytes=40 << 20)
    async with served(limits=limits, body=LARGE) as server:
        answer_anew(server)
        with structlog.testing.capture_logs() as lines:
            for _ in range(5):
                await connect(server, clients, limit=1024)
                await clients[-1].say(ASK)
                await until(lambda: server.gate.room._held_bytes() >= len(LARGE))
                await until(lambda: server.gate.room.count(Doing.WORKING) == 0)
                assert server.gate.room._held_bytes() <= limits.answers_bytes
            await until(lambda: server.gate.room.count() == 2)
        assert [line["event"] for line in lines] == ["connection_ended"]
        assert [await client.hears() for client in clients] == [b"", b"", b"", OK, OK]


async def test_an_answer_larger_than_all_may_be_is_sent_and_shared(clients: list[Client]) -> None:
    async with served(limits=replace(Limits(), answers_bytes=1 << 20), body=LARGE) as server:
        for _ in range(3):
            await slow_reader(server, clients)
        assert [await client.hears() for client in clients] == [OK, OK, OK]
