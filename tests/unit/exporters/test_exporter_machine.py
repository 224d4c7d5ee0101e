"""What is told of the machine: CPUs, memory, identity."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporters.cgroup.files import Tally
from exporters.cgroup.host import Host as Outside
from exporters.cgroup.host import count
from exporters.collectors import cpu_topology, machine
from exporters.collectors.contract import Collector, Samples, Scrape
from exporters.collectors.notes import Notes
from exporters.collectors.roster import Roster
from tests.unit.exporters.trees import Host, Rig, of_family, samples, unpack

if TYPE_CHECKING:
    from pathlib import Path

CPUS = "sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class Watched(Outside):
    """Refuses some files, and notes which were read."""

    refused: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    def read(self, path: str, tally: Tally) -> bytes | None:
        self.asked.append(path)
        if path.endswith(self.refused):
            count(PermissionError(errno.EACCES, os.strerror(errno.EACCES), path), f"cannot read {path}", tally)
            return None
        return Outside.read(self, path, tally)


def told(host: Host, collector: Collector = machine.COLLECTOR) -> dict[str, float]:
    """Map families to their only value, without labels."""
    return {series.partition("{")[0]: value for series, value in samples(Rig(host, collectors=(collector,)).text()).items()}


def scrape_of(host: Host, outside: Outside, notes: Notes | None = None) -> Scrape:
    parts = Rig(host).exporter._parts
    return Scrape(
        Roster(),
        Samples((*machine.COLLECTOR.families, *cpu_topology.COLLECTOR.families)),
        parts.processes,
        parts.names,
        str(host.procfs),
        host=outside,
        notes=notes or Notes(),
    )


def test_cores_are_counted_over_all_sockets_although_each_numbers_its_own_from_zero(v1: Host) -> None:
    found = told(v1)
    assert found["machine_cpu_cores"] == 8
    assert found["machine_cpu_physical_cores"] == 4
    assert found["machine_cpu_sockets"] == 2


def test_a_cpu_that_is_offline_counts_for_nothing(v1: Host) -> None:
    v1.write(f"{CPUS}/online", "0,2\n")
    found = told(v1)
    assert (found["machine_cpu_cores"], found["machine_cpu_physical_cores"], found["machine_cpu_sockets"]) == (2, 2, 1)


def test_sockets_that_the_kernel_does_not_know_are_absent_and_not_one(v2: Host) -> None:
    for cpu in (0, 2, 3):
        v2.write(f"{CPUS}/cpu{cpu}/topology/physical_package_id", "-1\n")
    assert "machine_cpu_sockets" not in told(v2)


def test_books_and_drawers_are_told_of_a_mainframe_only(tmp_path: Path, v1: Host) -> None:
    found = told(unpack("mainframe", tmp_path / "mainframe"))
    assert (found["machine_cpu_books"], found["machine_cpu_drawers"], found["machine_cpu_sockets"]) == (2, 2, 2)
    assert {"machine_cpu_books", "machine_cpu_drawers"}.isdisjoint(told(v1))


def test_memory_modules_are_added_up_by_type(v1: Host) -> None:
    text = Rig(v1, collectors=(machine.COLLECTOR,)).text()
    gib = 1 << 30
    sizes = {
        series.rpartition('type="')[2].rstrip('"}'): size
        for series, size in of_family(text, "machine_dimm_capacity_bytes").items()
    }
    assert sizes == {"Registered-DDR4": 3 * 64 * gib, "Non-volatile-RAM": 129408 << 20}


def test_the_three_labels_say_who_the_machine_is(v1: Host) -> None:
    (series,) = of_family(Rig(v1).text(), "machine_memory_bytes")
    assert series == (
        'machine_memory_bytes{machine_id="b08dfa6083e7567a1921a715000001fb",'
        'system_uuid="4c4c4544-0042-3510-8051-b4c04f4d3132",boot_id="0e45f0b5-4d7c-4a5e-9f0f-6b6c1d2e3f40"}'
    )


def test_a_system_uuid_that_only_root_may_read_is_absent_and_no_failure(v1: Host) -> None:
    scrape = scrape_of(v1, Watched(v1.outside.roots, refused=("product_uuid",)))
    machine.COLLECTOR.collect(scrape)
    told = dict(scrape.samples.encoded())
    assert b'system_uuid=""' in told[machine.MEMORY]
    assert (scrape.tally.absent, scrape.tally.failed) == (1, 0)
    assert told[machine.SCRAPE_ERROR] == b"machine_scrape_error 0\n"


def test_a_file_that_is_refused_sets_the_error_and_takes_nothing_else_away(v1: Host) -> None:
    scrape = scrape_of(v1, Watched(v1.outside.roots, refused=("meminfo",)))
    machine.COLLECTOR.collect(scrape)
    told = dict(scrape.samples.encoded())
    assert told[machine.SCRAPE_ERROR] == b"machine_scrape_error 1\n"
    assert machine.MEMORY not in told
    assert told[machine.CORES].count(b"\n") == 1


def test_garbage_is_a_failure_and_never_a_number(v1: Host) -> None:
    v1.write(f"{CPUS}/online", "0-99999999\n")
    v1.write("proc/meminfo", "MemTotal: lots kB\n")
    found = told(v1)
    assert found["machine_scrape_error"] == 1
    assert {"machine_cpu_cores", "machine_memory_bytes"}.isdisjoint(found)


def test_a_container_without_sys_tells_what_is_left(tmp_path: Path) -> None:
    host = unpack("v2", tmp_path)
    (host.folder / "sys").rename(host.folder / "elsewhere")
    found = told(host)
    assert "machine_memory_bytes" in found
    assert "machine_cpu_cores" not in found
    assert found["machine_scrape_error"] == 0


def test_the_layout_of_cpus_is_read_again_only_when_others_are_online(v1: Host) -> None:
    outside, notes = Watched(v1.outside.roots), Notes()
    reads: list[int] = []
    for online in ("0-7\n", "0-7\n", "0-3\n"):
        v1.write(f"{CPUS}/online", online)
        before = len(outside.asked)
        for collector in (machine.COLLECTOR, cpu_topology.COLLECTOR):
            collector.collect(scrape_of(v1, outside, notes))
        reads.append(sum("/topology/" in path or "/cache/" in path for path in outside.asked[before:]))
    assert reads[0] > 100
    assert reads[1] == 0
    assert 0 < reads[2] < reads[0]


def test_a_cache_that_the_whole_node_shares_has_no_core_and_appears_once(v1: Host) -> None:
    text = Rig(v1, collectors=(cpu_topology.COLLECTOR,)).text()
    of_level_3 = [series for series in of_family(text, "machine_cpu_cache_capacity_bytes") if 'level="3"' in series]
    assert len(of_level_3) == 2
    assert all('core_id=""' in series for series in of_level_3)


def test_a_machine_without_numa_has_its_sockets_for_nodes(v2: Host) -> None:
    text = Rig(v2, collectors=(cpu_topology.COLLECTOR,)).text()
    siblings = of_family(text, "machine_thread_siblings_count")
    assert [value for _, value in sorted(siblings.items())] == [1, 2, 2]
    assert all('node_id="0"' in series for series in siblings)


def test_a_cache_without_a_size_is_left_out(v2: Host) -> None:
    for cpu in (0, 2, 3):
        (v2.folder / CPUS / f"cpu{cpu}" / "cache" / "index0" / "size").unlink()
    assert of_family(Rig(v2, collectors=(cpu_topology.COLLECTOR,)).text(), "machine_cpu_cache_capacity_bytes") == {}
