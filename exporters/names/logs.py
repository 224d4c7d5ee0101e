"""Names without the API: the kubelet's links in /var/log/containers.

For each container there is a link ``<pod>_<namespace>_<container>-<id>.log`` to
``/var/log/pods/<namespace>_<pod>_<uid>/<container>/<restart>.log``. Reading the link itself needs no right on its
target. The name of a link is cut at 255 characters, so its target is believed first. There is no link for a pod's
sandbox and none for a container whose log goes elsewhere, and the image is not told.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LINK = re.compile(r"(?P<pod>[^_]+)_(?P<namespace>[^_]+)_(?P<container>.+)-(?P<id>[0-9a-f]{64})\.log")
_TARGET = re.compile(r".*/(?P<namespace>[^/_]+)_(?P<pod>[^/_]+)_(?P<uid>[^/_]+)/(?P<container>[^/]+)/(?P<file>[^/]+)")
_FILE = re.compile(r"(?P<restarts>\d{1,9})\.log", re.ASCII)


@dataclass(frozen=True, slots=True)
class LoggedContainer:
    """What the log folder says of one container."""

    namespace: str
    pod: str
    pod_uid: str
    """As in the path of its cgroup; empty where only the link's own name could be read."""
    container: str
    restarts: int | None = None
    """How many lives it had before this one; None if that is not told."""


class LogFolder:
    """The log folder as of the last look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links: dict[str, tuple[str, LoggedContainer] | None] = {}
        self.by_container_id: Mapping[str, LoggedContainer] = {}
        self.by_pod_uid: Mapping[str, LoggedContainer] = {}

    def refresh(self) -> None:
        """Look again, reading only links that were not there before; raises OSError if the folder cannot be listed."""
        with os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries]
        if names == list(self._links):
            return
        self._links = {name: self._links[name] if name in self._links else self._read(name) for name in names}
        found = [entry for entry in self._links.values() if entry is not None]
        self.by_container_id = dict(found)
        self.by_pod_uid = {logged.pod_uid: logged for _, logged in found if logged.pod_uid}

    def _read(self, name: str) -> tuple[str, LoggedContainer] | None:
        link = _LINK.fullmatch(name)
        if link is None:
            return None
        try:
            target = _TARGET.fullmatch(str((self._folder / name).readlink()))
        except OSError:
            target = None
        if target is None:
            return link["id"], LoggedContainer(link["namespace"], link["pod"], "", link["container"])
        file = _FILE.fullmatch(target["file"])
        restarts = None if file is None else int(file["restarts"])
        return link["id"], LoggedContainer(target["namespace"], target["pod"], target["uid"], target["container"], restarts)
