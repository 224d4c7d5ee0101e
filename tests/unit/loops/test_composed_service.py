"""The whole service as `foresail run` puts it together, over real HTTP; API server, Prometheus and receiver are fakes."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port

from autoscaler.clients.ports import SavedCopy
from autoscaler.clients.saved import SavedState
from autoscaler.compose import assembled
from autoscaler.errors import InvalidSettings
from autoscaler.loops.run import run
from autoscaler.settings import (
    ForecastSettings,
    HealingSettings,
    KubernetesSettings,
    LeaderElectionSettings,
    NotifySettings,
    PrometheusSettings,
    ScalingSettings,
    Settings,
    WebhookSettings,
    WebSettings,
)
from tests.fakes.api_server import FakeApiServer
from tests.fakes.waiting import until
from tests.fakes.webhook import FakeReceiver
from tests.unit.loops.scenes import BROKEN, NAMESPACE, Scene

DEADLINE_S = 90.0
LESSONS_S = 240.0  # three of them, the first in a process that has to start


@dataclass(slots=True)
class Prometheus:
    """Answers every question about CPU with the same usage of each pod, while it is up."""

    scene: Scene
    cores: float = 0.160
    up: bool = True
    asked: list[str] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Prometheus"]:
        app = web.Application()
        app.router.add_route("*", "/api/v1/{kind}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield self
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if not self.up:
            return web.Response(status=503, text="starting")
        form = await request.post()
        self.asked.append(str(form["query"]))
        if request.match_info["kind"] == "query_range":
            return self._reply(self._history(float(str(form["start"])), float(str(form["end"])), float(str(form["step"]))))
        now_s, series = time.time(), []
        for pod in self.scene.cluster.list("pods"):
            labels = {"namespace": NAMESPACE, "pod": pod["metadata"]["name"], "container": "app"}
            for part, value in (("value", self.cores), ("time", now_s - 1)):
                series.append({"metric": {**labels, "part": part}, "value": [now_s, str(value)]})
        return self._reply(series)

    def _history(self, start_s: float, end_s: float, step_s: float) -> list[dict[str, object]]:
        labels = {"namespace": NAMESPACE, "workload_kind": "Deployment", "workload": "shop"}
        points = range(round((end_s - start_s) / step_s) + 1)
        return [{"metric": labels, "values": [[start_s + step_s * point, str(self.cores)] for point in points]}]

    @staticmethod
    def _reply(result: list[dict[str, object]]) -> web.Response:
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})


@dataclass(slots=True)
class World:
    """Everything around the service, and where its own page is."""

    scene: Scene
    api: FakeApiServer
    prometheus: Prometheus
    receiver: FakeReceiver
    settings: Settings
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def page(self, path: str) -> str:
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{self.settings.web.port}{path}") as response:
            return await response.text()

    async def shows(self, path: str, words: str) -> None:
        """Wait until a page holds some words."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with suppress(OSError):  # it may not listen yet
                    if words in await self.page(path):
                        return
                await asyncio.sleep(0.01)

    def lease(self) -> str:
        found = self.scene.cluster.get("leases", NAMESPACE, "foresail")
        return str(found["spec"].get("holderIdentity") or "") if found else ""


