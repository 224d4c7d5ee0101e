"""Block I/O: what each container read and wrote, by device, and what the host's disks did altogether.

Version 2 tells bytes and operations in one file. Version 1 has a file for each figure from each part of the kernel that
counts; the first part that counted anything for a cgroup is believed, as the kubelet does: the BFQ scheduler, the CFQ
scheduler of kernels before 5.0, then throttling. (Newer kernels, 6.18 for one, let throttling count only where a
throttle is set.) Merges, times and queues come from the schedulers only. The host itself, the container ``/``, is told
from /proc/diskstats, by whole disks, so that they can be added up. What lies on several disks or on a part of one (dm for
LVM, encryption and multipath, md for RAID) is a device of its own and counts what the disks below it count again: only the
user can say which of the two is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.files import Vanished
from exporters.cgroup.identity import Kind
from exporters.cgroup.parse import Malformed
from exporters.cgroup.parse_io import blkio, diskstats, io_stat, whole_disks
from exporters.collectors import diskio_families as fs
from exporters.collectors.contract import HOST_LABELS, Collector, Samples, Scrape, Target, labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exporters.cgroup.parse_io import ByDevice, Disk
    from exporters.collectors.contract import Table

_LEFT_OUT = ("loop", "ram", "sr", "fd")
"""Devices of the host that are none of its disks; a container that uses one is told all the same."""
_HOST = "/"
"""The path of a cgroup that would be shown under the name that the host's disks have."""
_NUMBERLESS = b"0:0"
_NOTHING_V1 = b"Total 0\n"
_US_PER_S = 1_000_000
_NS_PER_S = 1_000_000_000
_MS_PER_S = 1_000
_SECTOR_BYTES = 512

_BYTES_V2: Table = ((fs.READS_BYTES, b"rbytes", 1), (fs.WRITES_BYTES, b"wbytes", 1))
_OTHERS_V2: Table = (
    (fs.READS, b"rios", 1),
    (fs.WRITES, b"wios", 1),
    (fs.COST_USAGE, b"cost.usage", _US_PER_S),
    (fs.COST_WAIT, b"cost.wait", _US_PER_S),
    (fs.COST_INDEBT, b"cost.indebt", _US_PER_S),
    (fs.COST_INDELAY, b"cost.indelay", _US_PER_S),
)
_OPERATIONS_V2 = ((b"rbytes", b"Read"), (b"wbytes", b"Write"))
_BYTES_V1: Table = ((fs.READS_BYTES, b"Read", 1), (fs.WRITES_BYTES, b"Write", 1))
_OTHERS_V1: Mapping[str, Table] = {
    "io_serviced": ((fs.READS, b"Read", 1), (fs.WRITES, b"Write", 1)),
    "io_merged": ((fs.READS_MERGED, b"Read", 1), (fs.WRITES_MERGED, b"Write", 1)),
    "io_service_time": (
        (fs.READ_S, b"Read", _NS_PER_S),
        (fs.WRITE_S, b"Write", _NS_PER_S),
        (fs.IO_TIME, b"Total", _NS_PER_S),
    ),
    "io_queued": ((fs.IO_CURRENT, b"Total", 1),),
}
_COUNTERS_V1 = ("blkio.bfq.{}_recursive", "blkio.{}_recursive", "blkio.throttle.{}_recursive", "blkio.throttle.{}")
"""Names of the files of each part of the kernel that counts, the one that is believed first at the beginning."""
_LAST_SUM = 2
"""The last of them that sums over what lies below; the one behind it can have nothing where this one has nothing."""


class _Choice:
    """Whose files tell of a cgroup of version 1, as far as that is known, and which files this kernel does not have."""

    def __init__(self) -> None:
        self.counter: str | None = None
        self.missing: frozenset[str] = frozenset()


class _Devices:
    """The names of block devices by their numbers, as labels."""

    def __init__(self, disks: Iterable[Disk]) -> None:
        self._labels = {disk.device: labelled(device=f"/dev/{disk.name}") for disk in disks if disk.device != _NUMBERLESS}

    def label(self, device: bytes) -> str:
        """Name a device; one that the kernel does not list is called by its numbers, as udev also does."""
        return self._labels.get(device) or f'device="/dev/block/{device.decode()}"'


def collect(scrape: Scrape) -> None:
    """Read the host's disks, then all cgroups."""
    disks = _disks(scrape)
    for disk in whole_disks(disks):
        if not disk.name.startswith(_LEFT_OUT):
            _add_disk(scrape.samples, disk)
    devices = _Devices(disks)
    if scrape.targets.version("io") == 2:  # noqa: PLR2004
        _version_2(scrape, devices)
    else:
        _version_1(scrape, devices)


def _disks(scrape: Scrape) -> tuple[Disk, ...]:
    data = scrape.host.proc("diskstats", scrape.tally)
    try:
        return () if data is None else diskstats(data)
    except Malformed as error:
        scrape.tally.fail(f"/proc/diskstats: {error}")
        return ()


