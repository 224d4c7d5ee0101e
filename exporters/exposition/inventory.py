"""Keeps what belongs to a cgroup from one scrape to the next: its open files, its birth, its labels.

A cgroup is known by path and inode, so one that is made again at the same path is a new one, and one that loses or wins
the dispute over its name is taken for a new one. Labels are written once and written again only as long as a better name
can still come. Nothing is kept of a cgroup that is gone.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from exporters.cgroup.claims import settle
from exporters.cgroup.files import CgroupFiles, Reader
from exporters.cgroup.identity import Identity, Kind
from exporters.cgroup.walk import Cgroup, find
from exporters.collectors.contract import Target, labelled
from exporters.collectors.roster import Roster
from exporters.names.names import Name

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from exporters.cgroup.layout import Layout
    from exporters.names.names import Names

NAMELESS = Name(is_final=True)
"""Of a cgroup that is neither pod nor container, or only poses as one: it will never have a name."""
_BIRTH_FILE = {1: "cgroup.clone_children", 2: "cgroup.events"}


class Inventory:
    """The cgroups as of the last walk."""

    def __init__(self, layout: Layout, reader: Reader, boot_s: float, include: re.Pattern[str] | None = None) -> None:
        self._layout = layout
        self._reader = reader
        self._boot_s = boot_s
        self._include = include
        self._walked: Sequence[Cgroup] = ()
        self._recognised: Mapping[tuple[str, int], Cgroup] = {}
        self._settled: tuple[Sequence[Cgroup], Sequence[str]] = (), ()
        self._known: dict[tuple[str, int], Target] = {}
        self._roster: Roster | None = None
        self._joined: tuple[object, object] = None, None
        self.is_capped = False
        """The last walk was stopped at one of its caps, so that cgroups are missing."""

    @property
    def targets(self) -> Roster:
        """All cgroups but the root, ordered by path; the same object until one comes, goes or gets a better name."""
        if self._roster is None:
            targets = [target for target in self._known.values() if target.cgroup.identity.kind is not Kind.ROOT]
            self._roster = Roster(targets)
        return self._roster

    @property
    def root(self) -> Target | None:
        """The cgroup of the whole machine; None where only a part of the tree is seen."""
        first = next(iter(self._known.values()), None)
        return first if first is not None and first.cgroup.identity.kind is Kind.ROOT else None

    def walk(self) -> None:
        """Find what is there now; what could not be looked at goes to the reader's tally."""
        found = find(self._layout.walked.root, self._include, self._cgroup)
        self.is_capped = found.is_capped
        if found.cgroups != self._walked:
            self._walked = found.cgroups
            self._recognised = {(cgroup.path, cgroup.inode): cgroup for cgroup in found.cgroups}
            self._settled = settle(found.cgroups)
        cgroups, disputes = self._settled
        for why in (*found.refused, *disputes):
            self._reader.tally.fail(why)
        before, self._known = self._known, {}
        for cgroup in cgroups:
            key = cgroup.path, cgroup.inode
            target = before.pop(key, None)
            if target is None or (target.cgroup is not cgroup and target.cgroup != cgroup):
                if target is not None:
                    target.files.close()
                target = self._meet(cgroup)
                self._roster = None
            target.is_gone = False
            self._known[key] = target
        for target in before.values():
            target.files.close()
            self._roster = None

    def join(self, names: Names) -> None:
        """Give every cgroup the best name that was known so far: sources forget a pod before its cgroups are gone."""
        sources = names.sources()
        if self._roster is not None and all(one is other for one, other in zip(sources, self._joined, strict=True)):
            return
        self._joined = sources
        for target in self._known.values():
            if target.labels and target.name.is_final:
                continue
            name = _name(target.cgroup.identity, names)
            if not target.labels or (name != target.name and not name.lacks_something_of(target.name)):
                target.name = name
                target.labels = _labels(target.cgroup, name)
                self._roster = None

    def container_at(self, folder: Path) -> str | None:
        """Return the id of the container whose cgroup is mounted at ``folder``; None when it is none of these."""
        try:
            here, tree = os.lstat(folder), os.lstat(self._layout.walked.root)
        except OSError:
            return None
        if here.st_dev != tree.st_dev:
            return None  # another hierarchy, or none at all
        found = (target.cgroup.identity.container_id for target in self._known.values() if target.cgroup.inode == here.st_ino)
        return next(found, None)

    def close(self) -> None:
        """Give all descriptors back."""
        for target in self._known.values():
            target.files.close()
        self._known = {}
        self._roster = None

    def _cgroup(self, path: str, inode: int) -> Cgroup | None:
        return self._recognised.get((path, inode))

    def _meet(self, cgroup: Cgroup) -> Target:
        return Target(cgroup, CgroupFiles(cgroup, self._layout, self._reader), self._born_s(cgroup))

    def _born_s(self, cgroup: Cgroup) -> float | None:
        tree = self._layout.walked
        folder = tree.root + cgroup.path
        try:
            born_s = os.lstat(folder).st_mtime
            with contextlib.suppress(FileNotFoundError):  # the root has no such file in version 2
                born_s = min(born_s, os.lstat(f"{folder}/{_BIRTH_FILE[tree.version]}").st_mtime)
        except OSError:
            return None
        return round(max(born_s, self._boot_s), 3)


def unnamed(targets: Sequence[Target]) -> int:
    """Count the containers of pods that still lack a name; one in each pod is its sandbox, which never has any."""
    nameless: dict[str, int] = {}
    for target in targets:
        identity = target.cgroup.identity
        if identity.kind is Kind.CONTAINER and identity.pod_uid is not None and not target.name.container:
            nameless[identity.pod_uid] = nameless.get(identity.pod_uid, 0) + 1
    return sum(count - 1 for count in nameless.values())


def _name(identity: Identity, names: Names) -> Name:
    if identity.is_disowned:
        return NAMELESS
    if identity.container_id is not None:
        return names.of_container(identity.container_id, identity.pod_uid)
    return NAMELESS if identity.pod_uid is None else names.of_pod(identity.pod_uid)


def _labels(cgroup: Cgroup, name: Name) -> str:
    return labelled(
        container=name.container,
        id=cgroup.path,
        image=name.image,
        name=cgroup.identity.container_id or "",
        namespace=name.namespace,
        pod=name.pod,
    )
