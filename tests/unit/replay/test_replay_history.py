"""Recordings from Prometheus, and the ranking of a cluster's workloads."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from typer.testing import CliRunner

from autoscaler.cli import app
from autoscaler.model import History, WorkloadKey
from autoscaler.replay import fleet
from autoscaler.replay.foresight import Question
from autoscaler.replay.history import Span, Workload, of_query, recorded
from autoscaler.replay.peaks import PeakForesight
from autoscaler.replay.recorded import Recorded, Unusable
from autoscaler.replay.stage import Setting, Wanted
from tests.fakes.prometheus import FakeMetrics
from tests.fakes.prometheus_server import Asked, FakePrometheusServer

START_S = 1_767_225_600.0
QUIET, SPIKY = WorkloadKey("shop", "Deployment", "quiet"), WorkloadKey("shop", "Deployment", "spiky")


def a_history(*values: float) -> History:
    return History(START_S, 60.0, np.array(values))


async def run(*arguments: str) -> tuple[int, str]:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["replay", *arguments])
    return result.exit_code, result.output


def answers(
    server: FakePrometheusServer,
    series: dict[WorkloadKey, Callable[[float], float | None]],
    requests: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Answer range queries with these series at any time, those for throttling with nothing; instant ones with requests."""

    def answer(asked: Asked) -> web.Response:
        told = list(requests) if "kube_pod_container_resource_requests" in asked["query"] else []
        if "start" not in asked or "cfs" in asked["query"]:
            return web.json_response({"status": "success", "data": {"resultType": "vector", "result": told}})
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        times = [start + step * number for number in range(round((end - start) / step) + 1)]
        result: list[Any] = [
            {
                "metric": {"namespace": key.namespace, "workload_kind": key.kind, "workload": key.name},
                "values": [[at_s, str(value)] for at_s in times if (value := value_at(at_s)) is not None],
            }
            for key, value_at in series.items()
        ]
        return web.json_response({"status": "success", "data": {"result": result}})

    server.answers += [answer] * 20


def daily(at_s: float) -> float:
    return 10 + 5 * float(np.sin(at_s / 86_400 * 2 * np.pi))


def test_a_history_is_a_recording_with_what_was_bridged_noted() -> None:
    found = recorded("shop", a_history(np.nan, 1, np.nan, np.nan, 4, np.nan))
    assert (found.start_s, found.values.tolist()) == (START_S + 60, [1, 1, 1, 4])
    assert found.notes == ("2 samples that are missing or no finite number have the value before them",)


def test_of_what_lies_before_a_long_gap_nothing_is_used_and_that_is_noted() -> None:
    found = recorded("shop", a_history(9, 9, *[np.nan] * 61, 1, 2))
    assert (found.start_s, found.values.tolist()) == (START_S + 63 * 60, [1, 2])
    assert found.notes == ("what lies before 2026-01-01T01:03:00Z is left out: before that there is no load for over an hour",)
    assert recorded("shop", a_history(9, *[np.nan] * 60, 1)).values.size == 62


async def test_a_query_is_replayed() -> None:
    async with FakePrometheusServer() as server:
        for _ in range(3):
            server.grid(daily)
        code, text = await run("--prometheus", server.url, "--query", "sum(rate(x[1m]))", "--history", "2")
    assert code == 0
    assert text.startswith("sum(rate(x[1m])): 1.0 days from")
    assert {request.form["step"] for request in server.requests} == {"60"}


async def test_a_workload_is_replayed_with_what_its_pods_request() -> None:
    async with FakePrometheusServer() as server:
        quiet = {"namespace": "shop", "workload_kind": "Deployment", "workload": "quiet"}
        answers(server, {QUIET: daily, SPIKY: daily}, [{"metric": quiet, "value": [1, "0.5"]}])
        code, text = await run(
            "--prometheus", server.url, "--namespace", "shop", "--workload", "quiet", "--history", "2", "--job", "kubelet"
        )
    assert code == 0
    assert "a pod requests 0.5 cores, which is taken for its capacity" in text
    assert 'job="kubelet"' in server.requests[0].form["query"]
    assert 'namespace="shop"' in server.requests[0].form["query"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--query", "up"), "--query up: gives nothing between"),
        (("--namespace", "shop", "--workload", "none"), "--workload none: Prometheus has no CPU of it in namespace shop"),
        (("--all-namespaces",), "has no workload with a day of CPU under the job foresail-exporter"),
        ((), "--prometheus: give one of --query, --namespace and --workload, --all-namespaces"),
        (("--query", "up", "--all-namespaces"), "--prometheus: give one of"),
        (("--namespace", "shop"), "--namespace and --workload: give both"),
        (("--all-namespaces", "--out", "x.csv"), "--out: rows are of one load"),
        (("--all-namespaces", "--report", "x.png"), "--report x.png: its name must end in .html or .json"),
    ],
)
async def test_what_gives_no_load_is_named(arguments: tuple[str, ...], said: str) -> None:
    async with FakePrometheusServer() as server:
        code, text = await run("--prometheus", server.url, *arguments)
    assert (code, said in text) == (2, True), text