@asynccontextmanager
async def a_world(folder: Path, scene: Scene, *, prometheus_up: bool = True) -> AsyncIterator[World]:
    """Run the service on a scene until the test has seen enough, then stop it in order."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(FakeApiServer(scene.cluster))
        prometheus = await stack.enter_async_context(Prometheus(scene, up=prometheus_up).served())
        receiver = await stack.enter_async_context(FakeReceiver())
        settings = Settings(
            prometheus=PrometheusSettings(url=prometheus.url),
            scaling=ScalingSettings(sync_period_s=0.05),
            healing=HealingSettings(sync_period_s=0.05),
            forecast=ForecastSettings(refresh_s=0.2, step_s=60),
            leader_election=LeaderElectionSettings(namespace=NAMESPACE, retry_period_s=0.2),
            notify=NotifySettings(webhooks=(WebhookSettings(name="test", url=receiver.url),)),
            web=WebSettings(host="127.0.0.1", port=unused_port()),
            kubernetes=KubernetesSettings(kubeconfig=str(api.kubeconfig(folder))),
        )
        world = World(scene, api, prometheus, receiver, settings)
        async with assembled(settings, world.stop) as (service, runner):
            running = asyncio.create_task(run(service, runner))
            try:
                yield world
            finally:
                world.stop.set()
                async with asyncio.timeout(DEADLINE_S):
                    await running


def a_scene() -> Scene:
    scene = Scene(opened_s=time.time())
    scene.put_node()
    scene.deploy(replicas=3)
    return scene


def reasons(scene: Scene) -> list[str]:
    return [event["reason"] for event in scene.cluster.list("events")]


async def test_load_scales_and_is_told_by_event_webhook_status_page_and_metrics(tmp_path: Path) -> None:
    scene = a_scene()
    scene.autoscale(forecast={"enabled": True, "historySeconds": 7200, "seasons": [1200]})
    async with a_world(tmp_path, scene) as world:
        await until(lambda: "foresail.scaled" in world.receiver.types(), DEADLINE_S)
        assert scene.replicas() == 6
        assert "SuccessfulRescale" in reasons(scene)
        await until(lambda: "lastScaleTime" in scene.status(), DEADLINE_S)  # written after it was told
        assert world.lease() != ""
        assert "default/shop" in await world.page("/")
        assert await world.page("/readyz") == "ok\n"
        assert 'foresail_acts_total{act="scale",name="shop",namespace="default",result="done"} 1.0' in await world.page(
            "/metrics"
        )
        decisions = json.loads(await world.page("/api/v1/decisions/default/shop"))["decisions"]
        assert any(row["result"] == "done" and row["desired"] == 6 for row in decisions)
        await until(lambda: scene.condition("ForecastActive")[1] == "ForecastDoesNotPay", LESSONS_S)  # it never changed
        (row,) = json.loads(await world.page("/api/v1/forecast/default/shop"))["metrics"]
        assert (row["metric"], row["reason"]) == ("cpu", "ForecastDoesNotPay")
    assert len(world.api.seen("PUT", "/scale")) == 1
    assert world.lease() == ""  # given back, so that another need not wait


async def test_a_pod_that_stays_unready_is_evicted_once(tmp_path: Path) -> None:
    scene = a_scene()
    scene.break_one()
    scene.heal()
    async with a_world(tmp_path, scene) as world:
        await until(lambda: "foresail.evicted" in world.receiver.types(), DEADLINE_S)
        await until(lambda: [act["state"] for act in scene.status(plural="healingpolicies")["acts"]] == ["Done"], DEADLINE_S)
    assert [path.partition("?")[0].rpartition("/pods/")[2] for _, path, _ in world.api.seen("POST", "/eviction")] == [
        f"{BROKEN}/eviction"
    ]
    assert reasons(scene).count("RestartedByEviction") == 2  # on the pod and on the policy


async def test_prometheus_down_at_start_holds_and_an_invalid_object_stops_nothing(tmp_path: Path) -> None:
    scene = a_scene()
    scene.autoscale()
    scene.autoscale("bad", target="shop", minReplicas=9, maxReplicas=2)
    async with a_world(tmp_path, scene, prometheus_up=False) as world:
        await until(lambda: scene.condition("ScalingActive")[1] == "FailedGetResourceMetric", DEADLINE_S)
        await until(lambda: scene.condition("Valid", "bad") == ("False", "InvalidSpec"), DEADLINE_S)
        assert scene.replicas() == 3
        world.prometheus.up = True
        await until(lambda: scene.replicas() == 6, DEADLINE_S)


async def test_a_replica_beside_the_leader_only_keeps_its_caches_warm(tmp_path: Path) -> None:
    scene = a_scene()
    scene.autoscale()
    scene.cluster.put(
        "leases",
        {
            "metadata": {"namespace": NAMESPACE, "name": "foresail"},
            "spec": {"holderIdentity": "another", "leaseDurationSeconds": 3600, "renewTime": "2026-01-01T00:00:00.000000Z"},
        },
    )
    async with a_world(tmp_path, scene) as world:
        await world.shows("/readyz", "ok\n")
        await world.shows("/", "stands by")
        assert "ask the one that leads" in await world.page("/api/v1/forecast/default/shop")
        assert world.prometheus.asked == []
    assert scene.replicas() == 3
    assert world.lease() == "another"
    assert [request for request in world.api.requests if request[0] in {"PUT", "POST"}] == []


async def test_models_are_learnt_in_another_process_that_ends_with_the_service_and_are_saved_where_the_settings_say(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    async with FakeApiServer() as api:
        settings = Settings(
            forecast=ForecastSettings(saved_folder=str(folder), workers=2),
            leader_election=LeaderElectionSettings(namespace=NAMESPACE),
            kubernetes=KubernetesSettings(kubeconfig=str(api.kubeconfig(tmp_path))),
        )
        async with assembled(settings, asyncio.Event()) as (service, _):
            [context] = [loop.once.__self__.context for loop in service.loops if loop.name == "forecast"]  # type: ignore[attr-defined]
            process = await context.workers.run(os.getpid)
            await context.saved.write("fleet", {"process": np.array(process)}, {})
        assert process != os.getpid()
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    copy = await SavedState(str(folder)).read("fleet")
    assert isinstance(copy, SavedCopy)
    assert copy.arrays["process"] == process


async def test_a_service_that_lacks_dask_says_so_before_it_reaches_for_the_cluster(tmp_path: Path) -> None:
    settings = Settings(
        forecast=ForecastSettings(dask_address="tcp://scheduler:8786"),
        kubernetes=KubernetesSettings(kubeconfig=str(tmp_path / "none")),
    )
    without_dask = {name: None for name in sys.modules if name.startswith("autoscaler.clients.dask")} | {"distributed": None}
    with patch.dict(sys.modules, without_dask), pytest.raises(InvalidSettings, match=r"pip install 'foresail\[dask\]'"):
        async with assembled(settings, asyncio.Event()):
            pass
