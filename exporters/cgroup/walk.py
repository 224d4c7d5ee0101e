"""Finds every pod, container and otherwise wanted cgroup of one tree, afresh at each scrape.

A walk needs no watches, no events and no memory of the past, so nothing can be missed or leak. It is cheap because the
kernel counts the children of a cgroup in the link count of its folder: a folder with two links is a leaf and is never
opened, which leaves only the few inner nodes and the pods to list. For the same reason no list of known prefixes is
needed. What a cgroup is worth and whether it was seen before is left to the caller.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.cgroup.identity import ROOT, Identity, Kind, identify

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

MAX_CGROUPS = 20_000
"""Cgroups that one walk returns at most; a tree larger than this was not made by a kubelet."""
MAX_FOLDERS = 100_000
"""Folders that one walk opens at most."""

_LEAF_LINKS = 2


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A cgroup that was looked for, as it stands in the tree."""

    path: str
    """From the root of the hierarchy, with a leading slash; of the root the slash alone."""
    inode: int
    """Tells a cgroup from a later one at the same path."""
    identity: Identity


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk brought back."""

    cgroups: tuple[Cgroup, ...]
    """Ordered by path, the root first."""
    refused: tuple[str, ...]
    """Why something was passed over, one sentence for each folder that could not be opened and each cap reached."""
    is_capped: bool = False
    """The walk was stopped before its end."""


def _nobody(_path: str, _inode: int) -> Cgroup | None:
    return None


def find(root: str, include: re.Pattern[str] | None = None, known: Callable[[str, int], Cgroup | None] = _nobody) -> Found:
    """Walk the hierarchy mounted at ``root``; a folder that cannot be read is passed over and reported.

    ``include`` says which cgroups are wanted besides those that are always, see ``identify``. ``known`` returns what an
    earlier walk found at a path with an inode, so that most need not be recognised again.
    """
    cgroups = _top(root)
    refused: list[str] = []
    waiting = [""]
    opened = 0
    is_capped = False
    while waiting:
        path = waiting.pop()
        opened += 1
        if opened > MAX_FOLDERS or len(cgroups) >= MAX_CGROUPS:
            refused.append(f"the walk of {root} stopped after {opened} folders and {len(cgroups)} cgroups")
            is_capped = True
            break
        try:
            with os.scandir(root + path or "/") as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        continue
                    below = f"{path}/{entry.name}"
                    cgroup = known(below, entry.inode()) or _recognised(below, entry.inode(), include)
                    if cgroup is not None:
                        cgroups.append(cgroup)
                    if (cgroup is not None and cgroup.identity.kind is Kind.POD) or _has_children(entry):
                        waiting.append(below)
        except (FileNotFoundError, NotADirectoryError):
            continue  # it went away since its parent was listed
        except OSError as error:
            refused.append(f"cannot list {root}{path}: {error.strerror}")
    cgroups.sort(key=lambda cgroup: cgroup.path)
    return Found(tuple(cgroups), tuple(refused), is_capped)


def _top(root: str) -> list[Cgroup]:
    try:
        return [Cgroup("/", os.lstat(f"{root}/").st_ino, ROOT)]
    except OSError:
        return []  # the walk will say why


def _recognised(path: str, inode: int, include: re.Pattern[str] | None) -> Cgroup | None:
    identity = identify(path, include)
    return None if identity is None else Cgroup(path, inode, identity)


def _has_children(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_nlink != _LEAF_LINKS
    except FileNotFoundError:
        return False
