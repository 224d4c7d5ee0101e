"""Parser of /proc/<pid>/mountinfo, see proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporters.cgroup.parse import Malformed

_ESCAPED = re.compile(rb"\\([0-3][0-7]{2})")
_FIXED = 6
_SEPARATOR = b"-"


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount, as the process sees it."""

    device: str
    """Numbers of the file system, the same wherever it is mounted."""
    root: str
    """Which folder or file of the file system is mounted; ``/`` for all of it."""
    point: str
    """Where; what is no UTF-8 is kept as surrogates, so that the path still leads there."""
    kind: str
    """Type of the file system."""
    source: str
    """What was mounted: a device, or whatever the file system's type makes of it."""


def mounts(data: bytes) -> tuple[Mount, ...]:
    """Read the mounts in the order in which they were made."""
    return tuple(_mount(line) for line in data[: data.rfind(b"\n") + 1].split(b"\n") if line)


def _mount(line: bytes) -> Mount:
    words = line.split(b" ")
    if b"\0" in line or b"\\000" in line:
        raise Malformed(line, "names without NUL")
    try:
        kind, source = words[words.index(_SEPARATOR, _FIXED) + 1 :][:2]
    except ValueError as error:
        raise Malformed(line, "the mount of a file system") from error
    device, root, point = words[2:5]
    return Mount(*(_text(word) for word in (device, root, point, kind, source)))


def _text(word: bytes) -> str:
    if b"\\" in word:
        word = _ESCAPED.sub(lambda found: bytes((int(found[1], 8),)), word)
    return word.decode("utf-8", "surrogateescape")
