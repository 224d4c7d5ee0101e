"""Makes the kernel's file systems and the network that a node has."""

import fcntl
import os
import socket
import struct
from pathlib import Path

from demo.vm.guest import cgroups
from demo.vm.guest.mounts import mount

NODE_DEVICE = "dummy0"
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C  # netdevice(7)
_IFF_UP = 1
_NODE_IP = "10.99.0.1"


def prepare(*, is_hybrid: bool) -> None:
    """Mount what a node has mounted and bring its interfaces up."""
    mount("proc", Path("/proc"))
    mount("sysfs", Path("/sys"))
    if is_hybrid:
        cgroups.mount_hybrid()
    else:
        cgroups.mount_v2()
    for kind, place in (("tmpfs", "/run"), ("tmpfs", "/tmp"), ("tmpfs", "/dev/shm"), ("devpts", "/dev/pts")):  # noqa: S108
        Path(place).mkdir(exist_ok=True)
        mount(kind, Path(place))
    socket.sethostname("node1")
    _bring_up("lo", "127.0.0.1", "255.0.0.0")
    _bring_up(NODE_DEVICE, _NODE_IP, "255.255.255.255")
    os.environ |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}


def _bring_up(device: str, address: str, mask: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        name = device.encode()
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
            sockaddr = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(handle, request, struct.pack("16s16s8x", name, sockaddr))
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH22x", name, _IFF_UP))
