"""Reads the files that people write for the server, which are small and ordinary.

They are read again while the exporter serves. Something else in their place, such as a pipe that nobody writes to or a
device without an end, must be refused and not waited for.
"""

from __future__ import annotations

import errno
import os
import stat

MOST_BYTES = 4 << 20
"""A bundle of all public authorities is a twentieth of it."""


def read_small(file: str) -> bytes:
    """Read a file to its end; raises OSError, also for what is no ordinary file or is larger than ``MOST_BYTES``."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as opened:  # noqa: PTH123 - a descriptor
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), file)
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", file)
        text = opened.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES >> 20} MiB", file)
    return text
