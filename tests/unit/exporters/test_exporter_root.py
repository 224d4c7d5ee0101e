"""The whole machine as the container /, and other cgroups that are neither pod nor container."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from exporters.cgroup.files import Kernel
from exporters.collectors import REGISTERED, cpu, memory, memory_extra, pressure, root, spec, start_time
from tests.unit.exporters.trees import Host, Rig, of_family, samples, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from exporters.names.book import PodBook

ROOT = 'container="",id="/",image="",name="",namespace="",pod=""'
KIB = 1024
FILE_KIB = 4086976 + 89644
"""Cached and Buffers of the fixtures."""

hosts = pytest.mark.parametrize("name", ["v1", "hybrid", "v2"])


def of_root(text: str) -> dict[str, float]:
    """Return what is told of the root, by family and the labels beyond the six."""
    found = {}
    for series, value in samples(text).items():
        family, _, labels = series.rstrip("}").partition("{")
        if labels.startswith(ROOT):
            found[family + labels.removeprefix(ROOT)] = value
    return found


class Records(Kernel):
    """Remembers what was opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def open(self, path: str) -> int:
        self.opened.append(path)
        return super().open(path)


@hosts
def test_the_memory_of_the_machine_comes_from_meminfo_and_never_from_the_roots_own_statistics(
    name: str, tmp_path: Path
) -> None:
    host, kernel = unpack(name, tmp_path), Records()
    for folder in (host.cgroupfs, host.cgroupfs / "memory"):
        if folder.is_dir():
            (folder / "memory.stat").write_text("anon 1\ntotal_rss 1\n", encoding="ascii")
    found = of_root(Rig(host, kernel=kernel).text())
    swapcached = 1024 if name == "v2" else 0
    usage = (1080944 + FILE_KIB + swapcached) * KIB
    assert found["container_memory_usage_bytes"] == usage
    assert found["container_memory_working_set_bytes"] == usage - 2921496 * KIB
    assert found["container_memory_rss"] == 1080944 * KIB
    assert found["container_memory_cache"] == (FILE_KIB + swapcached) * KIB
    assert found["container_memory_swap"] == (65536 * KIB if name == "v2" else 0)
    assert found["container_spec_memory_limit_bytes"] == 24684096 * KIB
    assert found["container_spec_memory_swap_limit_bytes"] == (2097152 * KIB if name == "v2" else 0)
    assert found['container_memory_failures_total,failure_type="pgfault",scope="hierarchy"'] == 55270724
    assert not [path for path in kernel.opened if re.fullmatch(r".*/cgroup(/memory)?/+memory\.stat", path)]


def test_the_cpu_time_of_the_machine_comes_from_the_root(tmp_path: Path) -> None:
    found = {name: of_root(Rig(unpack(name, tmp_path / name)).text()) for name in ("v1", "hybrid", "v2")}
    usage_s = {name: of['container_cpu_usage_seconds_total,cpu="total"'] for name, of in found.items()}
    assert usage_s == {"v1": 2318.942745647, "hybrid": 2318.942745647, "v2": 2298.996725}
    assert found["v1"]["container_cpu_user_seconds_total"] == 1776.75
    assert found["v2"]["container_pressure_cpu_waiting_seconds_total"] == 1252.613978
    assert not any("cfs" in series for of in found.values() for series in of)


def test_a_node_that_is_itself_a_container_has_the_memory_of_its_own_cgroup(v2: Host) -> None:
    v2.write("cgroup/memory.current", "5000\n")
    v2.write("cgroup/memory.stat", "anon 1000\nfile 3000\ninactive_file 2000\n")
    found = of_root(Rig(v2).text())
    assert found["container_memory_usage_bytes"] == 5000
    assert found["container_memory_working_set_bytes"] == 3000
    assert found["container_spec_memory_limit_bytes"] == 24684096 * KIB


