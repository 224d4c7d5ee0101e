"""The part of the command `replay` that reads from Prometheus: a query, a workload, or all of them, ranked."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import msgspec

from autoscaler import settings_file
from autoscaler.clients.prometheus import PrometheusMetrics
from autoscaler.clients.prometheus_session import address
from autoscaler.clock import SystemClock
from autoscaler.commands import replay_days
from autoscaler.commands.replay_options import Options
from autoscaler.commands.replay_terminal import progress, write
from autoscaler.errors import ForesailError
from autoscaler.replay import fleet, history, report
from autoscaler.replay.history import Span
from autoscaler.replay.recorded import DAY_S, Recorded, Unusable
from autoscaler.replay.stage import DEFAULT_DAYS, Setting, Wanted, iso
from autoscaler.settings import PrometheusSettings, Settings
from autoscaler.terminal_text import plain

T = TypeVar("T")

_PATIENCE_S = 60.0  # weeks of a fleet take longer to answer than what a pass asks


def check(options: Options) -> None:
    """Raise Unusable when the options do not name one load in Prometheus, or name one without it."""
    asked = {
        "--query": options.query is not None,
        "--namespace and --workload": options.namespace is not None or options.workload is not None,
        "--all-namespaces": options.all_namespaces,
    }
    named = [name for name, given in asked.items() if given]
    if options.prometheus is None:
        extra = [*named, *(["--job"] if options.job is not None else [])]
        if extra:
            raise Unusable(f"{extra[0]}: goes with --prometheus URL")
        return
    if len(named) != 1:
        raise Unusable(f"--prometheus: give one of {', '.join(asked)} with it, to say which load")
    if options.query is not None and not options.query.strip():
        raise Unusable("--query: is empty; give PromQL that gives one series")
    if (options.namespace is None) != (options.workload is None):
        raise Unusable("--namespace and --workload: give both, as names are of a namespace")
    if options.all_namespaces and options.out is not None:
        raise Unusable("--out: rows are of one load; with --all-namespaces there is --report FILE.html or .json")


def read(options: Options, wanted: Wanted) -> tuple[Recorded, Wanted]:
    """Return the load that the options name, and what is wanted of it with what was learnt about its pods."""
    settings = _settings(options)
    span = _span(settings, wanted)
    if options.query is not None:
        query = options.query
        return _asked(settings, lambda metrics: history.of_query(metrics, query, span)), wanted
    namespace, name = options.namespace or "", options.workload or ""
    found = _asked(settings, lambda metrics: history.of_workload(metrics, namespace, name, span))
    if wanted.pod_capacity is not None or found.requested is None:
        return found.recorded, wanted
    note = f"a pod requests {found.requested:.4g} cores, which is taken for its capacity (--pod-capacity)"
    return replace(found.recorded, notes=(*found.recorded.notes, note)), replace(wanted, pod_capacity=found.requested)


def run(options: Options, setting: Setting, wanted: Wanted, say: Callable[[str], None]) -> None:
    """Rank every workload of a cluster."""
    settings = _settings(options)
    span = _span(settings, wanted)
    workloads, short = _asked(settings, lambda metrics: history.of_all(metrics, span))
    where = address(settings.prometheus.url)
    if not workloads:
        raise Unusable(
            f"--all-namespaces: Prometheus at {where} has no workload with a day of CPU under the job "
            f"{settings.prometheus.job} ({len(short)} have less); is that the job of the exporter (--job)?"
        )
    with progress(f"Replaying {len(workloads)} workloads") as tell:
        ranking = fleet.ranked(workloads, fleet.How(replay_days.told(setting, options, span.start_s, span.end_s), wanted), tell)
    when = f"Prometheus at {where}, {iso(span.start_s)} to {iso(span.end_s)}"
    for line in [when, "", *fleet.text(ranking).split("\n")]:
        say(plain(line))
    if short:
        say(f"- {len(short)} workloads have less than a day of history, and were left out")
    for path in options.report:
        is_json = path.suffix.lower() == ".json"
        write("--report", path, report.json_bytes(fleet.as_json(ranking)) if is_json else fleet.html(ranking, when))
        say(f"{path}: written")


def _settings(options: Options) -> Settings:
    """Return the service's settings from the environment (token, CA, job), with what was given here."""
    given = {"--prometheus": ("url", options.prometheus), "--job": ("job", options.job)}
    flags = [
        settings_file.Given(("prometheus", key), value, f"flag {flag}", text=True)
        for flag, (key, value) in given.items()
        if value is not None
    ]
    try:
        return settings_file.load(None, os.environ, flags)
    except ForesailError as error:
        raise Unusable("; ".join(line.strip() for line in str(error).splitlines())) from error


def _span(settings: Settings, wanted: Wanted) -> Span:
    step_s = float(settings.forecast.step_s)
    end_s = SystemClock().now_s() // step_s * step_s
    cut_s = end_s if wanted.evaluate_from_s is None else min(end_s, wanted.evaluate_from_s)
    days = DEFAULT_DAYS if wanted.history_days is None else wanted.history_days
    return Span(max(0.0, cut_s - days * DAY_S), end_s, step_s)


def _asked(settings: Settings, ask: Callable[[PrometheusMetrics], Awaitable[T]]) -> T:
    patient = settings.prometheus
    if patient.timeout_s == PrometheusSettings().timeout_s:  # nobody said how long to wait
        patient = msgspec.structs.replace(patient, timeout_s=_PATIENCE_S)

    async def all_of_it() -> T:
        metrics = PrometheusMetrics(patient, settings.forecast)
        try:
            return await ask(metrics)
        finally:
            metrics.close()

    return asyncio.run(all_of_it())
