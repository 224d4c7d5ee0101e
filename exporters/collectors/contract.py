"""What a collector is, what it is given and where it puts what it found.

A collector declares its metric families and reads; looking for cgroups, naming them, timing, counting errors and
writing the answer are done around it. So a collector is one short file, and adding one touches only the registered
list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from exporters.cgroup.files import CgroupFiles, Tally, Vanished
from exporters.cgroup.host import Host
from exporters.cgroup.parse import Malformed, number
from exporters.collectors.notes import Notes
from exporters.names.names import UNKNOWN, Name, Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from exporters.cgroup.processes import Processes
    from exporters.cgroup.walk import Cgroup
    from exporters.collectors.roster import Column, Roster
    from exporters.kubelet.summary import SummaryBook


Item = TypeVar("Item")


class Kind(Enum):
    """How the values of a family behave."""

    COUNTER = "counter"
    GAUGE = "gauge"
    INFO = "info"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric: compared by being the same object, because it is the key of every sample."""

    name: str
    kind: Kind
    help: str
    """What it is, in which unit, and which kernel files say so (v1 and v2)."""
    lead: bytes = field(init=False)
    """What stands between the value of one sample and the labels of the next."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "lead", f"\n{self.name}".encode())


Table = tuple[tuple[Family, bytes, int], ...]
"""Which key of a kernel file is which family, and by how much its values are to be divided for the family's unit."""


def line(family: Family, labels: str, value: float) -> bytes:
    """Write one value; ``labels`` are already written as in ``labelled``, empty for none."""
    return (f"{family.name}{{{labels}}} {value}\n" if labels else f"{family.name} {value}\n").encode()


class Samples:
    """The lines that one collector writes in one scrape, by family."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._lines: Mapping[Family, list[bytes]] = {family: [] for family in families}

    def add(self, family: Family, labels: str, value: float) -> None:
        """Add one value; ``labels`` are already written as in ``labelled``, empty for none."""
        self._lines[family].append(line(family, labels, value))

    def add_lines(self, family: Family, written: bytes) -> None:
        """Add lines that were written before, by ``line`` or as ``encoded`` gives them."""
        self._lines[family].append(written)

    def add_column(self, family: Family, labels: Sequence[bytes], words: Column) -> None:
        """Add a value for each cgroup, as a word that is a number; ``labels`` are as a roster gives them.

        A None is no sample.
        """
        there = [word for word in words if word]
        if len(there) < len(words):
            labels = [label for label, word in zip(labels, words, strict=True) if word]
        if there:
            pieces = [family.lead] * (3 * len(there))
            pieces[1::3] = labels
            pieces[2::3] = there
            pieces[0] = family.lead[1:]
            pieces.append(b"\n")
            self._lines[family].append(b"".join(pieces))

    def encoded(self) -> Iterator[tuple[Family, bytes]]:
        """Yield each family that has samples with its lines."""
        for family, lines in self._lines.items():
            if lines:
                yield family, b"".join(lines)

    def add_keyed(self, labels: str, table: Table, words: Mapping[bytes, bytes]) -> None:
        """Add what a file of ``key value`` lines holds: for each row of the table the key's value over the divisor.

        A key that the file does not mention gives no sample.
        """
        for family, key, divisor in table:
            word = words.get(key)
            if word is not None:
                self.add(family, labels, number(word) if divisor == 1 else number(word) / divisor)


@dataclass(slots=True)
class Target:
    """A cgroup that series are made of, from the scrape that found it to the one that misses it."""

    cgroup: Cgroup
    files: CgroupFiles
    born_s: float | None
    """When the cgroup was made, in seconds since 1970, as well as its folder tells."""
    name: Name = UNKNOWN
    labels: str = ""
    """The six labels that every container series carries, written out once."""
    is_gone: bool = False
    """It was removed during this scrape."""
    notes: Notes = field(default_factory=Notes)
    """What collectors remember of this cgroup for as long as it lives."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a collector may use in one scrape."""

    targets: Roster
    """Pods, containers and other cgroups that are wanted, ordered by path; never the root."""
    samples: Samples
    processes: Processes
    names: Names
    procfs: str
    tally: Tally = field(default_factory=Tally)
    """Counts what this collector could not read."""
    now_s: float = 0.0
    """When this scrape began, in seconds since 1970."""
    is_complete: bool = True
    """Every folder that may hold a container could be listed."""
    notes: Notes = field(default_factory=Notes)
    """What collectors remember beyond the life of a cgroup."""
    host: Host = field(default_factory=Host)
    """What is read outside the cgroup trees; to be given this tally."""
    summary: SummaryBook | None = None
    """What the kubelet said of disk use; None where it is not asked."""
    root: Target | None = None
    """The cgroup of the whole machine, which has files of its own kind; None where only a part of the tree is seen."""
    is_late: Callable[[], bool] = _never
    """Says whether the time of this scrape is up. What is not read by then is left out and counted."""

    def in_time(self, items: Sequence[Item]) -> Iterator[Item]:
        """Yield items as long as there is time, and count those that are left when there is none."""
        for done, item in enumerate(items):
            if self.is_late():
                self.tally.late += len(items) - done
                return
            yield item

    def read(self, controller: str, name: str) -> list[bytes | None]:
        """Read a whole file of every target, in their order; None where there is none, or no time, which is counted."""
        found = self.targets.read(controller, name, self.is_late)
        left = len(self.targets) - len(found)
        self.tally.late += left
        return found + [None] * left

    def report(self, place: int, error: Malformed) -> None:
        """Count what cannot be parsed; ``place`` is that of the target."""
        self.tally.fail(f"{self.targets[place].cgroup.path}: {error}")

    def add(self, family: Family, words: Column, more: str = "") -> None:
        """Add a value for each target, as ``Samples.add_column``; ``more`` are labels besides the six, with a comma before."""
        self.samples.add_column(family, self.targets.labels(more), words)


