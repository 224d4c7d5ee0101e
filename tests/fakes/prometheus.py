"""The port `Metrics` in memory: a test says what each question is answered with, or that it fails; for tests of the loops.

metrics = FakeMetrics()
metrics.set_usage("cpu", "shop", "web-1", "app", value=0.05, at_s=clock.now_s())
metrics.answers['sum(rate(requests_total[1m]))'] = [Sample({}, now_s, 120.0)]
metrics.fail("pod_usage", Temporary("Prometheus is down"))
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autoscaler.clients.ports import Sample
from autoscaler.errors import Permanent
from autoscaler.model import History, WorkloadKey

Usage = dict[tuple[str, str], dict[str, Sample]]


@dataclass(slots=True)
class FakeMetrics:
    """Answers that a test has put down; what it has not is an empty answer, as from Prometheus.

    `histories` and `query_histories` hold whole series; a question gets the points of its grid, NaN where there are none.
    """

    usage: dict[str, Usage] = field(default_factory=lambda: defaultdict(dict))  # resource -> pod -> container -> sample
    usage_over: dict[tuple[str, int], Usage] = field(default_factory=lambda: defaultdict(dict))  # (resource, window) -> …
    answers: dict[str, Sequence[Sample]] = field(default_factory=dict)  # PromQL -> answer
    histories: dict[str, dict[WorkloadKey, History]] = field(default_factory=lambda: defaultdict(dict))  # resource -> workload
    query_histories: dict[str, History] = field(default_factory=dict)  # PromQL -> series
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    _failures: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    _gates: dict[str, asyncio.Event] = field(default_factory=dict)

    def fail(self, method: str, error: Exception, times: int = 1) -> None:
        """Let the next calls of a method raise an error."""
        self._failures[method].extend([error] * times)

    def gate(self, method: str) -> asyncio.Event:
        """Hold all calls of a method until the event that is returned is set."""
        return self._gates.setdefault(method, asyncio.Event())

    def set_usage(self, resource: str, namespace: str, pod: str, container: str, *, value: float, at_s: float) -> None:
        """Put down the usage of one container (cpu in cores, memory in bytes)."""
        labels = {"namespace": namespace, "pod": pod, "container": container}
        self.usage[resource].setdefault((namespace, pod), {})[container] = Sample(labels, at_s, value)

    async def pod_usage(self, resource: str, *, window_s: int | None = None) -> Mapping[tuple[str, str], Mapping[str, Sample]]:
        """Return the usage that was put down: for this very window, where there is some, else for all of them."""
        await self._enter("pod_usage", resource, *(() if window_s is None else (window_s,)))
        found = self.usage[resource] | (self.usage_over[resource, window_s] if window_s is not None else {})
        return {pod: dict(containers) for pod, containers in found.items()}

    async def query(self, promql: str) -> Sequence[Sample]:
        """Return the answer that was put down for this very text."""
        await self._enter("query", promql)
        answer = list(self.answers.get(promql, ()))
        if len(answer) > 1:
            raise Permanent(f"the query {promql} gives {len(answer)} series where one value is needed; wrap it in sum(…)")
        return answer

    async def workload_history(
        self, resource: str, *, start_s: float, end_s: float, step_s: float, namespace: str = ""
    ) -> Mapping[WorkloadKey, History]:
        """Return the histories that were put down, of all or of one namespace, on the grid asked for."""
        await self._enter("workload_history", resource, start_s, end_s, step_s)
        found = {
            key: on_grid(known, start_s, end_s, step_s)
            for key, known in self.histories[resource].items()
            if namespace in ("", key.namespace)
        }
        return {key: history for key, history in found.items() if history is not None}

    async def query_history(self, promql: str, *, start_s: float, end_s: float, step_s: float) -> History | None:
        """Return the series that was put down for this very text, on the grid asked for."""
        await self._enter("query_history", promql, start_s, end_s, step_s)
        known = self.query_histories.get(promql)
        return on_grid(known, start_s, end_s, step_s) if known else None

    async def _enter(self, method: str, *arguments: object) -> None:
        self.calls.append((method, *arguments))
        if gate := self._gates.get(method):
            await gate.wait()
        if failures := self._failures[method]:
            raise failures.pop(0)


def on_grid(known: History, start_s: float, end_s: float, step_s: float) -> History | None:
    """Return the points of a series on the multiples of the step from start to end; None when there are none."""
    first, last = int(start_s // step_s), int(end_s // step_s)
    if first * step_s < start_s:
        first += 1
    grid = np.arange(first, last + 1) * step_s
    index = np.rint((grid - known.start_s) / known.step_s).astype(int)
    inside = (index >= 0) & (index < len(known.values))
    values = np.full(len(grid), np.nan)
    values[inside] = known.values[index[inside]]
    if not np.isfinite(values).any():
        return None
    return History(start_s=float(grid[0]), step_s=step_s, values=values)
