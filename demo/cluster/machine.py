"""Whether this machine can carry the cluster: everything that is missing is said at once, before anything is done."""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.cluster import registries
from demo.cluster.archive import ARCHITECTURES
from demo.cluster.cache import Cache
from demo.cluster.errors import UnfitMachineError
from demo.cluster.gobuild import is_built
from demo.cluster.packages import PATH, missing_packages
from demo.cluster.rootfs import base_archive
from demo.cluster.standing import written_down
from demo.cluster.state import BOOT_ID

_GIB = 1 << 30
_ROOM_COLD_BYTES = 10 * _GIB  # Go's modules and build cache 6 GiB, commands and images 2 GiB, what runs
_ROOM_WARM_BYTES = 4 * _GIB  # where there are no overlay mounts each container is a copy of its image
_MEMORY_BYTES = 2 * _GIB
# The longest socket below the run folder may have 107 bytes (unix(7)): containerd adds `.ttrpc` to its own.
_LONGEST_CACHE_PATH = 60
_NEEDED_CONTROLLERS = {"cpu", "memory", "pids"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the machine."""

    system: str
    architecture: str
    uid: int
    has_apt: bool
    missing: list[str]
    free_bytes: int
    is_cold: bool
    memory_bytes: int
    controllers: set[str]
    pods_tree: list[Path]  # of a kubelet that is not ours
    cache_path: str
    unreachable: str = ""  # registries that a first start needs


def look(cache: Cache, sys_root: Path = Path("/sys/fs/cgroup")) -> Facts:
    """Look at this machine."""
    linux = sys.platform == "linux"
    return Facts(
        system=platform.system(),
        architecture=platform.machine(),
        uid=os.getuid(),
        has_apt=shutil.which("apt-get", path=PATH) is not None,
        missing=missing_packages(),
        free_bytes=_free_bytes(cache.root),
        is_cold=not (is_built(cache) and base_archive(cache).exists()),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        controllers=_controllers(sys_root) if linux else set(),
        pods_tree=_pods_of_others(cache, sys_root) if linux else [],
        cache_path=str(cache.root),
        unreachable=registries.of_this_machine() if linux and os.getuid() == 0 and not is_built(cache) else "",
    )


def what_is_wrong(facts: Facts) -> list[str]:
    """List what keeps the cluster from this machine, each with its remedy."""
    if facts.system != "Linux":
        return [f"it runs {facts.system}: the cluster needs Linux"]
    wrong = []
    if facts.uid != 0:
        wrong.append("this user is not root: the cluster makes a network namespace, mounts and cgroups; use sudo")
    if facts.architecture not in ARCHITECTURES:
        wrong.append(f"its processor is {facts.architecture}: it has to be one of {', '.join(ARCHITECTURES)}")
    if facts.missing and not facts.has_apt:
        wrong.append(f"it has no apt-get, and these Debian packages are missing: {', '.join(facts.missing)}")
    wrong += _first_start(facts)
    if facts.memory_bytes < _MEMORY_BYTES:
        wrong.append(f"it has {facts.memory_bytes / _GIB:.1f} GiB of memory and {_MEMORY_BYTES / _GIB:.0f} GiB are needed")
    if lacking := sorted(_NEEDED_CONTROLLERS - facts.controllers):
        wrong.append(f"the cgroup controllers {', '.join(lacking)} are not mounted under /sys/fs/cgroup")
    if facts.pods_tree:
        wrong.append(
            f"another kubelet keeps pods on it ({facts.pods_tree[0]}): end that cluster first, two cannot share a machine"
        )
    if len(facts.cache_path) > _LONGEST_CACHE_PATH:
        wrong.append(
            f"the path {facts.cache_path} is longer than {_LONGEST_CACHE_PATH} characters, too long for the sockets in it: "
            "name a shorter one in FORESAIL_CACHE"
        )
    return wrong


def _first_start(facts: Facts) -> list[str]:
    """List what keeps the cluster's programs from being fetched and built, and from having room."""
    wrong = []
    if facts.unreachable:
        what = "does not answer, from where a first start fetches Kubernetes' source"
        wrong.append(f"{facts.unreachable} {what}: check the network, or GOPROXY")
    room = _ROOM_COLD_BYTES if facts.is_cold else _ROOM_WARM_BYTES
    if facts.free_bytes < room:
        wrong.append(
            f"{facts.cache_path} has room for {facts.free_bytes / _GIB:.1f} GiB and {room / _GIB:.0f} GiB are needed: "
            "name a folder with more room in FORESAIL_CACHE"
        )
    return wrong


def check_user(cache: Cache) -> None:
    """Raise UnfitMachineError as `check` does where this user can have no cluster, not even one that is left behind."""
    if sys.platform != "linux" or os.getuid() != 0:
        check(cache)


def check(cache: Cache) -> None:
    """Raise UnfitMachineError with everything that is missing; to be asked while no cluster of ours runs."""
    if wrong := what_is_wrong(look(cache)):
        raise UnfitMachineError("this machine cannot run the embedded cluster:\n" + "\n".join(f"- {one}" for one in wrong))


def cgroup_roots(sys_root: Path = Path("/sys/fs/cgroup")) -> list[Path]:
    """List the roots of the cgroup hierarchies that are mounted here."""
    if (sys_root / "cgroup.controllers").exists():
        return [sys_root]
    return sorted(folder for folder in sys_root.iterdir() if folder.is_dir() and not folder.is_symlink())


def pods_trees(sys_root: Path = Path("/sys/fs/cgroup")) -> list[Path]:
    """List the cgroups that a kubelet keeps its pods in, in every hierarchy."""
    names = ("kubepods", "kubepods.slice")
    return [root / name for root in cgroup_roots(sys_root) for name in names if (root / name).is_dir()]


def _pods_of_others(cache: Cache, sys_root: Path) -> list[Path]:
    # What a killed run left behind is no hindrance: the next start takes it away. Only root makes clusters and reads of them.
    states = [state for _, state in written_down(cache)] if os.getuid() == 0 else []
    boot_id = BOOT_ID.read_text().strip()
    ours = {Path(root) for state in states if state and state.boot_id == boot_id for root in state.before.cgroups}
    return [tree for tree in pods_trees(sys_root) if tree.parent not in ours]


def _controllers(sys_root: Path) -> set[str]:
    unified = sys_root / "cgroup.controllers"
    if unified.exists():
        return set(unified.read_text().split())
    return {controller for root in cgroup_roots(sys_root) for controller in root.name.split(",")}


def _free_bytes(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
