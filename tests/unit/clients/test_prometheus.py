"""The client of Prometheus, over real HTTP, against answers good, odd and bad."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from autoscaler.clients.prometheus import PARALLEL, PrometheusMetrics
from autoscaler.clients.prometheus_session import FOREIGN, address, to_error
from autoscaler.errors import ForesailError, Permanent, Temporary
from autoscaler.model import WorkloadKey
from autoscaler.settings import ForecastSettings, PrometheusSettings
from autoscaler.telemetry import REGISTRY
from tests.fakes.prometheus_server import FakePrometheusServer
from tests.fakes.waiting import until

WEB = {"namespace": "shop", "pod": "web-1", "container": "app"}


@pytest.fixture
async def server() -> AsyncIterator[FakePrometheusServer]:
    async with FakePrometheusServer() as made:
        yield made


@pytest.fixture
async def metrics(server: FakePrometheusServer) -> AsyncIterator[PrometheusMetrics]:
    made = a_client(server.url)
    yield made
    made.close()


def a_client(url: str, *, max_points: int = 11_000, **options: object) -> PrometheusMetrics:
    settings = msgspec.convert({"url": url, "timeout_s": 5.0, **options}, PrometheusSettings)
    return PrometheusMetrics(settings, ForecastSettings(max_points=max_points))


def counted(query: str, result: str) -> float:
    return REGISTRY.get_sample_value("foresail_prometheus_queries_total", {"query": query, "result": result}) or 0.0


async def test_usage_and_the_age_of_its_newest_sample_come_from_one_question(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.vector(({**WEB, "part": "value"}, 0.25), ({**WEB, "part": "time"}, 987.5))
    usage = await metrics.pod_usage("cpu")
    sample = usage["shop", "web-1"]["app"]
    assert (sample.value, sample.at_s) == (0.25, 987.5)
    assert len(server.requests) == 1


async def test_a_container_whose_series_ended_is_left_out_although_its_rate_still_has_a_value(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.vector(({**WEB, "part": "value"}, 0.25))
    assert await metrics.pod_usage("cpu") == {}


@pytest.mark.parametrize("bad", ["NaN", "+Inf", "-Inf"])
async def test_values_that_are_no_numbers_count_as_missing(
    server: FakePrometheusServer, metrics: PrometheusMetrics, bad: str
) -> None:
    server.vector(({**WEB, "part": "value"}, bad), ({**WEB, "part": "time"}, 987.5))
    assert await metrics.pod_usage("memory") == {}


@pytest.mark.parametrize("bad", ["NaN", "+Inf", "-Inf"])
async def test_a_users_query_that_gives_no_number_is_told_from_one_that_gives_nothing(
    server: FakePrometheusServer, metrics: PrometheusMetrics, bad: str
) -> None:
    server.vector(({}, bad))
    assert [str(one.value) for one in await metrics.query("up")] == [str(float(bad))]


async def test_a_users_query_that_gives_a_text_is_told_so(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    server.result([1000, "text"])
    with pytest.raises(Permanent, match=r"the query 'text' gives a text, where a number is needed"):
        await metrics.query("'text'")


async def test_nothing_found_is_an_empty_answer(metrics: PrometheusMetrics) -> None:
    assert await metrics.pod_usage("cpu") == {}
    assert await metrics.query("up") == []
    assert await metrics.workload_history("cpu", start_s=0, end_s=600, step_s=60) == {}
    assert await metrics.query_history("up", start_s=0, end_s=600, step_s=60) is None


async def test_a_users_query_gives_its_value(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    server.vector(({"queue": "a"}, 12))
    (sample,) = await metrics.query("queue_length")
    assert (sample.value, sample.labels) == (12.0, {"queue": "a"})


async def test_a_scalar_is_a_value_too(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    server.result([1000, "42"])
    (sample,) = await metrics.query("scalar(up)")
    assert (sample.value, sample.at_s) == (42.0, 1000.0)


async def test_several_series_are_refused_with_the_query_and_the_remedy(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.vector(*(({"pod": str(number)}, 1) for number in range(5)))
    with pytest.raises(Permanent, match=r"the query rate\(x\[1m\]\) gives 5 series .*'pod': '0'.*, … ?\).*wrap it in sum\("):
        await metrics.query("rate(x[1m])")


async def test_a_query_for_a_range_is_refused(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    server.result([{"metric": {}, "values": [[1, "1"]]}])
    with pytest.raises(Permanent, match=r"x\[5m\] gives a range of values"):
        await metrics.query("x[5m]")


async def test_a_users_query_does_not_see_samples_older_than_the_age_that_counts_as_stale(
    server: FakePrometheusServer,
) -> None:
    client = a_client(server.url, max_age_s=90.0)
    await client.query("up")
    client.close()
    assert server.requests[0].form["lookback_delta"] == "90"


async def test_queries_travel_in_a_form_however_long_they_are(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    query = "up + " + " + ".join(["0"] * 50_000)
    await metrics.query(query)
    (request,) = server.requests
    assert (request.method, request.url_query, request.form["query"]) == ("POST", "", query)


async def test_where_post_is_not_allowed_get_is_used_from_then_on(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.fail(405)
    server.vector(({}, 1))
    server.vector(({}, 2))
    assert [(await metrics.query("up"))[0].value for _ in range(2)] == [1, 2]
    assert [request.method for request in server.requests] == ["POST", "GET", "GET"]


async def test_stores_are_told_to_fail_rather_than_to_leave_something_out(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    await metrics.pod_usage("cpu")
    form = server.requests[0].form
    assert (form["partial_response"], form["deny_partial_response"], form["timeout"]) == ("false", "1", "5")


async def test_a_duration_with_a_fraction_has_no_unit_because_prometheus_refuses_it_with_one(
    server: FakePrometheusServer,
) -> None:
    client = a_client(server.url, timeout_s=2.5, max_age_s=7.5)
    await client.query("up")
    client.close()
    form = server.requests[0].form
    assert (form["timeout"], form["lookback_delta"]) == ("2.5", "7.5")


async def test_the_token_is_read_again_for_each_request(server: FakePrometheusServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    client = a_client(server.url, bearer_token_file=str(token))
    for text in ("one\n", "two\n"):
        token.write_text(text)
        await client.query("up")
    client.close()
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer one", "Bearer two"]


async def test_a_token_file_that_is_missing_is_named(server: FakePrometheusServer, tmp_path: Path) -> None:
    client = a_client(server.url, bearer_token_file=str(tmp_path / "nowhere"))
    with pytest.raises(Permanent, match=r"nowhere.*bearer_token_file"):
        await client.query("up")
    client.close()


async def test_history_lies_on_a_grid_of_the_epoch_with_gaps_as_nan(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    labels = {"namespace": "shop", "workload_kind": "Deployment", "workload": "web"}
    server.grid(lambda at_s: None if at_s == 180 else "NaN" if at_s == 240 else at_s / 60, labels)
    found = await metrics.workload_history("cpu", start_s=61, end_s=359, step_s=60)
    history = found[WorkloadKey("shop", "Deployment", "web")]
    assert (history.start_s, history.step_s, history.end_s) == (120, 60, 300)
    np.testing.assert_array_equal(history.values, [2, np.nan, np.nan, 5])
    form = server.requests[0].form
    assert [float(form[name]) for name in ("start", "end", "step")] == [120, 300, 60]


async def test_steps_that_are_no_whole_seconds_stay_on_the_grid(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.grid(lambda at_s: at_s)
    history = await metrics.query_history("up", start_s=10.0, end_s=12.0, step_s=0.5)
    assert history is not None
    np.testing.assert_allclose(history.values, [10.0, 10.5, 11.0, 11.5, 12.0])


async def test_a_long_history_is_asked_for_in_parts_that_join_without_a_seam(server: FakePrometheusServer) -> None:
    client = a_client(server.url, max_points=100)
    for _ in range(3):
        server.grid(lambda at_s: at_s)
    history = await client.query_history("up", start_s=0, end_s=60 * 249, step_s=60)
    client.close()
    assert history is not None
    np.testing.assert_allclose(history.values, np.arange(250) * 60.0)
    assert len(server.requests) == 3


async def test_a_range_that_is_too_large_is_halved_until_it_is_answered(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    too_large = '{"error": "query processing would load too many samples into memory in query execution"}'
    server.fail(422, too_large)
    server.fail(422, too_large)
    for _ in range(3):
        server.grid(lambda at_s: at_s)
    history = await metrics.query_history("up", start_s=0, end_s=60 * 399, step_s=60)
    assert history is not None
    np.testing.assert_allclose(history.values, np.arange(400) * 60.0)


async def test_a_range_that_is_too_large_however_short_is_an_error_with_the_remedy(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.fail(422, '{"error": "query processing would load too many samples into memory"}')
    with pytest.raises(Permanent, match=r"too many samples.*--query.max-samples"):
        await metrics.query_history("up", start_s=0, end_s=600, step_s=60)


async def test_history_of_a_query_with_several_series_is_refused(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    series = [{"metric": {"pod": name}, "values": [[60, "1"]]} for name in "ab"]
    server.result(series)
    with pytest.raises(Permanent, match="2 series"):
        await metrics.query_history("x", start_s=0, end_s=600, step_s=60)


async def test_pods_that_are_nobodys_are_in_no_workloads_history(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.grid(lambda _: 1.0, {"namespace": "shop"})
    assert await metrics.workload_history("cpu", start_s=0, end_s=600, step_s=60) == {}


async def test_the_rate_of_a_coarse_grid_covers_all_of_each_step(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    await metrics.workload_history("cpu", start_s=0, end_s=6000, step_s=600)
    assert "[600s]" in server.requests[0].form["query"]


async def test_history_may_be_of_one_namespace(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    await metrics.workload_history("cpu", start_s=0, end_s=600, step_s=60, namespace="shop")
    assert 'namespace="shop"' in server.requests[0].form["query"]


async def test_what_pods_request_is_told_by_kube_state_metrics_else_by_the_kernels_shares(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    web, batch = ({"namespace": "shop", "workload_kind": "Deployment", "workload": name} for name in ("web", "batch"))
    server.vector((web, 0.7), (batch, 0.25), ({"namespace": "shop"}, 3), ({**web, "workload": "odd"}, "NaN"))
    server.vector((web, 0.5))
    found = await metrics.workload_cpu_requests()
    assert found == {WorkloadKey("shop", "Deployment", "web"): 0.5, WorkloadKey("shop", "Deployment", "batch"): 0.25}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ((400, '{"error": "parse error: unexpected end"}'), Permanent, "parse error: unexpected end; correct the query"),
        ((401, ""), Permanent, "bearer_token_file"),
        ((404, "404 page not found"), Permanent, "prometheus.url"),
        ((302, ""), Permanent, "final address"),
        ((422, '{"error": "many-to-many matching not allowed"}'), Permanent, "many-to-many"),
        ((429, "slow down"), Temporary, "slow down"),
        ((503, '{"error": "query timed out"}'), Temporary, "query timed out"),
        ((418, ""), Permanent, "prometheus.url"),
    ],
)
async def test_each_refusal_has_its_branch_names_server_and_query_and_says_what_to_do(
    server: FakePrometheusServer, metrics: PrometheusMetrics, answer: tuple[int, str], error: type[ForesailError], says: str
) -> None:
    server.fail(*answer, {"Location": "http://elsewhere.invalid/"})
    with pytest.raises(error) as raised:
        await metrics.query("sum(up)")
    assert f"asking Prometheus at {address(server.url)} for sum(up): HTTP {answer[0]}" in str(raised.value)
    assert says in str(raised.value)


async def test_retry_after_is_kept(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    server.fail(503, "", {"Retry-After": "30"})
    with pytest.raises(Temporary) as raised:
        await metrics.query("up")
    assert raised.value.retry_after_s == 30


async def test_nothing_is_tried_again_behind_our_back(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    server.fail(503)
    with pytest.raises(Temporary):
        await metrics.query("up")
    assert len(server.requests) == 1


@pytest.mark.parametrize("text", ["<html>hello</html>", "[]", '{"data": {}}', '{"data": {"result": [{"metric": {}}]}}'])
async def test_an_answer_that_is_not_prometheus_is_an_error_that_points_at_the_url(
    server: FakePrometheusServer, metrics: PrometheusMetrics, text: str
) -> None:
    server.fail(200, text)
    with pytest.raises(Temporary, match=r"prometheus\.url"):
        await metrics.query("up")


async def test_a_server_that_is_down_is_temporary(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    await server.stop()
    with pytest.raises(Temporary, match="does it run"):
        await metrics.pod_usage("cpu")


async def test_a_server_that_hangs_ends_with_the_time_out(server: FakePrometheusServer) -> None:
    server.gate = asyncio.Event()
    hurried = a_client(server.url, timeout_s=0.05)
    before = counted("pod_cpu", "timeout")
    with pytest.raises(Temporary, match="in time"):
        await hurried.pod_usage("cpu")
    assert counted("pod_cpu", "timeout") == before + 1
    hurried.close()


async def test_no_more_than_a_few_queries_run_at_once(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    server.gate = asyncio.Event()
    tasks = [asyncio.create_task(metrics.query("up")) for _ in range(PARALLEL + 3)]
    await until(lambda: len(server.requests) == PARALLEL)
    server.gate.set()
    await asyncio.gather(*tasks)
    assert len(server.requests) == PARALLEL + 3


async def test_queries_are_counted_by_result(server: FakePrometheusServer, metrics: PrometheusMetrics) -> None:
    before = {result: counted("user", result) for result in ("ok", "empty", "error")}
    server.vector(({}, 1))
    await metrics.query("up")
    await metrics.query("up")
    server.fail(400)
    with pytest.raises(Permanent):
        await metrics.query("up")
    assert {result: counted("user", result) - before[result] for result in before} == {"ok": 1, "empty": 1, "error": 1}


def test_passwords_of_the_url_are_not_told() -> None:
    assert address("https://user:secret@prometheus.example:9090/path?token=x") == "prometheus.example:9090"


@pytest.mark.parametrize("problem", [kind for kind in FOREIGN if kind not in FOREIGN[:1]], ids=lambda kind: kind.__name__)
def test_each_foreign_exception_is_in_the_table(problem: type[BaseException]) -> None:
    made = problem.__new__(problem)
    assert isinstance(to_error("asking", made), Permanent | Temporary)


def test_a_bug_of_ours_is_not_taken_for_a_failure_of_prometheus() -> None:
    with pytest.raises(TypeError, match="ZeroDivisionError is not in the table"):
        to_error("asking", ZeroDivisionError())
