"""Limits as the kernel has them, and pressure in total and on average."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from exporters.cgroup.files import Kernel
from exporters.collectors import cpu, pressure, seen, spec
from exporters.exposition.text import Format
from tests.unit.exporters.trees import WALL_S, Host, Rig, of_family

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporters.collectors.contract import Collector

WEB = "a9" * 32
AVG10 = "container_pressure_cpu_waiting_avg10_ratio"
TOTAL = "container_pressure_cpu_waiting_seconds_total"


def of_web(text: str, family: str) -> list[float]:
    return [value for series, value in of_family(text, family).items() if f'name="{WEB}"' in series]


def rewrite(host: Host, name: str, content: str) -> None:
    (file,) = [found for found in host.cgroupfs.rglob(name) if WEB in str(found)]
    file.write_text(content, encoding="ascii")


@pytest.mark.parametrize(
    ("weight", "shares", "told"),
    [("1\n", [2], [1]), ("100\n", [2597], [100]), ("10000\n", [262144], [10000]), ("0\n", [], [0]), ("no\n", [], [])],
)
def test_shares_are_the_weight_mapped_back_as_the_kubelet_does(
    v2: Host, weight: str, shares: list[float], told: list[float]
) -> None:
    rewrite(v2, "cpu.weight", weight)
    text = Rig(v2, collectors=(spec.COLLECTOR,)).text()
    assert of_web(text, "container_spec_cpu_shares") == shares
    assert of_web(text, "container_spec_cpu_weight") == told


@pytest.mark.parametrize(("allowed", "told"), [("0\n", [0]), ("max\n", []), ("4096\n", [4096])])
def test_no_swap_at_all_is_a_limit_and_no_limit_is_none(v2: Host, allowed: str, told: list[float]) -> None:
    rewrite(v2, "memory.swap.max", allowed)
    text = Rig(v2, collectors=(spec.COLLECTOR,)).text()
    assert of_web(text, "container_spec_memory_swap_limit_bytes") == told


def test_version_1_tells_shares_and_no_weight(v1: Host) -> None:
    text = Rig(v1, collectors=(spec.COLLECTOR,)).text()
    assert of_web(text, "container_spec_cpu_shares") == [1024]
    assert of_family(text, "container_spec_cpu_weight") == {}
    assert of_family(text, "container_spec_memory_reservation_limit_bytes") == {}


class Counting(Kernel):
    def __init__(self) -> None:
        self.reads = 0

    def read(self, descriptor: int, offset: int) -> bytes:
        self.reads += 1
        return super().read(descriptor, offset)

    def read_many(self, descriptors: Iterable[int]) -> list[bytes]:
        return [self.read(descriptor, 0) for descriptor in descriptors]


def test_totals_and_averages_share_one_reading_from_the_second_scrape_on(v2: Host) -> None:
    reads = []
    for collectors in ((pressure.TOTALS,), (pressure.TOTALS, pressure.AVERAGES)):
        kernel = Counting()
        rig = Rig(v2, kernel=kernel, collectors=collectors)
        rig.collect()
        kernel.reads = 0
        rig.collect()
        reads.append(kernel.reads)
    assert reads[0] == reads[1] > 0


@pytest.mark.parametrize(
    ("collectors", "families"),
    [((pressure.TOTALS,), {TOTAL}), ((pressure.AVERAGES,), {AVG10}), ((pressure.TOTALS, pressure.AVERAGES), {TOTAL, AVG10})],
)
def test_each_can_be_had_without_the_other(v2: Host, collectors: tuple[Collector, ...], families: set[str]) -> None:
    rewrite(v2, "cpu.pressure", "some avg10=12.34 avg60=0.00 avg300=0.00 total=2500000\n")
    rig = Rig(v2, collectors=collectors)
    expected = {TOTAL: [2.5], AVG10: [0.1234]}
    for _ in range(3):
        text = rig.text()
        assert {family: of_web(text, family) for family in families} == {family: expected[family] for family in families}
        assert of_web(text, "container_pressure_cpu_stalled_seconds_total") == []


def test_averages_are_never_those_of_the_scrape_before(v2: Host) -> None:
    rig = Rig(v2, collectors=(pressure.TOTALS, pressure.AVERAGES))
    for average, told in (("1.00", 0.01), ("50.00", 0.5), ("100.00", 1.0)):
        rewrite(v2, "cpu.pressure", f"some avg10={average} avg60=0.00 avg300=0.00 total=1\n")
        assert of_web(rig.text(), AVG10) == [told]


def test_pressure_that_the_kernel_was_told_not_to_count_has_no_series(v1: Host) -> None:
    text = Rig(v1, collectors=(pressure.TOTALS, pressure.AVERAGES)).text()
    assert "container_pressure" not in text


def test_every_container_was_seen_at_the_moment_of_the_scrape(v2: Host) -> None:
    text = Rig(v2, collectors=(seen.COLLECTOR,)).text()
    assert of_web(text, "container_last_seen") == [int(WALL_S)]
    assert of_family(text, "container_scrape_error") == {"container_scrape_error": 0}


def test_a_tree_that_cannot_be_listed_is_a_scrape_error(v2: Host) -> None:
    """Here because no descriptor is left to list it with."""
    rig = Rig(v2, collectors=(seen.COLLECTOR,))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        exposition = rig.collect()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    text = exposition.answer(Format.TEXT, compressed=False).decode()
    assert of_family(text, "container_scrape_error") == {"container_scrape_error": 1}
    assert of_family(rig.text(), "container_scrape_error") == {"container_scrape_error": 0}


@pytest.mark.parametrize(
    ("periods", "quota", "told"), [("0", "max", []), ("0", "50000", [0]), ("7", "50000", [7]), ("7", "max", [7])]
)
def test_throttling_is_told_of_what_has_a_quota_or_had_one(v2: Host, periods: str, quota: str, told: list[float]) -> None:
    rewrite(v2, "cpu.stat", f"usage_usec 3000000\nnr_periods {periods}\nnr_throttled 0\nthrottled_usec 0\n")
    rewrite(v2, "cpu.max", f"{quota} 100000\n")
    text = Rig(v2, collectors=(cpu.COLLECTOR,)).text()
    assert of_web(text, "container_cpu_cfs_periods_total") == told
    assert of_web(text, "container_cpu_usage_seconds_total") == [3]


@pytest.mark.parametrize(("quota", "told"), [("-1\n", []), ("50000\n", [0])])
def test_so_it_is_on_version_1(v1: Host, quota: str, told: list[float]) -> None:
    rewrite(v1, "cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n")
    rewrite(v1, "cpu.cfs_quota_us", quota)
    assert of_web(Rig(v1, collectors=(cpu.COLLECTOR,)).text(), "container_cpu_cfs_throttled_seconds_total") == told
