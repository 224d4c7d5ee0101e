"""The HTTP side: formats, sharing, health, failures."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.collectors import memory
from exporters.exposition.text import Format, accepts_gzip, choose
from exporters.server import CannotListenError, Site, application, serving
from exporters.settings import Web
from tests.unit.exporters.counting import client

if TYPE_CHECKING:
    from tests.unit.exporters.counting import Counting

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


async def test_the_default_answer_is_text(counting: Counting) -> None:
    counting.may_go_on.set()
    async with client(counting) as session, session.get("/metrics", headers={"Accept": "*/*"}) as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "container_cpu_usage_seconds" in {family.name for family in parse_text(await response.text())}


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_prometheus_gets_openmetrics_compressed_when_it_asks(counting: Counting, encoding: str) -> None:
    counting.may_go_on.set()
    asked = {"Accept": PROMETHEUS_3, "Accept-Encoding": encoding}
    async with client(counting) as session, session.get("/metrics", headers=asked) as response:
        assert response.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert (response.headers.get("Content-Encoding") == "gzip") is (encoding == "gzip")
        assert "container_memory_rss" in {family.name for family in parse_openmetrics(await response.text())}


async def test_only_the_families_that_are_asked_for_by_name_are_answered(counting: Counting) -> None:
    counting.may_go_on.set()
    asked = [("name[]", "container_memory_rss"), ("name[]", "container_threads")]
    async with client(counting) as session, session.get("/metrics", params=asked) as response:
        found = {family.name for family in parse_text(await response.text())}
    assert found == {"container_memory_rss", "container_threads"}


async def test_only_what_a_collector_tells_is_answered_when_it_is_asked_for(counting: Counting) -> None:
    counting.may_go_on.set()
    async with client(counting) as session:
        async with session.get("/metrics", params=[("collect[]", "memory"), ("name[]", "container_threads")]) as response:
            found = {family.name for family in parse_text(await response.text())}
        async with session.get("/metrics", params={"collect[]": "weather"}) as response:
            assert response.status == 400
            assert (await response.text()).startswith("collect[]=weather: no such collector runs here, only cpu, ")
    assert "container_memory_rss" in found
    told = {family.name for family in memory.COLLECTOR.families} | {"container_threads"}
    assert found <= told | {name.removesuffix("_total") for name in told}


async def test_a_collection_takes_no_longer_than_prometheus_waits(counting: Counting) -> None:
    counting.may_go_on.set()
    async with client(counting) as session:
        for header in ("2.5", "soon"):
            async with session.get("/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": header}) as response:
                assert response.status == 200
    assert counting.timeouts_s == pytest.approx([2.5, 10.0], abs=0.1)


async def test_health_is_answered_while_a_collection_takes_long(counting: Counting) -> None:
    async with client(counting) as session:
        scrape = asyncio.create_task(session.get("/metrics"))
        await asyncio.to_thread(counting.began.wait, 10)
        async with session.get("/healthz") as response:
            assert response.status == 200
        assert not scrape.done()
        counting.may_go_on.set()
        async with await scrape as response:
            assert response.status == 200


async def test_a_broken_collection_is_answered_with_500_and_the_next_one_may_succeed(counting: Counting) -> None:
    counting.may_go_on.set()
    counting.breaks = True
    async with client(counting) as session:
        async with session.get("/metrics") as response:
            assert response.status == 500
        counting.breaks = False
        async with session.get("/metrics") as response:
            assert response.status == 200


async def test_it_is_ready_once_nothing_is_missing_and_says_what_is(counting: Counting) -> None:
    missing: list[str | None] = ["the pods have not been asked for"]
    async with client(counting, why_not_ready=lambda: missing[0]) as session:
        async with session.get("/readyz") as response:
            assert (response.status, await response.text()) == (503, "the pods have not been asked for\n")
        missing[0] = None
        async with session.get("/readyz") as response:
            assert response.status == 200
        async with session.get("/healthz") as response:
            assert response.status == 200


async def test_the_landing_page_leads_to_the_metrics(counting: Counting) -> None:
    async with client(counting, Web("127.0.0.1", 0, "/other")) as session:
        async with session.get("/") as response:
            page = await response.text()
        assert '<a href="/other">' in page
        assert "1.2.3" in page
        async with session.get("/metrics") as response:
            assert response.status == 404


async def test_it_closes_what_it_opened_when_it_ends(counting: Counting) -> None:
    counting.may_go_on.set()
    async with client(counting) as session, session.get("/metrics"):
        pass
    assert counting.closed


async def test_an_address_in_use_is_refused_by_name(counting: Counting) -> None:
    async with client(counting) as session:
        assert session._base_url is not None
        taken = Web("127.0.0.1", session._base_url.port or 0)
        with pytest.raises(CannotListenError, match=rf"127\.0\.0\.1:{taken.port}: .*in use"):
            async with serving(application(Site(counting, taken, "", lambda: None)), taken):
                pass


@pytest.mark.parametrize(
    ("host", "port", "said", "remedy"),
    [
        ("192.0.2.1", 0, r"192\.0\.2\.1:0: no network interface of this machine has that address", "name one that it has"),
        ("2001:db8::1", 9109, r"\[2001:db8::1\]:9109: ", ""),
        ("fe80::1%nowhere0", 9109, r"\[fe80::1%nowhere0\]:9109: the name fe80::1%nowhere0 is not known", "write an IP address"),
        ("a" * 64, 9109, "is not known here", "write an IP address"),
    ],
)
async def test_an_address_that_this_machine_has_not_is_refused_with_a_remedy(
    counting: Counting, host: str, port: int, said: str, remedy: str
) -> None:
    strange = Web(host, port)
    with pytest.raises(CannotListenError, match=said) as caught:
        async with serving(application(Site(counting, strange, "", lambda: None)), strange):
            pass
    assert caught.value.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("telemetry_path", "answers"),
    [
        ("/metrics/", {"/metrics/": True, "/metrics": True, "/metrics/x": False}),
        ("/metrics", {"/metrics": True, "/metrics/": False}),
        ("/", {"/": True, "/metrics": False}),
    ],
)
async def test_the_metrics_are_answered_with_and_without_the_slash_that_the_path_ends_with(
    counting: Counting, telemetry_path: str, answers: dict[str, bool]
) -> None:
    counting.may_go_on.set()
    async with client(counting, Web("127.0.0.1", 0, telemetry_path)) as session:
        for path, answered in answers.items():
            async with session.get(path) as response:
                assert (response.status == 200) is answered
                assert ("container_" in await response.text()) is answered


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.TEXT),
        (PROMETHEUS_3, Format.OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0", Format.OPENMETRICS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", Format.TEXT),
        ("application/openmetrics-text;q=0", Format.TEXT),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", Format.TEXT),
        ("APPLICATION/OPENMETRICS-TEXT;Q=x", Format.TEXT),
        (";;,,=;q", Format.TEXT),
    ],
)
def test_the_format_is_chosen_by_what_is_wanted_most(accept: str, chosen: Format) -> None:
    assert choose(accept) is chosen


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("", False), ("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("*", True), ("identity", False)],
)
def test_gzip_is_used_only_when_it_is_accepted(header: str, accepted: bool) -> None:  # noqa: FBT001 - an example
    assert accepts_gzip(header) is accepted
