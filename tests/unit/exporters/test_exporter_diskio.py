"""Block I/O of containers and of the host's disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporters.cgroup.files import Kernel
from exporters.collectors import diskio
from tests.unit.exporters.trees import Host, Rig, of_family, samples, unpack

if TYPE_CHECKING:
    from pathlib import Path

POD_V2 = "cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8d3f1c52_6a70_4b1e_9c1d_0f5a2b7e4c11.slice"
CONTAINER_V2 = f"{POD_V2}/cri-containerd-{'a9' * 32}.scope"
CONTAINER_V1 = f"cgroup/blkio/kubepods/burstable/pod8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11/{'a9' * 32}"


class Counting(Kernel):
    """Notes which files were opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    def open(self, path: str) -> int:
        self.opened.append(path)
        return super().open(path)


def above(cgroup: str) -> list[str]:
    """Return the folders of the pods' tree that a cgroup lies in."""
    parts = cgroup.split("/")
    return ["/".join(parts[:end]) for end in range(parts.index("kubepods") + 1, len(parts))]


def rig_on(host: Host, kernel: Kernel | None = None) -> Rig:
    return Rig(host, kernel=kernel or Kernel(), collectors=(diskio.COLLECTOR,))


def by_device(text: str, name: str, path: str) -> dict[str, float]:
    """Return one cgroup's samples of a family by device."""
    found = of_family(text, f"container_{name}")
    return {
        series.partition('device="')[2].partition('"')[0]: value
        for series, value in found.items()
        if f'id="{path.partition("cgroup")[2].removeprefix("/blkio")}"' in series
    }


def errors(text: str, kind: str) -> float:
    return samples(text)[f'foresail_exporter_collector_errors_total{{collector="diskio",kind="{kind}"}}']


def test_devices_are_named_as_the_kernel_lists_its_disks(v2: Host) -> None:
    v2.write(f"{CONTAINER_V2}/io.stat", "179:0 rbytes=1\n9:127 rbytes=2\n253:0 rbytes=3\n259:1 rbytes=4\n")
    read = by_device(rig_on(v2).text(), "fs_reads_bytes_total", CONTAINER_V2)
    assert read == {"/dev/mmcblk0": 1, "/dev/md127": 2, "/dev/dm-0": 3, "/dev/nvme0n1p1": 4}


def test_a_device_that_the_kernel_does_not_list_is_called_by_its_numbers(v2: Host) -> None:
    v2.write(f"{CONTAINER_V2}/io.stat", "252:16 rbytes=1\n252:32 rbytes=2\n")
    read = by_device(rig_on(v2).text(), "fs_reads_bytes_total", CONTAINER_V2)
    assert read == {"/dev/block/252:16": 1, "/dev/block/252:32": 2}


def test_no_device_is_ever_nameless(tmp_path: Path) -> None:
    for name in ("v1", "hybrid", "v2"):
        assert 'device=""' not in rig_on(unpack(name, tmp_path / name)).text()


def test_paths_of_a_multipath_disk_that_have_no_numbers_give_no_series_of_a_container(v2: Host) -> None:
    v2.write(f"{CONTAINER_V2}/io.stat", "(unknown) rbytes=7\n(unknown) rbytes=8\n259:0 rbytes=15\n")
    text = rig_on(v2).text()
    assert by_device(text, "fs_reads_bytes_total", CONTAINER_V2) == {"/dev/nvme0n1": 15}
    assert errors(text, "failed") == 0


def test_in_a_line_that_lacks_its_newline_each_figure_goes_to_the_device_before_it(v2: Host) -> None:
    v2.write(f"{CONTAINER_V2}/io.stat", "179:0 9:127 rbytes=5 rios=1\n253:0 \n")
    text = rig_on(v2).text()
    assert by_device(text, "fs_reads_bytes_total", CONTAINER_V2) == {"/dev/md127": 5}
    assert by_device(text, "fs_reads_total", CONTAINER_V2) == {"/dev/md127": 1}


