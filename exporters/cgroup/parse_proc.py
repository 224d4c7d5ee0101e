"""Parsers of files below /proc/<pid>.

The rules are those of ``parse``: what was cut is not believed, what is no number raises Malformed. Formats are those of
proc(5) and the kernel's Documentation/scheduler/sched-stats.rst.
"""

from __future__ import annotations

from dataclasses import dataclass

from exporters.cgroup.parse import Malformed, number

_OPEN_FILES = b"Max open files"


def open_files_limit(data: bytes) -> int | None:
    """Read the soft limit of open files from /proc/<pid>/limits; None without a limit or without the line."""
    for line in data[: data.rfind(b"\n") + 1].split(b"\n"):
        if line.startswith(_OPEN_FILES):
            words = line[len(_OPEN_FILES) :].split()
            if not words:
                raise Malformed(line, "a soft limit of open files")
            return None if words[0] == b"unlimited" else number(words[0])
    return None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What the scheduler counted of a task since it was made."""

    run_ns: int
    waited_ns: int
    """In a run queue, ready to run."""
    periods: int
    """Times that it was put on a CPU."""


def schedstat(data: bytes) -> Scheduled:
    """Read /proc/<pid>/schedstat."""
    words = data.split()
    if data[-1:] != b"\n" or len(words) != 3:  # noqa: PLR2004 - its three columns
        raise Malformed(data, "three whole numbers")
    return Scheduled(*(number(word) for word in words))
