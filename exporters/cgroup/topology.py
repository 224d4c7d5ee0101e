"""How the machine's CPUs belong together: threads to cores, cores to sockets, from /sys/devices/system/cpu.

/proc/cpuinfo says so too, but reading it makes the kernel ask every CPU how fast it runs, which wakes those that sleep.
Reading a few small files for each CPU is not cheap on a large machine either, so they are read again only when another
set of CPUs is online.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.cgroup.parse import Malformed, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.cgroup.files import Tally
    from exporters.cgroup.host import Host

CPUS = "devices/system/cpu"
"""The folder below /sys."""
_MOST_CPUS = 1 << 16  # eight times what the kernel can be built for


@dataclass(frozen=True, slots=True)
class Cpu:
    """One logical CPU; an empty text is what the kernel does not say."""

    number: int
    siblings: str
    """The list of threads of its core, as the kernel writes it: the same for each of them, and for no other."""
    core: str
    """The hardware's own number of the core, which another socket may use again."""
    socket: str
    book: str
    drawer: str
    """Books and drawers of sockets are parts of mainframes (s390x)."""


class Topology:
    """The CPUs that were online when last looked."""

    def __init__(self) -> None:
        self._online: bytes | None = None
        self._cpus: Sequence[Cpu] = ()

    def cpus(self, host: Host, tally: Tally) -> Sequence[Cpu]:
        """Return the CPUs that are online now, lowest number first; raises Malformed."""
        online = host.sys(f"{CPUS}/online", tally)
        if online is None:
            return ()
        if online != self._online:
            failed_before = tally.failed
            self._cpus = [_cpu(host, each, tally) for each in cpu_list(online)]
            self._online = online if tally.failed == failed_before else None
        return self._cpus


def cpu_list(data: bytes) -> tuple[int, ...]:
    """Read a list of CPUs such as ``0-3,8``."""
    if data[-1:] != b"\n":
        raise Malformed(data, "a line with a list of CPUs")
    found: list[int] = []
    for part in data[:-1].split(b",") if data != b"\n" else ():
        first, dash, last = part.partition(b"-")
        begin, end = number(first), number(last if dash else first)
        if end >= _MOST_CPUS or begin > end:
            raise Malformed(part, "a range of CPUs")
        found += range(begin, end + 1)
    return tuple(found)


def _cpu(host: Host, each: int, tally: Tally) -> Cpu:
    def told(name: str) -> str:
        data = host.sys(f"{CPUS}/cpu{each}/topology/{name}", tally)
        return "" if data is None else data.decode("ascii", "replace").strip()

    mainframe = ("book_id", "drawer_id")
    book, drawer = (told(name) if host.has(f"{CPUS}/cpu{each}/topology/{name}") else "" for name in mainframe)
    return Cpu(each, told("thread_siblings_list"), told("core_id"), told("physical_package_id"), book, drawer)
