"""Parsers of kernel files: bytes in, whole numbers out.

The kernel ends every line with a newline, so a last line without one is a read that was cut and is not believed. What
is no number raises Malformed; what the file does not mention is absent from the answer, and absent is not zero.
Formats are those of the kernel's Documentation/admin-guide/cgroup-v1, cgroup-v2.rst, accounting/psi.rst and proc(5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_DIGITS = 20  # of 2**64
_NO_LIMIT_V1 = 1 << 62  # version 1 writes "no limit" as the greatest multiple of the page size that fits
_SHOWN = 40


class Malformed(ValueError):
    """A kernel file did not hold what its documentation says."""

    def __init__(self, found: bytes, expected: str) -> None:
        super().__init__(f"expected {expected}, found {found[:_SHOWN]!r}")


def number(word: bytes) -> int:
    """Read an unsigned whole number, as it stands in a table."""
    if not word.isdigit() or len(word) > _MAX_DIGITS:
        raise Malformed(word, "a whole number")
    return int(word)


def value(data: bytes) -> int:
    """Read a file that holds one unsigned whole number."""
    if data[-1:] != b"\n":
        raise Malformed(data, "a line with a whole number")
    return number(data[:-1])


def limit(data: bytes) -> int | None:
    """Read a file that holds a limit: ``max`` (version 2), ``-1`` or an absurd number (version 1) mean none."""
    if data in (b"max\n", b"-1\n"):
        return None
    found = value(data)
    return None if found > _NO_LIMIT_V1 else found


def keyed(data: bytes) -> Mapping[bytes, bytes]:
    """Read lines of ``key value``, as in memory.stat and cpu.stat; the values are left as words for ``number``."""
    words = data[: data.rfind(b"\n") + 1].split()
    return dict(zip(words[::2], words[1::2], strict=False))


def cpu_max(data: bytes) -> tuple[int | None, int]:
    """Read cpu.max of version 2: quota and period in microseconds; a quota of None is no quota."""
    words = data.split()
    if data[-1:] != b"\n" or len(words) != 2:  # noqa: PLR2004 - quota and period
        raise Malformed(data, "quota and period")
    return (None if words[0] == b"max" else number(words[0])), number(words[1])


def pressure(data: bytes) -> Mapping[bytes, int]:
    """Read a pressure file: total stall time in microseconds of ``some`` and, where there is one, ``full``."""
    totals: dict[bytes, int] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        words = line.split()
        if not words or not words[-1].startswith(b"total="):
            raise Malformed(line, "a line that ends with total=")
        totals[words[0]] = number(words[-1].removeprefix(b"total="))
    return totals


@dataclass(frozen=True, slots=True)
class Interface:
    """Counters of one network interface since it was made."""

    name: str
    receive_bytes: int
    receive_packets: int
    receive_errors: int
    receive_dropped: int
    transmit_bytes: int
    transmit_packets: int
    transmit_errors: int
    transmit_dropped: int


_HEADER_LINES = 2
_COLUMNS = 16
_TRANSMIT = 8


def interfaces(data: bytes) -> tuple[Interface, ...]:
    """Read /proc/<pid>/net/dev."""
    lines = data[: data.rfind(b"\n") + 1].split(b"\n")[_HEADER_LINES:-1]
    return tuple(_interface(line) for line in lines)


def _interface(line: bytes) -> Interface:
    name, colon, counters = line.partition(b":")
    words = counters.split()
    if not colon or not name.strip() or len(words) != _COLUMNS:
        raise Malformed(line, f"an interface and {_COLUMNS} counters")
    numbers = [number(word) for word in words]
    received, sent = numbers[:4], numbers[_TRANSMIT : _TRANSMIT + 4]
    return Interface(name.strip().decode("utf-8", "replace"), *received, *sent)


def boot_time_s(data: bytes) -> int:
    """Read the moment of boot from /proc/stat, in seconds since 1970."""
    for line in data.splitlines(keepends=True):
        if line.startswith(b"btime ") and line.endswith(b"\n"):
            return number(line[len(b"btime ") : -1])
    raise Malformed(data, "a line that begins with btime")


def cgroup_paths(data: bytes) -> tuple[str, ...]:
    """Read /proc/<pid>/cgroup: the path in each hierarchy, relative to the cgroup namespace of the reader."""
    lines = data[: data.rfind(b"\n") + 1].decode("utf-8", "surrogateescape").split("\n")
    return tuple(path for line in lines if (path := line.partition(":")[2].partition(":")[2]))
