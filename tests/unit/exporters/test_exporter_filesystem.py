"""How full the host's file systems are, asked where they happen to be mounted."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

import pytest

from exporters.cgroup.host import Host as Outside
from exporters.collectors import filesystem
from exporters.collectors.contract import Samples, Scrape
from exporters.collectors.roster import Roster
from exporters.roots import Roots
from tests.unit.exporters.trees import Host, Rig, of_family, samples

DISK = "28 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


@dataclass
class FileSystems:
    """Answers in the kernel's place, by place, and notes where it was asked."""

    by_place: dict[str, tuple[int, int, int, int] | int] = field(default_factory=dict)
    """Blocks of 4 KiB, free blocks, inodes and free inodes; or the error."""
    asked: list[str] = field(default_factory=list)

    def statvfs(self, place: str) -> os.statvfs_result:
        self.asked.append(place)
        answer = self.by_place.get(place, errno.ENOENT)
        if isinstance(answer, int):
            raise OSError(answer, os.strerror(answer), place)
        blocks, free, inodes, inodes_free = answer
        return os.statvfs_result((4096, 4096, blocks, free, free, inodes, inodes_free, inodes_free, 0, 255))


def scraped(host: Host, kernel: FileSystems, *, theirs: str = DISK, ours: str = "") -> tuple[dict[str, float], Scrape]:
    """Collect from these mounts of the host and of the exporter; returns family and device to value, and the scrape."""
    host.write("proc/1/mountinfo", theirs)
    host.write("proc/self/mountinfo", ours)
    rig = Rig(host)
    scrape = Scrape(
        Roster(),
        Samples(filesystem.COLLECTOR.families),
        rig.exporter._parts.processes,
        rig.exporter._parts.names,
        str(host.procfs),
        host=Outside(Roots(host.procfs), kernel.statvfs),
    )
    filesystem.COLLECTOR.collect(scrape)
    lines = b"".join(lines for _, lines in scrape.samples.encoded()).decode()
    told = {
        f"{series.partition('{')[0].removeprefix('container_fs_')} {series.partition('device=')[2].strip('}')}": value
        for series, value in samples(lines).items()
    }
    return told, scrape


def test_the_nodes_disk_is_told_through_any_mount_of_it(v2: Host) -> None:
    kernel = FileSystems({"/etc/hosts": (100, 40, 10, 4)})
    told, _ = scraped(v2, kernel, ours="9 8 8:1 /var/lib/kubelet/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n")
    assert told == {
        'limit_bytes "/dev/sda1"': 100 * 4096,
        'usage_bytes "/dev/sda1"': 60 * 4096,
        'inodes_total "/dev/sda1"': 10,
        'inodes_free "/dev/sda1"': 4,
    }


def test_a_file_system_that_is_mounted_nowhere_here_is_absent(v2: Host) -> None:
    told, scrape = scraped(v2, FileSystems(), ours="9 8 8:2 / /other rw - ext4 /dev/sda2 rw\n")
    assert told == {}
    assert (scrape.tally.absent, scrape.tally.failed) == (1, 0)


def test_a_file_system_of_the_exporters_own_is_not_the_hosts(v2: Host) -> None:
    kernel = FileSystems({"/": (1, 1, 1, 1)})
    told, _ = scraped(v2, kernel, ours="9 8 0:70 / / ro - overlay overlay ro\n")
    assert told == {}
    assert kernel.asked == []


def test_the_whole_file_system_is_asked_before_a_folder_of_it_which_may_have_a_quota(v2: Host) -> None:
    kernel = FileSystems({"/quota": (1, 1, 1, 1), "/host/disk": (100, 40, 10, 4)})
    ours = "9 8 8:1 /a/folder /quota rw - xfs /dev/sda1 rw\n10 8 8:1 / /host/disk ro - xfs /dev/sda1 rw\n"
    told, _ = scraped(v2, kernel, ours=ours)
    assert told['limit_bytes "/dev/sda1"'] == 100 * 4096


