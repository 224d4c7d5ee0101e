"""Which version of cgroups a host mounts, and where."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from exporters.cgroup.layout import UNIFIED, NoCgroupsError, detect
from tests.unit.exporters.test_exporter_discovery import somebody_else
from tests.unit.exporters.trees import Host, unpack


def test_version_1_has_a_tree_for_each_controller(v1: Host) -> None:
    layout = detect(v1.cgroupfs)
    joint = str(v1.cgroupfs / "cpu,cpuacct")
    assert (layout.trees["cpu"].root, layout.trees["cpuacct"].root) == (joint, joint)
    assert {tree.version for tree in layout.trees.values()} == {1}
    assert layout.walked is layout.trees["pids"]


def test_version_2_has_one_tree_for_all(v2: Host) -> None:
    layout = detect(v2.cgroupfs)
    assert {tree.root for tree in layout.trees.values()} == {str(v2.cgroupfs)}
    assert layout.walked.version == 2


def test_a_hybrid_host_has_both(tmp_path: Path) -> None:
    layout = detect(unpack("hybrid", tmp_path).cgroupfs)
    assert (layout.trees["memory"].version, layout.trees["cpu"].version, layout.trees[UNIFIED].version) == (1, 1, 2)


def test_a_controller_that_version_1_left_is_taken_from_version_2(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write("cgroup/cpu/cgroup.procs", "")
    host.write("cgroup/unified/cgroup.controllers", "memory pids\n")
    layout = detect(host.cgroupfs)
    assert (layout.trees["cpu"].version, layout.trees["memory"].version, layout.trees["pids"].version) == (1, 2, 2)


def test_a_version_2_tree_without_controllers_is_enough(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write("cgroup/cgroup.controllers", "")
    assert detect(host.cgroupfs).walked.root == str(host.cgroupfs)


def test_a_folder_that_may_not_be_looked_into_is_passed_over() -> None:
    """Root may look into all of them, so it becomes somebody else meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "memory").mkdir()
        (folder / "memory" / "cgroup.procs").touch()
        (folder / "lost+found").mkdir(mode=0o700 if os.geteuid() == 0 else 0)
        folder.chmod(0o755)
        with somebody_else():
            layout = detect(folder)
    assert layout.trees.keys() == {"memory"}
    assert layout.passed_over == (f"cannot look into {folder}/lost+found: Permission denied",)


def test_a_folder_without_cgroups_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NoCgroupsError, match=r"cgroup\.controllers .*cgroup\.procs"):
        detect(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoCgroupsError, match="missing"):
        detect(tmp_path / "missing")
