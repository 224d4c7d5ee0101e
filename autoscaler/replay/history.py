"""Recordings from Prometheus: a query, the CPU of one workload, or that of every workload of a cluster.

What Prometheus does not have is not zero: a gap of up to an hour is bridged by the value before it and noted; of what lies
before a longer one nothing is used, which is noted as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autoscaler.clients.ports import Metrics
from autoscaler.clients.prometheus import PrometheusMetrics
from autoscaler.model import Floats, History, WorkloadKey
from autoscaler.replay.recorded import DAY_S, Recorded, Unusable
from autoscaler.replay.stage import iso

CPU = "cpu"
_HELD_S = 3600.0
_LEAST_S = DAY_S  # of history, for a workload to be ranked


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when load is read, and how fine."""

    start_s: float
    end_s: float
    step_s: float


@dataclass(frozen=True, slots=True)
class Workload:
    """The CPU of a workload, in cores, and what a pod of it requests; None: nobody tells."""

    recorded: Recorded
    requested: float | None


async def of_query(metrics: Metrics, query: str, span: Span) -> Recorded:
    """Return what a query gave over time; raises Unusable where that is nothing, and what the client raises."""
    found = await metrics.query_history(query, start_s=span.start_s, end_s=span.end_s, step_s=span.step_s)
    if found is None:
        raise Unusable(
            f"--query {query}: gives nothing between {iso(span.start_s)} and {iso(span.end_s)}; try it in Prometheus"
        )
    below = np.flatnonzero(found.values < 0)
    if below.size:
        at = int(below[0])
        raise Unusable(
            f"--query {query}: gives {found.values[at]:g} at {iso(found.start_s + at * found.step_s)}; a load is never below "
            "zero: wrap it in clamp_min(…, 0) where that is what is meant"
        )
    return recorded(query, found)


async def of_workload(metrics: PrometheusMetrics, namespace: str, name: str, span: Span) -> Workload:
    """Return the load of one workload, named `NAME` or `KIND/NAME`."""
    kind, _, plain = name.rpartition("/")
    found = await _read(metrics, span, namespace)
    keys = [key for key in found if key.name == plain and kind.lower() in ("", key.kind.lower())]
    if len(keys) > 1:
        raise Unusable(f"--workload {name}: {' and '.join(f'{key.kind}/{key.name}' for key in sorted(keys))}: which of them?")
    if not keys:
        known = ", ".join(f"{key.kind}/{key.name}" for key in sorted(found)[:10]) or "none at all"
        raise Unusable(
            f"--workload {name}: Prometheus has no CPU of it in namespace {namespace} between {iso(span.start_s)} and "
            f"{iso(span.end_s)}; of these it has: {known} (series are read by --job)"
        )
    requests = await metrics.workload_cpu_requests(namespace=namespace)
    return Workload(recorded(str(keys[0]), found[keys[0]]), requests.get(keys[0]))


async def of_all(metrics: PrometheusMetrics, span: Span) -> tuple[dict[WorkloadKey, Workload], tuple[WorkloadKey, ...]]:
    """Return the load of every workload that has a day of it or more, and those that have less."""
    found, requests = await _read(metrics, span, ""), await metrics.workload_cpu_requests()
    long: dict[WorkloadKey, Workload] = {}
    short: list[WorkloadKey] = []
    for key in sorted(found):
        one = recorded(str(key), found[key])
        if one.end_s - one.start_s < _LEAST_S:
            short.append(key)
        else:
            long[key] = Workload(one, requests.get(key))
    return long, tuple(short)


async def _read(metrics: PrometheusMetrics, span: Span, namespace: str) -> Mapping[WorkloadKey, History]:
    return await metrics.workload_history(CPU, start_s=span.start_s, end_s=span.end_s, step_s=span.step_s, namespace=namespace)


def recorded(name: str, history: History) -> Recorded:
    """Return a history as a recording: its newest part without a gap of more than an hour. It must hold a value."""
    known = np.flatnonzero(np.isfinite(history.values))
    gaps = np.flatnonzero(np.diff(known) * history.step_s > _HELD_S + history.step_s)
    first = int(known[gaps[-1] + 1] if gaps.size else known[0])
    values = history.values[first : known[-1] + 1]
    start_s, notes = history.start_s + first * history.step_s, []
    if gaps.size:
        notes.append(f"what lies before {iso(start_s)} is left out: before that there is no load for over an hour")
    if missing := int(np.isnan(values).sum()):
        notes.append(f"{missing} samples that are missing or no finite number have the value before them")
    return Recorded(name, start_s, history.step_s, _held(values), tuple(notes))


def _held(values: Floats) -> Floats:
    at = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(values.size)))
    return np.asarray(np.maximum(values[at], 0.0))
