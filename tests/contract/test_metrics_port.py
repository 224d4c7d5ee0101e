"""The port `Metrics`: the fake in memory and the client on a real Prometheus do the same.

The real one has two hours of the past (backfilled, so that nobody waits) and scrapes an exporter made here once a second.
"""

import asyncio
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from autoscaler.clients.ports import Metrics, Sample
from autoscaler.clients.prometheus import PrometheusMetrics
from autoscaler.errors import Permanent
from autoscaler.model import History, WorkloadKey
from autoscaler.settings import ForecastSettings, PrometheusSettings
from autoscaler.telemetry import REGISTRY
from tests.fakes.prometheus import FakeMetrics

JOB = "foresail-exporter"
WEB = WorkloadKey("shop", "Deployment", "web")
DB = WorkloadKey("shop", "StatefulSet", "db")
STEP_S = 60.0
DEADLINE_S = 60.0
HOUR_S = 3600
PAST_S = float((int(time.time()) // HOUR_S - 240) * HOUR_S)  # ten days ago, on the hour

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus is not installed (Debian: apt install prometheus)",
)


def web_cores(at_s: float) -> float | None:
    """The load of the workload web in the past: one pod, then nothing known for a while, then three times as much."""
    minute = (at_s - PAST_S) / 60
    if 30 < minute < 45:
        return None
    return 0.25 if minute <= 45 else 0.75


class World(Protocol):
    """A source of metrics with the past above, and a present that a test may change."""

    metrics: Metrics

    async def present(self) -> None:
        """Wait until web-1 has used 0.05 cores and 1 MB for a while."""

    async def end(self) -> None:
        """Let web-1 go away and wait until that can be known."""


@dataclass
class FakeWorld:
    metrics: FakeMetrics = field(default_factory=FakeMetrics)

    def __post_init__(self) -> None:
        times = PAST_S + STEP_S * np.arange(121)
        web = [web_cores(at_s) for at_s in times]
        values = np.array([np.nan if one is None else one for one in web])
        self.metrics.histories["cpu"][WEB] = History(PAST_S, STEP_S, values)
        self.metrics.histories["cpu"][DB] = History(PAST_S, STEP_S, np.full(121, 1.5))
        self.metrics.query_histories['sum(backfilled{kind="one"})'] = History(PAST_S, STEP_S, np.full(121, 7.0))
        self.metrics.answers |= {"vector(3)": [Sample({}, time.time(), 3.0)], "3": [Sample({}, time.time(), 3.0)]}
        self.metrics.answers["scraped"] = [Sample({"kind": name}, time.time(), 1.0) for name in "ab"]

    async def present(self) -> None:
        self.metrics.set_usage("cpu", "shop", "web-1", "app", value=0.05, at_s=time.time())
        self.metrics.set_usage("memory", "shop", "web-1", "app", value=1e6, at_s=time.time())

    async def end(self) -> None:
        self.metrics.usage["memory"].clear()
        self.metrics.usage["cpu"].clear()


@dataclass
class Exporter:
    """A page of metrics on loopback; cpu is used at 0.05 cores."""

    started_s: float = field(default_factory=time.monotonic)
    alive: bool = True

    def page(self) -> str:
        cpu = 0.05 * (time.monotonic() - self.started_s)
        pod = 'namespace="shop",pod="web-1"'
        containers = [
            f'container_cpu_usage_seconds_total{{{pod},container="app"}} {cpu}',
            f'container_cpu_usage_seconds_total{{{pod},container=""}} {cpu}',
            f'container_memory_working_set_bytes{{{pod},container="app"}} 1e6',
            f'container_memory_working_set_bytes{{{pod},container="POD"}} 5e5',
            'container_memory_working_set_bytes{namespace="shop",pod="web-2",container="app"} NaN',
        ]
        lines = [*(containers if self.alive else []), 'scraped{kind="a"} 1', 'scraped{kind="b"} 1']
        return "\n".join(lines) + "\n"


@dataclass
class RealWorld:
    metrics: PrometheusMetrics
    exporter: Exporter

    async def present(self) -> None:
        self.exporter.alive = True
        async with asyncio.timeout(DEADLINE_S):
            while True:
                cpu, memory = await self.metrics.pod_usage("cpu"), await self.metrics.pod_usage("memory")
                used = cpu.get(("shop", "web-1"), {}).get("app")
                if used and used.value > 0.045 and ("shop", "web-1") in memory:  # a rate rises until its window is full
                    return
                await asyncio.sleep(0.2)

    async def end(self) -> None:
        self.exporter.alive = False
        async with asyncio.timeout(DEADLINE_S):
            while True:
                if not await self.metrics.pod_usage("memory"):
                    return
                await asyncio.sleep(0.2)


def past() -> str:
    """Two hours in OpenMetrics: web on one pod, then on two; db; and the same pods under another job."""
    counters: dict[str, float] = {}
    lines: list[str] = []
    infos: list[str] = []
    others: list[str] = []
    for at_s in range(int(PAST_S) - 120, int(PAST_S) + 2 * HOUR_S + 1, 15):
        minute = (at_s - PAST_S) / 60
        rates = {"web-1": 0.25, "web-2": 0.5 if minute > 44 else None, "db-0": 1.5}
        for pod, rate in rates.items():
            if rate is None:
                continue
            counters[pod] = counters.get(pod, 0.0) + 15 * rate
            if 30 < minute < 44 and pod.startswith("web"):
                continue
            where = f'namespace="shop",pod="{pod}"'
            used = f'{where},container="app"}} {counters[pod]} {at_s}'
            lines += [f'container_cpu_usage_seconds_total{{job="{job}",{used}' for job in (JOB, "kubelet")]
            kind, name = ("Deployment", "web") if pod.startswith("web") else ("StatefulSet", "db")
            owner = f'workload_kind="{kind}",workload="{name}"'
            infos.append(f'foresail_pod_info{{job="{JOB}",{where},{owner},uid="{pod}",node="n1"}} 1 {at_s}')
            if pod == "db-0":  # the same name seen on a second node, as while a StatefulSet's pod moves
                infos.append(f'foresail_pod_info{{job="{JOB}",{where},{owner},uid="other",node="n2"}} 1 {at_s}')
        others += [f'backfilled{{kind="{kind}"}} 7 {at_s}' for kind in ("one", "two")]
    order = {"container_cpu_usage_seconds": sorted(lines, key=_series), "foresail_pod_info": sorted(infos, key=_series)}
    text = "# TYPE container_cpu_usage_seconds counter\n" + "\n".join(order["container_cpu_usage_seconds"])
    text += "\n# TYPE foresail_pod_info gauge\n" + "\n".join(order["foresail_pod_info"])
    return text + "\n# TYPE backfilled gauge\n" + "\n".join(sorted(others, key=_series)) + "\n# EOF\n"


def _series(line: str) -> str:
    return line.partition("}")[0]


@contextmanager
def prometheus(folder: Path, target: str, recording: str) -> Iterator[str]:
    """Run Prometheus on a free port of loopback, with a recording of the past backfilled; yield its URL."""
    (folder / "past.txt").write_text(recording)
    backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "past.txt"), str(folder / "data")]
    subprocess.run(backfill, check=True, capture_output=True)
    config = {"job_name": JOB, "honor_labels": True, "scrape_interval": "1s", "scrape_timeout": "1s"}
    scrape = "\n".join(
        f"    {key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in config.items()
    )
    (folder / "prometheus.yml").write_text(
        f"scrape_configs:\n  -\n{scrape}\n    static_configs:\n      - targets: ['{target}']\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=60d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--query.max-samples=1000",  # so that the past must be asked for in parts
        "--log.level=warn",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def wait_ready(url: str, folder: Path) -> None:
    """Wait until Prometheus has opened its data and answers queries; its log is the message when it does not."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as answer:  # noqa: S310 - our own http://127.0.0.1
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"prometheus did not start: {(folder / 'log').read_text()}")


@contextmanager
def serving(exporter: Exporter) -> Iterator[str]:
    """Serve an exporter's page on a free port of loopback, in a thread; yield its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(exporter.page().encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Exporter]]:
    """One Prometheus for all tests of this file."""
    folder = tmp_path_factory.mktemp("prometheus")
    exporter = Exporter()
    with serving(exporter) as target, prometheus(folder, target, past()) as url:
        wait_ready(url, folder)
        yield url, exporter


@pytest.fixture(params=["memory", pytest.param("prometheus", marks=needs_prometheus)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield FakeWorld()
        return
    url, exporter = request.getfixturevalue("running")
    metrics = PrometheusMetrics(PrometheusSettings(url=url, job=JOB, rate_window_s=5), ForecastSettings())
    yield RealWorld(metrics, exporter)
    metrics.close()


async def test_the_present_is_known_with_its_age_and_without_what_does_not_count(world: World) -> None:
    await world.present()
    cpu = (await world.metrics.pod_usage("cpu"))["shop", "web-1"]
    memory = await world.metrics.pod_usage("memory")
    assert list(cpu) == ["app"]
    assert 0.03 < cpu["app"].value < 0.08  # scrapes on a busy machine are not quite a second apart
    assert abs(time.time() - cpu["app"].at_s) < 10
    assert {container: sample.value for container, sample in memory["shop", "web-1"].items()} == {"app": 1e6}
    assert ("shop", "web-2") not in memory


async def test_cpu_is_known_over_another_window_as_well(world: World) -> None:
    await world.present()
    cpu = (await world.metrics.pod_usage("cpu", window_s=3))["shop", "web-1"]
    assert list(cpu) == ["app"]
    assert 0.03 < cpu["app"].value < 0.08
    assert abs(time.time() - cpu["app"].at_s) < 10


async def test_what_has_gone_is_no_longer_in_the_answer(world: World) -> None:
    await world.present()
    await world.end()
    assert ("shop", "web-1") not in await world.metrics.pod_usage("memory")
    assert ("shop", "web-1") not in await world.metrics.pod_usage("cpu")


async def test_the_past_is_known_by_workload_on_a_grid_with_its_gaps(world: World) -> None:
    found = await world.metrics.workload_history("cpu", start_s=PAST_S + 1, end_s=PAST_S + 2 * HOUR_S, step_s=STEP_S)
    assert set(found) == {WEB, DB}
    for history in found.values():
        assert (history.start_s, history.step_s, len(history.values)) == (PAST_S + 60, STEP_S, 120)
    expected = {minute: web_cores(PAST_S + 60 * minute) for minute in (1, 10, 29, 35, 40, 50, 90, 120)}
    for minute, cores in expected.items():
        assert found[WEB].values[minute - 1] == pytest.approx(np.nan if cores is None else cores, rel=0.05, nan_ok=True), minute
    np.testing.assert_allclose(found[DB].values, 1.5, rtol=0.05)


async def test_where_nothing_was_there_is_no_history(world: World) -> None:
    assert await world.metrics.workload_history("cpu", start_s=0, end_s=HOUR_S, step_s=STEP_S) == {}


async def test_a_users_query_over_time_lies_on_the_same_grid(world: World) -> None:
    history = await world.metrics.query_history(
        'sum(backfilled{kind="one"})', start_s=PAST_S, end_s=PAST_S + HOUR_S, step_s=STEP_S
    )
    assert history is not None
    assert (history.start_s, history.step_s) == (PAST_S, STEP_S)
    np.testing.assert_array_equal(history.values, np.full(61, 7.0))


async def test_a_query_that_finds_nothing_gives_nothing(world: World) -> None:
    assert not await world.metrics.query("nowhere")
    assert await world.metrics.query_history("nowhere", start_s=PAST_S, end_s=PAST_S + HOUR_S, step_s=STEP_S) is None


@pytest.mark.parametrize("promql", ["vector(3)", "3"])
async def test_a_users_query_gives_one_value_of_now(world: World, promql: str) -> None:
    (sample,) = await world.metrics.query(promql)
    assert sample.value == 3.0
    assert abs(time.time() - sample.at_s) < 10


async def test_a_query_with_several_answers_is_refused(world: World) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                assert not await world.metrics.query("scraped")  # not scraped yet
            except Permanent as refusal:
                assert "gives 2 series" in str(refusal)  # noqa: PT017 - until it happens
                return
            await asyncio.sleep(0.1)


@needs_prometheus
async def test_prometheus_refuses_a_range_that_is_too_large_and_gets_it_in_parts(running: tuple[str, Exporter]) -> None:
    metrics = PrometheusMetrics(PrometheusSettings(url=running[0], job=JOB), ForecastSettings())
    labels = {"query": "workload_history", "result": "error"}
    before = REGISTRY.get_sample_value("foresail_prometheus_queries_total", labels) or 0.0
    found = await metrics.workload_history("cpu", start_s=PAST_S, end_s=PAST_S + 2 * HOUR_S, step_s=15)
    metrics.close()
    assert np.isfinite(found[DB].values).all()
    assert (REGISTRY.get_sample_value("foresail_prometheus_queries_total", labels) or 0.0) > before
