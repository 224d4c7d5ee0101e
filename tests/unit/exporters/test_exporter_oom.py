"""Kills for lack of memory are told also of containers that ended with them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from exporters.collectors import oom
from exporters.collectors.oom import MAX_SHOWN, SHOWN_S, SHOWN_SCRAPES
from tests.unit.exporters.trees import Host, Rig, of_family

if TYPE_CHECKING:
    from pathlib import Path

UID = "8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"
FIRST, SECOND = "1" * 64, "2" * 64


class Machine:
    """A version 2 host with one pod, whose kernel counts as the real one does."""

    def __init__(self, folder: Path) -> None:
        self.host = Host(folder)
        self.pod = f"kubepods/burstable/pod{UID}"
        self.kills = 0
        self.host.write("cgroup/cgroup.controllers", "memory\n")
        self.host.write("proc/vmstat", "oom_kill 0\n")
        self._write(self.pod, 0)
        (folder / "log").mkdir()
        self.rig = Rig(self.host, collectors=(oom.COLLECTOR,))

    def start(self, container_id: str) -> None:
        self._write(f"{self.pod}/{container_id}", 0)

    def kill(self, container_id: str) -> None:
        file = self.host.cgroupfs / self.pod / container_id / "memory.events"
        self._write(f"{self.pod}/{container_id}", int(file.read_text(encoding="ascii").split()[-1]) + 1)
        self.kills += 1
        self._write(self.pod, self.kills)

    def end(self, container_id: str) -> None:
        shutil.rmtree(self.host.cgroupfs / self.pod / container_id)

    def told(self) -> dict[str, float]:
        """Map ``pod`` and each container's first digit to its kills."""
        found = of_family(self.rig.text(), "container_oom_events_total")
        assert list(found.values()) == [value for value in found.values() if value >= 0]
        return {_short(series): value for series, value in found.items() if 'id="/"' not in series}

    def _write(self, cgroup: str, kills: int) -> None:
        self.host.write(f"cgroup/{cgroup}/memory.events", f"max 0\noom {kills}\noom_kill {kills}\n")


def _short(series: str) -> str:
    name = series.partition(',name="')[2][:1]
    return "pod" if name == '"' and "pod" in series else name


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def pod_and_containers(told: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in told.items() if name in {"pod", "1", "2"}}


def test_a_kill_is_told_of_the_container_and_of_its_pod(machine: Machine) -> None:
    machine.start(FIRST)
    assert pod_and_containers(machine.told()) == {"pod": 0, "1": 0}
    machine.kill(FIRST)
    assert pod_and_containers(machine.told()) == {"pod": 1, "1": 1}


def test_a_kill_that_ended_its_container_is_told_for_some_more_scrapes(machine: Machine) -> None:
    machine.start(FIRST)
    machine.told()
    machine.kill(FIRST)
    machine.end(FIRST)
    machine.start(SECOND)
    for _ in range(SHOWN_SCRAPES):
        assert pod_and_containers(machine.told()) == {"pod": 1, "1": 1, "2": 0}
        machine.rig.now_s += SHOWN_S
    assert pod_and_containers(machine.told()) == {"pod": 1, "2": 0}


def test_many_scrapes_in_a_moment_do_not_use_it_up(machine: Machine) -> None:
    machine.start(FIRST)
    machine.told()
    machine.kill(FIRST)
    machine.end(FIRST)
    for _ in range(3 * SHOWN_SCRAPES):
        assert pod_and_containers(machine.told()) == {"pod": 1, "1": 1}
    machine.rig.now_s += SHOWN_S - 1
    assert pod_and_containers(machine.told()) == {"pod": 1, "1": 1}
    machine.rig.now_s += 1
    assert pod_and_containers(machine.told()) == {"pod": 1}
    machine.rig.now_s -= SHOWN_S
    assert pod_and_containers(machine.told()) == {"pod": 1}


