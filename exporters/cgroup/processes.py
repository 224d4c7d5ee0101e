"""Knows which processes live in which container, from one scan of /proc.

A cgroup's own list of processes cannot be used: read from another pid namespace it holds no numbers (version 1 leaves
foreign processes out, version 2 writes zeros). The host's /proc, mounted into the exporter's container, has the
host's numbers, and /proc/<pid>/cgroup may be read by everybody.

Reading that file for each process at each scrape would cost more than all cgroup files together, so answers are
remembered. A number is reused after its process ends, so a process is known by its number and the inode of
/proc/<pid>, which the kernel makes afresh for each process and tells with the name in the listing (its start time, the
other possible witness, would have to be read and parsed from a file). A process outside every container is only believed to
stay there after a while, because runtimes start processes outside and move them in.

A container with a cgroup namespace of its own (version 2) is shown the path of its own processes from itself on, as
``/``, and of all others with ``/..`` before it. Which container that is, somebody else has to say.

The name of a cgroup is not protected, so a process is found by the id of its container and by its path as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.cgroup.files import read_once
from exporters.cgroup.identity import container_of, is_of_user
from exporters.cgroup.parse import cgroup_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporters.roots import Clock

_SETTLED_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the host."""

    pid: int
    inode: int
    """Of /proc/<pid>: tells the process from a later one with the same number."""


_Places = tuple[str, ...]
"""How the paths of the cgroups end that a process of a container is in: of the container and of what has its id below."""


@dataclass(frozen=True, slots=True)
class _Known:
    process: Process
    container_id: str | None
    places: _Places
    seen_s: float


class Processes:
    """The processes of all containers, as of the last scan."""

    def __init__(self, procfs: str, monotonic: Clock, own: Callable[[], str | None] = lambda: None) -> None:
        self._procfs = procfs
        self._monotonic = monotonic
        self._own = own
        """Returns the container whose namespace this process sees the paths from; None without such a namespace."""
        self._known: dict[str, _Known] = {}
        self._by_container: Mapping[str, Mapping[_Places, Sequence[Process]]] = {}
        self._stale = True

    def expire(self) -> None:
        """Make the next question scan /proc again."""
        self._stale = True

    def of(self, container_id: str, path: str) -> Sequence[Process]:
        """Return the processes in the container at ``path``, lowest number first; empty if none could be seen.

        Raises OSError when /proc cannot be listed.
        """
        if self._stale:
            self._scan()
            self._stale = False
        found = self._by_container.get(container_id, {})
        here = [processes for places, processes in found.items() if _is_at(path, places)]
        return here[0] if len(here) == 1 else sorted((one for processes in here for one in processes), key=_pid)

    def is_running(self, process: Process) -> bool:
        """Say whether this very process still runs."""
        try:
            return os.lstat(f"{self._procfs}/{process.pid}").st_ino == process.inode
        except OSError:
            return False

    def _scan(self) -> None:
        now_s, own = self._monotonic(), self._own()
        known: dict[str, _Known] = {}
        by_container: dict[str, dict[_Places, list[Process]]] = {}
        before = self._known
        with os.scandir(self._procfs) as entries:
            found = [(entry.name, entry.inode()) for entry in entries if entry.name.isdecimal()]
        found.sort(key=_number)
        for name, inode in found:
            entry = before.get(name)
            if entry is None or entry.process.inode != inode or not _is_settled(entry, now_s):
                entry = self._look(name, inode, now_s, own)
                if entry is None:
                    continue
            known[name] = entry
            if entry.container_id is not None:
                by_container.setdefault(entry.container_id, {}).setdefault(entry.places, []).append(entry.process)
        self._known, self._by_container = known, by_container

    def _look(self, name: str, inode: int, now_s: float, own: str | None) -> _Known | None:
        known = self._known.get(name)
        try:
            container_id, places = _container(read_once(f"{self._procfs}/{name}/cgroup"), own)
        except OSError:
            return None  # it ended, or belongs to a namespace that hides it
        seen_s = known.seen_s if known is not None and known.process.inode == inode else now_s
        return _Known(Process(int(name), inode), container_id, places, seen_s)


def is_outside_containers(procfs: str) -> bool:
    """Say whether this very process surely runs on the host itself, as a service of it does.

    A path that is the root says nothing: a cgroup namespace of its own shows a container that of itself.
    """
    try:
        paths = cgroup_paths(read_once(f"{procfs}/self/cgroup"))
    except OSError:
        return False
    told = [path for path in paths if path != "/"]
    return bool(told) and not any(path.startswith("/..") or container_of(path) is not None for path in told)


def _number(found: tuple[str, int]) -> int:
    return int(found[0])


def _is_settled(known: _Known, now_s: float) -> bool:
    return known.container_id is not None or now_s - known.seen_s > _SETTLED_AFTER_S


def _pid(process: Process) -> int:
    return process.pid


def _container(data: bytes, own: str | None) -> tuple[str | None, _Places]:
    paths = cgroup_paths(data)
    for path in paths:
        found = container_of(path)
        if found is not None:
            return found, _places(path, found)
    return (own if paths and not any(path.startswith("/..") for path in paths) else None), ("",)


def _places(path: str, container_id: str) -> _Places:
    parts = path.split("/")
    while parts[1:2] == [".."]:
        del parts[1]
    ends = [end for end, part in enumerate(parts, 1) if container_of(part) == container_id]
    return tuple("/".join(parts[:end]) for end in ends)


def _is_at(path: str, places: _Places) -> bool:
    """Compare paths that may both begin below the root: ``path`` does where the node is itself a container."""
    return any(path.endswith(place) or (place.endswith(path) and _is_node(place.removesuffix(path))) for place in places)


def _is_node(before: str) -> bool:
    """Say whether the root that is seen may be the cgroup ``before``; elsewhere anybody could make the end of a path."""
    return not is_of_user(f"{before}/") and (container_of(before) is not None or before.startswith("/lxc"))
