"""What clients can take: slow, silent, greedy and oversized ones, on real connections."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import structlog

from exporters.web.http_log import quiet_logger
from exporters.web.listener import _bind
from exporters.web.rate import SparingLog
from exporters.web.room import Doing, Limits
from tests.fakes.waiting import until
from tests.unit.exporters.raw_clients import ASK, DEADLINE_S, Client, connect
from tests.unit.exporters.web_rig import Authority, served, write

if TYPE_CHECKING:
    from pathlib import Path

IMPATIENT = replace(Limits(), request_s=0.5, handshake_s=0.5, sending_s=0.5)
FEW = replace(Limits(), connections=4)


async def test_one_that_says_nothing_is_closed(clients: list[Client]) -> None:
    async with served(limits=IMPATIENT) as server:
        assert await (await connect(server, clients)).is_closed()
        await until(lambda: server.gate.room.count() == 0)


async def test_one_that_never_ends_its_headers_is_closed(clients: list[Client]) -> None:
    async with served(limits=IMPATIENT) as server:
        slow = await connect(server, clients)
        await slow.say(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ")
        assert await slow.is_closed()


async def test_one_that_has_asked_before_must_end_its_next_request_too_but_may_wait_with_it(clients: list[Client]) -> None:
    async with served(limits=IMPATIENT) as server:
        kept = await connect(server, clients)
        await kept.say(ASK)
        assert await kept.hears() == b"HTTP/1.1 200 OK"
        await asyncio.sleep(IMPATIENT.request_s * 2)  # time itself is what is tested: it must not end the connection
        await kept.say(ASK[:-5])
        await kept.say(ASK[-5:])
        assert await kept.hears() == b"HTTP/1.1 200 OK"
        await kept.say(ASK[:-5])
        assert await kept.is_closed()


async def test_one_that_does_not_begin_its_encryption_is_closed(tmp_path: Path, clients: list[Client]) -> None:
    Authority(tmp_path).server()
    file = write(tmp_path, "tls_server_config: {cert_file: server.crt, key_file: server.key}")
    async with served(file, limits=IMPATIENT) as server:
        assert await (await connect(server, clients)).is_closed()
        await until(lambda: server.gate.room.count() == 0)


async def test_one_that_does_not_take_its_answer_is_closed(clients: list[Client]) -> None:
    body = b"x" * (16 << 20)  # more than both sockets hold
    async with served(limits=IMPATIENT, body=body) as server:
        with structlog.testing.capture_logs() as lines:
            greedy = await connect(server, clients, limit=1024)
            await greedy.say(ASK)
            await until(lambda: [line for line in lines if line["event"] == "answer_not_taken"])
        await until(lambda: server.gate.room.count() == 0)
        assert await server.status("/healthz") == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + b"X: x\r\n" * 500 + b"\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx", b"413"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"413"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
    ],
    ids=["long header", "long path", "many headers", "long body", "endless body", "encrypted where it is not"],
)
async def test_what_is_too_large_or_no_request_is_refused_and_closed(sent: bytes, status: bytes, clients: list[Client]) -> None:
    async with served(limits=IMPATIENT) as server:
        client = await connect(server, clients)
        await client.say(sent)
        assert (await client.hears()).split()[1] == status
        assert await client.is_closed()
        assert server.exporter.collections == 0


async def test_what_cannot_be_read_is_told_seldom_and_without_a_traceback(
    clients: list[Client], caplog: pytest.LogCaptureFixture
) -> None:
    async with served(limits=IMPATIENT) as server:
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                client = await connect(server, clients)
                await client.say(b"GET /\xff HTTP/1.1\r\n\r\n")
                assert b"400" in await client.hears()
    assert [line["event"] for line in lines] == ["request_unreadable"]
    assert caplog.records == []


def test_a_failure_of_our_own_is_still_told(caplog: pytest.LogCaptureFixture) -> None:
    logger = quiet_logger(SparingLog())
    logger.error("Error handling request", exc_info=RuntimeError("broken on purpose"))
    logger.warning("without an error")
    assert [record.message for record in caplog.records] == ["Error handling request", "without an error"]


async def test_a_token_with_many_groups_still_fits(clients: list[Client]) -> None:
    async with served() as server:
        client = await connect(server, clients)
        await client.say(ASK[:-2] + b"Authorization: Bearer " + b"x" * 12_000 + b"\r\n\r\n")
        assert await client.hears() == b"HTTP/1.1 200 OK"


async def test_the_one_that_has_waited_longest_makes_room(clients: list[Client]) -> None:
    async with served(limits=FEW) as server:
        first, second, third, fourth = [await connect(server, clients) for _ in range(4)]
        for client in (second, third, fourth, first):
            await client.say(ASK)
            assert await client.hears() == b"HTTP/1.1 200 OK"
        assert await server.status() == 200
        assert await second.is_closed()
        for client in (first, third, fourth):
            await client.say(ASK)
            assert await client.hears() == b"HTTP/1.1 200 OK"


async def test_silent_strangers_keep_nobody_out(clients: list[Client]) -> None:
    async with served(limits=FEW) as server:
        for _ in range(20):
            await connect(server, clients)
        assert await server.status() == 200
        await until(lambda: server.gate.room.count() <= FEW.connections)


async def test_when_every_place_is_at_work_a_new_connection_is_refused_and_told(clients: list[Client]) -> None:
    async with served(limits=FEW) as server:
        go_on = threading.Event()
        collect = server.exporter.collect
        server.exporter.collect = lambda left_s: go_on.wait(DEADLINE_S) and collect(left_s)  # type: ignore[method-assign,assignment,return-value]
        at_work = [await connect(server, clients) for _ in range(4)]
        for client in at_work:
            await client.say(ASK)
        await until(lambda: server.gate.room.count(Doing.WORKING) == 4)
        with structlog.testing.capture_logs() as lines:
            assert await (await connect(server, clients)).is_closed()
        assert [line["event"] for line in lines] == ["connection_refused"]
        go_on.set()
        assert [await client.hears() for client in at_work] == [b"HTTP/1.1 200 OK"] * 4
        assert await server.status() == 200
        assert server.exporter.collections == 2  # the four shared one


async def test_places_are_given_back(clients: list[Client]) -> None:
    async with served(limits=FEW) as server:
        for _ in range(3 * FEW.connections):
            client = await connect(server, clients)
            await client.say(ASK[:10])
            await client.leave()
        room = server.gate.room
        await until(lambda: not (room.count() or room._by_handler))


async def test_many_requests_one_after_the_other_on_one_connection_are_answered_in_order(clients: list[Client]) -> None:
    async with served() as server:
        client = await connect(server, clients)
        await client.say(ASK * 5 + ASK.replace(b"/metrics", b"/nothing"))
        assert [await client.hears() for _ in range(6)] == [b"HTTP/1.1 200 OK"] * 5 + [b"HTTP/1.1 404 Not Found"]


async def test_a_request_under_way_is_answered_before_the_end(clients: list[Client]) -> None:
    go_on = threading.Event()
    async with served() as server:
        collect = server.exporter.collect
        server.exporter.collect = lambda left_s: go_on.wait(DEADLINE_S) and collect(left_s)  # type: ignore[method-assign,assignment,return-value]
        client = await connect(server, clients)
        await client.say(ASK)
        await until(lambda: server.gate.room.count(Doing.WORKING))
        asyncio.get_running_loop().call_later(0.05, go_on.set)
    assert await client.hears() == b"HTTP/1.1 200 OK"


async def test_every_family_is_bound_to_one_port() -> None:
    bound = await _bind(None, 0)
    try:
        assert len({one.getsockname()[1] for one in bound}) == 1
        assert len({one.family for one in bound}) == len(bound)
    finally:
        for one in bound:
            one.close()


async def test_a_listener_goes_on_when_no_connection_can_be_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    real = loop.sock_accept
    failures = [OSError(24, "Too many open files")]

    async def sometimes(listening: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return await real(listening)

    monkeypatch.setattr(loop, "sock_accept", sometimes)
    monkeypatch.setattr("exporters.web.listener._PAUSE_S", 0.01)
    with structlog.testing.capture_logs() as lines:
        async with served() as server:
            assert await server.status() == 200
    assert [line["event"] for line in lines] == ["cannot_accept"]
