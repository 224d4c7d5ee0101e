"""The kernel that the machine boots: Debian's for clouds, with the few modules that it needs and busybox to load them."""

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.cluster.commands import run
from demo.cluster.errors import ClusterError
from demo.cluster.work import Work
from demo.vm import debs
from demo.vm.places import Places

_KERNEL = "linux-image-cloud-amd64"  # depends on the package of the newest kernel
_SHELL = "busybox-static"
# Disks, the containers' file systems and their network; everything else that is needed is built in.
_MODULES = ("virtio_pci", "virtio_blk", "overlay", "bridge", "veth", "dummy")


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a machine is booted from."""

    image: Path
    busybox: Path
    modules: tuple[Path, ...]
    """In the order in which they can be loaded."""


def kernel_of(places: Places) -> Kernel | None:
    """Return the kernel that was unpacked; None before."""
    folder = places.kernel
    if not folder.exists():
        return None
    return Kernel(folder / "vmlinuz", folder / "busybox", tuple(sorted((folder / "modules").iterdir())))


def fetch(work: Work, places: Places) -> None:
    """Fetch and unpack the kernel unless it is there; raises ClusterError."""
    with work.reporter.step("fetch a Debian kernel for the virtual machine") as step:
        if places.kernel.exists():
            step.cached()
            return
        fresh = places.kernel.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        step.note(_fetch(work, fresh))
        fresh.rename(places.kernel)


def _fetch(work: Work, folder: Path) -> str:
    debs.update(work)
    package = parse_dependency(run(["apt-cache", "depends", "--important", _KERNEL]))
    unpacked = folder / "unpacked"
    debs.unpack(work, [package, _SHELL], unpacked)
    (image,) = (unpacked / "boot").glob("vmlinuz-*")
    image.rename(folder / "vmlinuz")
    (unpacked / "bin" / "busybox").rename(folder / "busybox")
    _keep_modules(unpacked, folder / "modules")
    shutil.rmtree(unpacked)
    return package


def parse_dependency(text: str) -> str:
    """Find the package of the kernel itself in what `apt-cache depends` writes; raises ClusterError when there is none."""
    found = re.search(r"Depends: (linux-image-\S+)", text)
    if found is None:
        raise ClusterError(f"apt knows no kernel: `apt-cache depends {_KERNEL}` names none; is this Debian?")
    return found[1]


def _keep_modules(unpacked: Path, folder: Path) -> None:
    files = {_module_name(path.stem): path for path in (unpacked / "lib" / "modules").rglob("*.ko")}
    needs = {name: parse_needs(path.read_bytes()) for name, path in files.items()}
    folder.mkdir()
    for number, name in enumerate(load_order(_MODULES, needs)):
        files[name].rename(folder / f"{number:02}-{name}.ko")


def parse_needs(module: bytes) -> tuple[str, ...]:
    """Read from a module file which others it needs (the line `depends=` of its section .modinfo)."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    names = found[1].decode("ascii") if found else ""
    return tuple(_module_name(name) for name in names.split(",") if name)


def load_order(wanted: Iterable[str], needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Order modules and what they need so that each comes after its needs; what is built in is in no file."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in needs and name not in order:
            for other in needs[name]:
                add(other)
            order.append(name)

    for name in wanted:
        add(name)
    return order


def _module_name(text: str) -> str:
    return text.replace("-", "_")
