"""A scrape that would take too long is answered in part and in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from exporters.cgroup.files import Kernel
from exporters.collectors import cpu, memory, network, spec
from exporters.exposition.budget import DEFAULT_TIMEOUT_S, LONGEST_TIMEOUT_S, SHORTEST_TIMEOUT_S, reading_s, timeout_s
from exporters.exposition.text import Format
from tests.unit.exporters.trees import Rig, of_family, samples

if TYPE_CHECKING:
    from tests.unit.exporters.trees import Host

COLLECTORS = (cpu.COLLECTOR, memory.COLLECTOR, spec.COLLECTOR, network.COLLECTOR)


class Slow(Kernel):
    """A kernel that takes a second for each memory.stat, by a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.is_slow = True

    def clock(self) -> float:
        return self.now_s

    def open(self, path: str) -> int:
        if self.is_slow and path.endswith("/memory.stat"):
            self.now_s += 1.0
        return super().open(path)


@pytest.fixture
def kernel() -> Slow:
    return Slow()


@pytest.fixture
def rig(v2: Host, kernel: Slow) -> Rig:
    return Rig(v2, kernel=kernel, budget=0, collectors=COLLECTORS, clock=kernel.clock)


def late(text: str) -> dict[str, float]:
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    return {series.split('"')[1]: value for series, value in errors.items() if 'kind="late"' in series}


def test_reading_stops_when_the_time_is_up_and_what_lacks_is_counted(rig: Rig, kernel: Slow) -> None:
    text = rig.exporter.collect(timeout_s=5).answer(Format.TEXT, compressed=False).decode()
    assert kernel.now_s == 4
    assert samples(text)["foresail_exporter_scrape_partial"] == 1
    assert len(of_family(text, "container_memory_rss")) < len(of_family(text, "container_cpu_usage_seconds_total"))
    assert of_family(text, "container_spec_cpu_period") == {}
    assert late(text) == {"discovery": 0, "names": 0, "cpu": 0, "memory": 7, "spec": 11, "network": 4}


def test_a_part_is_a_valid_answer(rig: Rig) -> None:
    text = rig.exporter.collect(timeout_s=5).answer(Format.OPENMETRICS, compressed=False).decode()
    assert "container_memory_rss" in {family.name for family in parse_openmetrics(text)}


def test_the_next_scrape_begins_anew(rig: Rig, kernel: Slow) -> None:
    rig.exporter.collect(timeout_s=5)
    kernel.is_slow = False
    text = rig.text()
    assert samples(text)["foresail_exporter_scrape_partial"] == 0
    assert of_family(text, "container_spec_cpu_period")
    assert late(text)["memory"] == 7


def test_a_scrape_with_time_enough_is_whole(rig: Rig) -> None:
    text = rig.exporter.collect(timeout_s=60).answer(Format.TEXT, compressed=False).decode()
    assert samples(text)["foresail_exporter_scrape_partial"] == 0


@pytest.mark.parametrize("header", ["", "x", "nan", "inf", "-1", "0", "1e999", "1,5"])
def test_a_time_that_is_none_counts_as_not_said(header: str) -> None:
    assert timeout_s(header) == DEFAULT_TIMEOUT_S


def test_the_time_that_is_said_is_kept_with_something_left_for_sending() -> None:
    assert timeout_s("9.5") == 9.5
    assert timeout_s(" 5 ") == 5
    assert timeout_s("0.001") == SHORTEST_TIMEOUT_S
    assert timeout_s("1e9") == LONGEST_TIMEOUT_S
    assert 0 < reading_s(10) < 10
