"""How full the host's file systems are; shown, as the kubelet does, as those of the container ``/``.

The list of the host's mounts may be read by everybody, but how full a file system is can only be asked where it is
mounted. A file system is the same wherever it is mounted, and a container always has something of the host's disk
mounted (its logs, its /etc/hosts), so each of the host's file systems is looked for by its device numbers among the
exporter's own mounts. The root disk of a node is thus told without any right; the others are once the host's root, or
something on them, is mounted into the exporter's container, at whatever path. One that is mounted nowhere here is
absent. What single containers hold is another matter: it would have to be counted file by file.

File systems in memory are left out (what they hold is memory, and each pod brings several), and so are those of
containers, which repeat the disk below them, and those of the network or of a process (FUSE), because one that no
longer answers would hold the scrape up for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.mounts import MountTable
from exporters.cgroup.parse import Malformed
from exporters.cgroup.parse_mounts import Mount, mounts
from exporters.collectors.contract import HOST_LABELS, Collector, Family, Kind, Samples, Scrape, labelled

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

LIMIT = Family(
    "container_fs_limit_bytes",
    Kind.GAUGE,
    "Size of the file system, in bytes (of the host statvfs f_blocks * f_frsize; of containers, with the collector "
    "volumes, the kubelet's rootfs and logs capacityBytes).",
)
USAGE = Family(
    "container_fs_usage_bytes",
    Kind.GAUGE,
    "Bytes in use on the file system (of the host statvfs (f_blocks - f_bfree) * f_frsize; of containers, with the "
    "collector volumes, the kubelet's rootfs and logs usedBytes).",
)
INODES = Family(
    "container_fs_inodes_total",
    Kind.GAUGE,
    "Inodes of the file system; absent where it makes them as it needs them (of the host statvfs f_files).",
)
INODES_FREE = Family(
    "container_fs_inodes_free",
    Kind.GAUGE,
    "Inodes that are free; absent where the file system makes them as it needs them (of the host statvfs f_ffree).",
)


class Devices:
    """Devices of the host by the size of their file systems, as of the last scrape, for who knows a size but no device."""

    def __init__(self) -> None:
        self._by_size: Mapping[tuple[int, int], str | None] = {}

    def of_size(self, size_bytes: int, inodes: int) -> str | None:
        """Return the only device with a file system of just this size; None if there is none, or more than one."""
        return self._by_size.get((size_bytes, inodes))

    def replace(self, found: Iterable[tuple[int, int, str]]) -> None:
        """Forget everything and take size in bytes, inodes and device instead."""
        by_size: dict[tuple[int, int], str | None] = {}
        for size_bytes, inodes, device in found:
            by_size[size_bytes, inodes] = None if (size_bytes, inodes) in by_size else device
        self._by_size = by_size


_HOST_PID = 1
_ROOT = "/"
_WITHOUT_DEVICE = ("zfs",)


class _Places:
    """Where each file system that is shown can be asked, as of these contents of the two files of mounts.

    A node with many pods has thousands of mounts and going through them all takes longer than everything else here, so
    it is done again only when one of the two has changed.
    """

    def __init__(self) -> None:
        self.theirs, self.ours = MountTable(), MountTable()
        self.read_from: tuple[bytes, bytes] | None = None
        self.by_source: Mapping[str, Sequence[Mount]] = {}

    def close(self) -> None:
        """Give the descriptors of the two files back."""
        self.theirs.close()
        self.ours.close()


def collect(scrape: Scrape) -> None:
    """Ask each file system of the host that can be reached."""
    sizes: list[tuple[int, int, str]] = []
    for source, ways in _places(scrape).items():
        found = _ask(scrape, ways)
        if found is not None and found.f_blocks:
            _add(scrape.samples, f"{HOST_LABELS},{labelled(device=source)}", found)
            sizes.append((found.f_blocks * found.f_frsize, found.f_files, source))
    scrape.notes.of(Devices).replace(sizes)


def _places(scrape: Scrape) -> Mapping[str, Sequence[Mount]]:
    known = scrape.notes.of(_Places)
    theirs = scrape.host.mounts(known.theirs, f"{_HOST_PID}/mountinfo", scrape.tally)
    ours = scrape.host.mounts(known.ours, "self/mountinfo", scrape.tally)
    if theirs is None or ours is None:
        return {}
    if known.read_from is None or theirs is not known.read_from[0] or ours is not known.read_from[1]:
        try:
            shown, ways = _shown(mounts(theirs)), _ways(mounts(ours))
        except Malformed as error:
            scrape.tally.fail(f"the mounts: {error}")
            return {}
        known.by_source = {source: ways.get(mount.device, ()) for source, mount in shown.items()}
        known.read_from = theirs, ours
    return known.by_source


def _ways(found: Iterable[Mount]) -> Mapping[str, Sequence[Mount]]:
    """Sort the exporter's own mounts by device, those of a whole file system first: a folder may have a quota of its own.

    Of several mounts at one place only the last can be reached.
    """
    ways: dict[str, list[Mount]] = {}
    for mount in sorted({mount.point: mount for mount in found}.values(), key=lambda mount: len(mount.root)):
        ways.setdefault(mount.device, []).append(mount)
    return ways


def _shown(found: Iterable[Mount]) -> Mapping[str, Mount]:
    """Choose what to show, by source: the first mount of each disk, and the root whatever it is."""
    shown: dict[str, Mount] = {}
    for mount in found:
        if mount.point == _ROOT:
            shown[mount.source] = mount
        elif _is_on_a_disk(mount):
            shown.setdefault(mount.source, mount)
    return shown


def _is_on_a_disk(mount: Mount) -> bool:
    return mount.kind in _WITHOUT_DEVICE or (mount.source.startswith("/dev/") and not mount.kind.startswith("fuse"))


def _ask(scrape: Scrape, ways: Iterable[Mount]) -> os.statvfs_result | None:
    """Ask through the first mount that answers.

    A folder that is closed to this process is no failure: without root's rights there are always some.
    """
    for way in ways:
        try:
            return scrape.host.statvfs(way.point)
        except (PermissionError, FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            scrape.tally.fail(f"cannot ask the file system at {way.point}: {error.strerror}")
            return None
    scrape.tally.absent += 1
    return None


def _add(samples: Samples, labels: str, found: os.statvfs_result) -> None:
    samples.add(LIMIT, labels, found.f_blocks * found.f_frsize)
    samples.add(USAGE, labels, (found.f_blocks - found.f_bfree) * found.f_frsize)
    if found.f_files:
        samples.add(INODES, labels, found.f_files)
        samples.add(INODES_FREE, labels, found.f_ffree)


COLLECTOR = Collector(
    name="filesystem",
    help="How full the host's file systems are, as far as they are mounted here",
    families=(LIMIT, USAGE, INODES, INODES_FREE),
    collect=collect,
)
