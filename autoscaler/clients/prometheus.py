"""Load as Prometheus tells it: the port `Metrics`.

A handful of queries serves all workloads. Nothing found is an empty answer, never zero; NaN and infinite values count as not
found, but in the answer to a user's query, who should be told. Requests are synchronous in prometheus-api-client, so they run
in threads, never more than `PARALLEL` at a time: Prometheus has 20 slots for everybody.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np

from autoscaler.clients import queries
from autoscaler.clients.grid import Grid, on_grid
from autoscaler.clients.ports import Sample
from autoscaler.clients.prometheus_session import FOREIGN, TIMEOUTS, address, open_client, to_error
from autoscaler.clients.ranges import Answer, Question, Ranges
from autoscaler.clients.workload_past import Wanted, past
from autoscaler.errors import Permanent
from autoscaler.model import Floats, History, WorkloadKey
from autoscaler.settings import ForecastSettings, PrometheusSettings
from autoscaler.telemetry import PROMETHEUS_DURATION, PROMETHEUS_QUERIES

PARALLEL = 4
PARALLEL_HISTORIES = 2  # of them, so that weeks that are read do not keep the newest load waiting
_SHOWN = 300  # characters of a query in a message

# An answer that leaves out what a store could not give looks like load that went away. Thanos and VictoriaMetrics can be told
# to fail instead; Prometheus does not know these words and ignores them.
_WHOLE = {"partial_response": "false", "deny_partial_response": "1"}

T = TypeVar("T")
_Series = Mapping[str, Any]


class PrometheusMetrics:
    """Implements `ports.Metrics`; `close` ends its connections and threads."""

    def __init__(self, settings: PrometheusSettings, forecast: ForecastSettings) -> None:
        """Take over the settings; nothing is sent yet."""
        self._settings = settings
        self._lift = forecast.lift_throttled
        self._ranges = Ranges(self._part, forecast.max_points)
        self._histories = asyncio.Semaphore(PARALLEL_HISTORIES)
        self._client = open_client(settings)
        self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix="prometheus")

    def close(self) -> None:
        """End connections and threads; a query under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def pod_usage(self, resource: str, *, window_s: int | None = None) -> Mapping[tuple[str, str], Mapping[str, Sample]]:
        """Return the usage of cpu (cores) or memory (working set, bytes): (namespace, pod) -> container -> sample.

        One query for the whole cluster. `at_s` is the time of the container's newest sample. A container whose series has ended
        is left out, although its rate still has a value.
        """
        source = self._source() if window_s is None else queries.Source(self._settings.job, window_s)
        name = f"pod_{resource}" if window_s is None else f"pod_{resource}_short"
        return await self._instant(name, queries.container_usage_and_time(resource, source), {}, _pods)

    async def query(self, promql: str) -> Sequence[Sample]:
        """Return the answer of a user's query at this moment: one value, or nothing.

        Samples older than `prometheus.max_age_s` do not count, so that stale load shows as no load; but older servers (as
        Prometheus 2.42) ignore the parameter that says so and go by their own look-back, 5 minutes. Raises Permanent when the
        query gives several series, as nobody can say which of them is meant. NaN and infinite values are left in, to be
        told from nothing.
        """
        lookback = {"lookback_delta": _duration(self._settings.max_age_s)}
        return await self._instant("user", promql, lookback, lambda result: list(_samples(_only(promql, result))))

    async def workload_history(
        self, resource: str, *, start_s: float, end_s: float, step_s: float, namespace: str = ""
    ) -> Mapping[WorkloadKey, History]:
        """Return the load of every workload (cpu in cores, memory in bytes), on one grid aligned to the epoch."""
        grid = Grid.between(start_s, end_s, step_s)
        found: dict[WorkloadKey, Floats] = {}
        async for part, loads in past(self._ranges, self._wanted(resource, grid, namespace)):
            for key, values in loads.items():
                found.setdefault(key, np.full(grid.points, np.nan))[grid.place(part)] = values
        return {key: _history(values, grid) for key, values in found.items() if np.isfinite(values).any()}

    async def query_history(self, promql: str, *, start_s: float, end_s: float, step_s: float) -> History | None:
        """Return a user's query over time on the same grid; None when it gives nothing.

        Raises Permanent when it gives several series.
        """
        grid = Grid.between(start_s, end_s, step_s)
        series: dict[tuple[tuple[str, str], ...], Floats] = {}
        async for part, answer in self._ranges.read(Question("user_history", promql, 1), grid):
            for labels, values in answer:
                if np.isfinite(values).any():
                    whole = series.setdefault(tuple(sorted(labels.items())), np.full(grid.points, np.nan))
                    whole[grid.place(part)] = values
        if len(series) > 1:
            raise _several(promql, [dict(labels) for labels in series])
        return next((_history(values, grid) for values in series.values()), None)

    async def workload_cpu_requests(self, *, namespace: str = "") -> Mapping[WorkloadKey, float]:
        """Return the cores that a pod of each workload requests now, where anything tells; see `queries`."""
        asked = (queries.workload_cpu_shares, queries.workload_cpu_requests)  # the later one counts
        found: dict[WorkloadKey, float] = {}
        for query in asked:
            samples = await self._instant(
                "workload_requests", query(self._source(), namespace), {}, lambda it: list(_samples(it))
            )
            keys = ((queries.workload_of(one.labels), one.value) for one in samples)
            found |= {key: value for key, value in keys if key is not None and 0 < value < math.inf}
        return found

    def _source(self, at_least_s: float = 0.0) -> queries.Source:
        """Return what our queries read; the rate of a coarse grid covers all of each step."""
        return queries.Source(self._settings.job, max(self._settings.rate_window_s, math.ceil(at_least_s)))

    async def _instant(self, name: str, query: str, params: Mapping[str, str], read: Callable[[Any], T]) -> T:
        return await self._ask(name, query, lambda: read(self._client.custom_query(query, params={**self._common, **params})))

    async def _part(self, question: Question, part: Grid) -> Answer:
        """Ask for one part of a history; it waits for its turn before its time begins to count."""
        async with self._histories:
            return await self._ask(question.name, question.query, lambda: self._series(question.query, part))

    def _series(self, query: str, part: Grid) -> Answer:
        # The library rounds the times to seconds; what is given as a parameter counts instead.
        exact = {"start": f"{part.start_s:.3f}", "end": f"{part.end_s:.3f}", **self._common}
        start, end = (datetime.fromtimestamp(at_s, tz=UTC) for at_s in (part.start_s, part.end_s))
        result: Sequence[_Series] = self._client.custom_query_range(query, start, end, f"{part.step_s:g}", params=exact)
        return [(one["metric"], on_grid(one["values"], part)) for one in result]

    def _wanted(self, resource: str, grid: Grid, namespace: str) -> Wanted:
        return Wanted(resource, grid, self._source(at_least_s=grid.step_s), namespace, self._lift)

    @property
    def _common(self) -> dict[str, str]:
        return {"timeout": _duration(self._settings.timeout_s), **_WHOLE}

    async def _ask(self, name: str, query: str, call: Callable[[], T]) -> T:
        """Run one request in a thread; count it, time it, and map what fails."""
        shown = query if len(query) <= _SHOWN else f"{query[:_SHOWN]}…"
        doing = f"asking Prometheus at {address(self._settings.url)} for {shown}"
        result = "error"
        try:
            with PROMETHEUS_DURATION.labels(query=name).time():
                async with asyncio.timeout(self._settings.timeout_s):
                    answer = await asyncio.get_running_loop().run_in_executor(self._threads, call)
            result = "ok" if answer else "empty"
        except FOREIGN as problem:
            result = "timeout" if isinstance(problem, TIMEOUTS) else "error"
            raise to_error(doing, problem) from problem
        finally:
            PROMETHEUS_QUERIES.labels(query=name, result=result).inc()
        return answer


