"""Parsers of kernel files: bytes in, whole numbers out.

The kernel ends every line with a newline, so a last line without one is a read that was cut and is not believed. What
is no number raises Malformed; what the file does not mention is absent from the answer, and absent is not zero.
Formats are those of the kernel's Documentation/admin-guide/cgroup-v1, cgroup-v2.rst, accounting/psi.rst and proc(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAX_DIGITS = 20  # of 2**64
_NO_LIMIT_V1 = 1 << 62  # version 1 writes "no limit" as the greatest multiple of the page size that fits
_SHOWN = 40
_PAIR = re.compile(rb"^[ \t]*([^\s]+)[ \t]+([^\s]+)[ \t]*$", re.MULTILINE)


class Malformed(ValueError):
    """A kernel file did not hold what its documentation says."""

    def __init__(self, found: bytes, expected: str) -> None:
        super().__init__(f"expected {expected}, found {found[:_SHOWN]!r}")


def number(word: bytes) -> int:
    """Read an unsigned whole number, as it stands in a table."""
    if not word.isdigit() or len(word) > _MAX_DIGITS:
        raise Malformed(word, "a whole number")
    return int(word)


def are_numbers(words: Sequence[bytes]) -> bool:
    """Say whether each of these words, one at least, is what ``number`` reads."""
    return all(words) and b"".join(words).isdigit() and max(map(len, words)) <= _MAX_DIGITS


def value(data: bytes) -> int:
    """Read a file that holds one unsigned whole number."""
    if data[-1:] != b"\n":
        raise Malformed(data, "a line with a whole number")
    return number(data[:-1])


def numbers(data: bytes) -> tuple[int, ...]:
    """Read a file that holds one line of unsigned whole numbers, as cpuacct.usage_percpu."""
    if data[-1:] != b"\n":
        raise Malformed(data, "a line with whole numbers")
    return tuple(number(word) for word in data.split())


def limit(data: bytes) -> int | None:
    """Read a file that holds a limit: ``max`` (version 2), ``-1`` or an absurd number (version 1) mean none."""
    if data in (b"max\n", b"-1\n"):
        return None
    found = value(data)
    return None if found > _NO_LIMIT_V1 else found


def keyed(data: bytes) -> Mapping[bytes, bytes]:
    """Read lines of ``key value``, as in memory.stat and cpu.stat; the values are left as words for ``number``.

    A line of another form is left out, and takes nothing from the others.
    """
    return dict(_PAIR.findall(data[: data.rfind(b"\n") + 1]))


def by_node(data: bytes) -> Mapping[bytes, Mapping[int, int]]:
    """Read memory.numa_stat: for each key its value on each NUMA node; version 1 has a sum behind the key, left out."""
    found: dict[bytes, Mapping[int, int]] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        words = line.split()
        if words:
            found[words[0].partition(b"=")[0]] = dict(_on_node(word) for word in words[1:])
    return found


def _on_node(word: bytes) -> tuple[int, int]:
    node, equals, amount = word.partition(b"=")
    if not equals or node[:1] != b"N":
        raise Malformed(word, "a node and its value, such as N0=1")
    return number(node[1:]), number(amount)


def cpu_max(data: bytes) -> tuple[int | None, int]:
    """Read cpu.max of version 2: quota and period in microseconds; a quota of None is no quota."""
    words = data.split()
    if data[-1:] != b"\n" or len(words) != 2:  # noqa: PLR2004 - quota and period
        raise Malformed(data, "quota and period")
    return (None if words[0] == b"max" else number(words[0])), number(words[1])


@dataclass(frozen=True, slots=True)
class Stall:
    """One line of a pressure file."""

    total_us: int
    """Time that was lost since the cgroup was made."""
    avg10_ratio: float | None
    """Share of the last ten seconds that was lost, from 0 to 1, as the kernel averages it; None where it is not told."""


def pressure(data: bytes) -> Mapping[bytes, Stall]:
    """Read a pressure file: what was lost to ``some`` tasks and, where there is such a line, to all (``full``)."""
    stalls: dict[bytes, Stall] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        words = line.split()
        if len(words) < 2 or not words[-1].startswith(b"total="):  # noqa: PLR2004 - the name and the total at least
            raise Malformed(line, "a line that ends with total=")
        average = _percent(words[1].removeprefix(b"avg10=")) if words[1].startswith(b"avg10=") else None
        stalls[words[0]] = Stall(number(words[-1].removeprefix(b"total=")), average)
    return stalls


def _percent(word: bytes) -> float:
    """Read a share that the kernel writes as a percentage with two decimals."""
    whole, point, hundredths = word.partition(b".")
    if not point or len(hundredths) != 2:  # noqa: PLR2004 - always two
        raise Malformed(word, "a percentage with two decimals")
    return (number(whole) * 100 + number(hundredths)) / 10_000


_HEADER_LINES = 2
_COLUMNS = 16
_TRANSMIT = 8


def interfaces(data: bytes) -> Mapping[str, Sequence[bytes]]:
    """Read /proc/<pid>/net/dev: by interface what it received and what it sent since it was made.

    Bytes, packets, errors and drops received, then the same sent, as words that are whole numbers.
    """
    lines = data[: data.rfind(b"\n") + 1].split(b"\n")[_HEADER_LINES:-1]
    return dict(map(_interface, lines))


def _interface(line: bytes) -> tuple[str, Sequence[bytes]]:
    name, colon, counters = line.partition(b":")
    words = counters.split()
    if not colon or not name.strip() or len(words) != _COLUMNS:
        raise Malformed(line, f"an interface and {_COLUMNS} counters")
    if not are_numbers(words):
        raise Malformed(line, "whole numbers")
    return name.strip().decode("utf-8", "surrogateescape"), words[:4] + words[_TRANSMIT : _TRANSMIT + 4]


_KIB = 1024
_SIZE_WORDS = 3


def meminfo(data: bytes) -> Mapping[bytes, int]:
    """Read /proc/meminfo, in bytes by name; rows that are no sizes (HugePages_Total) are left out."""
    found: dict[bytes, int] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        words = line.split()
        if len(words) == _SIZE_WORDS and words[2] == b"kB":
            found[words[0].removesuffix(b":")] = number(words[1]) * _KIB
    return found


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
