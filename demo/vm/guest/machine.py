"""Makes the kernel's file systems and the network that a node has."""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

NODE_DEVICE = "dummy0"
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C  # netdevice(7)
_IFF_UP = 1
_NODE_IP = "10.99.0.1"
CGROUPS = Path("/sys/fs/cgroup")
SERVICES = CGROUPS / "system.slice"
# As systemd mounts it (systemd src/shared/mount-setup.c).
_CGROUP_OPTIONS = "nsdelegate,memory_recursiveprot"


def prepare() -> None:
    """Mount what a node has mounted and bring its interfaces up."""
    _mount("proc", "/proc")
    _mount("sysfs", "/sys")
    _mount("cgroup2", str(CGROUPS), _CGROUP_OPTIONS)
    for kind, place in (("tmpfs", "/run"), ("tmpfs", "/tmp"), ("tmpfs", "/dev/shm"), ("devpts", "/dev/pts")):  # noqa: S108
        Path(place).mkdir(exist_ok=True)
        _mount(kind, place)
    SERVICES.mkdir()
    controllers = (CGROUPS / "cgroup.controllers").read_text(encoding="ascii").split()
    for folder in (CGROUPS, SERVICES):
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers), encoding="ascii")
    socket.sethostname("node1")
    _bring_up("lo", "127.0.0.1", "255.0.0.0")
    _bring_up(NODE_DEVICE, _NODE_IP, "255.255.255.255")
    os.environ |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


def _mount(kind: str, place: str, options: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(kind.encode(), place.encode(), kind.encode(), 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mounting {kind} failed", place)


def _bring_up(device: str, address: str, mask: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        name = device.encode()
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
            sockaddr = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(handle, request, struct.pack("16s16s8x", name, sockaddr))
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH22x", name, _IFF_UP))
