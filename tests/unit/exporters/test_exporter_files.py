"""Reading cgroup files: kept descriptors, the budget, and the three ways of getting no answer."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporters.cgroup.files import MAX_KEPT, CgroupFiles, Kernel, Reader, Vanished, budget_of, read_once
from exporters.cgroup.identity import Identity, Kind
from exporters.cgroup.layout import Hierarchy, Layout
from exporters.cgroup.walk import Cgroup
from tests.unit.exporters.live import open_files

TREE = Hierarchy("/sys", 2)
CGROUP = Cgroup("/pod", 7, Identity(Kind.POD, "uid", None, None))


@dataclass
class FakeKernel(Kernel):
    """Answers from memory and can refuse: ``refusals`` maps a call to the error it gives."""

    contents: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    inode_now: int | None = 7
    opened: list[str] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def _refuse(self, call: str) -> None:
        if call in self.refusals:
            raise OSError(self.refusals[call], os.strerror(self.refusals[call]))

    def open(self, path: str) -> int:
        self._refuse("open")
        name = path.removeprefix("/sys/pod/")
        if name not in self.contents:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self.opened.append(name)
        return len(self.opened)

    def read(self, descriptor: int, offset: int) -> bytes:
        self._refuse("read")
        return self.contents[self.opened[descriptor - 1]][offset : offset + 4096]

    def close(self, descriptor: int) -> None:
        self.closed.append(descriptor)

    def inode(self, path: str) -> int:
        assert path == "/sys/pod"
        if self.inode_now is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self.inode_now

    @property
    def still_open(self) -> int:
        return len(self.opened) - len(self.closed)


def files_on(kernel: FakeKernel, budget: int = 8) -> tuple[CgroupFiles, Reader]:
    reader = Reader(budget, kernel)
    return CgroupFiles(CGROUP, Layout({"memory": TREE}, TREE), reader), reader


def test_a_file_is_opened_once_and_read_anew_each_time() -> None:
    kernel = FakeKernel({"memory.current": b"1\n"})
    files, _ = files_on(kernel)
    assert files.read("memory", "memory.current") == b"1\n"
    kernel.contents["memory.current"] = b"2\n"
    assert files.read("memory", "memory.current") == b"2\n"
    assert kernel.opened == ["memory.current"]


def test_a_file_longer_than_one_read_comes_whole() -> None:
    content = b"".join(b"key%d %d\n" % (number, number) for number in range(2000))
    files, _ = files_on(FakeKernel({"memory.stat": content}))
    assert files.read("memory", "memory.stat") == content


def test_beyond_the_budget_files_are_opened_and_closed() -> None:
    kernel = FakeKernel({"a": b"1\n", "b": b"2\n"})
    files, reader = files_on(kernel, budget=1)
    for _ in range(3):
        assert (files.read("memory", "a"), files.read("memory", "b")) == (b"1\n", b"2\n")
    assert kernel.opened == ["a", "b", "b", "b"]
    assert kernel.still_open == reader.kept == 1


def test_a_closed_descriptor_goes_back_into_the_budget() -> None:
    kernel = FakeKernel({"a": b"1\n"})
    files, reader = files_on(kernel)
    files.read("memory", "a")
    files.close()
    assert (reader.kept, kernel.still_open) == (0, 0)


def test_a_file_that_the_kernel_does_not_have_is_absent_and_no_failure() -> None:
    files, reader = files_on(FakeKernel())
    assert files.read("memory", "memory.peak") is None
    assert (reader.tally.absent, reader.tally.failed) == (1, 0)


def test_a_controller_that_is_not_mounted_is_absent() -> None:
    files, reader = files_on(FakeKernel())
    assert files.version("pids") is None
    assert files.read("pids", "pids.current") is None
    assert (reader.tally.absent, reader.tally.failed) == (1, 0)


def test_pressure_that_is_switched_off_is_absent() -> None:
    files, reader = files_on(FakeKernel({"cpu.pressure": b""}, {"read": errno.EOPNOTSUPP}))
    assert files.read("memory", "cpu.pressure") is None
    assert (reader.tally.absent, reader.tally.failed) == (1, 0)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_a_refusal_is_a_failure_that_names_file_and_cause(code: int) -> None:
    files, reader = files_on(FakeKernel({"memory.current": b"1\n"}, {"open": code}))
    assert files.read("memory", "memory.current") is None
    assert (reader.tally.absent, reader.tally.failed) == (0, 1)
    assert reader.tally.example == f"cannot read memory.current of /pod: {os.strerror(code)}"


@pytest.mark.parametrize("inode_now", [None, 8], ids=["gone", "made again"])
@pytest.mark.parametrize(("call", "code"), [("open", errno.ENOENT), ("read", errno.ENODEV), ("open", errno.ENODEV)])
def test_a_cgroup_that_went_away_is_vanished_and_counts_nothing(call: str, code: int, inode_now: int | None) -> None:
    kernel = FakeKernel({"memory.current": b"1\n"})
    files, reader = files_on(kernel)
    if call == "read":
        files.read("memory", "memory.current")
    kernel.refusals, kernel.inode_now = {call: code}, inode_now
    with pytest.raises(Vanished):
        files.read("memory", "memory.current")
    assert (reader.tally.absent, reader.tally.failed) == (0, 0)
    assert kernel.still_open == reader.kept == 0


def test_a_controller_that_was_switched_off_and_on_is_read_again() -> None:
    kernel = FakeKernel({"memory.current": b"1\n"})
    files, _ = files_on(kernel)
    files.read("memory", "memory.current")
    kernel.refusals = {"read": errno.ENODEV}
    assert files.read("memory", "memory.current") is None
    kernel.refusals = {}
    assert files.read("memory", "memory.current") == b"1\n"
    assert kernel.still_open == 1


def test_a_read_that_fails_beyond_the_budget_leaves_nothing_open() -> None:
    kernel = FakeKernel({"memory.current": b"1\n"}, {"read": errno.EIO})
    files, _ = files_on(kernel, budget=0)
    assert files.read("memory", "memory.current") is None
    assert kernel.still_open == 0


def test_the_budget_leaves_room_for_other_files_and_has_a_ceiling() -> None:
    assert [budget_of(limit) for limit in (64, 1024, 1 << 20)] == [0, 1024 - 256, MAX_KEPT]


def test_reading_once_reads_to_the_end_and_leaves_nothing_open(tmp_path: Path) -> None:
    file = tmp_path / "dev"
    file.write_bytes(b"x" * 3_000_000)
    before = len(open_files())
    assert len(read_once(str(file))) == 3_000_000
    assert len(open_files()) == before
