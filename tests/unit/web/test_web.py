import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer, unused_port
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.board import KEPT_DECISIONS, Board
from autoscaler.clock import ManualClock
from autoscaler.errors import Permanent
from autoscaler.model import ObjectKey
from autoscaler.settings import WebSettings
from autoscaler.web.app import Sources, build, serve

SHOP = ObjectKey("default", "shop")
EVIL = '<script>alert("x")</script>'


@dataclass(slots=True)
class Site:
    """The application with a board that a test fills."""

    board: Board = field(default_factory=lambda: Board(version="0.1.0", started_s=1000.0))
    leads: bool = True
    alive: bool = True
    waiting: list[str] = field(default_factory=list)
    client: TestClient = field(init=False)  # type: ignore[type-arg]

    def sources(self) -> Sources:
        return Sources(self.board, ManualClock(4700.0), lambda: self.leads, lambda: self.alive, lambda: self.waiting)

    async def get(self, path: str) -> tuple[int, str]:
        async with self.client.get(path) as response:
            return response.status, await response.text()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    async with TestClient(TestServer(build(made.sources()))) as client:
        made.client = client
        yield made


def a_row(**fields: object) -> dict[str, object]:
    status = {
        "currentReplicas": 3,
        "desiredReplicas": 5,
        "metrics": [{"name": "cpu", "current": {"averageUtilization": 93}, "target": {"averageUtilization": 80}}],
        "forecast": {
            "gate": "Open",
            "peak": 0.61,
            "leadSeconds": 75,
            "lostRatio": 0.3,
            "podsRatio": 1.05,
            "message": "good",
            "metric": "cpu",
        },
        "conditions": [],
    }
    plain = {"mode": "Scale", "target": "Deployment/shop", "min": 1, "max": 10, "message": "cpu above target", "status": status}
    return {**plain, **fields}


async def test_liveness_asks_only_whether_the_event_loop_turns(site: Site) -> None:
    site.waiting = ["pods"]
    assert await site.get("/healthz") == (200, "ok\n")
    site.alive = False
    assert (await site.get("/healthz"))[0] == 503


async def test_readiness_names_the_caches_that_are_not_filled(site: Site) -> None:
    site.waiting = ["pods"]
    assert await site.get("/readyz") == (503, "the cache of pods is not filled yet\n")
    site.waiting = []
    assert await site.get("/readyz") == (200, "ok\n")


async def test_metrics_are_the_services_own_and_those_of_its_process(site: Site) -> None:
    status, text = await site.get("/metrics")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert status == 200
    assert {"foresail_leader", "foresail_loop_errors", "process_cpu_seconds", "python_info"} <= names


async def test_metrics_can_be_had_as_openmetrics(site: Site) -> None:
    async with site.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}) as response:
        assert (await response.text()).endswith("# EOF\n")


async def test_the_page_shows_objects_with_replicas_forecast_and_the_reason(site: Site) -> None:
    site.board.autoscalers[SHOP] = a_row()
    _, text = await site.get("/")
    for words in (
        "default/shop",
        "Deployment/shop",
        "→ 5",
        "93 %",
        "80 %",
        "Open",
        "peak 0.61 within 75 s",
        "cpu above target",
    ):
        assert words in text


async def test_the_page_says_what_limited_a_decision_and_links_to_how_it_came_about(site: Site) -> None:
    limits = [
        {"name": "forecast", "before": 4, "after": 12, "asked": True},
        {"name": f"maxReplicas{EVIL}", "before": 12, "after": 10},
    ]
    site.board.autoscalers[SHOP] = a_row(status={"currentReplicas": 4, "decision": {"limits": limits}})
    _, text = await site.get("/")
    assert "limited by maxReplicas&lt;script&gt;" in text
    assert "(12 → 10)" in text
    assert "forecast (4" not in text
    assert 'href="api/v1/autoscalers/default/shop/decisions"' in text


async def test_the_page_says_what_is_wrong_with_an_object(site: Site) -> None:
    conditions = [{"type": "Valid", "status": "False", "reason": "InvalidSpec", "message": "spec.mode: is required"}]
    site.board.autoscalers[SHOP] = a_row(status={"conditions": conditions})
    assert "InvalidSpec: spec.mode: is required" in (await site.get("/"))[1]