def _add_disk(samples: Samples, disk: Disk) -> None:
    labels = f"{HOST_LABELS},{labelled(device=f'/dev/{disk.name}')}"
    for family, value in (
        (fs.READS_BYTES, disk.sectors_read * _SECTOR_BYTES),
        (fs.WRITES_BYTES, disk.sectors_written * _SECTOR_BYTES),
        (fs.READS, disk.reads),
        (fs.WRITES, disk.writes),
        (fs.SECTOR_READS, disk.sectors_read),
        (fs.SECTOR_WRITES, disk.sectors_written),
        (fs.READS_MERGED, disk.reads_merged),
        (fs.WRITES_MERGED, disk.writes_merged),
        (fs.READ_S, disk.read_ms / _MS_PER_S),
        (fs.WRITE_S, disk.write_ms / _MS_PER_S),
        (fs.IO_CURRENT, disk.in_progress),
        (fs.IO_TIME, disk.busy_ms / _MS_PER_S),
        (fs.IO_TIME_WEIGHTED, disk.weighted_ms / _MS_PER_S),
    ):
        samples.add(family, labels, value)
    for operation, sectors in ((b"Read", disk.sectors_read), (b"Write", disk.sectors_written)):
        samples.add(fs.DEVICE_USAGE, _usage(labels, disk.device, operation), sectors * _SECTOR_BYTES)


def _version_2(scrape: Scrape, devices: _Devices) -> None:
    for place, (target, data) in enumerate(zip(scrape.targets, scrape.read("io", "io.stat"), strict=True)):
        if not data or target.cgroup.path == _HOST:
            continue
        try:
            _add_version_2(target, scrape.samples, devices, io_stat(data))
        except Malformed as error:
            scrape.report(place, error)


def _add_version_2(target: Target, samples: Samples, devices: _Devices, found: ByDevice) -> None:
    for device, words in found.items():
        labels = f"{target.labels},{devices.label(device)}"
        samples.add_keyed(labels, _BYTES_V2, words)
        samples.add_keyed(labels, _OTHERS_V2, words)
        for key, operation in _OPERATIONS_V2:
            samples.add_keyed(_usage(labels, device, operation), ((fs.DEVICE_USAGE, key, 1),), words)


def _version_1(scrape: Scrape, devices: _Devices) -> None:
    """Read parents before their children: where the sum over a cgroup has nothing, what lies below has nothing either."""
    above = scrape.targets.once(_above)
    silent = [0] * len(scrape.targets)
    for place, target in enumerate(scrape.in_time(scrape.targets)):
        if target.is_gone or target.cgroup.path == _HOST:
            continue
        parent = above[place]
        inherited = 0 if parent is None else silent[parent]
        try:
            silent[place] = _read_version_1(target, scrape, devices, inherited)
        except Vanished:
            target.is_gone = True
        except Malformed as error:
            scrape.report(place, error)


def _read_version_1(target: Target, scrape: Scrape, devices: _Devices, silent: int) -> int:
    """Read one cgroup; ``silent`` has a bit for each sum that has nothing there, and is returned with what was learnt."""
    choice = target.notes.of(_Choice)
    found: ByDevice = {}
    for number, counter in enumerate(_COUNTERS_V1):
        bit = 1 << min(number, _LAST_SUM)
        is_believed = choice.counter in {None, counter}
        if silent & bit or found or not (is_believed or target.cgroup.identity.kind is Kind.PLAIN):
            continue
        name = counter.format("io_service_bytes")
        told = _read(target, scrape, choice, name)
        if told and is_believed:
            choice.counter, found = counter, told
        elif not told and number <= _LAST_SUM and name not in choice.missing:
            silent |= bit
    if choice.counter is not None and found:
        _add_version_1(target, scrape, devices, found)
    return silent


def _add_version_1(target: Target, scrape: Scrape, devices: _Devices, found: ByDevice) -> None:
    choice = target.notes.of(_Choice)
    for device, words in found.items():
        labels = f"{target.labels},{devices.label(device)}"
        scrape.samples.add_keyed(labels, _BYTES_V1, words)
        for operation in words:
            usage = _usage(labels, device, operation)
            scrape.samples.add_keyed(usage, ((fs.DEVICE_USAGE, operation, 1),), words)
    for figure, meaning in _OTHERS_V1.items():
        for device, words in _read(target, scrape, choice, (choice.counter or "").format(figure)).items():
            scrape.samples.add_keyed(f"{target.labels},{devices.label(device)}", meaning, words)


def _above(targets: Sequence[Target]) -> Sequence[int | None]:
    """Find for each cgroup the place of the nearest one that it lies in."""
    places = {target.cgroup.path: place for place, target in enumerate(targets)}
    return [next((places[path] for path in _parents(target.cgroup.path) if path in places), None) for target in targets]


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _read(target: Target, scrape: Scrape, choice: _Choice, name: str) -> ByDevice:
    """Read a file that this kernel may not have: that is found out, and counted as absent, once for each cgroup."""
    if name in choice.missing:
        return {}
    failed_before = scrape.tally.failed
    data = target.files.read("blkio", name)
    if data == _NOTHING_V1:
        return {}
    if data is not None:
        return blkio(data)
    if scrape.tally.failed == failed_before:
        choice.missing |= {name}
    return {}


def _usage(labels: str, device: bytes, operation: bytes) -> str:
    major, _, minor = device.decode().partition(":")
    return f"{labels},{labelled(major=major, minor=minor, operation=operation.decode('utf-8', 'replace'))}"


COLLECTOR = Collector(
    name="diskio",
    help="What each container read and wrote by device, and the host's disks",
    families=fs.FAMILIES,
    collect=collect,
)
