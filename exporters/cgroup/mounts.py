"""Reads a table of mounts only when it has changed.

On a node with hundreds of pods the table is longer than everything else of the host together, and mostly the same. The
kernel tells of a change to whoever has the file open and polls it (proc(5), /proc/[pid]/mounts). The file is read
through a descriptor that stays open, which is no burden: it holds the mount namespace of a process that outlives us.
"""

from __future__ import annotations

import contextlib
import os
import select

from exporters.cgroup.files import read_from


class MountTable:
    """/proc/<pid>/mountinfo of one process."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._content = b""
        self._is_told = False
        """The kernel tells of changes: it does for a file of /proc and not for an ordinary one, which has a size."""

    def read(self, path: str) -> bytes:
        """Return the content, the very same object for as long as nothing has changed; raises OSError."""
        if self._descriptor is None:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._is_told = os.fstat(self._descriptor).st_size == 0
        elif self._is_told and not self._has_changed():
            return self._content
        try:
            content = read_from(self._descriptor)
        except OSError:
            self.close()
            raise
        if content != self._content:
            self._content = content
        if not self._is_told:
            self.close()  # an ordinary file may be replaced by another of this name
        return self._content

    def _has_changed(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor or 0, select.POLLPRI | select.POLLERR)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
