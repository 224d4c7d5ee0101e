"""The real kernel: cgroups and a network namespace that the test makes and removes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporters.cgroup.layout import UNIFIED, NoCgroupsError, detect
from tests.unit.exporters.running import get, running
from tests.unit.exporters.trees import Host, Rig, of_family, samples

if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUPFS = Path("/sys/fs/cgroup")
NEEDED = {"cpu", "cpuacct", "memory", "pids", UNIFIED}
DEADLINE_S = 20
FAMILIES = {
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "container_network_receive_bytes_total",
    "container_processes",
    "container_spec_cpu_period",
    "container_start_time_seconds",
    "container_threads",
}
LOAD = """
import sys
held = bytearray(32 << 20)
print("ready", flush=True)
sys.stdin.readline()
while True:
    sum(range(10_000))
"""


def _trees() -> list[Path]:
    try:
        return [Path(root) for root in sorted({t.root for name, t in detect(CGROUPFS).trees.items() if name in NEEDED})]
    except NoCgroupsError:
        return []


def _can_make_cgroups() -> bool:
    """Ask for every controller in its own tree: below a version 2 root they would have to be switched on first."""
    trees = _trees()
    is_version_1 = bool(trees) and detect(CGROUPFS).walked.version == 1
    return os.geteuid() == 0 and is_version_1 and all(os.access(tree, os.W_OK) for tree in trees)


pytestmark = pytest.mark.skipif(
    not _can_make_cgroups() or not shutil.which("unshare") or not shutil.which("ip"),
    reason="needs root, writable trees of cgroup v1, unshare and ip",
)


class ThisMachine(Host):
    """The host under the test itself."""

    cgroupfs = CGROUPFS
    procfs = Path("/proc")


@dataclass(frozen=True)
class Container:
    path: str
    container_id: str
    process: subprocess.Popen[bytes]

    def begin(self) -> None:
        """Let it compute."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()


@contextmanager
def a_container() -> Iterator[Container]:
    """Make a pod with one container around a process in a network namespace of its own."""
    container_id = uuid.uuid4().hex * 2
    path = Path(f"/foresail-test-{os.getpid()}/kubepods/burstable/pod{uuid.uuid4()}/{container_id}")
    with ExitStack() as made:
        for tree in _trees():
            for folder in (*reversed(path.parents[:-1]), path):
                here = tree / folder.relative_to("/")
                here.mkdir()
                made.callback(here.rmdir)
        command = ["unshare", "--net", "sh", "-c", 'ip link add eth0 type bridge && exec "$0" -c "$1"', sys.executable, LOAD]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        made.callback(_end, process, [tree / path.relative_to("/") for tree in _trees()])
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for tree in _trees():
            (tree / path.relative_to("/") / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
        yield Container(str(path), container_id, process)


def _end(process: subprocess.Popen[bytes], folders: list[Path]) -> None:
    process.kill()
    process.communicate()
    deadline_s = time.monotonic() + DEADLINE_S
    while any((folder / "cgroup.procs").read_text(encoding="ascii") for folder in folders):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def values(text: str, family: str, container: Container) -> list[float]:
    return [value for series, value in of_family(text, family).items() if container.container_id in series]


def failures(text: str) -> dict[str, float]:
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    return {series: value for series, value in errors.items() if value and 'kind="failed"' in series}


def open_files() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:
            continue  # the descriptor of this very listing
    return found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    (tmp_path / "log").mkdir()
    made = Rig(ThisMachine(tmp_path))
    yield made
    made.exporter.close()


def test_the_kernels_own_figures_come_out(rig: Rig) -> None:
    with a_container() as container:
        container.begin()
        usage_s: list[float] = []
        deadline_s = time.monotonic() + DEADLINE_S
        while len(usage_s) < 2 or usage_s[-1] - usage_s[0] < 0.2:
            assert time.monotonic() < deadline_s
            text = rig.text()
            usage_s += values(text, "container_cpu_usage_seconds_total", container)
        assert usage_s == sorted(usage_s)
        (threads,) = values(text, "container_threads", container)
        assert threads == 1
        assert values(text, "container_processes", container) == [1]
        assert values(text, "container_network_receive_bytes_total", container) == [0]
        (born_s,) = values(text, "container_start_time_seconds", container)
        assert abs(time.time() - born_s) < 60
        assert any(f'id="{container.path}"' in series for series in samples(text))
    after = rig.text()
    assert container.container_id not in after
    assert failures(after) == {}


def test_no_descriptor_keeps_a_network_namespace_or_a_removed_cgroup(rig: Rig) -> None:
    with a_container() as container:
        assert container.container_id in rig.text()
        assert any(container.container_id in file for file in open_files())
        assert not any(file.endswith("/net/dev") for file in open_files())
    rig.collect()
    assert not any(container.container_id in file for file in open_files())


def others_may_run(program: Path) -> bool:
    """Say whether every folder on the way to a program, links followed, is open to other users."""
    paths = [program.absolute(), program.resolve()]
    return all(one.stat().st_mode & stat.S_IXOTH for path in paths for one in (path, *path.parents))


def test_an_unprivileged_user_sees_a_container_of_another_user() -> None:
    """As the chart runs it: uid 65534, no group, no capability."""
    if not (others_may_run(Path(sys.executable)) and others_may_run(Path(__file__).parent)):
        pytest.skip(f"another user may not run {sys.executable} or read this tree; the end-to-end test shows it in a pod")
    flags = ("--web.listen-address=127.0.0.1:0", "--path.containers-log=/nonexistent")
    options = {"user": 65534, "group": 65534, "extra_groups": []}
    with a_container() as container, running(*flags, **options) as (url, exporter, _):
        status = Path(f"/proc/{exporter.pid}/status").read_text(encoding="ascii")
        assert "CapEff:\t0000000000000000" in status
        text = get(f"{url}/metrics")
    assert {family for family in FAMILIES if values(text, family, container)} == FAMILIES
    assert failures(text) == {}
