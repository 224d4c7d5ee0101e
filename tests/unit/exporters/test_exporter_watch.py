"""The pod watch against a real HTTP server that misbehaves as API servers do."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from exporters.exposition.own import OwnMetrics
from exporters.exposition.text import Format
from exporters.names.account import Account, NotInClusterError, in_cluster
from exporters.names.book import PodBook
from exporters.names.watch import PodWatch, Timing
from tests.unit.exporters.trees import Host, Rig, samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

QUICK = Timing(silence_s=0.3, list_s=2.0, first_wait_s=0.01, longest_wait_s=0.05)
PATIENT = Timing(silence_s=20.0, list_s=5.0, first_wait_s=0.01, longest_wait_s=0.05)
DEADLINE_S = 60.0

Json = dict[str, object]


def a_pod(name: str, version: int, uid: str = "", **status: object) -> Json:
    metadata = {"namespace": "shop", "name": name, "uid": uid or f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"nodeName": "node-a"}, "status": status}


def event(kind: str, told: Json) -> bytes:
    return json.dumps({"type": kind, "object": told}).encode() + b"\n"


@dataclass
class FakeApi:
    """Lists ``pods`` and plays one script for each watch; without a script a watch stays silent."""

    pods: list[Json] = field(default_factory=list)
    version: int = 100
    refuse_list: list[tuple[int, str]] = field(default_factory=list)
    refuse_watch: list[int] = field(default_factory=list)
    scripts: list[Callable[[web.StreamResponse], AsyncIterator[None]]] = field(default_factory=list)
    lists: list[dict[str, str]] = field(default_factory=list)
    watches: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers["Authorization"])
        assert request.path == "/api/v1/pods"
        return await self._watch(request) if "watch" in request.query else self._list(request)

    def _list(self, request: web.Request) -> web.Response:
        self.lists.append(dict(request.query))
        if self.refuse_list:
            status, text = self.refuse_list.pop(0)
            return web.Response(status=status, text=text)
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": self.pods})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches.append(dict(request.query))
        if self.refuse_watch:
            return web.Response(status=self.refuse_watch.pop(0), text="refused")
        response = web.StreamResponse()
        await response.prepare(request)
        if self.scripts:
            await self.scripts.pop(0)(response)
        else:
            await self.closing.wait()
        return response


def says(*lines: bytes, then: str = "end") -> Callable[[web.StreamResponse], object]:
    """Write lines, and end the stream, fall silent, or drop the connection in mid-line."""

    async def play(response: web.StreamResponse) -> None:
        for line in lines:
            await response.write(line)
        if then == "silence":
            await asyncio.sleep(DEADLINE_S)
        elif then == "drop":
            await response.write(b'{"type":"ADDED","object":{"meta')
            assert response._req is not None
            assert response._req.transport is not None
            response._req.transport.abort()

    return play


@asynccontextmanager
async def serving(api: FakeApi, tmp_path: Path) -> AsyncIterator[Account]:
    app = web.Application()
    app.router.add_get("/{path:.*}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    token = tmp_path / "token"
    token.write_text("first\n", encoding="ascii")
    try:
        yield Account(f"http://127.0.0.1:{runner.addresses[0][1]}", token, None)
    finally:
        api.closing.set()
        await runner.cleanup()


@asynccontextmanager
async def watching(api: FakeApi, tmp_path: Path, timing: Timing = PATIENT) -> AsyncIterator[PodWatch]:
    async with serving(api, tmp_path) as account:
        watch = PodWatch(account, "node-a", PodBook(), timing, time.monotonic, random.Random(1))  # noqa: S311 - no secret
        task = asyncio.create_task(watch.run())
        try:
            yield watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


def names(watch: PodWatch) -> set[str]:
    return {pod.name for pod in watch.book.page.pods.values()}


async def test_it_lists_the_pods_of_its_node_from_the_cache_and_follows_from_there(tmp_path: Path) -> None:
    api = FakeApi([a_pod("one", 7)])
    async with watching(api, tmp_path) as watch:
        await until(lambda: bool(api.watches))
        assert names(watch) == {"one"}
        assert api.lists == [{"fieldSelector": "spec.nodeName=node-a", "resourceVersion": "0"}]
        asked = api.watches[0]
        assert (asked["resourceVersion"], asked["allowWatchBookmarks"]) == ("100", "true")
        assert asked["fieldSelector"] == "spec.nodeName=node-a"
        assert 300 <= int(asked["timeoutSeconds"]) <= 600
        assert watch.age_s() is not None


async def test_it_has_tried_once_the_pods_are_listed_however_long_the_watch_then_lasts(tmp_path: Path) -> None:
    api = FakeApi([a_pod("one", 7)])
    async with watching(api, tmp_path) as watch:
        await asyncio.wait_for(watch.tried.wait(), DEADLINE_S)
        await until(lambda: bool(api.watches))
        assert not api.closing.is_set()


async def test_pods_that_come_change_and_go_are_followed(tmp_path: Path) -> None:
    api = FakeApi([a_pod("one", 7)])
    changed = a_pod("two", 102, containerStatuses=[{"name": "app", "containerID": "containerd://id"}])
    api.scripts = [
        says(
            event("ADDED", a_pod("two", 101)),
            event("MODIFIED", changed),
            event("DELETED", a_pod("one", 103)),
            event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "150"}}),
        )
    ]
    async with watching(api, tmp_path) as watch:
        await until(lambda: len(api.watches) == 2)
        assert names(watch) == {"two"}
        assert set(watch.book.page.by_container_id) == {"id"}
        assert api.watches[1]["resourceVersion"] == "150"
        assert watch.lists == 1


async def test_after_a_dropped_connection_it_follows_on_from_the_last_version(tmp_path: Path) -> None:
    api = FakeApi(scripts=[says(event("ADDED", a_pod("two", 101)), then="drop")])
    async with watching(api, tmp_path) as watch:
        await until(lambda: len(api.watches) == 2)
        assert api.watches[1]["resourceVersion"] == "101"
        assert (watch.lists, names(watch)) == (1, {"two"})


async def test_a_silent_stream_is_given_up(tmp_path: Path) -> None:
    api = FakeApi(scripts=[says(event("ADDED", a_pod("two", 101)), then="silence")])
    async with watching(api, tmp_path, QUICK) as watch:
        await until(lambda: len(api.watches) == 2)
        assert api.watches[1]["resourceVersion"] == "101"
        assert watch.lists == 1


@pytest.mark.parametrize("form", ["status", "event"])
async def test_a_version_that_the_api_has_forgotten_makes_it_list_again(tmp_path: Path, form: str) -> None:
    api = FakeApi([a_pod("one", 7)])
    if form == "status":
        api.refuse_watch = [410]
    else:
        api.scripts = [says(event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"}))]
    async with watching(api, tmp_path) as watch:
        await until(lambda: bool(api.watches))
        api.pods, api.version = [a_pod("new", 200)], 201
        await until(lambda: len(api.lists) == 2 and names(watch) == {"new"})
        await until(lambda: len(api.watches) == 2)
        assert api.watches[1]["resourceVersion"] == "201"
        assert watch.lists == 2


async def test_refusals_are_retried_with_the_token_as_it_is_then(tmp_path: Path) -> None:
    api = FakeApi([a_pod("one", 7)], refuse_list=[(401, "Unauthorized"), (403, "forbidden"), (500, "oops")])
    async with watching(api, tmp_path) as watch:
        await asyncio.wait_for(watch.tried.wait(), DEADLINE_S)
        (tmp_path / "token").write_text("second\n", encoding="ascii")
        await until(lambda: names(watch) == {"one"})
        assert api.tokens[0] == "Bearer first"
        assert api.tokens[-1] == "Bearer second"


async def test_an_api_that_cannot_be_reached_is_tried_again_and_its_age_is_unknown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x", encoding="ascii")
    watch = PodWatch(Account("http://127.0.0.1:9", token, None), "node-a", PodBook(), QUICK)
    task = asyncio.create_task(watch.run())
    await asyncio.wait_for(watch.tried.wait(), DEADLINE_S)
    assert (watch.age_s(), watch.lists) == (None, 0)
    await until(lambda: watch._failures > 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_missing_token_is_a_failure_and_not_the_end(tmp_path: Path) -> None:
    api = FakeApi([a_pod("one", 7)])
    async with serving(api, tmp_path) as account:
        account.token_file.unlink()
        watch = PodWatch(account, "node-a", PodBook(), QUICK)
        task = asyncio.create_task(watch.run())
        await asyncio.wait_for(watch.tried.wait(), DEADLINE_S)
        account.token_file.write_text("late", encoding="ascii")
        await until(lambda: names(watch) == {"one"})
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_pod_larger_than_a_read_buffer_is_taken_whole(tmp_path: Path) -> None:
    large = a_pod("large", 101)
    large["metadata"] |= {"annotations": {"note": "x" * 900_000}}
    api = FakeApi(scripts=[says(event("ADDED", large), event("ADDED", a_pod("next", 102)))])
    async with watching(api, tmp_path) as watch:
        await until(lambda: names(watch) == {"large", "next"})


async def test_a_pod_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    odd = {"metadata": {"name": 7}}
    api = FakeApi([odd, a_pod("one", 7)], scripts=[says(event("ADDED", {"metadata": {"resourceVersion": "101"}}))])
    async with watching(api, tmp_path) as watch:
        await until(lambda: len(api.watches) == 2)
        assert names(watch) == {"one"}
        assert api.watches[1]["resourceVersion"] == "101"


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b'{"type":"ADDED"}\n', b"\xff\xfe\n"])
async def test_a_line_that_is_no_event_breaks_the_stream_and_not_the_watch(tmp_path: Path, line: bytes) -> None:
    api = FakeApi([a_pod("one", 7)], scripts=[says(line)])
    async with watching(api, tmp_path) as watch:
        await until(lambda: len(api.watches) == 2)
        assert names(watch) == {"one"}


async def test_the_wait_grows_with_failures_up_to_a_limit_and_differs_between_nodes(tmp_path: Path) -> None:
    account = Account("http://127.0.0.1:9", tmp_path / "token", None)
    watch = PodWatch(account, "node-a", PodBook(), Timing(first_wait_s=1, longest_wait_s=60))
    waits = []
    for failures in (1, 3, 7, 1000):
        watch._failures = failures
        waits.append([watch._wait_s() for _ in range(200)])
    for drawn, most in zip(waits, (1, 4, 60, 60), strict=True):
        assert most / 2 <= min(drawn) < max(drawn) <= most


async def test_names_from_the_watch_reach_the_series_that_were_there_before(tmp_path: Path, v2: Host) -> None:
    uid = "2b9e7f04-11d8-4f6a-8a53-7c6d5e4f3a21"
    api = FakeApi()
    named = asyncio.Event()

    async def tells_late(response: web.StreamResponse) -> None:
        await named.wait()
        status = {"containerStatuses": [{"name": "db", "image": "db:16", "containerID": f"cri-o://{'e7' * 32}"}]}
        await response.write(event("ADDED", a_pod("db-0", 101, uid, **status)))
        await api.closing.wait()

    api.scripts = [tells_late]
    async with watching(api, tmp_path) as watch:
        await until(lambda: bool(api.watches))
        rig = Rig(v2, watch.book)
        assert 'container="db"' not in rig.text()
        named.set()
        await until(lambda: names(watch) == {"db-0"})
        assert 'container="db"' in rig.text()


async def test_the_health_of_the_watch_is_among_the_own_metrics() -> None:
    own = OwnMetrics("test")
    health: list[float | None] = [None]
    lists = [0]
    own.watch(lambda: health[0], lambda: lists[0])
    before = samples(own.render(Format.TEXT).decode())
    assert "foresail_exporter_watch_age_seconds" not in before
    assert before["foresail_exporter_api_relists_total"] == 0
    health[0], lists[0] = 1.5, 3
    after = samples(own.render(Format.TEXT).decode())
    assert (after["foresail_exporter_watch_age_seconds"], after["foresail_exporter_api_relists_total"]) == (1.5, 2)


class TestInCluster:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("token", "ca.crt"):
            (tmp_path / name).write_text("x", encoding="ascii")
        return tmp_path

    def test_the_api_is_found_as_every_pod_finds_it(self, folder: Path) -> None:
        account = in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}, folder)
        assert account.server == "https://10.0.0.1:6443"
        assert account.headers()["Authorization"] == "Bearer x"

    def test_an_address_of_version_6_is_put_in_brackets(self, folder: Path) -> None:
        assert in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1"}, folder).server == "https://[fd00::1]:443"

    def test_outside_a_cluster_it_says_what_is_missing(self, folder: Path) -> None:
        with pytest.raises(NotInClusterError, match="KUBERNETES_SERVICE_HOST"):
            in_cluster({}, folder)
        (folder / "token").unlink()
        with pytest.raises(NotInClusterError, match=r"token is missing.*service account"):
            in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, folder)

    def test_an_authority_that_cannot_be_read_is_an_os_error(self, folder: Path) -> None:
        account = in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, folder)
        with pytest.raises(OSError, match=r"."):
            account.trust()
