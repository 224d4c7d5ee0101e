"""The real kernel kills for lack of memory, and what it counts comes out, also after the container is gone."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from exporters.collectors import oom
from exporters.collectors.oom import SHOWN_S, SHOWN_SCRAPES
from tests.unit.exporters.live import CGROUPFS, Container, ThisMachine, a_container, can_make_cgroups
from tests.unit.exporters.trees import Rig, of_family

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GREEDY = "held = b'x' * (128 << 20)"

pytestmark = pytest.mark.skipif(
    not can_make_cgroups() or not shutil.which("unshare") or not shutil.which("ip"),
    reason="needs root, writable trees of cgroup v1, unshare and ip",
)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    (tmp_path / "log").mkdir()
    made = Rig(ThisMachine(tmp_path), collectors=(oom.COLLECTOR,))
    yield made
    made.exporter.close()


def kills(rig: Rig, container: Container) -> list[float]:
    told = of_family(rig.text(), "container_oom_events_total")
    return [value for series, value in told.items() if container.container_id in series]


def starve(container: Container) -> int:
    """Let a process of the container, the first to be chosen, ask for more than it may have; returns how it ended."""
    folder = CGROUPFS / "memory" / container.path.removeprefix("/")
    for limit in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
        if (folder / limit).exists():
            (folder / limit).write_text(str(48 << 20), encoding="ascii")
    script = 'echo 1000 > /proc/$$/oom_score_adj && echo $$ > "$0/cgroup.procs" && exec "$1" -c "$2"'
    return subprocess.run(["sh", "-c", script, str(folder), sys.executable, GREEDY], check=False).returncode


def test_a_kill_is_counted_for_the_container_that_lost_a_process_and_told_after_its_end(rig: Rig) -> None:
    with a_container() as container:
        assert kills(rig, container) == [0]
        assert starve(container) == -signal.SIGKILL
        assert kills(rig, container) == [1]
        assert starve(container) == -signal.SIGKILL
        assert kills(rig, container) == [2]
    assert [kills(rig, container) for _ in range(SHOWN_SCRAPES)] == [[2]] * SHOWN_SCRAPES
    rig.now_s += SHOWN_S
    assert kills(rig, container) == []
