"""Who shares which collection: by the time that each waits, and by how old a result is."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporters.exposition.text import Format
from exporters.shared import SharedCollection, Times
from tests.fakes.waiting import until
from tests.unit.exporters.counting import LOCAL, client
from tests.unit.exporters.trees import samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exporters.exposition.exporter import Exposition
    from tests.unit.exporters.counting import Counting

ANEW = Times(reuse_s=0.0)
SHARED = "foresail_exporter_scrapes_shared_total"


@asynccontextmanager
async def sharing(counting: Counting, times: Times = ANEW) -> AsyncIterator[SharedCollection]:
    shared = SharedCollection(counting, times)  # type: ignore[arg-type]
    yield shared
    counting.may_go_on.set()
    await shared.end()


async def asks(shared: SharedCollection, timeout_s: float) -> asyncio.Task[Exposition]:
    """Begin to ask, and return once that waits."""
    task = asyncio.create_task(shared.get(timeout_s))
    await asyncio.sleep(0)
    return task


def text_of(exposition: Exposition) -> bytes:
    return exposition.answer(Format.TEXT, compressed=False)


async def test_scrapes_at_the_same_time_share_one_collection(counting: Counting) -> None:
    async with sharing(counting) as shared:
        scrapes = [await asks(shared, 10.0) for _ in range(8)]
        counting.may_go_on.set()
        expositions = await asyncio.gather(*scrapes)
        assert counting.collections == 1
        assert all(exposition is expositions[0] for exposition in expositions)
        assert await shared.get(10.0) is not expositions[0]


async def test_a_client_that_leaves_does_not_take_the_answer_from_the_others(counting: Counting) -> None:
    async with sharing(counting) as shared:
        leaving, staying = await asks(shared, 10.0), await asks(shared, 10.0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        counting.may_go_on.set()
        await staying
        assert counting.collections == 1


async def test_an_impatient_client_cuts_nobody_elses_scrape_short(counting: Counting) -> None:
    counting.is_partial = True
    async with sharing(counting) as shared:
        impatient = await asks(shared, 1.0)
        patient = [await asks(shared, 10.0) for _ in range(7)]
        counting.may_go_on.set()
        cut = await impatient
        expositions = await asyncio.gather(*patient)
    first_s, second_s = counting.timeouts_s
    assert first_s == pytest.approx(1.0, abs=0.2)
    assert second_s == pytest.approx(10.0, abs=0.5)
    assert all(one is expositions[0] and one is not cut for one in expositions)


async def test_what_an_impatient_client_read_is_shared_when_it_is_whole(counting: Counting) -> None:
    async with sharing(counting) as shared:
        impatient, patient = await asks(shared, 1.0), await asks(shared, 10.0)
        counting.may_go_on.set()
        assert await impatient is await patient
    assert counting.collections == 1


async def test_a_part_is_shared_by_those_who_would_have_given_it_no_more_time(counting: Counting) -> None:
    counting.is_partial = True
    async with sharing(counting) as shared:
        first, later, shorter = await asks(shared, 10.0), await asks(shared, 10.0), await asks(shared, 5.0)
        counting.may_go_on.set()
        assert await first is await later is await shorter
    assert counting.collections == 1


async def test_a_header_of_a_moment_is_read_as_a_second_and_one_of_a_year_as_two_minutes(counting: Counting) -> None:
    counting.may_go_on.set()
    async with client(counting) as session:
        for header in ("0.001", "31536000"):
            async with session.get("/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": header}) as response:
                assert response.status == 200
    assert counting.timeouts_s == pytest.approx([1.0, 120.0], abs=0.1)


async def test_a_whole_result_is_good_for_a_moment_and_then_forgotten(counting: Counting) -> None:
    counting.may_go_on.set()
    async with sharing(counting, replace(ANEW, reuse_s=2.0)) as shared:
        first = await shared.get(10.0)
        assert await shared.get(10.0) is first
        await until(lambda: shared._whole is None)
        assert await shared.get(10.0) is not first
    assert counting.collections == 2


async def test_a_part_is_not_given_again(counting: Counting) -> None:
    counting.may_go_on.set()
    counting.is_partial = True
    async with sharing(counting, replace(ANEW, reuse_s=60.0)) as shared:
        first = await shared.get(10.0)
        assert await shared.get(10.0) is not first


async def test_an_answer_of_a_result_that_is_given_again_counts_as_shared(counting: Counting) -> None:
    counting.may_go_on.set()
    async with sharing(counting, replace(ANEW, reuse_s=60.0)) as shared:
        for _ in range(3):
            await shared.answer(10.0, text_of)
        shared._whole = None
        text = await shared.answer(10.0, text_of)
    assert samples(text.decode())[SHARED] == 2


async def test_a_loop_of_requests_reads_no_more_than_twice_a_second_by_default(counting: Counting) -> None:
    counting.may_go_on.set()
    async with client(counting, replace(LOCAL, reuse_s=0.5)) as session:
        for _ in range(10):
            async with session.get("/metrics") as response:
                assert response.status == 200
    assert counting.collections < 10
