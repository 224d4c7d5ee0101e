"""A thousand containers come and go while they are scraped: nothing fails, nothing is left open, nothing is kept alive.

Once in a folder that looks like a version 2 host, with several threads, and once with cgroups of the running kernel
where the test may make them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from exporters.server import Site, application, serving
from exporters.settings import Web
from tests.unit.exporters.live import DEADLINE_S, ThisMachine, can_make_cgroups, end, failures, open_files, trees
from tests.unit.exporters.trees import Rig, of_family, samples, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.unit.exporters.trees import Host

pytestmark = pytest.mark.slow

CONTAINERS = 1000
CHURNERS = 4
CLIENTS = 4
BUDGET = 64
"""Descriptors that may be kept: fewer than the containers that live at a time have files."""
LIVING = 12
"""Containers that one thread keeps alive at a time."""
UID = "8d3f1c52_6a70_4b1e_9c1d_0f5a2b7e4c11"
APP = "a9" * 32

needs_cgroups = pytest.mark.skipif(not can_make_cgroups(), reason="needs root and writable trees of cgroup v1")


@dataclass
class Seen:
    """What the scrapes of one churn brought."""

    answers: int = 0
    ids: set[str] = field(default_factory=set)
    most_kept: float = 0
    last: str = ""

    def take(self, text: str, is_ours: Callable[[str], bool]) -> None:
        self.answers += 1
        self.last = text
        self.most_kept = max(self.most_kept, samples(text)["foresail_exporter_kept_descriptors"])
        shown = of_family(text, "container_cpu_usage_seconds_total")
        self.ids |= {one for one in (series.partition('id="')[2].partition('"')[0] for series in shown) if is_ours(one)}


@asynccontextmanager
async def scraped(rig: Rig, seen: Seen, is_ours: Callable[[str], bool]) -> AsyncIterator[aiohttp.ClientSession]:
    """Let several clients ask over and over until the block ends."""
    settings = Web("127.0.0.1", 0, reuse_s=0.0)
    done = asyncio.Event()
    async with (
        serving(application(Site(rig.exporter, settings, "test", lambda: None)), settings) as (host, port),
        aiohttp.ClientSession(f"http://{host}:{port}") as session,
    ):

        async def ask() -> None:
            while not done.is_set():
                async with session.get("/metrics") as response:
                    assert response.status == 200, await response.text()
                    seen.take(await response.text(), is_ours)

        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(ask())
            yield session
            done.set()


def check(seen: Seen) -> None:
    assert seen.answers > 5
    assert len(seen.ids) > CONTAINERS / 50, "containers came and went unseen: nothing was tested"
    assert failures(seen.last) == {}
    assert samples(seen.last)["foresail_exporter_scrapes_shared_total"] > 0
    assert 0 < seen.most_kept <= BUDGET


class Folder:
    """Makes and removes containers of a host in a folder, whole as the kernel does: by moving them in and out."""

    def __init__(self, host: Host) -> None:
        self._host = host
        burstable = host.cgroupfs / "kubepods.slice" / "kubepods-burstable.slice"
        self._pod = burstable / f"kubepods-burstable-pod{UID}.slice"
        self._aside = host.folder / "aside"
        shutil.copytree(self._pod / f"cri-containerd-{APP}.scope", self._aside / "cgroup")
        shutil.copytree(host.procfs / "2000", self._aside / "process")

    def churn(self, first: int) -> None:
        """Make every fourth container of all, and let each live until some more have been made."""
        numbers = range(first, CONTAINERS, CHURNERS)
        for number in numbers:
            self._make(number)
            if number - LIVING * CHURNERS >= 0:
                self._remove(number - LIVING * CHURNERS)
        for number in numbers[-LIVING:]:
            self._remove(number)

    def _make(self, number: int) -> None:
        pid, container_id = 10_000 + number, f"{number:064x}"
        scope = self._pod / f"cri-containerd-{container_id}.scope"
        shutil.copytree(self._aside / "cgroup", self._aside / container_id)
        (self._aside / container_id).rename(scope)
        process = self._aside / f"process-{pid}"
        shutil.copytree(self._aside / "process", process)
        (process / "cgroup").write_text(f"0::{scope.relative_to(self._host.cgroupfs)}\n", encoding="ascii")
        process.rename(self._host.procfs / str(pid))

    def _remove(self, number: int) -> None:
        pid, container_id = 10_000 + number, f"{number:064x}"
        for folder in (self._host.procfs / str(pid), self._pod / f"cri-containerd-{container_id}.scope"):
            shutil.rmtree(folder.rename(self._aside / f"gone-{folder.name}"))


@pytest.fixture
def host() -> Iterator[Host]:
    """A version 2 host, in memory where the machine has such a folder."""
    shm = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=shm if os.access(shm, os.W_OK) else None) as folder:
        yield unpack("v2", Path(folder))


async def test_a_thousand_containers_come_and_go_in_a_folder_while_they_are_scraped(host: Host) -> None:
    rig = Rig(host, budget=BUDGET)
    folder, seen = Folder(host), Seen()
    before = len(open_files())
    async with scraped(rig, seen, lambda path: "/cri-containerd-0000" in path) as session:
        async with asyncio.TaskGroup() as churners:
            for first in range(CHURNERS):
                churners.create_task(asyncio.to_thread(folder.churn, first))
        async with session.get("/metrics", headers={"Accept": "application/openmetrics-text"}) as response:
            families = {family.name for family in parse_openmetrics(await response.text())}
    check(seen)
    assert "container_cpu_usage_seconds" in families
    assert "/cri-containerd-0000" not in "".join(of_family(rig.text(), "container_cpu_usage_seconds_total"))
    rig.exporter.close()
    assert len(open_files()) <= before
    assert rig.reader.kept == 0


@dataclass
class Live:
    """Makes and removes cgroups of the running kernel, below one of the test's own."""

    top: str = field(default_factory=lambda: f"foresail-churn-{os.getpid()}")
    pod: str = field(default_factory=lambda: f"kubepods/burstable/pod{uuid.uuid4()}")

    def make_pod(self, made: ExitStack) -> None:
        """Make the cgroups down to the pod's own, to be removed with the others that were made."""
        for tree in trees():
            for part in ("", "kubepods", "kubepods/burstable", self.pod):
                (tree / self.top / part).mkdir()
                made.callback((tree / self.top / part).rmdir)

    def churn(self) -> None:
        with ExitStack() as made:
            self.make_pod(made)
            for number in count():
                if number < CONTAINERS:
                    for folder in self._folders(number):
                        folder.mkdir()
                        made.callback(_remove_if_there, folder)
                if number >= LIVING:
                    for folder in self._folders(number - LIVING):
                        folder.rmdir()
                if number == CONTAINERS + LIVING - 1:
                    break

    def _folders(self, number: int) -> list[Path]:
        return [tree / self.top / self.pod / f"{number:064x}" for tree in trees()]


