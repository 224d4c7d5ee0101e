"""Finds out how this host mounts its cgroups: version 1, version 2, or both side by side.

Version 1 has a tree for each controller, version 2 one tree for all. On a hybrid host a version 2 tree stands beside
the others (systemd calls it ``unified``), with no controllers or with those that version 1 left, and always with
pressure files. A cgroup has the same path in every tree, so one walk of one tree is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_V1_CONTROLLERS = frozenset({"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "pids", "systemd"})
_WALKED_FIRST = ("pids", "memory", "cpu", "cpuacct", "systemd")
"""Controllers in whose version 1 tree a runtime surely puts each container; the first that is mounted is walked.

That of pids has a third of the files that memory has, and all of a folder are listed to find the folders in it.
"""

UNIFIED = "unified"
"""Stands for the version 2 tree where a controller is asked for: its pressure files belong to no controller."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted tree of cgroups."""

    root: str
    version: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Which tree holds which controller's files."""

    trees: Mapping[str, Hierarchy]
    """By controller, and the version 2 tree besides under ``UNIFIED``."""
    walked: Hierarchy
    """The tree in which containers are looked for."""
    passed_over: tuple[str, ...] = ()
    """What beside the trees could not be looked at, one sentence for each."""


class NoCgroupsError(Exception):
    """The folder holds no cgroup hierarchy; the message says what was looked for."""


def detect(cgroupfs: Path) -> Layout:
    """Look at the folder that holds the cgroup mounts (/sys/fs/cgroup of the host).

    Raises NoCgroupsError when neither version is found in it.
    """
    passed_over: list[str] = []
    pure = _version_2(cgroupfs, passed_over)
    unified = pure or _version_2(cgroupfs / "unified", passed_over)
    trees = {} if pure else dict(_version_1(cgroupfs, passed_over))
    if unified is not None:
        for controller in _controllers(unified):
            trees.setdefault(controller, unified)
        trees.setdefault("cpu", unified)  # every cgroup of version 2 has cpu.stat, also without the controller
        trees[UNIFIED] = unified
    candidates = (trees.get(name) for name in (*_WALKED_FIRST, UNIFIED))
    walked = next((tree for tree in candidates if tree is not None), None)
    if walked is None:
        raise NoCgroupsError(
            f"{cgroupfs} holds no cgroup hierarchy: neither a file cgroup.controllers (version 2) nor a folder such as "
            f"memory/ or cpu/ with a file cgroup.procs (version 1)" + "".join(f"; {why}" for why in passed_over)
        )
    return Layout(trees, walked, tuple(dict.fromkeys(passed_over)))


def _has(folder: Path, name: str, passed_over: list[str]) -> bool:
    """Say whether a folder has a file; of one that may not be looked into it is noted and none."""
    try:
        return (folder / name).is_file()
    except OSError as error:
        passed_over.append(f"cannot look into {folder}: {error.strerror}")
        return False


def _version_2(folder: Path, passed_over: list[str]) -> Hierarchy | None:
    return Hierarchy(str(folder), 2) if _has(folder, "cgroup.controllers", passed_over) else None


def _controllers(unified: Hierarchy) -> Iterator[str]:
    yield from (Path(unified.root) / "cgroup.controllers").read_text(encoding="ascii", errors="replace").split()


def _version_1(cgroupfs: Path, passed_over: list[str]) -> Iterator[tuple[str, Hierarchy]]:
    """Take every controller of every mount: ``cpu,cpuacct`` carries two, and ``cpu`` is a link to it."""
    if not cgroupfs.is_dir():
        return
    for mount in sorted(cgroupfs.iterdir()):
        if not _has(mount, "cgroup.procs", passed_over) or _has(mount, "cgroup.controllers", passed_over):
            continue
        for controller in mount.name.split(","):
            if controller in _V1_CONTROLLERS:
                yield controller, Hierarchy(str(mount.resolve()), 1)
