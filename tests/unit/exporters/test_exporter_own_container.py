"""The exporter's own container, which sees the path of its own cgroup as /, is counted as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.cgroup.processes import Processes
from tests.unit.exporters.trees import Host, Rig

if TYPE_CHECKING:
    from pathlib import Path

OWN, OTHER = "a9" * 32, "5b" * 32
UP = "/../../../burstable/pod0123/"


def processes_of(tmp_path: Path, cgroups: dict[int, str], own: str | None) -> dict[str, list[int]]:
    """Return the processes of both containers, as they are found from the files /proc/<pid>/cgroup."""
    (tmp_path / "proc").mkdir()
    host = Host(tmp_path)
    for pid, text in cgroups.items():
        host.write(f"proc/{pid}/cgroup", text)
    found = Processes(str(host.procfs), lambda: 0.0, lambda: own)
    return {name: [process.pid for process in found.of(name, f"/kubepods/burstable/pod0123/{name}")] for name in (OWN, OTHER)}


def test_a_path_seen_from_itself_on_is_of_the_exporters_own_container(tmp_path: Path) -> None:
    cgroups = {1: "0::/../../..\n", 7: "0::/\n", 8: "0::/below\n", 9: f"0::{UP}{OTHER}\n"}
    assert processes_of(tmp_path, cgroups, OWN) == {OWN: [7, 8], OTHER: [9]}


def test_without_a_namespace_of_its_own_the_root_is_of_nobody(tmp_path: Path) -> None:
    assert processes_of(tmp_path, {1: "0::/\n", 9: f"0::/kubepods/burstable/pod0123/{OTHER}\n"}, None) == {OWN: [], OTHER: [9]}


def test_a_process_that_is_above_in_any_hierarchy_is_not_its_own(tmp_path: Path) -> None:
    assert processes_of(tmp_path, {7: "4:memory:/../..\n1:name=other:/\n"}, OWN) == {OWN: [], OTHER: []}


def test_the_own_container_is_the_one_whose_cgroup_is_mounted_here(v2: Host) -> None:
    rig = Rig(v2)
    rig.collect()
    containers = [target.cgroup for target in rig.inventory.targets if target.cgroup.identity.container_id]
    assert containers
    for cgroup in containers:
        folder = rig.host.cgroupfs / cgroup.path[1:]
        assert rig.inventory.container_at(folder) == cgroup.identity.container_id
    assert rig.inventory.container_at(rig.host.cgroupfs) is None
    assert rig.inventory.container_at(rig.host.cgroupfs / "nowhere") is None
