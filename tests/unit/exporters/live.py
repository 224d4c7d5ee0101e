"""The real kernel: cgroups and network namespaces that a test makes and removes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.cgroup.layout import UNIFIED, NoCgroupsError, detect
from tests.unit.exporters.trees import Host, of_family

if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUPFS = Path("/sys/fs/cgroup")
NEEDED = {"cpu", "cpuacct", "memory", "pids", UNIFIED}
DEADLINE_S = 60
LOAD = """
import sys
held = bytearray(32 << 20)
print("ready", flush=True)
sys.stdin.readline()
while True:
    sum(range(10_000))
"""


def trees() -> list[Path]:
    """Return the mounted trees in which a runtime would put a container."""
    try:
        return [Path(root) for root in sorted({t.root for name, t in detect(CGROUPFS).trees.items() if name in NEEDED})]
    except NoCgroupsError:
        return []


def can_make_cgroups() -> bool:
    """Ask for every controller in its own tree: below a version 2 root they would have to be switched on first."""
    found = trees()
    is_version_1 = bool(found) and detect(CGROUPFS).walked.version == 1
    return os.geteuid() == 0 and is_version_1 and all(os.access(tree, os.W_OK) for tree in found)


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
        for tree in trees():
            for folder in (*reversed(path.parents[:-1]), path):
                here = tree / folder.relative_to("/")
                here.mkdir()
                made.callback(here.rmdir)
        command = ["unshare", "--net", "sh", "-c", 'ip link add eth0 type bridge && exec "$0" -c "$1"', sys.executable, LOAD]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        made.callback(end, process, [tree / path.relative_to("/") for tree in trees()])
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for tree in trees():
            (tree / path.relative_to("/") / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
        yield Container(str(path), container_id, process)


def end(process: subprocess.Popen[bytes], folders: list[Path]) -> None:
    """End a process and wait until its cgroups are empty, so that they can be removed."""
    process.kill()
    process.communicate()
    deadline_s = time.monotonic() + DEADLINE_S
    while any((folder / "cgroup.procs").read_text(encoding="ascii") for folder in folders):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def failures(text: str) -> dict[str, float]:
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    return {series: value for series, value in errors.items() if value and 'kind="failed"' in series}


def open_files() -> list[str]:
    """List what this process has open, but for what only garbage still holds: that may be closed at any moment."""
    gc.collect()
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:
            continue  # the descriptor of this very listing
    return found
