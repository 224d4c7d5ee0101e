"""Reading the mount table, and taking away the mounts below a folder."""

import ctypes
import os
import re
from pathlib import Path

from demo.cluster.errors import ClusterError

_MNT_DETACH = 2
_UMOUNT_NOFOLLOW = 8
MOUNTINFO = Path("/proc/self/mountinfo")


def parse_mount_points(mountinfo: str) -> list[Path]:
    """List the mount points of a mountinfo table in its order (proc(5): field 5, with octal escapes)."""
    return [Path(_unescape(line.split(" ")[4])) for line in mountinfo.splitlines() if line]


def mounts_under(folder: Path, mountinfo: Path = MOUNTINFO) -> list[Path]:
    """List what is mounted below `folder`, the newest first, which is the order to unmount in.

    What is mounted at the folder itself is somebody's disk on which we were given room.
    """
    real = folder.resolve()
    return [point for point in reversed(parse_mount_points(mountinfo.read_text())) if real in point.parents]


def is_mounted(point: Path, mountinfo: Path = MOUNTINFO) -> bool:
    """Tell whether something is mounted at `point`."""
    return point.resolve() in parse_mount_points(mountinfo.read_text())


def unmount_under(folder: Path) -> None:
    """Unmount everything below `folder`; raises ClusterError when something stays."""
    for _ in range(3):  # an unmount can uncover another mount at the same place
        for point in mounts_under(folder):
            unmount(point)
    if left := mounts_under(folder):
        raise ClusterError(f"{left[0]} could not be unmounted: end what uses it (`fuser -m {left[0]}`) and try again")


def unmount(point: Path) -> None:
    """Take one mount away, from sight at once and for good when its last user ends; not being there is no error."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(point), _MNT_DETACH | _UMOUNT_NOFOLLOW) != 0 and is_mounted(point):
        number = ctypes.get_errno()
        raise ClusterError(f"unmounting {point} failed: {os.strerror(number)}")


def _unescape(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
