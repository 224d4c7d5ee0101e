"""The real kernel: cgroups and a network namespace that the test makes and removes."""

from __future__ import annotations

import shutil
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.exporters.live import DEADLINE_S, Container, ThisMachine, a_container, can_make_cgroups, failures, open_files
from tests.unit.exporters.running import get, running
from tests.unit.exporters.trees import Rig, of_family, samples

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILIES = {
    "container_cpu_usage_seconds_total",
    "container_info",
    "container_last_seen",
    "container_memory_working_set_bytes",
    "container_network_receive_bytes_total",
    "container_oom_events_total",
    "container_processes",
    "container_spec_cpu_period",
    "container_start_time_seconds",
    "container_threads",
    "container_ulimits_soft",
}

pytestmark = pytest.mark.skipif(
    not can_make_cgroups() or not shutil.which("unshare") or not shutil.which("ip"),
    reason="needs root, writable trees of cgroup v1, unshare and ip",
)


def values(text: str, family: str, container: Container) -> list[float]:
    return [value for series, value in of_family(text, family).items() if container.container_id in series]


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
