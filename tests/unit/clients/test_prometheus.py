"""The client of Prometheus, over real HTTP, against answers good, odd and bad."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from autoscaler.clients import whole_body
from autoscaler.clients.prometheus import PARALLEL, PARALLEL_HISTORIES, PrometheusMetrics
from autoscaler.clients.prometheus_session import FOREIGN, TooSlow, address, to_error
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


@pytest.mark.parametrize("space", ["", " "], ids=["as Prometheus writes it", "as others may"])
async def test_infinite_values_are_gaps_of_history_however_they_are_written(server: FakePrometheusServer, space: str) -> None:
    values = f",{space}".join(
        f'[{60 * at},{space}"{value}"]' for at, value in enumerate(["1.5", "+Inf", "-Inf", "NaN", "2e-3"])
    )
    body = (
        f'{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"le":"+Inf"}},"values":[{values}]}}]}}}}'
    )
    client = a_client(server.url)
    server.fail(200, body)
    history = await client.query_history("up", start_s=0, end_s=240, step_s=60)
    client.close()
    assert history is not None
    np.testing.assert_array_equal(history.values, [1.5, np.nan, np.nan, np.nan, 0.002])


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
    for _ in range(4):
        server.grid(lambda at_s: at_s)
    history = await metrics.query_history("up", start_s=0, end_s=60 * 399, step_s=60)
    assert history is not None
    np.testing.assert_allclose(history.values, np.arange(400) * 60.0)
    assert [float(request.form["end"]) / 60 for request in server.requests] == [399, 399, 399, 299, 199, 99]  # newest first


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
        ((503, '{"error": "query timed out in expression evaluation"}'), TooSlow, "query timed out"),
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


async def whole_request(reader: asyncio.StreamReader) -> None:
    """Read a request with its form: who closes a connection with some of it unread resets it, and the answer may be lost."""
    head = await reader.readuntil(b"\r\n\r\n")
    [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(length.split(b":")[1]))


async def served(body: Callable[[asyncio.StreamWriter], Awaitable[None]], head: str, **options: object) -> ForesailError:
    """Ask a server that answers with this head and body, and return what the client makes of it; its threads have ended."""

    under_way: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.append(asyncio.current_task())
        await whole_request(reader)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            await body(writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as there:
        client = a_client(f"http://127.0.0.1:{there.sockets[0].getsockname()[1]}", **options)
        with pytest.raises(ForesailError) as caught:
            await client.query("up")
        await asyncio.to_thread(client._threads.shutdown)  # ends once the last request has
        client.close()
        async with asyncio.timeout(60):
            await asyncio.gather(*(task for task in under_way if task is not None))
    return caught.value


async def test_an_answer_that_trickles_holds_no_thread_beyond_the_time_out() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    error = await served(trickle, "Content-Length: 1000000", timeout_s=0.5)
    assert isinstance(error, TooSlow)
    assert "no answer in time" in str(error)


async def test_an_answer_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_body.read, "__defaults__", (1 << 20,))

    async def flood(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b" " * (1 << 16))
            await writer.drain()

    error = await served(flood, "Connection: close")
    assert isinstance(error, Temporary)
    assert "the answer is longer than 1 MiB" in str(error)


async def test_an_answer_that_cannot_be_unpacked_or_breaks_off_is_told_so() -> None:
    async def rubbish(writer: asyncio.StreamWriter) -> None:
        writer.write(b"rubbish")
        await writer.drain()

    assert "cannot be unpacked" in str(await served(rubbish, "Content-Length: 7\r\nContent-Encoding: gzip"))
    assert "breaks off" in str(await served(rubbish, "Content-Length: 1000"))


async def test_an_error_that_comes_as_a_success_is_told_in_its_own_words() -> None:
    async def boom(writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"status":"error","errorType":"x","error":"boom"}')
        await writer.drain()

    assert "HTTP 200: boom" in str(await served(boom, "Connection: close"))


async def test_weeks_that_are_read_leave_room_for_the_newest_load(
    server: FakePrometheusServer, metrics: PrometheusMetrics
) -> None:
    server.gate = asyncio.Event()
    long = [asyncio.create_task(metrics.query_history("up", start_s=0, end_s=600, step_s=60)) for _ in range(PARALLEL + 3)]
    await until(lambda: len(server.requests) == PARALLEL_HISTORIES)
    newest = asyncio.create_task(metrics.query("now"))
    await until(lambda: len(server.requests) == PARALLEL_HISTORIES + 1)
    assert server.requests[-1].form["query"] == "now"
    server.gate.set()
    await asyncio.gather(*long, newest)


@pytest.mark.parametrize("lift", [True, False])
async def test_usage_that_was_throttled_is_lifted_unless_a_setting_says_otherwise(
    server: FakePrometheusServer, *, lift: bool
) -> None:
    settings = msgspec.convert({"url": server.url}, PrometheusSettings)
    client = PrometheusMetrics(settings, ForecastSettings(lift_throttled=lift))
    labels = {"namespace": "shop", "workload_kind": "Deployment", "workload": "web"}
    for value in (3.0, 0.25):
        server.grid(lambda _, value=value: value, labels)  # type: ignore[misc]
    found = await client.workload_history("cpu", start_s=0, end_s=300, step_s=60)
    client.close()
    np.testing.assert_allclose(found[WorkloadKey("shop", "Deployment", "web")].values, 4.0 if lift else 3.0)


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