def test_a_clock_that_was_set_back_keeps_nobody_for_ever(machine: Machine) -> None:
    machine.start(FIRST)
    machine.told()
    machine.kill(FIRST)
    machine.end(FIRST)
    machine.told()
    machine.rig.now_s -= 1_000_000
    for _ in range(SHOWN_SCRAPES - 1):
        assert pod_and_containers(machine.told()) == {"pod": 1, "1": 1}
    assert pod_and_containers(machine.told()) == {"pod": 1}


def test_what_was_killed_before_is_added_to(machine: Machine) -> None:
    machine.start(FIRST)
    machine.kill(FIRST)
    machine.told()
    machine.kill(FIRST)
    machine.kill(FIRST)
    machine.end(FIRST)
    assert pod_and_containers(machine.told()) == {"pod": 3, "1": 3}


def test_a_container_that_ended_peacefully_is_not_told_any_more(machine: Machine) -> None:
    machine.start(FIRST)
    machine.start(SECOND)
    machine.told()
    machine.kill(SECOND)
    machine.end(FIRST)
    assert pod_and_containers(machine.told()) == {"pod": 1, "2": 1}


def test_of_two_that_ended_together_only_the_pod_tells(machine: Machine) -> None:
    machine.start(FIRST)
    machine.start(SECOND)
    machine.told()
    machine.kill(FIRST)
    machine.end(FIRST)
    machine.end(SECOND)
    assert pod_and_containers(machine.told()) == {"pod": 1}
    assert pod_and_containers(machine.told()) == {"pod": 1}


def test_kills_of_the_time_before_the_exporter_are_given_to_nobody(machine: Machine) -> None:
    machine.start(FIRST)
    machine.kill(FIRST)
    machine.end(FIRST)
    machine.start(SECOND)
    machine.told()
    machine.end(SECOND)
    assert pod_and_containers(machine.told()) == {"pod": 1}


def test_a_container_that_could_not_be_read_once_is_not_taken_for_ended(machine: Machine) -> None:
    machine.start(FIRST)
    machine.start(SECOND)
    machine.kill(FIRST)
    machine.told()
    events = machine.host.cgroupfs / machine.pod / FIRST / "memory.events"
    content = events.read_text(encoding="ascii")
    events.write_text("oom_kill many\n", encoding="ascii")
    machine.end(SECOND)
    assert pod_and_containers(machine.told()) == {"pod": 1}
    events.write_text(content, encoding="ascii")
    assert pod_and_containers(machine.told()) == {"pod": 1, "1": 1}


def test_a_cgroup_made_again_at_the_same_path_is_not_told_twice(machine: Machine) -> None:
    machine.start(FIRST)
    machine.told()
    machine.kill(FIRST)
    folder = machine.host.cgroupfs / machine.pod / FIRST
    folder.rename(folder.parent / "kept so that its inode is not given again")
    machine.start(FIRST)
    assert pod_and_containers(machine.told()) == {"pod": 1, "1": 0}


def test_what_is_remembered_of_ended_containers_is_bounded(machine: Machine) -> None:
    ids = [f"{number:064x}" for number in range(MAX_SHOWN + 20)]
    for container_id in ids:
        machine.start(container_id)
        machine.kill(container_id)
    machine.rig.collect()
    for container_id in ids:
        machine.end(container_id)
    shown = of_family(machine.rig.text(), "container_oom_events_total")
    assert sum('name="0' in series for series in shown) == MAX_SHOWN


def test_version_1_counts_each_cgroup_by_itself(v1: Host) -> None:
    rig = Rig(v1, collectors=(oom.COLLECTOR,))
    told = {
        series.partition('name="')[2][:2]: value
        for series, value in of_family(rig.text(), "container_oom_events_total").items()
    }
    assert told["a9"] == 1
    assert [value for series, value in of_family(rig.text(), "container_oom_events_total").items() if 'id="/"' in series] == [1]


def test_a_kernel_that_does_not_count_kills_gives_no_series(v1: Host) -> None:
    for file in v1.cgroupfs.rglob("memory.oom_control"):
        file.write_text("oom_kill_disable 0\nunder_oom 0\n", encoding="ascii")
    os.remove(v1.procfs / "vmstat")  # noqa: PTH107
    assert of_family(Rig(v1, collectors=(oom.COLLECTOR,)).text(), "container_oom_events_total") == {}
