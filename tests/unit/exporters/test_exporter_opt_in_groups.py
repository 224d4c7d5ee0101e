"""Groups that are read only if asked for: per CPU, huge pages, NUMA nodes, cpusets, more of memory."""

from __future__ import annotations

import shutil

import pytest

from exporters.collectors import REGISTERED, cpuset, hugetlb, memory, memory_extra, numa, percpu
from tests.unit.exporters.trees import Host, Rig, of_family

WEB = "a9" * 32
OPT_IN = {"percpu", "sched", "memory_extra", "numa", "hugetlb", "cpuset", "sockets"}


def of_web(text: str, family: str) -> dict[str, float]:
    """Map what follows the six labels to the value."""
    found = of_family(text, family).items()
    return {
        series.rpartition('pod="')[2].partition('"')[2][1:-1]: value for series, value in found if f'name="{WEB}"' in series
    }


def files_of_web(host: Host, name: str) -> list[str]:
    return [str(file.relative_to(host.folder)) for file in host.cgroupfs.rglob(name) if WEB in str(file)]


def test_they_do_not_run_by_themselves() -> None:
    assert {collector.name for collector in REGISTERED if not collector.is_default} >= OPT_IN


def test_cpus_that_were_never_used_are_left_out(v1: Host) -> None:
    text = Rig(v1, collectors=(percpu.COLLECTOR,)).text()
    assert of_web(text, "container_cpu_usage_percpu_seconds_total") == {
        'cpu="cpu00"': pytest.approx(1.003253961),
        'cpu="cpu01"': pytest.approx(0.553146951),
    }


def test_nothing_of_version_1_is_told_on_version_2(v2: Host) -> None:
    text = Rig(v2, collectors=(percpu.COLLECTOR, cpuset.COLLECTOR)).containers_text()
    assert text == ""


def test_reservations_count_where_the_kernel_tells_them(v2: Host) -> None:
    rig = Rig(v2, collectors=(hugetlb.COLLECTOR,))
    text = rig.text()
    assert of_web(text, "container_hugetlb_usage_bytes") == {'pagesize="1GB"': 0, 'pagesize="2MB"': 8388608}
    assert of_web(text, "container_hugetlb_failcnt") == {'pagesize="1GB"': 0, 'pagesize="2MB"': 7}
    assert of_family(text, "container_hugetlb_max_usage_bytes") == {}
    for file in files_of_web(v2, "hugetlb.*.rsvd.*"):
        (v2.folder / file).unlink()
    assert of_web(Rig(v2, collectors=(hugetlb.COLLECTOR,)).text(), "container_hugetlb_usage_bytes")['pagesize="2MB"'] == 4194304


def test_a_cgroup_without_huge_pages_has_no_series_of_them(v1: Host) -> None:
    rig = Rig(v1, collectors=(hugetlb.COLLECTOR,))
    assert of_web(rig.text(), "container_hugetlb_max_usage_bytes") == {'pagesize="2MB"': 4194304}
    shutil.rmtree(v1.cgroupfs / "hugetlb" / "kubepods")
    assert of_family(Rig(v1, collectors=(hugetlb.COLLECTOR,)).text(), "container_hugetlb_usage_bytes") == {}


def test_both_versions_tell_pages_of_numa_nodes(v1: Host) -> None:
    found = of_web(Rig(v1, collectors=(numa.COLLECTOR,)).text(), "container_memory_numa_pages")
    assert found['type="anon",scope="container",node="0"'] == 8889
    assert found['type="file",scope="hierarchy",node="0"'] == 2049
    assert len(found) == 6


def test_bytes_of_version_2_become_pages(v2: Host) -> None:
    found = of_web(Rig(v2, collectors=(numa.COLLECTOR,)).text(), "container_memory_numa_pages")
    assert found['type="anon",scope="hierarchy",node="1"'] == 21229568 // numa._PAGE_BYTES
    assert {key.partition("scope=")[2].partition(",")[0] for key in found} == {'"hierarchy"'}


def test_an_absent_or_broken_numa_file_is_counted_apart(v2: Host) -> None:
    (file,) = files_of_web(v2, "memory.numa_stat")
    v2.write(file, "anon N0=x\n")
    text = Rig(v2, collectors=(numa.COLLECTOR,)).text()
    assert of_family(text, "container_memory_numa_pages") == {}
    assert 'foresail_exporter_collector_errors_total{collector="numa",kind="failed"} 1.0' in text


def test_reclaim_is_told_on_version_2_and_dirty_pages_on_both(v1: Host) -> None:
    text = Rig(v1, collectors=(memory_extra.COLLECTOR,)).text()
    assert of_web(text, "container_memory_file_dirty_bytes") == {"": 8392704}
    assert of_family(text, "container_memory_pgscan_total") == {}
    assert of_family(text, "container_memory_events_max_total") == {}


def test_a_cgroup_without_its_usage_tells_the_rest(v2: Host) -> None:
    """As the root has none, and as it is below a cgroup that does not pass the memory controller on."""
    rig = Rig(v2, collectors=(memory.COLLECTOR,))
    (file,) = files_of_web(v2, "memory.current")
    (v2.folder / file).unlink()
    text = rig.text()
    assert of_web(text, "container_memory_usage_bytes") == {}
    assert of_web(text, "container_memory_working_set_bytes") == {}
    assert of_web(text, "container_memory_rss") == {"": 62648320}
    assert 'foresail_exporter_collector_errors_total{collector="memory",kind="failed"} 0.0' in text
