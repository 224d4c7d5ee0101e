"""Parsers of what the kernel tells of block devices: io.stat, the blkio files and /proc/diskstats.

A device is known by its numbers as the kernel writes them (``b"254:0"``). As elsewhere, a last line without its newline
was cut and is not believed, what is no number raises Malformed, and what is not mentioned is absent. Formats are those
of the kernel's Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/blkio-controller.rst and admin-guide/iostats.rst.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.cgroup.parse import Malformed, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ByDevice = dict[bytes, dict[bytes, bytes]]
"""By device, then by key or operation; the values are left as words for ``number``."""

_DEVICE = re.compile(rb"[0-9]{1,10}:[0-9]{1,10}")
_NAMELESS = b"(unknown)"
"""Stands for a device without numbers, such as the hidden paths of a multipath NVMe disk, which is itself told as well."""


def io_stat(data: bytes) -> ByDevice:
    """Read io.stat of version 2: lines of ``device key=value …``.

    Kernels from 5.15 to 5.18 leave out the newline after a device that did nothing, so its line goes on with the next
    device ("7:7 7:6 rbytes=…"): each key belongs to the device right before it, not to the first of its line.
    """
    found: ByDevice = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        device = None
        for word in line.split():
            key, equals, value = word.partition(b"=")
            if not equals:
                device = _device(word)
            elif device is not None:
                found.setdefault(device, {})[key] = value
    return found


def blkio(data: bytes) -> ByDevice:
    """Read a file of version 1: lines of ``device operation value`` and one of the sum of all devices."""
    found: ByDevice = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == b"Total":  # noqa: PLR2004 - the sum
            continue
        if len(words) != 3:  # noqa: PLR2004
            raise Malformed(line, "a device, an operation and a number")
        device = _device(words[0])
        if device is not None:
            found.setdefault(device, {})[words[1]] = words[2]
    return found


def _device(word: bytes) -> bytes | None:
    if _DEVICE.fullmatch(word) is None:
        if word == _NAMELESS:
            return None
        raise Malformed(word, "the numbers of a device")
    return word


@dataclass(frozen=True, slots=True)
class Disk:
    """A block device and what it did since it was found; times are in milliseconds, a sector is 512 bytes."""

    device: bytes
    name: str
    """As below /dev."""
    reads: int
    reads_merged: int
    sectors_read: int
    read_ms: int
    writes: int
    writes_merged: int
    sectors_written: int
    write_ms: int
    in_progress: int
    busy_ms: int
    weighted_ms: int


_FIRST, _COUNTERS = 3, 11
_PATH = re.compile(r"(?P<before>nvme[0-9]+)c[0-9]+(?P<after>n[0-9]+)")
_DIGITS = "0123456789"


def whole_disks(disks: Sequence[Disk]) -> tuple[Disk, ...]:
    """Leave out what is counted again by a disk among ``disks``: partitions, and the hidden paths of a multipath NVMe disk.

    The kernel names a partition after its disk, with a ``p`` between where the disk's name ends in a digit (disk_name in
    block/partitions/core.c). Older kernels count nothing of a multipath disk itself: then its paths are told.
    """
    by_name = {disk.name: disk for disk in disks}
    return tuple(disk for disk in disks if not _is_partition(disk.name, by_name) and not _is_repeated(disk.name, by_name))


def _is_partition(name: str, disks: Mapping[str, Disk]) -> bool:
    before = name.rstrip(_DIGITS)
    if before == name:
        return False
    above = before.removesuffix("p")
    return before in disks or (above != before and above[-1:] in set(_DIGITS) and above in disks)


def _is_repeated(name: str, disks: Mapping[str, Disk]) -> bool:
    path = _PATH.fullmatch(name)
    disk = None if path is None else disks.get(path["before"] + path["after"])
    return disk is not None and disk.reads + disk.writes > 0


def diskstats(data: bytes) -> tuple[Disk, ...]:
    """Read /proc/diskstats; counters of discards and flushes, which newer kernels append, are left out."""
    return tuple(_disk(line) for line in data[: data.rfind(b"\n") + 1].splitlines())


def _disk(line: bytes) -> Disk:
    words = line.split()
    counters = words[_FIRST : _FIRST + _COUNTERS]
    if len(counters) != _COUNTERS:
        raise Malformed(line, f"a device, its name and {_COUNTERS} counters")
    device = b"%d:%d" % (number(words[0]), number(words[1]))
    return Disk(device, words[2].decode("utf-8", "surrogateescape"), *(number(word) for word in counters))
