"""Mounting, by the system call: there is nobody here whose table of mounts would have to be kept."""

import ctypes
import os
from pathlib import Path


def mount(kind: str, place: Path, options: str = "") -> None:
    """Mount a file system of the kernel's own; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(kind.encode(), os.fsencode(place), kind.encode(), 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mounting {kind} ({options}) failed", str(place))