def test_discards_are_neither_reads_nor_writes(v2: Host) -> None:
    v2.write(f"{CONTAINER_V2}/io.stat", "259:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=4096 dios=3\n")
    text = rig_on(v2).text()
    told = {family: by_device(text, family, CONTAINER_V2) for family in ("fs_writes_bytes_total", "fs_writes_total")}
    assert told == {"fs_writes_bytes_total": {"/dev/nvme0n1": 0}, "fs_writes_total": {"/dev/nvme0n1": 0}}


def test_what_the_io_controller_does_not_charge_gives_no_series(v2: Host) -> None:
    v2.write(f"{CONTAINER_V2}/io.stat", "259:0 rbytes=1 cost.usage=2000000 cost.vrate=100.00 depth=max\n")
    text = rig_on(v2).text()
    assert by_device(text, "fs_io_cost_usage_seconds_total", CONTAINER_V2) == {"/dev/nvme0n1": 2}
    assert by_device(text, "fs_io_cost_wait_seconds_total", CONTAINER_V2) == {}


def test_a_scheduler_that_counted_is_believed_before_throttling(v1: Host) -> None:
    for cgroup in (CONTAINER_V1, *above(CONTAINER_V1)):
        v1.write(f"{cgroup}/blkio.bfq.io_service_bytes_recursive", "8:0 Read 11\n8:0 Total 11\nTotal 11\n")
        v1.write(f"{cgroup}/blkio.bfq.io_serviced_recursive", "8:0 Read 1\n8:0 Total 1\nTotal 1\n")
    text = rig_on(v1).text()
    assert by_device(text, "fs_reads_bytes_total", CONTAINER_V1) == {"/dev/sda": 11}
    assert by_device(text, "fs_reads_total", CONTAINER_V1) == {"/dev/sda": 1}


def test_below_a_cgroup_whose_sums_have_nothing_nothing_is_read(v1: Host) -> None:
    for cgroup in above(CONTAINER_V1):
        for counter in ("blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"):
            v1.write(f"{cgroup}/{counter}", "Total 0\n")
    kernel = Counting()
    assert by_device(rig_on(v1, kernel).text(), "fs_reads_bytes_total", CONTAINER_V1) == {}
    assert {name.rpartition("/")[2] for name in kernel.opened if CONTAINER_V1 in name} <= {"blkio.io_service_bytes_recursive"}


def test_whoever_counted_first_stays_believed_so_that_counters_do_not_jump(v1: Host) -> None:
    rig = rig_on(v1)
    rig.collect()
    v1.write(f"{CONTAINER_V1}/blkio.bfq.io_service_bytes_recursive", "8:0 Read 11\nTotal 11\n")
    assert by_device(rig.text(), "fs_reads_bytes_total", CONTAINER_V1)["/dev/sda"] == 1_236_992


def test_a_file_that_this_kernel_does_not_have_is_looked_for_once_for_each_cgroup(v1: Host) -> None:
    kernel = Counting()
    rig = rig_on(v1, kernel)
    rig.collect()
    absent = errors(rig.text(), "absent")
    opened = len(kernel.opened)
    assert absent > 0
    assert errors(rig.text(), "absent") == absent
    assert len(kernel.opened) == opened


def test_milliseconds_of_the_hosts_disks_become_seconds_and_sectors_bytes(v1: Host) -> None:
    v1.write("proc/diskstats", "8 0 sda 1 2 3 4000 5 6 7 8000 9 10000 11000\n")
    rig = rig_on(v1)
    host = {
        series.partition("{")[0]: value
        for series, value in samples(rig.text()).items()
        if 'id="/"' in series and "operation" not in series
    }
    assert host == {
        "container_fs_reads_bytes_total": 3 * 512,
        "container_fs_writes_bytes_total": 7 * 512,
        "container_fs_reads_total": 1,
        "container_fs_reads_merged_total": 2,
        "container_fs_sector_reads_total": 3,
        "container_fs_read_seconds_total": 4,
        "container_fs_writes_total": 5,
        "container_fs_writes_merged_total": 6,
        "container_fs_sector_writes_total": 7,
        "container_fs_write_seconds_total": 8,
        "container_fs_io_current": 9,
        "container_fs_io_time_seconds_total": 10,
        "container_fs_io_time_weighted_seconds_total": 11,
    }


