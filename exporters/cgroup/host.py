"""Reads the host's files outside its cgroup trees: /proc, /sys and how full its file systems are.

Whoever asks gets the answer or None, and the reason is counted as for a cgroup's files: what the kernel does not offer
is absent, what it refuses is failed. Nothing is kept open: these are few files, and each is read once in a scrape.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporters.cgroup.files import read_once
from exporters.roots import Roots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.cgroup.files import Tally
    from exporters.cgroup.mounts import MountTable

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.EINVAL, errno.EOPNOTSUPP})


def size_of(path: str) -> int:
    """Return the size of a file or folder; raises OSError."""
    return os.lstat(path).st_size


@dataclass(frozen=True, slots=True)
class Host:
    """The host outside its cgroup trees."""

    roots: Roots = field(default_factory=Roots)
    statvfs: Callable[[str], os.statvfs_result] = os.statvfs
    size: Callable[[str], int] = size_of
    """Of /proc/<pid>/fd it is the number of open files."""

    def proc(self, name: str, tally: Tally) -> bytes | None:
        """Read a file below /proc."""
        return self.read(f"{self.roots.procfs}/{name}", tally)

    def mounts(self, table: MountTable, name: str, tally: Tally) -> bytes | None:
        """Read a table of mounts below /proc; the same object as before for as long as nothing has changed."""
        path = f"{self.roots.procfs}/{name}"
        try:
            return table.read(path)
        except OSError as error:
            count(error, f"cannot read {path}", tally)
            return None

    def sys(self, name: str, tally: Tally) -> bytes | None:
        """Read a file below /sys."""
        return self.read(f"{self.roots.sysfs}/{name}", tally)

    def read(self, path: str, tally: Tally) -> bytes | None:
        """Read a whole file; None where it is not there or refused, which is counted."""
        try:
            return read_once(path)
        except OSError as error:
            count(error, f"cannot read {path}", tally)
            return None

    def has(self, name: str) -> bool:
        """Say whether there is such a file below /sys, for those that only some machines have."""
        return os.path.lexists(f"{self.roots.sysfs}/{name}")

    def listed(self, name: str) -> Sequence[str]:
        """List a folder below /sys in order; one that is not there is empty."""
        try:
            with os.scandir(f"{self.roots.sysfs}/{name}") as entries:
                return sorted(entry.name for entry in entries)
        except OSError:
            return ()


def count(error: OSError, what: str, tally: Tally) -> None:
    """Tell what is not there from what is refused."""
    if error.errno in _ABSENT:
        tally.absent += 1
    else:
        tally.fail(f"{what}: {error.strerror}")