def _duration(seconds: float) -> str:
    """Return a duration as Prometheus' API reads it: a plain number may have a fraction, one with a unit may not."""
    return f"{seconds:g}"


def _pods(result: Iterable[_Series]) -> Mapping[tuple[str, str], Mapping[str, Sample]]:
    """Put the two halves of the answer together: value and time, by namespace, pod and container."""
    halves: dict[str, dict[tuple[str, str, str], float]] = {queries.VALUE: {}, queries.TIME: {}}
    for series in result:
        labels = series["metric"]
        key = (labels["namespace"], labels["pod"], labels["container"])
        halves[labels[queries.PART]][key] = float(series["value"][1])
    pods: dict[tuple[str, str], dict[str, Sample]] = {}
    for key, value in halves[queries.VALUE].items():
        at_s = halves[queries.TIME].get(key)
        if at_s is None or not math.isfinite(value) or not math.isfinite(at_s):
            continue
        namespace, pod, container = key
        labels = {"namespace": namespace, "pod": pod, "container": container}
        pods.setdefault((namespace, pod), {})[container] = Sample(labels, at_s, value)
    return pods


def _only(promql: str, result: Any) -> Any:  # noqa: ANN401 - JSON
    """Refuse an answer of several series, and one that is not a value at one moment."""
    if isinstance(result, list) and result and isinstance(result[0], dict):
        if "values" in result[0]:
            raise Permanent(f"the query {promql} gives a range of values; wrap it, such as in rate(…) or avg_over_time(…)")
        if len(result) > 1:
            raise _several(promql, [one["metric"] for one in result])
    elif isinstance(result, list) and len(result) == 2 and not _is_number(result[1]):  # noqa: PLR2004 - time, value
        raise Permanent(f"the query {promql} gives a text, where a number is needed")
    return result


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _samples(result: Any) -> Iterator[Sample]:  # noqa: ANN401 - JSON
    if isinstance(result, list) and result and not isinstance(result[0], dict):  # a scalar: time, value
        yield Sample({}, float(result[0]), float(result[1]))
        return
    for series in result:
        at_s, value = series["value"]
        yield Sample(series["metric"], float(at_s), float(value))


def _several(promql: str, labels: Sequence[Mapping[str, str]]) -> Permanent:
    some = ", ".join(str(dict(one)) for one in labels[:3])
    more = ", …" if len(labels) > 3 else ""  # noqa: PLR2004 - enough to see what differs
    return Permanent(
        f"the query {promql} gives {len(labels)} series ({some}{more}) where one value is needed; "
        "wrap it in sum(…), or select one of them"
    )


def _history(values: Floats, grid: Grid) -> History:
    return History(start_s=grid.start_s, step_s=grid.step_s, values=values)