def _remove_if_there(folder: Path) -> None:
    if folder.exists():
        folder.rmdir()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Rig]:
    (tmp_path / "log").mkdir()
    rig = Rig(ThisMachine(tmp_path), budget=BUDGET)
    with closing(rig.exporter):
        yield rig


@needs_cgroups
async def test_a_thousand_cgroups_of_the_kernel_come_and_go_while_they_are_scraped(machine: Rig) -> None:
    live, seen = Live(), Seen()
    before = len(open_files())
    async with scraped(machine, seen, lambda path: path.startswith(f"/{live.top}/")):
        await asyncio.to_thread(live.churn)
    check(seen)
    assert live.top not in "".join(of_family(machine.text(), "container_cpu_usage_seconds_total"))
    assert not [file for file in open_files() if live.top in file]
    machine.exporter.close()
    assert len(open_files()) <= before


@needs_cgroups
@pytest.mark.skipif(not all(map(shutil.which, ("unshare", "nsenter", "ip"))), reason="needs unshare, nsenter and ip")
def test_a_network_namespace_that_was_scraped_ends_with_its_last_process(machine: Rig) -> None:
    """One end of a pair of interfaces lies in it: when the namespace ends, the other end goes too, elsewhere."""
    live, container_id = Live(), uuid.uuid4().hex * 2
    with ExitStack() as made:
        watching, scraped_one = _namespace(made), _namespace(made)
        live.make_pod(made)
        folders = [tree / live.top / live.pod / container_id for tree in trees()]
        for folder in folders:
            folder.mkdir()
            made.callback(folder.rmdir)
            (folder / "cgroup.procs").write_text(str(scraped_one.pid), encoding="ascii")
        made.callback(end, scraped_one, folders)
        inside = ["nsenter", f"--net=/proc/{scraped_one.pid}/ns/net"]
        pair = ["ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(watching.pid)]
        done = subprocess.run([*inside, *pair], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no pair of interfaces can be made here: {done.stderr.strip()}")
        subprocess.run([*inside, "ip", "link", "add", "eth0", "type", "bridge"], check=True)
        for _ in range(3):
            received = of_family(machine.text(), "container_network_receive_bytes_total")
            assert any(container_id in series for series in received)
        other_end = Path(f"/proc/{watching.pid}/net/dev")
        assert "there:" in other_end.read_text(encoding="ascii")
        end(scraped_one, folders)
        deadline_s = time.monotonic() + DEADLINE_S
        while "there:" in other_end.read_text(encoding="ascii"):
            assert time.monotonic() < deadline_s, "the namespace outlives its processes"
            time.sleep(0.01)


def _namespace(made: ExitStack) -> subprocess.Popen[bytes]:
    """Start a process that waits in a network namespace of its own."""
    waits = ["sh", "-c", "echo ready; read line"]
    process = subprocess.Popen(["unshare", "--net", *waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    made.callback(end, process, [])
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process