async def test_a_name_of_two_workloads_is_asked_back() -> None:
    async with FakePrometheusServer() as server:
        answers(server, {QUIET: daily, WorkloadKey("shop", "StatefulSet", "quiet"): daily})
        code, text = await run("--prometheus", server.url, "--namespace", "shop", "--workload", "quiet", "--history", "1")
    assert code == 2
    assert "--workload quiet: Deployment/quiet and StatefulSet/quiet: which of them?" in text


async def test_a_server_that_does_not_answer_is_another_failure_than_a_wrong_option() -> None:
    async with FakePrometheusServer() as server:
        server.fail(503, '{"error": "busy"}')
        code, text = await run("--prometheus", server.url, "--query", "up")
    assert code == 1
    assert "busy" in text


@pytest.mark.parametrize("option", [("--query", "up"), ("--all-namespaces",), ("--job", "kubelet")])
async def test_options_for_prometheus_are_refused_without_it(option: tuple[str, ...]) -> None:
    code, text = await run("--sample", *option)
    assert code == 2
    assert f"{option[0]}: goes with --prometheus URL" in text


def a_workload(key: WorkloadKey, values: object, requested: float | None = 1.0) -> Workload:
    return Workload(Recorded(str(key), START_S, 60.0, np.asarray(values, dtype=float)), requested)


def a_batch(days: int) -> object:
    """An hourly batch job."""
    minute = np.arange(days * 1440)
    return np.where(minute % 60 < 5, 30.0, 5.0)


def test_the_workload_that_would_gain_most_comes_first() -> None:
    workloads = {
        QUIET: a_workload(QUIET, np.full(5 * 1440, 5.0)),
        SPIKY: a_workload(SPIKY, a_batch(5)),
        (short := WorkloadKey("shop", "Deployment", "short")): a_workload(short, np.ones(60)),
    }
    told: list[tuple[int, int]] = []
    ranking = fleet.ranked(workloads, fleet.How(Setting(), Wanted(), jobs=1), lambda done, of: told.append((done, of)))
    assert [one.workload for one in ranking.gains] == [SPIKY, QUIET]
    first, second = ranking.gains
    assert first.served_pod_hours > 1
    assert (second.served_pod_hours, second.open_ratio) == (0, 0)
    assert ranking.skipped[0].startswith("shop/Deployment/short: from ")
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_workload_that_cannot_be_replayed_is_told_and_ends_no_other() -> None:
    def refuses(_: Question) -> PeakForesight:
        raise Unusable("--schedule */5 * * * * 60: holds more than a thousand times")

    workloads = {SPIKY: a_workload(SPIKY, a_batch(5)), QUIET: a_workload(QUIET, np.full(5 * 1440, 5.0))}
    ranking = fleet.ranked(workloads, fleet.How(Setting(), Wanted(), 1, refuses), lambda *_: None)
    assert ranking.gains == ()
    assert sorted(why.partition("--schedule")[0] for why in ranking.skipped) == [f"{QUIET}: ", f"{SPIKY}: "]


async def test_a_cluster_is_ranked_on_the_terminal_and_in_a_page(tmp_path: Path) -> None:
    def young(at_s: float) -> float | None:
        return 1.0 if at_s > newest - 3600 else None

    newest = 0.0

    async with FakePrometheusServer() as server:
        import time  # noqa: PLC0415 - the span ends now

        newest = time.time()
        answers(server, {QUIET: daily, WorkloadKey("shop", "Deployment", "<new>"): young})
        page, figures = tmp_path / "a.html", tmp_path / "a.json"
        code, text = await run(
            "--prometheus", server.url, "--all-namespaces", "--history", "1.5", "--report", str(page), "--report", str(figures)
        )
    assert code == 0, text
    assert "shop/Deployment/quiet" in text
    assert "~" in text
    assert "1 workloads have less than a day of history" in text
    assert "shop/Deployment/quiet" in page.read_text()
    assert "<script" not in page.read_text()
    (one,) = json.loads(figures.read_text())["workloads"]
    assert one["workload"]["name"] == "quiet"
    assert one["requested"] is False


async def test_a_query_that_goes_below_zero_is_refused_with_the_moment_and_the_remedy() -> None:
    metrics = FakeMetrics(query_histories={"shop": a_history(3.0, -5.0, 4.0)})
    with pytest.raises(Unusable, match=r"--query shop: gives -5 at 2026-01-01T00:01:00Z; .* wrap it in clamp_min"):
        await of_query(metrics, "shop", Span(START_S, START_S + 120, 60.0))
