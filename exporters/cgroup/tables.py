"""Reads the tables of a network namespace, below /proc/<pid>/net: sockets row by row, and the counters of TCP.

A table of sockets has a row for each and can have a hundred thousand of them, which are 15 MB. It is read in pieces and
only counted, so memory stays small; the kernel hands out a page at a time, so whoever reads can stop at any piece.
Nothing is kept open: a descriptor would keep the network namespace of a dead pod alive.

Formats are those of proc(5) and the kernel's net/ipv4/tcp_ipv4.c, net/ipv4/udp.c and net/ipv4/proc.c.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from exporters.cgroup.parse import Malformed

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

_PIECE = 1 << 16
_LONGEST_ROW = 4096

_ENDS = rb"^ *[0-9]+: (?:[0-9A-F]{8}){1,4}:[0-9A-F]{4} (?:[0-9A-F]{8}){1,4}:[0-9A-F]{4} "  # number, local and remote end
_TCP = re.compile(_ENDS + rb"([0-9A-F]{2}) ", re.MULTILINE)
_UDP = re.compile(_ENDS + rb"[0-9A-F]{2} ([0-9A-F]{8}):([0-9A-F]{8}) .* ([0-9]{1,20}) *$", re.MULTILINE)


def rows(path: str) -> Generator[bytes, None, None]:
    """Yield a table in pieces of whole lines, without its heading; raises OSError and Malformed.

    Close it when it is not read to its end. A last line that has no newline was cut and is left out.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        rest = b""
        is_begun = False
        while piece := os.read(descriptor, _PIECE):
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            if len(rest) > _LONGEST_ROW:
                raise Malformed(rest, "rows of sockets")
            whole += newline
            if not is_begun and whole:
                is_begun = True
                whole = whole.partition(b"\n")[2]
            if whole:
                yield whole
    finally:
        os.close(descriptor)


def tcp_states(lines: bytes) -> Sequence[bytes]:
    """Read rows of net/tcp or net/tcp6: the state of each socket, two hexadecimal digits."""
    states: list[bytes] = _TCP.findall(lines)
    if len(states) != lines.count(b"\n"):
        raise Malformed(lines, "rows of TCP sockets")
    return states


def udp_sockets(lines: bytes) -> Sequence[tuple[int, int, int]]:
    """Read rows of net/udp or net/udp6: bytes that wait to be sent, bytes that wait to be read, datagrams dropped."""
    found: list[tuple[bytes, bytes, bytes]] = _UDP.findall(lines)
    if len(found) != lines.count(b"\n"):
        raise Malformed(lines, "rows of UDP sockets")
    return [(int(sent, 16), int(received, 16), int(dropped)) for sent, received, dropped in found]


def protocols(data: bytes) -> Mapping[bytes, Mapping[bytes, bytes]]:
    """Read net/netstat or net/snmp: for each protocol a line of names and a line of values, left as words."""
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    found: dict[bytes, Mapping[bytes, bytes]] = {}
    for heading, line in zip(lines[::2], lines[1::2], strict=False):
        names, values = heading.split(), line.split()
        if not names or len(names) != len(values) or names[0] != values[0]:
            raise Malformed(heading, "a line of names and a line of as many values")
        found[names[0].rstrip(b":")] = dict(zip(names[1:], values[1:], strict=True))
    return found
