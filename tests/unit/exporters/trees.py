"""Unpacks a host from its fixture and puts an exporter on top of it."""

from __future__ import annotations

import errno
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.cgroup.files import Kernel, Reader
from exporters.cgroup.host import Host as Outside
from exporters.cgroup.layout import detect
from exporters.cgroup.processes import Processes
from exporters.collectors import REGISTERED
from exporters.exposition.exporter import Exporter, Exposition, Parts
from exporters.exposition.inventory import Inventory
from exporters.exposition.own import OwnMetrics
from exporters.exposition.text import Format
from exporters.kubelet.summary import SummaryBook, summary_of
from exporters.names.logs import LogFolder
from exporters.names.names import Names
from exporters.roots import Roots

if TYPE_CHECKING:
    from exporters.collectors.contract import Collector
    from exporters.names.book import PodBook
    from exporters.roots import Clock

FIXTURES = Path(__file__).parents[2] / "fixtures" / "exporter"
BORN_S = 1_700_000_000
WALL_S = 1_700_000_100.5
"""The moment of every scrape of a fixture."""


@dataclass(frozen=True)
class Host:
    """A host in a folder."""

    folder: Path

    @property
    def cgroupfs(self) -> Path:
        return self.folder / "cgroup"

    @property
    def procfs(self) -> Path:
        return self.folder / "proc"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def outside(self) -> Outside:
        """What is read outside the cgroup trees."""
        return Outside(
            Roots(
                self.procfs,
                self.cgroupfs,
                self.log,
                sysfs=self.folder / "sys",
                machine_id=self.folder / "etc" / "machine-id",
            ),
            self.statvfs,
            self.size,
        )

    @staticmethod
    def size(path: str) -> int:
        """Count what is in a folder: the kernel tells it as the size of /proc/<pid>/fd, other file systems do not."""
        return sum(1 for _ in Path(path).iterdir())

    def statvfs(self, path: str) -> os.statvfs_result:
        """Answer from the fixture's file of that name: path, size of a block, blocks, free blocks, inodes, free inodes."""
        table = self.folder / "statvfs"
        for line in table.read_text(encoding="utf-8").splitlines() if table.exists() else ():
            known, *numbers = line.split()
            if known == path.replace(" ", "\\040"):
                size, blocks, free, inodes, inodes_free = map(int, numbers)
                return os.statvfs_result((size, size, blocks, free, free, inodes, inodes_free, inodes_free, 0, 255))
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file


def unpack(name: str, folder: Path) -> Host:
    """Make the files of ``<name>.tree`` below ``folder``."""
    host = Host(folder)
    lines = (FIXTURES / f"{name}.tree").read_text(encoding="utf-8").splitlines()
    path, content = "", []
    for line in [*lines, "-- "]:
        mark, _, rest = line.partition(" ")
        if mark not in {"--", "->", "=="} and path:
            content.append(line)
            continue
        if path:
            host.write(path, "".join(f"{one}\n" for one in content))
            path, content = "", []
        if mark == "--":
            path = rest
        elif mark in {"->", "=="}:
            _link(folder, mark, *rest.split(" "))
    for found in (folder / "cgroup", *(folder / "cgroup").rglob("*")):
        os.utime(found, (BORN_S, BORN_S), follow_symlinks=False)
    host.log.mkdir(exist_ok=True)
    return host


def _link(folder: Path, mark: str, path: str, target: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    if mark == "->":
        (folder / path).symlink_to(target)
    else:
        (folder / path).hardlink_to(folder / target)


def heard_summary() -> SummaryBook:
    """What the kubelet of the v2 host says of disk use."""
    book = SummaryBook(lambda: 0.0)
    book.put(summary_of((FIXTURES / "summary.json").read_bytes()))
    return book


@dataclass
class Rig:
    """An exporter on a host, with its parts within reach."""

    host: Host
    book: PodBook | None = None
    budget: int = 100
    kernel: Kernel = field(default_factory=Kernel)
    collectors: tuple[Collector, ...] = REGISTERED
    include: str = ""
    clock: Clock = time.perf_counter
    summary: SummaryBook | None = None
    now_s: float = WALL_S
    """What the wall clock says."""

    def __post_init__(self) -> None:
        self.reader = Reader(self.budget, self.kernel)
        include = re.compile(self.include) if self.include else None
        self.inventory = Inventory(detect(self.host.cgroupfs), self.reader, 0.0, include)
        self.own = OwnMetrics("test")
        self.exporter = Exporter(
            Parts(
                inventory=self.inventory,
                reader=self.reader,
                names=Names(self.book, LogFolder(self.host.log)),
                processes=Processes(str(self.host.procfs), time.monotonic),
                own=self.own,
                collectors=self.collectors,
                procfs=str(self.host.procfs),
                host=self.host.outside,
                summary=self.summary,
                clock=self.clock,
                wall=lambda: self.now_s,
            )
        )

    def collect(self) -> Exposition:
        return self.exporter.collect()

    def text(self, chosen: Format = Format.TEXT) -> str:
        return self.collect().answer(chosen, compressed=False).decode()

    def containers_text(self, chosen: Format = Format.TEXT) -> str:
        """Return the answer without the exporter's own metrics, which tell times."""
        return self.text(chosen).partition("# HELP foresail_exporter_")[0]


def samples(text: str) -> dict[str, float]:
    """Map ``name{labels}`` as written to the value."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def of_family(text: str, name: str) -> dict[str, float]:
    """Return the samples of one family."""
    return {series: value for series, value in samples(text).items() if series.partition("{")[0] == name}
