"""The machine's cgroups: version 2 alone, or version 1 with version 2 beside it (hybrid), and what is done with them."""

import contextlib
from pathlib import Path

from demo.vm.guest.mounts import mount

ROOT = Path("/sys/fs/cgroup")
_SERVICES = "system.slice"
# As systemd mounts them (systemd src/shared/mount-setup.c).
_V2_OPTIONS = "nsdelegate,memory_recursiveprot"
_V1_TREES = (
    "cpu,cpuacct",
    "cpuset",
    "memory",
    "blkio",
    "pids",
    "devices",
    "freezer",
    "hugetlb",
    "perf_event",
    "net_cls,net_prio",
    "rdma",
)
_SWAP_BYTES = 64 << 20
_PUSHED_BYTES = 12 << 20


def mount_v2() -> None:
    """Mount version 2 alone, with every controller for the services, too: the kubelet looks at its own cgroup for swap."""
    mount("cgroup2", ROOT, _V2_OPTIONS)
    services = ROOT / _SERVICES
    services.mkdir()
    controllers = (ROOT / "cgroup.controllers").read_text(encoding="ascii").split()
    for folder in (ROOT, services):
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers), encoding="ascii")


def mount_hybrid() -> None:
    """Mount version 1, each controller by itself, and version 2 without controllers beside them."""
    mount("tmpfs", ROOT)
    for names in _V1_TREES:
        folder = ROOT / names
        folder.mkdir()
        mount("cgroup", folder, names)
        for name in names.split(","):
            if name != names:
                (ROOT / name).symlink_to(names)
    for name, kind, options in (("systemd", "cgroup", "none,name=systemd"), ("unified", "cgroup2", "nsdelegate")):
        (ROOT / name).mkdir()
        mount(kind, ROOT / name, options)


def service(name: str) -> list[Path]:
    """Make the cgroups of a service and return what its process has to write itself into."""
    trees = [ROOT] if is_v2() else [tree for tree in ROOT.iterdir() if not tree.is_symlink() and tree.name != "cpuset"]
    folders = [tree / _SERVICES / f"{name}.service" for tree in trees]
    for folder in folders:
        folder.mkdir(parents=True)
    return [folder / "cgroup.procs" for folder in folders]


def is_v2() -> bool:
    """Say whether version 2 is mounted alone."""
    return (ROOT / "cgroup.controllers").exists()


def memory_of(container_id: str) -> Path:
    """Return the cgroup of a container with the memory's files."""
    (found,) = (ROOT if is_v2() else ROOT / "memory").joinpath("kubepods").rglob(container_id)
    return found


def anonymous_bytes(cgroup: Path) -> int:
    """Return how much memory without a file a cgroup holds."""
    words = dict(line.split() for line in (cgroup / "memory.stat").read_text(encoding="ascii").splitlines())
    return int(words["anon" if is_v2() else "total_rss"])


def push_out(cgroup: Path) -> None:
    """Let a cgroup have swap and have the kernel move some of its memory there."""
    if is_v2():
        (cgroup / "memory.swap.max").write_text(str(_SWAP_BYTES), encoding="ascii")
        order, text = cgroup / "memory.reclaim", str(_PUSHED_BYTES)
    else:
        limit = int((cgroup / "memory.limit_in_bytes").read_text(encoding="ascii"))
        (cgroup / "memory.memsw.limit_in_bytes").write_text(str(limit + _SWAP_BYTES), encoding="ascii")
        (cgroup / "memory.swappiness").write_text("100", encoding="ascii")
        order, text = cgroup / "memory.limit_in_bytes", str(anonymous_bytes(cgroup) - _PUSHED_BYTES)
    with contextlib.suppress(OSError):  # less could be moved than was asked for
        order.write_text(text, encoding="ascii")