async def test_nothing_from_the_cluster_becomes_markup(site: Site) -> None:
    conditions = [{"type": "Valid", "status": "False", "reason": "InvalidSpec", "message": EVIL}]
    metric = {"name": EVIL, "current": {"averageValue": EVIL}, "target": {}, "error": EVIL}
    forecast = {"gate": EVIL, "leadSeconds": 1, "message": EVIL}
    site.board.autoscalers[SHOP] = a_row(
        mode=EVIL, target=EVIL, message=EVIL, status={"currentReplicas": 1, "metrics": [metric], "forecast": forecast}
    )
    site.board.autoscalers[ObjectKey("default", "bad")] = a_row(message=EVIL, status={"conditions": conditions})
    pod = {"name": EVIL, "verb": EVIL, "why": EVIL}
    site.board.policies[SHOP] = {"mode": EVIL, "message": EVIL, "pods": [pod], "status": {}}
    site.board.acts.append({"at": EVIL, "act": EVIL, "namespace": EVIL, "name": EVIL, "result": EVIL, "pod": EVIL, "why": EVIL})
    _, text = await site.get("/")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


async def test_the_page_loads_nothing_from_anywhere_and_says_so_to_the_browser(site: Site) -> None:
    async with site.client.get("/") as response:
        text = await response.text()
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.headers["Refresh"] == "5"
    assert "http://" not in text
    assert "https://" not in text


async def test_an_empty_page_says_what_to_look_at(site: Site) -> None:
    _, text = await site.get("/")
    assert "kubectl get predictiveautoscalers" in text
    assert "kubectl get healingpolicies" in text


async def test_a_replica_that_stands_by_says_so(site: Site) -> None:
    site.leads = False
    assert "stands by" in (await site.get("/"))[1]


async def test_the_status_as_json_holds_everything_that_the_page_shows(site: Site) -> None:
    site.board.autoscalers[SHOP] = a_row()
    site.board.acts.extend([{"at": "1"}, {"at": "2"}])
    async with site.client.get("/api/v1/status") as response:
        content = await response.json()
    assert content["leader"] is True
    assert content["autoscalers"][0]["name"] == "shop"
    assert content["autoscalers"][0]["status"]["desiredReplicas"] == 5
    assert [act["at"] for act in content["recentActs"]] == ["2", "1"]


async def test_the_last_decisions_are_kept_up_to_a_bound_and_shown_as_a_line(site: Site) -> None:
    for index in range(KEPT_DECISIONS + 5):
        site.board.decided(SHOP, {"current": index % 3 + 1, "desired": 3, "candidates": {"reactive": 2}})
    site.board.autoscalers[SHOP] = a_row()
    async with site.client.get("/api/v1/decisions/default/shop") as response:
        content = await response.json()
    assert len(content["decisions"]) == KEPT_DECISIONS
    assert content["decisions"][0]["candidates"] == {"reactive": 2}
    assert "<polyline" in (await site.get("/"))[1]


async def test_decisions_about_an_unknown_object_are_not_found(site: Site) -> None:
    status, text = await site.get("/api/v1/decisions/default/nobody")
    assert status == 404
    assert "default/nobody" in text


async def test_the_last_outcomes_are_told_the_newest_last_as_many_as_asked_for(site: Site) -> None:
    for index in range(5):
        site.board.outcomes.add(SHOP, {"at": str(index)}, str(index))
    path = "/api/v1/autoscalers/default/shop/decisions"
    async with site.client.get(path, params={"limit": "2"}) as response:
        content = await response.json()
    assert (content["namespace"], content["name"], content["leader"]) == ("default", "shop", True)
    assert [row["at"] for row in content["decisions"]] == ["3", "4"]
    async with site.client.get(path) as response:
        assert len((await response.json())["decisions"]) == 5
    async with site.client.get(path, params={"limit": "9" * 5000}) as response:
        assert len((await response.json())["decisions"]) == 5


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1.5", "٣"])
async def test_a_limit_that_is_none_is_refused(site: Site, limit: str) -> None:
    async with site.client.get("/api/v1/autoscalers/default/shop/decisions", params={"limit": limit}) as response:
        assert response.status == 400
        assert "limit" in (await response.json())["error"]


async def test_only_the_leader_tells_outcomes(site: Site) -> None:
    status, text = await site.get("/api/v1/autoscalers/default/nobody/decisions")
    assert (status, "default/nobody" in text) == (404, True)
    site.leads = False
    status, text = await site.get("/api/v1/autoscalers/default/nobody/decisions")
    assert (status, "stands by" in text) == (503, True)


async def test_nothing_can_be_written(site: Site) -> None:
    async with site.client.post("/api/v1/status") as response:
        assert response.status == 405


async def test_it_serves_until_cancelled_and_names_the_setting_when_the_port_is_taken() -> None:
    settings = WebSettings(host="127.0.0.1", port=unused_port())
    app = build(Site().sources())
    task = asyncio.create_task(serve(app, settings))
    async with asyncio.timeout(60), ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{settings.port}/healthz") as response:
                    assert response.status == 200
                break
            except OSError:
                await asyncio.sleep(0.01)
        with pytest.raises(Permanent, match=r"web\.port"):
            await serve(build(Site().sources()), settings)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