def test_of_two_mounts_at_one_place_the_later_hides_the_earlier(v2: Host) -> None:
    kernel = FileSystems({"/mnt": (100, 40, 10, 4)})
    ours = "9 8 8:1 / /mnt rw - ext4 /dev/sda1 rw\n10 9 0:33 / /mnt rw - tmpfs tmpfs rw\n"
    assert scraped(v2, kernel, ours=ours)[0] == {}


def test_a_place_that_is_closed_to_the_exporter_is_no_failure_and_another_is_asked(v2: Host) -> None:
    kernel = FileSystems({"/host/closed": errno.EACCES, "/host/open": (100, 40, 10, 4)})
    ours = "9 8 8:1 / /host/closed rw - ext4 /dev/sda1 rw\n10 8 8:1 / /host/open rw - ext4 /dev/sda1 rw\n"
    told, scrape = scraped(v2, kernel, ours=ours)
    assert told['limit_bytes "/dev/sda1"'] == 100 * 4096
    assert (scrape.tally.absent, scrape.tally.failed) == (0, 0)


def test_a_disk_that_answers_with_an_error_is_a_failure_that_names_the_place(v2: Host) -> None:
    told, scrape = scraped(v2, FileSystems({"/mnt": errno.EIO}), ours="9 8 8:1 / /mnt rw - ext4 /dev/sda1 rw\n")
    assert told == {}
    assert scrape.tally.failed == 1
    assert scrape.tally.example == f"cannot ask the file system at /mnt: {os.strerror(errno.EIO)}"


@pytest.mark.parametrize(
    "mount",
    [
        "0:30 / /run rw - tmpfs tmpfs rw",
        "0:31 / /var/lib/containerd/x rw - overlay overlay rw",
        "0:32 / /srv rw - nfs4 server:/export rw",
        "0:33 / /mnt rw - fuse.sshfs /dev/fuse rw",
        "0:34 / /mnt rw - fuseblk /dev/sdz1 rw",
        "0:6 / /dev rw - devtmpfs devtmpfs rw",
    ],
)
def test_what_is_on_no_disk_is_not_asked(v2: Host, mount: str) -> None:
    kernel = FileSystems({"/here": (1, 1, 1, 1)})
    ours = f"9 8 {mount.replace(mount.split()[2], '/here', 1)}\n"
    assert scraped(v2, kernel, theirs=f"28 1 {mount}\n", ours=ours)[0] == {}
    assert kernel.asked == []


def test_a_root_that_is_on_no_disk_is_told_all_the_same(v2: Host) -> None:
    kernel = FileSystems({"/host/disk": (100, 40, 0, 0)})
    root = "0:31 / {} rw - overlay overlay rw"
    told, _ = scraped(v2, kernel, theirs=f"28 1 {root.format('/')}\n", ours=f"9 8 {root.format('/host/disk')}\n")
    assert told == {'limit_bytes "overlay"': 100 * 4096, 'usage_bytes "overlay"': 60 * 4096}


def test_a_disk_that_is_mounted_twice_is_told_once(v1: Host) -> None:
    devices = [series for series in of_family(Rig(v1).text(), "container_fs_limit_bytes") if "sda1" in series]
    assert len(devices) == 1


def test_a_mount_that_came_between_two_scrapes_is_seen_at_the_next(v2: Host) -> None:
    rig = Rig(v2, collectors=(filesystem.COLLECTOR,))
    before = of_family(rig.text(), "container_fs_limit_bytes")
    with (v2.procfs / "self" / "mountinfo").open("a", encoding="ascii") as ours:
        ours.write("950 900 9:127 / /host/srv ro - ext4 /dev/md127 rw\n")
    v2.write("statvfs", "/var/log/containers 4096 9 8 7 6\n/host/srv 4096 5 4 3 2\n")
    assert len(before) == 1
    assert sorted(of_family(rig.text(), "container_fs_limit_bytes").values()) == [5 * 4096, 9 * 4096]


def test_without_the_hosts_mounts_nothing_is_guessed(v2: Host) -> None:
    (v2.procfs / "1" / "mountinfo").unlink()
    text = Rig(v2, collectors=(filesystem.COLLECTOR,)).text()
    assert of_family(text, "container_fs_limit_bytes") == {}
    assert samples(text)['foresail_exporter_collector_errors_total{collector="filesystem",kind="failed"}'] == 0
