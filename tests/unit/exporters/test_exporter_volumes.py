"""What the kubelet says of disk use: fetched from a real HTTP server, shown without a scrape ever waiting for it."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from cryptography import x509
from structlog.testing import capture_logs

from exporters.collectors import filesystem, volumes
from exporters.kubelet.client import KubeletClient, Pace
from exporters.kubelet.summary import NotASummaryError, Stale, SummaryBook, summary_of
from exporters.names.account import Account
from exporters.program import _kubelet
from exporters.settings import Kubelet, Kubernetes, Settings
from tests.unit.exporters.trees import FIXTURES, Host, Rig, heard_summary, of_family, samples
from tests.unit.exporters.web_rig import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from exporters.names.book import PodBook
    from tests.unit.exporters.web_rig import Pair

SUMMARY = (FIXTURES / "summary.json").read_bytes()
QUICK = Pace(answer_s=2.0, shortest_s=0.01, longest_s=0.05)
DEADLINE_S = 60.0
WEB = ("8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11", "web-6f7c9d8b5-x2v4q", "web")


@dataclass
class FakeKubelet:
    """Answers each question with the next of ``answers``, and then with the last again."""

    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, SUMMARY)])
    tokens: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers["Authorization"])
        self.paths.append(request.path)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, body=body, content_type="application/json")


@dataclass(frozen=True)
class Shown:
    """The certificate that the kubelet shows, and how the client checks it."""

    pair: Pair
    authority: Path
    is_checked: bool = True

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.certificate, self.pair.key)
        return context


@asynccontextmanager
async def asked(kubelet: FakeKubelet, book: SummaryBook, tmp_path: Path, shown: Shown | None = None) -> AsyncIterator[None]:
    """Serve a kubelet, over TLS if it has something to show, and run a client against it."""
    app = web.Application()
    app.router.add_get("/{path:.*}", kubelet.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=None if shown is None else shown.context()).start()
    token = tmp_path / "token"
    token.write_text("first\n", encoding="ascii")
    server = f"{'http' if shown is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    client = KubeletClient(
        Account(server, token, None if shown is None else shown.authority),
        book,
        server_name=None if shown is None else "node-a",
        is_checked=shown is None or shown.is_checked,
        pace=QUICK,
        chance=random.Random(1),  # noqa: S311 - no secret
    )
    task = asyncio.create_task(client.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await runner.cleanup()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


def summary(*pods: object) -> bytes:
    return json.dumps({"pods": pods}).encode()


def a_pod(uid: str, name: str, container: str, **figures: object) -> dict[str, object]:
    reference = {"namespace": "shop", "name": name, "uid": uid}
    return {"podRef": reference, "containers": [{"name": container, **figures}]}


def book_of(body: bytes) -> SummaryBook:
    book = SummaryBook(lambda: 0.0)
    book.put(summary_of(body))
    return book


def told(host: Host, names: PodBook, book: SummaryBook | None) -> str:
    return Rig(host, names, collectors=(filesystem.COLLECTOR, volumes.COLLECTOR), summary=book).text()


def of_web(text: str, family: str) -> dict[str, float]:
    """Return the samples of the container web by device."""
    return {
        series.partition('device="')[2].rstrip('"}'): value
        for series, value in of_family(text, family).items()
        if 'container="web"' in series
    }


def errors(text: str, kind: str) -> float:
    return samples(text)[f'foresail_exporter_collector_errors_total{{collector="volumes",kind="{kind}"}}']


async def test_the_kubelet_is_asked_at_once_with_the_pods_token_and_then_only_when_somebody_looks(tmp_path: Path) -> None:
    kubelet, book = FakeKubelet(), SummaryBook(time.monotonic)
    async with asked(kubelet, book, tmp_path):
        await until(lambda: len(kubelet.tokens) == 1)
        await asyncio.sleep(10 * QUICK.shortest_s)  # nobody looks, so nothing may come
        assert len(kubelet.tokens) == 1
        (tmp_path / "token").write_text("second\n", encoding="ascii")
        await until(lambda: not isinstance(book.look(), Stale))
        await until(lambda: len(kubelet.tokens) >= 2)
    assert kubelet.tokens[:2] == ["Bearer first", "Bearer second"]
    assert set(kubelet.paths) == {"/stats/summary"}


async def test_looking_from_another_thread_returns_at_once_and_wakes_the_client(tmp_path: Path) -> None:
    kubelet, book = FakeKubelet(), SummaryBook(time.monotonic)
    async with asked(kubelet, book, tmp_path):
        await until(lambda: len(kubelet.tokens) == 1)
        await asyncio.to_thread(book.look)
        await until(lambda: len(kubelet.tokens) == 2)


async def test_a_certificate_is_checked_against_its_authority_and_the_name_of_the_node(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    shown = Shown(authority.issue("kubelet", x509.DNSName("node-a")), authority.file)
    kubelet, book = FakeKubelet(), SummaryBook(time.monotonic)
    async with asked(kubelet, book, tmp_path, shown):
        await until(lambda: not isinstance(book.look(), Stale))


@pytest.mark.parametrize("name", ["node-a", "node-b"])
async def test_a_strangers_certificate_never_sees_the_token_unless_checking_is_switched_off(name: str, tmp_path: Path) -> None:
    cluster = Authority(tmp_path, "cluster")
    signer = Authority(tmp_path, "stranger") if name == "node-a" else cluster
    pair = signer.issue("kubelet", x509.DNSName(name))
    kubelet, book = FakeKubelet(), SummaryBook(time.monotonic)
    with capture_logs() as logs:
        async with asked(kubelet, book, tmp_path, Shown(pair, cluster.file)):
            await until(lambda: bool(logs))
    assert "ertificate" in logs[0]["cause"]
    assert kubelet.tokens == []
    async with asked(kubelet, book, tmp_path, Shown(pair, cluster.file, is_checked=False)):
        await until(lambda: not isinstance(book.look(), Stale))


async def test_after_an_error_the_kubelet_is_asked_again_and_the_cause_names_the_right_that_is_missing(tmp_path: Path) -> None:
    kubelet, book = (
        FakeKubelet([(403, b"Forbidden (user=x, verb=get, resource=nodes)"), (200, SUMMARY)]),
        SummaryBook(time.monotonic),
    )
    with capture_logs() as logs:
        async with asked(kubelet, book, tmp_path):
            await until(lambda: not isinstance(book.look(), Stale))
    (failure,) = [line for line in logs if line["event"] == "kubelet_not_asked"]
    assert "403" in failure["cause"]
    assert "grant the service account get on nodes/stats" in failure["cause"]


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, b"[]"), (500, b"broken"), (302, b""), (200, b"\xff\xfe")])
async def test_what_is_no_summary_is_a_failure_and_not_an_empty_answer(answer: tuple[int, bytes], tmp_path: Path) -> None:
    kubelet, book = FakeKubelet([answer]), SummaryBook(time.monotonic)
    with capture_logs() as logs:
        async with asked(kubelet, book, tmp_path):
            await until(lambda: bool(logs))
    assert isinstance(stale := book.look(), Stale)
    assert stale.was_heard
    assert stale.why


async def test_a_book_whose_client_has_ended_can_still_be_looked_at(tmp_path: Path) -> None:
    book = SummaryBook(time.monotonic)
    async with asked(FakeKubelet(), book, tmp_path):
        await until(lambda: not isinstance(book.look(), Stale))
    assert not isinstance(book.look(), Stale)


def test_an_answer_that_grew_old_is_no_answer() -> None:
    now = [0.0]
    book = SummaryBook(lambda: now[0], longest_age_s=300.0)
    book.put(())
    now[0] = 300.0
    assert book.look() == ()
    now[0] = 301.0
    assert isinstance(stale := book.look(), Stale)
    assert stale.why == "the kubelet was last heard 301 s ago: it was not asked since"


def test_a_pod_that_cannot_be_read_does_not_hide_the_others() -> None:
    with capture_logs() as logs:
        found = summary_of(summary({"podRef": {"name": 7}}, a_pod("u", "good", "app")))
    assert [pod.pod_ref.name for pod in found] == ["good"]
    assert [line["event"] for line in logs] == ["pod_summary_unreadable"]


def test_no_pods_are_no_error() -> None:
    assert summary_of(b'{"pods": null}') == ()
    with pytest.raises(NotASummaryError):
        summary_of(b"")


def test_layer_and_log_of_a_container_are_added_up_on_the_device_of_their_size(v2: Host, book: PodBook) -> None:
    text = told(v2, book, heard_summary())
    assert of_web(text, "container_fs_usage_bytes") == {"/dev/nvme0n1p1": 8437760 + 1048576}
    assert of_web(text, "container_fs_limit_bytes") == {"/dev/nvme0n1p1": 65019911 * 4096}


def test_a_layer_on_a_file_system_that_nobody_has_seen_has_no_device(v2: Host, book: PodBook) -> None:
    uid, name, container = WEB
    layer = {"capacityBytes": 1000, "usedBytes": 10, "inodes": 5}
    text = told(v2, book, book_of(summary(a_pod(uid, name, container, rootfs=layer))))
    assert of_web(text, "container_fs_usage_bytes") == {"": 10}


def test_two_file_systems_of_one_size_are_not_guessed_between(v2: Host, book: PodBook) -> None:
    v2.write("proc/self/mountinfo", "9 8 259:1 / /a rw - ext4 /dev/nvme0n1p1 rw\n10 8 9:127 / /b rw - ext4 /dev/md127 rw\n")
    v2.write("statvfs", "/a 4096 65019911 32018822 16777216 16116895\n/b 4096 65019911 5 16777216 6\n")
    text = told(v2, book, heard_summary())
    assert len(of_family(text, "container_fs_limit_bytes")) > 2
    assert of_web(text, "container_fs_usage_bytes") == {"": 8437760 + 1048576}


def test_what_the_kubelet_does_not_say_gives_no_series(v2: Host, book: PodBook) -> None:
    uid, name, container = WEB
    pod = a_pod(uid, name, container, rootfs={"capacityBytes": 1000}, logs=None)
    pod["volume"] = [{"name": "data", "usedBytes": 5}, {"name": "odd", "usedBytes": -5}]
    text = told(v2, book, book_of(summary(pod)))
    assert of_web(text, "container_fs_usage_bytes") == {}
    assert of_family(text, "foresail_volume_used_bytes") == {
        'foresail_volume_used_bytes{namespace="shop",pod="web-6f7c9d8b5-x2v4q",volume="data",persistentvolumeclaim=""}': 5
    }
    assert of_family(text, "foresail_volume_capacity_bytes") == {}


def test_a_claim_is_named_beside_its_volume(v2: Host, book: PodBook) -> None:
    claimed = [s for s in of_family(told(v2, book, heard_summary()), "foresail_volume_inodes_used") if 'volume="data"' in s]
    assert len(claimed) == 1
    assert 'persistentvolumeclaim="web-data"' in claimed[0]


def test_a_pod_that_is_told_twice_gives_no_series_twice(v2: Host, book: PodBook) -> None:
    uid, name, container = WEB
    pod = a_pod(uid, name, container, rootfs={"capacityBytes": 1000, "usedBytes": 10})
    pod["volume"] = [{"name": "data", "usedBytes": 5}, {"name": "data", "usedBytes": 6}]
    lines = [line for line in told(v2, book, book_of(summary(pod, pod))).splitlines() if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(series) == len(set(series))


def test_a_kubelet_that_was_heard_and_went_silent_is_a_failure_and_a_young_one_is_absent(v2: Host, book: PodBook) -> None:
    young = told(v2, book, SummaryBook(lambda: 0.0))
    assert (errors(young, "absent"), errors(young, "failed")) == (1, 0)
    now = [0.0]
    silent = SummaryBook(lambda: now[0])
    silent.put(summary_of(SUMMARY))
    now[0] = 1000.0
    text = told(v2, book, silent)
    assert (errors(text, "absent"), errors(text, "failed")) == (0, 1)
    assert of_family(text, "foresail_volume_used_bytes") == {}


def test_the_client_is_made_only_for_its_collector_and_only_with_an_address_and_a_token(tmp_path: Path) -> None:
    account = Account("https://10.0.0.1:443", tmp_path / "token", tmp_path / "ca.crt")
    chosen = Settings(
        kubernetes=Kubernetes(enabled=True, node_name="node-a"),
        kubelet=Kubelet("2001:db8::7", ca_file="/kubelet.crt"),
        collectors=("volumes",),
    )
    client = _kubelet(chosen, account)
    assert client is not None
    assert client.account.server == "https://[2001:db8::7]:10250"
    assert str(client.account.authority_file) == "/kubelet.crt"
    assert (client.server_name, client.is_checked) == ("node-a", True)
    with capture_logs() as logs:
        assert _kubelet(Settings(kubelet=chosen.kubelet), account) is None
        assert _kubelet(chosen, None) is None
        assert _kubelet(Settings(collectors=("volumes",)), account) is None
    assert len(logs) == 2