def test_the_top_cgroup_of_a_node_that_is_a_container_does_not_repeat_the_hosts_disks(v2: Host) -> None:
    v2.write("cgroup/cgroup.events", "populated 1\nfrozen 0\n")
    v2.write("cgroup/io.stat", "259:0 rbytes=1\n")
    assert by_device(rig_on(v2).text(), "fs_reads_bytes_total", "cgroup/")["/dev/nvme0n1"] == 3_451_922 * 512


def test_loop_devices_are_none_of_the_hosts_disks(v1: Host) -> None:
    devices = by_device(rig_on(v1).text(), "fs_reads_total", "cgroup/")
    assert set(devices) == {"/dev/sda", "/dev/sdb", "/dev/dm-0"}


STATS = "1 0 2 3 4 0 5 6 0 7 8"
IDLE = "0 0 0 0 0 0 0 0 0 0 0"


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ({"sda": STATS, "sda1": STATS, "sda12": STATS, "sdp": STATS, "sdp1": STATS}, {"sda", "sdp"}),
        ({"nvme0n1": STATS, "nvme0n1p1": STATS, "nvme0n12": STATS}, {"nvme0n1", "nvme0n12"}),
        ({"mmcblk0": STATS, "mmcblk0boot0": STATS, "mmcblk0p2": STATS}, {"mmcblk0", "mmcblk0boot0"}),
        ({"md1": STATS, "md12": STATS, "md1p1": STATS, "dm-1": STATS, "dm-10": STATS}, {"md1", "md12", "dm-1", "dm-10"}),
        ({"cciss/c0d0": STATS, "cciss/c0d0p1": STATS}, {"cciss/c0d0"}),
        ({"xvda1": STATS, "xvda2": STATS}, {"xvda1", "xvda2"}),
        ({"nvme0n1": STATS, "nvme0c0n1": STATS, "nvme0c1n1": STATS}, {"nvme0n1"}),
        ({"nvme0n1": IDLE, "nvme0c0n1": STATS}, {"nvme0n1", "nvme0c0n1"}),
        ({"nvme1c0n1": STATS}, {"nvme1c0n1"}),
    ],
    ids=["sd", "nvme", "mmc", "md and dm", "with a folder", "disks of Xen without a whole", "paths", "idle disk", "no disk"],
)
def test_the_hosts_disks_can_be_added_up(listed: dict[str, str], told: set[str], v2: Host) -> None:
    v2.write("proc/diskstats", "".join(f"259 {minor} {name} {stats}\n" for minor, (name, stats) in enumerate(listed.items())))
    text = rig_on(v2).text()
    for family in ("fs_reads_bytes_total", "fs_writes_total", "fs_io_current"):
        assert by_device(text, family, "cgroup/").keys() == {f"/dev/{name}" for name in told}
    usage = of_family(text, "container_blkio_device_usage_total")
    assert sum('id="/",' in series for series in usage) == 2 * len(told)


def test_without_the_list_of_disks_containers_are_still_told(v2: Host) -> None:
    (v2.procfs / "diskstats").unlink()
    text = rig_on(v2).text()
    assert set(by_device(text, "fs_reads_bytes_total", CONTAINER_V2)) == {"/dev/block/259:0", "/dev/block/253:0"}
    assert by_device(text, "fs_reads_bytes_total", "cgroup/") == {}
    assert errors(text, "failed") == 0


def test_garbage_in_one_cgroup_is_counted_and_takes_nothing_from_the_others(v2: Host) -> None:
    v2.write(f"{CONTAINER_V2}/io.stat", "259:0 rbytes=lots\n")
    text = rig_on(v2).text()
    assert errors(text, "failed") == 1
    assert by_device(text, "fs_reads_bytes_total", CONTAINER_V2) == {}
    assert by_device(text, "fs_reads_bytes_total", POD_V2) != {}


def test_a_hostile_device_name_is_escaped(v2: Host) -> None:
    v2.write("proc/diskstats", '259 0 nv"me\\ 1 2 3 4 5 6 7 8 9 10 11\n')
    assert 'device="/dev/nv\\"me\\\\"' in rig_on(v2).text()
