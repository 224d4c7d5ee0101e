"""The newest load of all objects of a pass, by a handful of queries: one per resource, one per distinct PromQL query.

What fails is kept beside what worked, so that one bad query holds only the objects that use it. Nothing found is no load known,
never zero; NaN and infinite values are not load either.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from autoscaler.api.types import MetricSpec
from autoscaler.clients.ports import Metrics, Sample
from autoscaler.errors import ForesailError
from autoscaler.loops.asking import ask
from autoscaler.model import PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.types import MetricReading

CPU = "cpu"  # of resources the one that is a rate
Usage = Mapping[tuple[str, str], Mapping[str, Sample]]  # (namespace, pod) -> container -> sample


@dataclass(frozen=True, slots=True)
class Loads:
    """Answers, or the error in place of one."""

    usage: Mapping[str, Usage | ForesailError]  # resource ->
    answers: Mapping[str, Sequence[Sample] | ForesailError]  # PromQL ->
    short: Mapping[int, Usage | ForesailError] = field(default_factory=dict)  # cpu over so many seconds ->

    def failure(self) -> ForesailError | None:
        """Return an error if every query failed, which then is Prometheus' fault and not a query's."""
        results = [*self.usage.values(), *self.answers.values(), *self.short.values()]
        errors = [one for one in results if isinstance(one, ForesailError)]
        return errors[0] if errors and len(errors) == len(results) else None


async def read(
    metrics: Metrics, specs: Iterable[MetricSpec], *, within_s: float, turn: int = 0, windows_s: Iterable[int] = ()
) -> Loads:
    """Ask everything that the metrics of all objects need, each question once, all of them within `within_s` seconds.

    The resources come first, as most objects need them. Of the queries another one begins in each `turn`, so that none is
    always the one for which there is no time. `windows_s` are those over which CPU is asked for once more.
    """
    wanted = list(specs)
    resources = sorted({name for spec in wanted if (name := resource_of(spec))})
    queries = sorted({spec.prometheus.query for spec in wanted if spec.prometheus})
    first = turn % len(queries) if queries else 0
    queries = queries[first:] + queries[:first]
    usage = [partial(metrics.pod_usage, resource) for resource in resources]
    answers = [partial(metrics.query, query) for query in queries]
    windows = sorted(set(windows_s))
    short = [partial(metrics.pod_usage, CPU, window_s=window_s) for window_s in windows]
    found: list[Any] = await ask([*usage, *short, *answers], within_s)
    first, second = len(resources), len(resources) + len(windows)
    return Loads(
        dict(zip(resources, found[:first], strict=True)),
        dict(zip(queries, found[second:], strict=True)),
        dict(zip(windows, found[first:second], strict=True)),
    )


def resource_of(spec: MetricSpec) -> str | None:
    """Return the resource that a metric measures; None for a query."""
    source = spec.resource or spec.container_resource
    return source.name if source else None


def reading(spec: MetricSpec, pods: Sequence[PodView], loads: Loads, window_s: float) -> MetricReading:
    """Return the newest values of one metric of one object, or why they must not be used.

    `window_s` is what a rate covers. How old values may be is left to `scaling`.
    """
    if spec.prometheus:
        return _query_reading(spec, loads.answers[spec.prometheus.query], window_s)
    return _usage_reading(spec, pods, loads.usage[resource_of(spec) or ""], window_s)


def short_reading(spec: MetricSpec, pods: Sequence[PodView], loads: Loads, window_s: int) -> MetricReading | None:
    """Return the newest CPU of one object over a short window; None for a metric that covers none, or was not asked for it."""
    if resource_of(spec) != CPU or window_s not in loads.short:
        return None
    return _usage_reading(spec, pods, loads.short[window_s], float(window_s))


def _usage_reading(spec: MetricSpec, pods: Sequence[PodView], found: Usage | ForesailError, window_s: float) -> MetricReading:
    reason = Reason.FAILED_GET_CONTAINER_RESOURCE_METRIC if spec.container_resource else Reason.FAILED_GET_RESOURCE_METRIC
    if isinstance(found, ForesailError):
        return MetricReading(spec, error=str(found), error_reason=reason, window_s=window_s)
    return _pod_reading(spec, pods, found, window_s)


def _pod_reading(spec: MetricSpec, pods: Sequence[PodView], usage: Usage, window_s: float) -> MetricReading:
    container = spec.container_resource.container if spec.container_resource else None
    values: dict[str, int] = {}
    times: dict[str, float] = {}
    for pod in pods:
        samples = _complete(usage.get((pod.namespace, pod.name), {}), pod, container)
        if samples:
            values[pod.name] = sum(milli(sample.value) for sample in samples)
            times[pod.name] = min(sample.at_s for sample in samples)
    if values:
        return MetricReading(
            spec, pods_milli=values, sampled_at_s=max(times.values()), pods_sampled_at_s=times, window_s=window_s
        )
    reason = Reason.FAILED_GET_CONTAINER_RESOURCE_METRIC if container else Reason.FAILED_GET_RESOURCE_METRIC
    what = f"{resource_of(spec)} of any of its {len(pods)} pods"
    text = f"Prometheus has no {what}; is the exporter scraped, under the job of the setting prometheus.job?"
    return MetricReading(spec, error=text, error_reason=reason, window_s=window_s)


def _complete(found: Mapping[str, Sample], pod: PodView, container: str | None) -> list[Sample]:
    """Return the samples of a pod; none when a container is missing, as half a pod would look idle."""
    wanted = {container} if container else set(pod.requests_milli) or set(found)
    samples = [found[name] for name in sorted(wanted) if name in found]
    finite = all(math.isfinite(sample.value) for sample in samples)
    return samples if finite and wanted <= found.keys() else []


def _query_reading(spec: MetricSpec, answer: Sequence[Sample] | ForesailError, window_s: float) -> MetricReading:
    def failed(text: str) -> MetricReading:
        reason = Reason.FAILED_GET_PROMETHEUS_METRIC
        return MetricReading(spec, error=text, error_reason=reason, window_s=window_s)

    query = spec.prometheus.query if spec.prometheus else ""
    if isinstance(answer, ForesailError):
        return failed(str(answer))
    if not answer:
        return failed(f"the query {query!r} answers with nothing; nothing is not zero")
    if len(answer) > 1:
        return failed(f"the query {query!r} answers with {len(answer)} series; sum them up to one, such as by sum(…)")
    sample = answer[0]
    if not math.isfinite(sample.value) or sample.value < 0:
        return failed(f"the query {query!r} answers with {sample.value}, which is no load")
    return MetricReading(spec, total_milli=milli(sample.value), sampled_at_s=sample.at_s, window_s=window_s)


def milli(value: float) -> int:
    """Return a value in milli-units, rounded up as Kubernetes' Quantity does, but not for an error of the float alone."""
    return math.ceil(round(value * 1000, 6))