def test_the_threads_of_a_node_that_is_itself_a_container_are_told(v2: Host) -> None:
    assert "container_threads" not in of_root(Rig(v2).text())
    v2.write("cgroup/pids.current", "311\n")
    assert of_root(Rig(v2).text())["container_threads"] == 311


def test_the_averages_of_pressure_are_told_of_the_machine_but_for_the_one_that_is_not_defined(v2: Host) -> None:
    for resource in ("cpu", "memory", "io"):
        line = "avg10={}.00 avg60=0.00 avg300=0.00 total=1000000\n"
        v2.write(f"cgroup/{resource}.pressure", f"some {line.format(25)}full {line.format(10)}")
    found = {series: value for series, value in of_root(Rig(v2).text()).items() if series.startswith("container_pressure")}
    expected = {f"container_pressure_{of}_{what}_avg10_ratio": ratio for of in ("cpu", "memory", "io")
                for what, ratio in (("waiting", 0.25), ("stalled", 0.1))}  # fmt: skip
    del expected["container_pressure_cpu_stalled_avg10_ratio"]
    assert {series: value for series, value in found.items() if "avg10" in series} == expected
    assert len(found) == len(expected) + 6, "the kubelet tells all six totals"


def test_what_is_switched_off_is_not_told_of_the_machine_either(v2: Host) -> None:
    found = of_root(Rig(v2, collectors=(cpu.COLLECTOR, root.COLLECTOR)).text())
    assert {series.partition(",")[0] for series in found} == {
        "container_cpu_usage_seconds_total",
        "container_cpu_user_seconds_total",
        "container_cpu_system_seconds_total",
    }


def test_the_machine_is_not_told_when_it_is_switched_off(v2: Host) -> None:
    others = (cpu.COLLECTOR, memory.COLLECTOR, memory_extra.COLLECTOR, spec.COLLECTOR, pressure.TOTALS, start_time.COLLECTOR)
    assert of_root(Rig(v2, collectors=others).text()) == {}


def test_a_family_that_two_collectors_write_stands_together(v2: Host) -> None:
    lines = [line.partition("{")[0] for line in Rig(v2).text().splitlines() if not line.startswith("#")]
    blocks = [name for number, name in enumerate(lines) if number == 0 or lines[number - 1] != name]
    assert len(blocks) == len(set(blocks))


def test_no_meminfo_is_absent_and_garbage_is_failed_and_both_leave_the_rest(v2: Host) -> None:
    (v2.procfs / "meminfo").unlink()
    assert "container_memory_usage_bytes" not in of_root(Rig(v2).text())
    v2.write("proc/meminfo", "MemTotal: many kB\n")
    text = Rig(v2).text()
    assert 'container_cpu_usage_seconds_total,cpu="total"' in of_root(text)
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    assert errors['foresail_exporter_collector_errors_total{collector="root",kind="failed"}'] == 1


def test_the_kubelets_own_folders_are_shown_without_names(v2: Host, book: PodBook) -> None:
    usage = of_family(Rig(v2, book).text(), "container_memory_usage_bytes")
    labels = 'container="",id="/kubepods.slice",image="",name="",namespace="",pod=""'
    assert usage[f"container_memory_usage_bytes{{{labels}}}"] == 341258240


def test_services_are_shown_only_if_the_pattern_asks_for_them(v2: Host) -> None:
    service = 'id="/system.slice/ssh.service"'
    assert service not in Rig(v2).text()
    usage = of_family(Rig(v2, include=r"/system\.slice/.+\.service").text(), "container_memory_usage_bytes")
    assert [value for series, value in usage.items() if service in series] == [7340032]
    assert len(usage) == 11


def test_the_root_is_counted_among_cgroups_and_not_among_containers(v2: Host) -> None:
    found = samples(Rig(v2, collectors=REGISTERED).text())
    assert found["foresail_exporter_containers"] == 5
    assert found["foresail_exporter_cgroups"] == 8 + 3 + 1
