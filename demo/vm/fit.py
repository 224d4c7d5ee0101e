"""Whether the virtual machine can be had on this machine: everything that is missing is said at once."""

import platform
import shutil
from pathlib import Path

from demo.cluster.cache import Cache
from demo.cluster.gobuild import bin_folder
from demo.cluster.packages import PATH, missing_packages
from demo.cluster.rootfs import base_archive
from demo.vm.places import Places
from demo.vm.qemu import PROGRAM

PACKAGES = {PROGRAM: "qemu-system-x86", "mke2fs": "e2fsprogs"}
_ARCHITECTURE = "x86_64"
_GIB = 1 << 30
_ROOM_BYTES = 2 * _GIB
_MEMORY_BYTES = 3 * _GIB
MEMORY_MIB = 1536


def what_is_wrong(cache: Cache, meminfo: Path = Path("/proc/meminfo")) -> list[str]:
    """List what keeps the virtual machine from being prepared or run here, each with its remedy."""
    if platform.system() != "Linux" or platform.machine() != _ARCHITECTURE:
        return [
            f"it is {platform.system()} on {platform.machine()}: the virtual machine's kernel is for Linux on {_ARCHITECTURE}"
        ]
    wrong = []
    if not (base_archive(cache).exists() and (bin_folder(cache) / "kubelet").exists()):
        wrong.append("the base image and the kubelet are not built: `python -m demo.cluster prepare` makes them")
    missing = missing_packages(programs=PACKAGES)
    if missing and shutil.which("apt-get", path=PATH) is None:
        wrong.append(f"it has no apt-get, and these Debian packages are missing: {', '.join(missing)}")
    if (free := _available_bytes(meminfo)) < _MEMORY_BYTES:
        wrong.append(f"{free / _GIB:.1f} GiB of memory are free and {_MEMORY_BYTES / _GIB:.0f} GiB are needed")
    if cache.root.exists() and not Places(cache).disk.exists() and shutil.disk_usage(cache.root).free < _ROOM_BYTES:
        wrong.append(f"{cache.root} has less room than {_ROOM_BYTES / _GIB:.0f} GiB: name a folder with more in FORESAIL_CACHE")
    return wrong


def _available_bytes(meminfo: Path) -> int:
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    return next(int(words[1]) << 10 for words in lines if words[0] == "MemAvailable:")
