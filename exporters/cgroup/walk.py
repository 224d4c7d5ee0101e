"""Finds every pod, container and otherwise wanted cgroup of one tree, afresh at each scrape.

A walk needs no watches, no events and no memory of the past, so nothing can be missed or leak. It is cheap because the
kernel counts the children of a cgroup in the link count of its folder: a folder with two links is a leaf and is never
opened, which leaves only the few inner nodes and the pods to list. For the same reason no list of known prefixes is
needed.

Each folder at the top is walked by itself, and so is what users of the machine may make, each within caps of its own:
thousands of folders somewhere never hide a pod elsewhere. What a cgroup is worth and whether it was seen before is left
to the caller.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.cgroup.identity import ROOT, Identity, Kind, identify

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

MAX_CGROUPS = 20_000
"""Cgroups that are returned at most of each part of the tree; a part larger than this was not made by a kubelet."""
MAX_FOLDERS = 100_000
"""Folders that are looked at at most in each part of the tree."""
MAX_CGROUPS_OF_USERS = 1_000
MAX_FOLDERS_OF_USERS = 10_000
"""The same of all that users of the machine may make as they like."""
_USERS = "user.slice"

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


@dataclass(slots=True)
class _Part:
    """A part of the tree that is walked by itself, so that others cannot take its place."""

    name: str
    cgroups: int
    """How many more may be returned."""
    folders: int
    """How many more may be looked at."""
    is_of_users: bool = False


def find(root: str, include: re.Pattern[str] | None = None, known: Callable[[str, int], Cgroup | None] = _nobody) -> Found:
    """Walk the hierarchy mounted at ``root``; a folder that cannot be read is passed over and reported.

    ``include`` says which cgroups are wanted besides those that are always, see ``identify``. ``known`` returns what an
    earlier walk found at a path with an inode, so that most need not be recognised again.
    """
    walk = _Walk(root, include, known)
    tops = walk.look(_Part("", MAX_CGROUPS, MAX_FOLDERS), "")
    for top in sorted(tops, key=lambda top: ("kube" not in top, top)):
        walk.through(_Part(top, MAX_CGROUPS, MAX_FOLDERS), [top])
    walk.through(_Part(f"/{_USERS}", MAX_CGROUPS_OF_USERS, MAX_FOLDERS_OF_USERS, is_of_users=True), walk.of_users)
    walk.cgroups.sort(key=lambda cgroup: cgroup.path)
    return Found(tuple(walk.cgroups), tuple(walk.refused), walk.is_capped)


class _Walk:
    """What was found until now."""

    def __init__(self, root: str, include: re.Pattern[str] | None, known: Callable[[str, int], Cgroup | None]) -> None:
        self._root = root
        self._include = include
        self._known = known
        self.of_users: list[str] = []
        """Folders in which users make cgroups, that were left for later."""
        self.cgroups = _top(root)
        self.refused: list[str] = []
        self.is_capped = False

    def through(self, part: _Part, tops: Sequence[str]) -> None:
        """Walk a part by breadth: what lies deepest, where containers may make cgroups as well, is left out first."""
        waiting = deque(tops)
        while waiting and not self._is_full(part):
            waiting.extend(self.look(part, waiting.popleft()))

    def look(self, part: _Part, path: str) -> Sequence[str]:
        """Take what is wanted from a folder, and return the folders in it that have to be opened."""
        inner: list[str] = []
        try:
            with os.scandir(self._root + path or "/") as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        continue
                    if self._is_full(part):
                        break
                    part.folders -= 1
                    below = f"{path}/{entry.name}"
                    inode = entry.inode()
                    cgroup = self._known(below, inode) or _recognised(below, inode, self._include)
                    if cgroup is not None:
                        part.cgroups -= 1
                        self.cgroups.append(cgroup)
                    if (cgroup is not None and cgroup.identity.kind is Kind.POD) or _has_children(entry):
                        is_later = entry.name == _USERS and not part.is_of_users
                        (self.of_users if is_later else inner).append(below)
        except (FileNotFoundError, NotADirectoryError):
            pass  # it went away since its parent was listed
        except OSError as error:
            self.refused.append(f"cannot list {self._root}{path}: {error.strerror}")
        return inner

    def _is_full(self, part: _Part) -> bool:
        if part.cgroups > 0 and part.folders > 0:
            return False
        why = f"the walk of {self._root}{part.name} stopped: there are more cgroups or folders than belong there"
        if why not in self.refused:
            self.refused.append(why)
        self.is_capped = True
        return True


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