@dataclass(frozen=True, slots=True)
class Collector:
    """One entry of the registered list."""

    name: str
    """As in the flag ``--collector.<name>``."""
    help: str
    families: tuple[Family, ...]
    collect: Callable[[Scrape], None]
    is_default: bool = True
    """Runs unless it is switched off."""
    adds_to: tuple[Family, ...] = ()
    """Families of other collectors to which this one adds series; left out where their own collector does not run."""


def attempt(read: Callable[[Target, Samples], None], target: Target, scrape: Scrape) -> None:
    """Read one cgroup; that it vanishes meanwhile is no error, and what cannot be parsed is counted."""
    try:
        read(target, scrape.samples)
    except Vanished:
        target.is_gone = True
    except Malformed as error:
        scrape.tally.fail(f"{target.cgroup.path}: {error}")


def each(read: Callable[[Target, Samples], None]) -> Callable[[Scrape], None]:
    """Make a collector of a function that reads one cgroup, which is called for all of them but the root."""

    def collect(scrape: Scrape) -> None:
        for target in scrape.in_time(scrape.targets):
            if not target.is_gone:
                attempt(read, target, scrape)

    return collect


def labelled(**labels: str) -> str:
    """Write labels as they stand between the braces of a sample, escaped."""
    return ",".join(f'{key}="{escaped(value)}"' for key, value in labels.items())


def escaped(value: str) -> str:
    r"""Make any text fit for a label: quotes, backslashes and newlines escaped, bytes that are no Unicode as ``\udcff``.

    Two texts never become the same, or one answer could have a series twice and be refused as a whole: a text that has such
    characters itself gets ``\u005c`` for their backslash. The two formats escape alike.
    """
    if not value.isascii() or "\\u" in value:
        value = _BYTE_ALREADY.sub(r"\\u005c", value).encode("utf-8", "backslashreplace").decode("utf-8")
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


_BYTE_ALREADY = re.compile(r"\\(?=u005c|ud[89a-f][0-9a-f]{2})")
"""What looks like a byte that was written out."""

HOST_LABELS = labelled(container="", id="/", image="", name="", namespace="", pod="")
"""The six labels of what belongs to the machine and to no cgroup: it is shown as the container ``/``, as the kubelet does."""
