"""Columns of a roster: which descriptors are read at once, and that none of them can be another file's."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporters.cgroup.files import CgroupFiles, Kernel, Reader
from exporters.cgroup.identity import Identity, Kind
from exporters.cgroup.layout import Hierarchy, Layout
from exporters.cgroup.walk import Cgroup
from exporters.collectors.contract import Target
from exporters.collectors.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Iterable

TREE = Hierarchy("/sys", 2)
NAME = "memory.current"


@dataclass
class Numbered(Kernel):
    """Every file holds its own path; a removed cgroup answers as the kernel does, and numbers are given out again."""

    paths: dict[int, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    at_once: int = 0
    length: int = 0

    def open(self, path: str) -> int:
        if any(path.startswith(f"{folder}/") for folder in self.removed):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        number = next(number for number in range(1, 1000) if number not in self.paths)
        self.paths[number] = path
        return number

    def read(self, descriptor: int, offset: int) -> bytes:
        path = self.paths[descriptor]
        if any(path.startswith(f"{folder}/") for folder in self.removed):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return (path.encode() + b"." * self.length)[offset : offset + 4096]

    def read_many(self, descriptors: Iterable[int]) -> list[bytes]:
        found = [self.read(descriptor, 0) for descriptor in descriptors]
        self.at_once += len(found)
        return found

    def close(self, descriptor: int) -> None:
        del self.paths[descriptor]

    def inode(self, path: str) -> int:
        if path in self.removed:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return 7


def roster_on(kernel: Kernel, size: int, budget: int = 1000) -> Roster:
    reader = Reader(budget, kernel)
    cgroups = [Cgroup(f"/{number:03}", 7, Identity(Kind.CONTAINER, None, "id", None)) for number in range(size)]
    layout = Layout({"memory": TREE}, TREE)
    return Roster([Target(one, CgroupFiles(one, layout, reader), None, labels=f'id="{one.path}"') for one in cgroups])


def read(roster: Roster) -> list[bytes | None]:
    return roster.read("memory", NAME, lambda: False)


def expected(size: int, *gone: int) -> list[bytes | None]:
    return [None if number in gone else f"/sys/{number:03}/{NAME}".encode() for number in range(size)]


def test_from_the_second_time_on_all_are_read_at_once() -> None:
    kernel = Numbered()
    roster = roster_on(kernel, 40)
    assert read(roster) == expected(40)
    assert kernel.at_once == 0
    assert read(roster) == expected(40)
    assert kernel.at_once == 40


def test_beyond_the_budget_each_is_opened_and_read() -> None:
    roster = roster_on(Numbered(), 40, budget=20)
    for _ in range(3):
        assert read(roster) == expected(40)


def test_a_cgroup_that_has_gone_gives_nothing_and_its_number_is_never_read_for_it_again() -> None:
    kernel = Numbered()
    roster = roster_on(kernel, 40)
    read(roster)
    kernel.removed.add("/sys/003")
    assert read(roster) == expected(40, 3)
    assert [target.is_gone for target in roster].count(True) == 1
    other = kernel.open("/sys/somebody-else/secret")  # the kernel gives the lowest free number
    assert other == 4
    assert read(roster) == expected(40, 3)


def test_a_descriptor_that_is_closed_elsewhere_is_not_used_any_more() -> None:
    kernel = Numbered()
    roster = roster_on(kernel, 2)
    read(roster)
    roster[0].files.close()
    kernel.open("/sys/somebody-else/secret")
    assert read(roster) == expected(2)


def test_a_file_longer_than_a_read_comes_whole() -> None:
    kernel = Numbered(length=5000)
    roster = roster_on(kernel, 2)
    for _ in range(2):
        assert [len(data or b"") for data in read(roster)] == [5000 + len(f"/sys/000/{NAME}")] * 2


def test_when_time_is_up_the_rest_is_left_out() -> None:
    roster = roster_on(Numbered(), 40)
    looks = iter([False] * 10 + [True] * 100)
    assert roster.read("memory", NAME, lambda: next(looks)) == expected(40)[:9]
    read(roster)
    assert roster.read("memory", NAME, lambda: True) == []


def test_labels_are_written_once_for_each_suffix() -> None:
    roster = roster_on(Numbered(), 2)
    assert roster.labels() == [b'{id="/000"} ', b'{id="/001"} ']
    assert roster.labels(',cpu="total"') == [b'{id="/000",cpu="total"} ', b'{id="/001",cpu="total"} ']
    assert roster.labels() is roster.labels()


def test_what_is_made_of_the_cgroups_is_made_once() -> None:
    roster = roster_on(Numbered(), 3)
    made: list[int] = []

    def count(targets: object) -> int:
        made.append(1)
        return len(list(targets))  # type: ignore[call-overload, no-any-return]

    assert (roster.once(count), roster.once(count)) == (3, 3)
    assert made == [1]


def test_nobody_has_no_files() -> None:
    assert Roster().read("memory", NAME, lambda: False) == []
    assert Roster().version("memory") is None
