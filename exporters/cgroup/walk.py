"""Finds every pod and container cgroup of one tree, afresh at each scrape.

A walk needs no watches, no events and no memory of the past, so nothing can be missed or leak. It is cheap because the
kernel counts the children of a cgroup in the link count of its folder: a folder with two links is a leaf and is never
opened, which leaves only the few inner nodes and the pods to list. For the same reason no list of known prefixes is
needed. What a cgroup is worth and whether it was seen before is left to the caller.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from exporters.cgroup.identity import Identity, Kind, identify

MAX_CGROUPS = 20_000
"""Pods and containers that one walk returns at most; a tree larger than this was not made by a kubelet."""
MAX_FOLDERS = 100_000
"""Folders that one walk opens at most."""

_LEAF_LINKS = 2


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A pod or a container as it stands in the tree."""

    path: str
    """From the root of the hierarchy, with a leading slash."""
    inode: int
    """Tells a cgroup from a later one at the same path."""
    identity: Identity


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk brought back."""

    cgroups: tuple[Cgroup, ...]
    """Ordered by path."""
    refused: tuple[str, ...]
    """Why something was passed over, one sentence for each folder that could not be opened and each cap reached."""


def find(root: str) -> Found:
    """Walk the hierarchy mounted at ``root``; a folder that cannot be read is passed over and reported."""
    cgroups: list[Cgroup] = []
    refused: list[str] = []
    waiting = [""]
    opened = 0
    while waiting:
        path = waiting.pop()
        opened += 1
        if opened > MAX_FOLDERS or len(cgroups) >= MAX_CGROUPS:
            refused.append(f"the walk of {root} stopped after {opened} folders and {len(cgroups)} pods and containers")
            break
        try:
            _list(root, path, cgroups, waiting)
        except (FileNotFoundError, NotADirectoryError):
            continue  # it went away since its parent was listed
        except OSError as error:
            refused.append(f"cannot list {root}{path}: {error.strerror}")
    cgroups.sort(key=lambda cgroup: cgroup.path)
    return Found(tuple(cgroups), tuple(refused))


def _list(root: str, path: str, cgroups: list[Cgroup], waiting: list[str]) -> None:
    with os.scandir(root + path or "/") as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                continue
            below = f"{path}/{entry.name}"
            identity = identify(below)
            if identity is not None:
                cgroups.append(Cgroup(below, entry.inode(), identity))
            if (identity is not None and identity.kind is Kind.POD) or _has_children(entry):
                waiting.append(below)


def _has_children(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_nlink != _LEAF_LINKS
    except FileNotFoundError:
        return False
