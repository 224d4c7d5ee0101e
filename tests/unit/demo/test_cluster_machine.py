"""A machine that cannot run the cluster is told everything that it lacks at once."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from demo.cluster.bootstrap import bring_up
from demo.cluster.cache import Cache
from demo.cluster.errors import UnfitMachineError
from demo.cluster.machine import Facts, cgroup_roots, look, pods_trees, what_is_wrong
from demo.cluster.packages import PROGRAMS, missing_packages
from demo.cluster.report import QuietReporter
from demo.cluster.state import BOOT_ID, Before, Phase, State, StateFile

FIT = Facts(
    system="Linux",
    architecture="x86_64",
    uid=0,
    has_apt=True,
    missing=["buildah"],
    free_bytes=20 << 30,
    is_cold=True,
    memory_bytes=8 << 30,
    controllers={"cpu", "cpuacct", "memory", "pids"},
    pods_tree=[],
    cache_path="/var/cache/foresail",
)


def test_a_fit_machine_lacks_nothing() -> None:
    assert what_is_wrong(FIT) == []


def test_everything_that_is_missing_is_said_at_once() -> None:
    poor = replace(
        FIT,
        architecture="riscv64",
        uid=1000,
        has_apt=False,
        free_bytes=1 << 30,
        memory_bytes=1 << 30,
        controllers={"cpu"},
        pods_tree=[Path("/sys/fs/cgroup/cpu/kubepods")],
        cache_path="/a/very/long/path" * 5,
        unreachable="https://modules.example",
    )
    words = what_is_wrong(poor)
    for expected in (
        "not root",
        "riscv64",
        "buildah",
        "1.0 GiB and 10 GiB are needed",
        "1.0 GiB of memory",
        "memory, pids are not mounted",
        "another kubelet keeps pods on it (/sys/fs/cgroup/cpu/kubepods)",
        "longer than 60 characters",
        "https://modules.example does not answer",
    ):
        assert sum(expected in one for one in words) == 1, expected
    assert len(words) == 9


def test_another_system_is_told_so_and_no_more() -> None:
    assert what_is_wrong(replace(FIT, system="Darwin", uid=501)) == ["it runs Darwin: the cluster needs Linux"]


def test_a_warm_cache_needs_less_room() -> None:
    assert what_is_wrong(replace(FIT, is_cold=False, free_bytes=5 << 30)) == []


def test_a_package_is_wanted_only_where_its_program_is_missing() -> None:
    assert missing_packages(lambda program: program not in {"containerd", "/usr/lib/cni/bridge"}) == [
        "containerd",
        "containernetworking-plugins",
    ]
    assert missing_packages(lambda _: True) == []
    assert missing_packages(lambda _: False) == sorted(PROGRAMS.values())


def test_hierarchies_are_found_in_version_one_and_in_version_two(tmp_path: Path) -> None:
    for name in ("cpu", "memory"):
        (tmp_path / name / "kubepods").mkdir(parents=True)
    (tmp_path / "cpuacct").symlink_to(tmp_path / "cpu")
    assert cgroup_roots(tmp_path) == [tmp_path / "cpu", tmp_path / "memory"]
    assert pods_trees(tmp_path) == [tmp_path / "cpu" / "kubepods", tmp_path / "memory" / "kubepods"]
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "kubepods.slice").mkdir()
    assert cgroup_roots(tmp_path) == [tmp_path]
    assert pods_trees(tmp_path) == [tmp_path / "kubepods.slice"]


def test_without_root_a_start_says_what_is_missing_before_it_touches_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    monkeypatch.setattr("demo.cluster.bootstrap.machine_lock", None)
    with pytest.raises(UnfitMachineError, match="this user is not root"):
        bring_up(Cache(tmp_path), QuietReporter(), keep_failed=False)


@pytest.mark.skipif(sys.platform != "linux", reason="cgroups are Linux's")
@pytest.mark.parametrize(("uid", "boot_id", "expected"), [(0, "", []), (0, "another boot", ["cpu"]), (1000, "", ["cpu"])])
def test_the_pods_tree_that_a_killed_run_left_behind_is_not_another_kubelets(
    uid: int, boot_id: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: uid)
    hierarchy = tmp_path / "cgroup" / "cpu"
    (hierarchy / "kubepods").mkdir(parents=True)
    cache = Cache(tmp_path / "cache")
    this_boot = BOOT_ID.read_text().strip()
    killed = State("run", boot_id or this_boot, "then", "make test", owner_pid=1, owner_start_ticks=0, phase=Phase.UP)
    killed.before = Before(cgroups=[str(hierarchy)])
    StateFile(cache.run).write(killed)
    assert [tree.parent.name for tree in look(cache, hierarchy.parent).pods_tree] == expected
    (hierarchy.parent / "memory" / "kubepods").mkdir(parents=True)  # where there was a tree before ours, it is another's
    assert "memory" in [tree.parent.name for tree in look(cache, hierarchy.parent).pods_tree]
