"""Reads the files of a cgroup, at a cost of one system call each.

A kept descriptor is read again from the start with pread, seven times cheaper than open, read, close. It is safe to
keep: once the cgroup is removed it answers ENODEV and pins nothing but itself. It is not free: each counts against
RLIMIT_NOFILE, and the kernel holds a page for it that is charged to this process's own cgroup. So descriptors are kept
within a budget, and a file beyond it is opened and closed. Files below /proc/<pid>/net are never kept, because those
would keep a network namespace alive after its last process.

Three ways of not getting an answer are kept apart: the kernel does not offer the file (absent), it refused (failed), or
the cgroup has gone (Vanished, which is no error).
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporters.cgroup.layout import Layout
    from exporters.cgroup.walk import Cgroup

_CHUNK = 4096
_MOST = 1 << 20  # no file that is read here comes near it
_RESERVED = 256  # for sockets, logs and the files of one scrape
MAX_KEPT = 16_384
"""Descriptors kept at most, whatever RLIMIT_NOFILE allows: at a page each the kernel holds 64 MiB for them."""

_ABSENT = frozenset({errno.ENOENT, errno.EOPNOTSUPP, errno.ENODEV, errno.EINVAL})


class Vanished(Exception):
    """The cgroup was removed while it was read."""


class Kernel:
    """The system calls that are used, so that a test can answer in the kernel's place."""

    def open(self, path: str) -> int:
        """Open for reading and return the descriptor."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, descriptor: int, offset: int) -> bytes:
        """Read up to ``_CHUNK`` bytes from ``offset``."""
        return os.pread(descriptor, _CHUNK, offset)

    def read_many(self, descriptors: Iterable[int]) -> list[bytes]:
        """Read up to ``_CHUNK`` bytes from the start of each; the first that cannot be read raises its error for all.

        It is ``read`` for the hot path, where a call for each file would cost as much as the kernel does.
        """
        pread = os.pread
        return [pread(descriptor, _CHUNK, 0) for descriptor in descriptors]

    def close(self, descriptor: int) -> None:
        """Close the descriptor."""
        os.close(descriptor)

    def inode(self, path: str) -> int:
        """Return the inode of a file or folder."""
        return os.lstat(path).st_ino

    def names(self, path: str) -> list[str]:
        """List a folder."""
        with os.scandir(path) as entries:
            return [entry.name for entry in entries]


@dataclass(slots=True)
class Tally:
    """What could not be read, counted apart by cause."""

    absent: int = 0
    failed: int = 0
    late: int = 0
    """Not tried, because the time of the scrape was up."""
    example: str = ""
    """The first failure in words."""

    def fail(self, why: str) -> None:
        """Count a failure and keep the first."""
        self.failed += 1
        self.example = self.example or why


@dataclass(slots=True)
class Reader:
    """What the files of all cgroups share: the budget of descriptors and the tally of the collector at work."""

    budget: int
    kernel: Kernel = field(default_factory=Kernel)
    tally: Tally = field(default_factory=Tally)
    kept: int = 0
    changes: int = 0
    """Grows with every descriptor that is kept or closed: whoever lists descriptors knows by it that the list is old."""

    def keeps_one(self, more: int) -> None:
        """Note that one descriptor more (1) or less (-1) is kept."""
        self.kept += more
        self.changes += 1


def is_whole(data: bytes) -> bool:
    """Say whether a first read surely came to the end of its file."""
    return len(data) < _CHUNK


def budget_of(open_files_limit: int) -> int:
    """Derive how many descriptors may be kept from the soft limit of RLIMIT_NOFILE."""
    return max(0, min(open_files_limit - _RESERVED, MAX_KEPT))


class CgroupFiles:
    """The files of one cgroup, in whichever trees they stand."""

    __slots__ = ("_cgroup", "_kept", "_layout", "_reader")

    def __init__(self, cgroup: Cgroup, layout: Layout, reader: Reader) -> None:
        self._cgroup = cgroup
        self._layout = layout
        self._reader = reader
        self._kept: dict[str, int] = {}

    @property
    def reader(self) -> Reader:
        """What it shares with the files of all other cgroups."""
        return self._reader

    def version(self, controller: str) -> int | None:
        """Say which version of cgroups the controller's files follow on this host; None where it is not mounted."""
        tree = self._layout.trees.get(controller)
        return None if tree is None else tree.version

    def read(self, controller: str, name: str, *, keep: bool = True) -> bytes | None:
        """Read a whole file of the controller; None where the kernel does not offer it or refuses (which is counted).

        A file that is read seldom is not worth to ``keep`` open. Raises Vanished when the cgroup is gone.
        """
        descriptor = self._kept.get(name)
        try:
            if descriptor is None:
                return self._open_and_read(controller, name, keep=keep)
            return _read_all(self._reader.kernel, descriptor)
        except OSError as error:
            self._forget(name)
            self._explain(name, error)
            return None

    def kept(self, name: str) -> int | None:
        """Return the descriptor of a file that is kept open."""
        return self._kept.get(name)

    def names(self, controller: str) -> list[str]:
        """List what the cgroup has in the controller's tree, for files whose names depend on the machine.

        Raises Vanished when the cgroup is gone.
        """
        tree = self._layout.trees.get(controller)
        if tree is None:
            self._reader.tally.absent += 1
            return []
        try:
            return self._reader.kernel.names(tree.root + self._cgroup.path)
        except OSError as error:
            self._explain(f"the folder for {controller}", error)
            return []

    def close(self) -> None:
        """Give all descriptors back."""
        for name in tuple(self._kept):
            self._forget(name)

    def _open_and_read(self, controller: str, name: str, *, keep: bool) -> bytes | None:
        tree = self._layout.trees.get(controller)
        if tree is None:
            self._reader.tally.absent += 1
            return None
        kernel = self._reader.kernel
        descriptor = kernel.open(f"{tree.root}{self._cgroup.path}/{name}")
        if keep and self._reader.kept < self._reader.budget:
            self._reader.keeps_one(1)
            self._kept[name] = descriptor
            return _read_all(kernel, descriptor)
        try:
            return _read_all(kernel, descriptor)
        finally:
            kernel.close(descriptor)

    def _forget(self, name: str) -> None:
        descriptor = self._kept.pop(name, None)
        if descriptor is not None:
            self._reader.keeps_one(-1)
            self._reader.kernel.close(descriptor)

    def _explain(self, name: str, error: OSError) -> None:
        """Tell a file that is not there from a cgroup that is not there: ENOENT and ENODEV are said of both."""
        if error.errno in _ABSENT:
            if not self._is_alive():
                raise Vanished from error
            self._reader.tally.absent += 1
        else:
            self._reader.tally.fail(f"cannot read {name} of {self._cgroup.path}: {error.strerror}")

    def _is_alive(self) -> bool:
        try:
            return self._reader.kernel.inode(self._layout.walked.root + self._cgroup.path) == self._cgroup.inode
        except OSError:
            return False


def _read_all(kernel: Kernel, descriptor: int) -> bytes:
    data = kernel.read(descriptor, 0)
    if is_whole(data):
        return data
    chunks = [data]
    size = len(data)
    while len(chunks[-1]) == _CHUNK and size < _MOST:
        chunks.append(kernel.read(descriptor, size))
        size += len(chunks[-1])
    return b"".join(chunks)


def read_once(path: str) -> bytes:
    """Open, read to the end and close a file outside the cgroup trees; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_from(descriptor)
    finally:
        os.close(descriptor)


def read_from(descriptor: int) -> bytes:
    """Read a file outside the cgroup trees from its start to its end; raises OSError."""
    chunks: list[bytes] = []
    size = 0
    while (chunk := os.pread(descriptor, _MOST, size)) and len(chunks) < _CHUNK:
        chunks.append(chunk)
        size += len(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
