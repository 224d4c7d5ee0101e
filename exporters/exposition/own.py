"""What the exporter says of itself, through prometheus_client's registry.

A scrape that costs too much, a collector that finds nothing and names that do not come must be visible where the rest
is visible. There are few of these series, so here the general library is worth its price.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporters.exposition.text import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporters.cgroup.files import Tally

_EOF = b"# EOF\n"


class _Watch(Collector):
    """Asks the pod watch how it is."""

    def __init__(self, age_s: Callable[[], float | None], lists: Callable[[], int]) -> None:
        self._age_s = age_s
        self._lists = lists

    def collect(self) -> Iterator[Metric]:
        """Tell the age only once there is one."""
        relists = max(0, self._lists() - 1)
        yield CounterMetricFamily(
            "foresail_exporter_api_relists",
            "Times that all pods had to be listed again because the watch had lost its place.",
            value=relists,
        )
        age_s = self._age_s()
        if age_s is not None:
            yield GaugeMetricFamily(
                "foresail_exporter_watch_age_seconds",
                "Time since the Kubernetes API was last heard.",
                value=age_s,
            )


class OwnMetrics:
    """The metrics of one exporter process."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=False)
        self.duration_s = Gauge(
            "foresail_exporter_collector_duration_seconds",
            "Time that a collector took in this scrape.",
            ["collector"],
            registry=self._registry,
        )
        self._errors = Counter(
            "foresail_exporter_collector_errors",
            "Readings that gave nothing, by cause: absent (the kernel does not offer it) or failed (it refused).",
            ["collector", "kind"],
            registry=self._registry,
        )
        self.containers = self._gauge("containers", "Container cgroups found, sandboxes of pods included.")
        self.unnamed = self._gauge("containers_unnamed", "Containers of pods whose name is not known (yet).")
        self.scrape_s = self._gauge("scrape_duration_seconds", "Time that finding, naming and reading took together.")
        self.descriptors = self._gauge("kept_descriptors", "Files of cgroups that are kept open.")
        info = Info("foresail_exporter_build", "Which exporter this is.", registry=self._registry)
        info.info({"version": version, "python_version": platform.python_version()})
        ProcessCollector(registry=self._registry)

    def watch(self, age_s: Callable[[], float | None], lists: Callable[[], int]) -> None:
        """Add the metrics of the pod watch, which is asked at each scrape."""
        self._registry.register(_Watch(age_s, lists))

    def count(self, collector: str, tally: Tally) -> None:
        """Add what a collector could not read; the first call makes its series appear at zero."""
        self._errors.labels(collector, "absent").inc(tally.absent)
        self._errors.labels(collector, "failed").inc(tally.failed)

    def render(self, chosen: Format) -> bytes:
        """Write all own metrics in a format, without an end mark."""
        if chosen is Format.OPENMETRICS:
            written: bytes = generate_openmetrics(self._registry)  # type: ignore[no-untyped-call]
            return written.removesuffix(_EOF)
        return generate_text(self._registry)

    def _gauge(self, name: str, explained: str) -> Gauge:
        return Gauge(f"foresail_exporter_{name}", explained, registry=self._registry)
