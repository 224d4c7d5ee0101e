"""The first file system of the machine: busybox, modules, and a script that mounts the disk and hands over to it.

Written here as cpio (newc, kernel's Documentation/driver-api/early-userspace/buffer-format.rst), so that no tool is needed.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from demo.vm.kernel import Kernel

TRIED = "foresail: hardware virtualization works"
HANDED_OVER = "foresail: the disk is mounted"
# vda is the root file system, vdb what this run is about. `foresail.try` only shows that a kernel comes up.
_SCRIPT = f"""#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc
case "$($bb cat /proc/cmdline)" in *foresail.try*) echo '{TRIED}'; $bb reboot -f ;; esac
$bb mount -t devtmpfs dev /dev
for module in /modules/*; do $bb insmod "$module"; done
n=0
while [ ! -b /dev/vdc ] && [ $n -lt 100 ]; do $bb sleep 0.1; n=$((n + 1)); done
if $bb mount -t ext4 /dev/vda /sysroot && $bb tar xf /dev/vdb -C /sysroot; then
  echo '{HANDED_OVER}'
  $bb mount -t devtmpfs dev /sysroot/dev
  $bb umount /proc /dev
  export PYTHONPATH=/opt/foresail/code PYTHONUNBUFFERED=1
  exec $bb switch_root /sysroot /usr/bin/python3 -m demo.vm.guest.init
fi
echo 'foresail: the disk cannot be mounted'
$bb reboot -f
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or device of the archive."""

    name: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def build(kernel: Kernel) -> bytes:
    """Return the initramfs for a kernel."""
    return b"".join(_packed(_entries(kernel)))


def _entries(kernel: Kernel) -> Iterator[Entry]:
    for folder in ("bin", "dev", "proc", "sysroot", "modules"):
        yield Entry(folder, stat.S_IFDIR | 0o755)
    yield Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))  # what the script writes to
    yield Entry("bin/busybox", stat.S_IFREG | 0o755, kernel.busybox.read_bytes())
    yield Entry("init", stat.S_IFREG | 0o755, _SCRIPT.encode())
    for module in kernel.modules:
        yield Entry(f"modules/{module.name}", stat.S_IFREG | 0o644, module.read_bytes())


def _packed(entries: Iterator[Entry]) -> Iterator[bytes]:
    for number, entry in enumerate(entries, start=1):
        yield _member(entry, number)
    yield _member(Entry("TRAILER!!!", 0), 0)


def _member(entry: Entry, inode: int) -> bytes:
    name = entry.name.encode() + b"\0"
    fields = (inode, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, *entry.device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
