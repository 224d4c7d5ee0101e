"""What the exporter says of itself, through prometheus_client's registry.

A scrape that costs too much, a collector that finds nothing and names that do not come must be visible where the rest
is visible. There are few of these series, so here the general library is worth its price.
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporters.cgroup.files import read_once
from exporters.exposition.text import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

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


class _Process(Collector):
    """The usual metrics of a process, without listing its open files: there are thousands, one for each file of a cgroup."""

    def __init__(self) -> None:
        self._boot_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def collect(self) -> Iterator[Metric]:
        """Read what the kernel tells this process of itself; where it tells nothing there is nothing."""
        with contextlib.suppress(OSError):
            words = read_once("/proc/self/stat").rpartition(b")")[2].split()
            yield CounterMetricFamily(
                "process_cpu_seconds", "Total user and system CPU time spent in seconds.", value=time.process_time()
            )
            yield _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", float(words[20]))
            yield _gauge(
                "process_resident_memory_bytes", "Resident memory size in bytes.", float(words[21]) * resource.getpagesize()
            )
            yield _gauge(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
                self._boot_s + float(words[19]) / os.sysconf("SC_CLK_TCK"),
            )
            yield _gauge(
                "process_max_fds", "Maximum number of open file descriptors.", resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            )
            folder = Path("/proc/self/fd")
            open_files = folder.stat().st_size  # Linux before 6.2 tells no size
            yield _gauge("process_open_fds", "Number of open file descriptors.", open_files or len(list(folder.iterdir())))


def _gauge(name: str, explained: str, value: float) -> Metric:
    return GaugeMetricFamily(name, explained, value=value)


class _Named(Collector):
    """The metrics of a registry that go by one of the names, with or without the suffix of their samples."""

    def __init__(self, registry: CollectorRegistry, names: Collection[str]) -> None:
        self._registry = registry
        self._names = names

    def collect(self) -> Iterator[Metric]:
        """Pass those on that are wanted."""
        for metric in self._registry.collect():
            if metric.name in self._names or any(sample.name in self._names for sample in metric.samples):
                yield metric


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
            "Readings that gave nothing, by cause: absent (the kernel does not offer it), failed (it refused, or answered "
            "what cannot be read) or late (not tried, because the time of the scrape was up).",
            ["collector", "kind"],
            registry=self._registry,
        )
        self._counted: dict[str, Sequence[Counter]] = {}
        self.containers = self._gauge("containers", "Container cgroups found, sandboxes of pods included.")
        self.unnamed = self._gauge("containers_unnamed", "Containers of pods whose name is not known (yet).")
        self.cgroups = self._gauge("cgroups", "Cgroups that series are made of, the root included.")
        self.capped = self._gauge(
            "discovery_capped", "1 if the tree is larger than is looked through, so that cgroups are missing."
        )
        self.scrape_s = self._gauge("scrape_duration_seconds", "Time that finding, naming and reading took together.")
        self.partial = self._gauge("scrape_partial", "1 if the time of this scrape was up before everything was read.")
        self.shared = Counter(
            "foresail_exporter_scrapes_shared",
            "Answers that were made of another request's reading, because they were asked for while it went on or just after.",
            registry=self._registry,
        )
        self.descriptors = self._gauge("kept_descriptors", "Files of cgroups that are kept open.")
        self.budget = self._gauge(
            "kept_descriptors_limit", "How many files of cgroups may be kept open; others are opened each time."
        )
        info = Info("foresail_exporter_build", "Which exporter this is.", registry=self._registry)
        info.info({"version": version, "python_version": platform.python_version()})
        self._registry.register(_Process())

    def watch(self, age_s: Callable[[], float | None], lists: Callable[[], int]) -> None:
        """Add the metrics of the pod watch, which is asked at each scrape."""
        self._registry.register(_Watch(age_s, lists))

    def web(self, is_well: Callable[[], bool]) -> None:
        """Add whether the web configuration in force is the newest, which is asked at each scrape."""
        shown = self._gauge(
            "web_config_last_reload_successful",
            "1 while the web configuration is as its file says; 0 while that cannot be used and the one before it is.",
        )
        shown.set_function(lambda: float(is_well()))

    def count(self, collector: str, tally: Tally) -> None:
        """Add what a collector could not read; the first call makes its series appear at zero."""
        if collector not in self._counted:
            self._counted[collector] = [self._errors.labels(collector, kind) for kind in ("absent", "failed", "late")]
        for counter, more in zip(self._counted[collector], (tally.absent, tally.failed, tally.late), strict=True):
            if more:
                counter.inc(more)

    def render(self, chosen: Format, names: Collection[str] = ()) -> bytes:
        """Write own metrics in a format, without an end mark; all of them unless ``names`` of some are given."""
        registry = self._registry if not names else _Named(self._registry, names)
        if chosen is Format.OPENMETRICS:
            written: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
            return written.removesuffix(_EOF)
        return generate_text(registry)

    def _gauge(self, name: str, explained: str) -> Gauge:
        return Gauge(f"foresail_exporter_{name}", explained, registry=self._registry)
