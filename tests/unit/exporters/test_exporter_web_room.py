"""Who gets a place and who has to give one up, by address, on real connections."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import structlog

from exporters.web.room import Doing, Limits
from tests.fakes.waiting import until
from tests.unit.exporters.raw_clients import ASK, DEADLINE_S, Client, connect
from tests.unit.exporters.web_rig import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = b"x" * (16 << 20)
"""More than the sockets of both sides hold, so that sending it waits for who reads it."""
FEW = replace(Limits(), connections=6, per_peer=3)
OK = b"HTTP/1.1 200 OK"
HEALTH = ASK.replace(b"/metrics", b"/healthz")
GREEDY, SLOW, OTHER, KUBELET = (f"127.0.0.{number}" for number in (2, 3, 4, 5))


async def come(server: Served, clients: list[Client], address: str, ask: bytes = b"") -> Client:
    client = await connect(server, clients, local_addr=(address, 0), limit=1024)
    if ask:
        await client.say(ask)
    return client


async def slow_readers(server: Served, clients: list[Client], address: str, many: int) -> list[Client]:
    """Ask for a large answer and read nothing."""
    before = server.gate.room.count(Doing.SENDING)
    come_in = [await come(server, clients, address, ASK) for _ in range(many)]
    await until(lambda: server.gate.room.count(Doing.SENDING) == before + many)
    return come_in


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def hold_up(server: Served, go_on: threading.Event) -> None:
    collect = server.exporter.collect
    server.exporter.collect = lambda left_s: go_on.wait(DEADLINE_S) and collect(left_s)  # type: ignore[method-assign,assignment,return-value]


async def test_slow_readers_of_many_addresses_keep_neither_a_scrape_nor_a_health_check_out(clients: list[Client]) -> None:
    async with served(limits=FEW, body=LARGE) as server:
        for address in (GREEDY, SLOW):
            await slow_readers(server, clients, address, 3)
        assert server.gate.room.count() == FEW.connections
        with structlog.testing.capture_logs() as lines:
            probe = await come(server, clients, KUBELET, HEALTH)
            assert await probe.hears() == OK
            scrape = await come(server, clients, OTHER, ASK)
            assert await scrape.hears() == OK
        assert [(line["event"], line["peer"], line["was"]) for line in lines] == [("connection_ended", GREEDY, "sending")]


async def test_one_address_has_only_so_many_connections_and_its_own_make_room_for_more(clients: list[Client]) -> None:
    async with served(limits=FEW, body=LARGE) as server:
        first, second, third = await slow_readers(server, clients, GREEDY, 3)
        other = await come(server, clients, OTHER, HEALTH)
        assert await other.hears() == OK
        assert await (await come(server, clients, GREEDY, HEALTH)).hears() == OK
        assert [await client.hears() for client in (first, second, third)] == [b"", OK, OK]
        await other.say(HEALTH)
        assert await other.hears() == OK


async def test_what_waits_gives_way_before_what_is_being_answered(clients: list[Client]) -> None:
    async with served(limits=FEW, body=LARGE) as server:
        sending = await slow_readers(server, clients, GREEDY, 2)
        waiting = await come(server, clients, GREEDY)
        await until(lambda: server.gate.room.count(Doing.WAITING) == 1)
        assert await (await come(server, clients, GREEDY, HEALTH)).hears() == OK
        assert await waiting.is_closed()
        assert [await client.hears() for client in sending] == [OK, OK]


async def test_an_address_with_many_scrapes_under_way_does_not_keep_a_health_check_out(
    clients: list[Client], go_on: threading.Event
) -> None:
    async with served(limits=FEW) as server:
        hold_up(server, go_on)
        at_work = [await come(server, clients, address, ASK) for address in (GREEDY, SLOW) for _ in range(3)]
        await until(lambda: server.gate.room.count(Doing.WORKING) == FEW.connections)
        assert await (await come(server, clients, KUBELET, HEALTH)).hears() == OK
        go_on.set()
        assert [await client.hears() for client in at_work] == [b"", OK, OK, OK, OK, OK]


async def test_addresses_that_each_have_little_under_way_keep_it(clients: list[Client], go_on: threading.Event) -> None:
    async with served(limits=replace(FEW, connections=2)) as server:
        hold_up(server, go_on)
        at_work = [await come(server, clients, address, ASK) for address in (GREEDY, SLOW)]
        await until(lambda: server.gate.room.count(Doing.WORKING) == 2)
        with structlog.testing.capture_logs() as lines:
            assert await (await come(server, clients, OTHER)).is_closed()
        assert [(line["event"], line["peer"]) for line in lines] == [("connection_refused", OTHER)]
        go_on.set()
        assert [await client.hears() for client in at_work] == [OK, OK]
