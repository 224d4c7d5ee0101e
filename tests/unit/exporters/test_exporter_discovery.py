"""Finding cgroups at each scrape, and keeping what belongs to them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporters.cgroup import walk
from exporters.cgroup.files import Kernel
from tests.unit.exporters.live import open_files
from tests.unit.exporters.trees import Host, Rig, of_family, samples

if TYPE_CHECKING:
    from collections.abc import Iterator

UID = "8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"
APP = "a9" * 32


@contextmanager
def somebody_else() -> Iterator[None]:
    """Give the rights of root up until the block ends; who has none keeps what there is."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def add_container(host: Host, container_id: str) -> Path:
    """Add a container of the Burstable pod of the v1 host, in all trees."""
    for tree in ("memory", "cpu,cpuacct", "pids"):
        pod = host.cgroupfs / tree / "kubepods" / "burstable" / f"pod{UID}"
        shutil.copytree(pod / APP, pod / container_id)
    return host.cgroupfs / "memory" / "kubepods" / "burstable" / f"pod{UID}" / container_id


def remove_container(host: Host, container_id: str) -> None:
    for tree in ("memory", "cpu,cpuacct", "pids"):
        shutil.rmtree(host.cgroupfs / tree / "kubepods" / "burstable" / f"pod{UID}" / container_id)


def test_a_new_container_appears_at_the_next_scrape_and_a_gone_one_disappears(v1: Host) -> None:
    rig = Rig(v1)
    fresh = "12" * 32

    def is_shown() -> bool:
        return any(fresh in series for series in of_family(rig.text(), "container_memory_usage_bytes"))

    assert not is_shown()
    add_container(v1, fresh)
    assert is_shown()
    remove_container(v1, fresh)
    assert not is_shown()


def test_a_cgroup_made_again_at_the_same_path_is_a_new_one(v1: Host) -> None:
    rig = Rig(v1)
    rig.collect()
    (before,) = [target for target in rig.inventory.targets if target.cgroup.path.endswith(APP)]
    for tree in ("memory", "pids"):
        folder = v1.cgroupfs / tree / "kubepods" / "burstable" / f"pod{UID}" / APP
        folder.rename(folder.with_name("old"))
        shutil.copytree(folder.with_name("old"), folder)
    v1.write(f"cgroup/memory/kubepods/burstable/pod{UID}/{APP}/memory.usage_in_bytes", "77\n")
    usage = of_family(rig.text(), "container_memory_usage_bytes")
    (after,) = [target for target in rig.inventory.targets if target.cgroup.path.endswith(APP)]
    assert after is not before
    assert [value for series, value in usage.items() if APP in series] == [77.0]


def test_a_hundred_containers_come_and_go_without_a_leaked_descriptor(v1: Host) -> None:
    rig = Rig(v1, budget=1000)
    for _ in range(2):  # some files are looked for once it is known that others have nothing
        rig.collect()
    before = len(open_files())
    for number in range(100):
        container_id = f"{number:064x}"
        add_container(v1, container_id)
        rig.collect()
        remove_container(v1, container_id)
    rig.collect()
    assert len(open_files()) == before
    rig.exporter.close()
    assert len(open_files()) < before
    assert rig.reader.kept == 0


class RemovesWhileItIsRead(Kernel):
    """Removes a cgroup at the moment when its first file is opened."""

    def __init__(self, doomed: Path) -> None:
        self.doomed = doomed

    def open(self, path: str) -> int:
        if path.startswith(str(self.doomed)) and self.doomed.exists():
            shutil.rmtree(self.doomed)
        return super().open(path)


def test_a_cgroup_that_vanishes_during_the_scrape_is_no_error(v2: Host) -> None:
    (doomed,) = v2.cgroupfs.glob(f"kubepods.slice/*/*/cri-containerd-{APP}.scope")
    rig = Rig(v2, kernel=RemovesWhileItIsRead(doomed))
    text = rig.text()
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    assert {series: value for series, value in errors.items() if value and 'kind="failed"' in series} == {}
    assert not any(APP in series for series in of_family(text, "container_cpu_usage_seconds_total"))
    assert len(of_family(text, "container_memory_usage_bytes")) == 7 + 2  # and the root and kubepods


def test_a_cgroup_that_is_back_is_read_again(v2: Host) -> None:
    (doomed,) = v2.cgroupfs.glob(f"kubepods.slice/*/*/cri-containerd-{APP}.scope")
    rig = Rig(v2)
    rig.collect()
    target = next(one for one in rig.inventory.targets if one.cgroup.path.endswith(doomed.name))
    target.is_gone = True
    assert APP in rig.text()


def test_a_folder_that_goes_away_between_being_listed_and_opened_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "kubepods").symlink_to(tmp_path / "nowhere")
    (tmp_path / "docker" / APP).mkdir(parents=True)
    found = walk.find(str(tmp_path))
    assert [cgroup.path for cgroup in found.cgroups] == ["/", f"/docker/{APP}"]
    assert found.refused == ()


def test_a_tree_that_is_too_large_is_cut_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS", 5)
    for number in range(10):
        (tmp_path / "docker" / f"{number:064x}").mkdir(parents=True)
    found = walk.find(str(tmp_path))
    assert len(found.cgroups) == 6
    assert found.refused == (f"the walk of {tmp_path}/docker stopped: there are more cgroups or folders than belong there",)
    assert found.is_capped


@pytest.mark.parametrize("elsewhere", ["a.slice", "user.slice", "user.slice/user-1000.slice", "docker", "docker/user.slice"])
def test_thousands_of_folders_elsewhere_hide_no_pod(elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS", 50)
    monkeypatch.setattr(walk, "MAX_CGROUPS_OF_USERS", 5)
    for number in range(100):
        (tmp_path / elsewhere / f"{number:064x}").mkdir(parents=True)
    pods = [f"kubepods/burstable/pod{UID}/{APP}", f"node/{APP}/kubelet/kubepods/pod{UID}/{APP}"]
    for path in pods:
        (tmp_path / path).mkdir(parents=True)
    found = walk.find(str(tmp_path))
    shown = {cgroup.path for cgroup in found.cgroups}
    assert {f"/{path}" for path in pods} <= shown
    assert found.is_capped
    assert len(shown) < 70


def test_users_cannot_make_room_for_more_by_slices_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS_OF_USERS", 5)
    for number in range(20):
        (tmp_path / "user.slice" / f"{number}" / "user.slice" / f"{number:064x}").mkdir(parents=True)
        (tmp_path / "docker" / f"{number}" / "user.slice" / f"{number:064x}").mkdir(parents=True)
    assert len(walk.find(str(tmp_path)).cgroups) == 1 + 5


def test_what_a_container_makes_in_itself_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_CGROUPS", 20)
    containers = [tmp_path / "kubepods" / f"pod{UID[:-1]}{pod}" / f"{pod:064x}" for pod in range(5)]
    for folder in containers:
        for number in range(50):
            (folder / f"{number + 1000:064x}").mkdir(parents=True)
    shown = {cgroup.path for cgroup in walk.find(str(tmp_path)).cgroups}
    assert {f"/{folder.relative_to(tmp_path)}" for folder in containers} <= shown


def test_folders_that_are_nobodys_are_not_looked_at_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_FOLDERS_OF_USERS", 7)
    for number in range(20):
        (tmp_path / "user.slice" / f"{number}").mkdir(parents=True)
    assert walk.find(str(tmp_path)).is_capped


def test_a_folder_of_another_user_that_may_not_be_listed_is_passed_over_and_reported() -> None:
    """As user.slice can be with rootless Podman; root may list all folders, so it becomes somebody else meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        (top / "user.slice" / "user-1000.slice").mkdir(parents=True)
        (top / "machine.slice" / f"libpod-{APP}.scope").mkdir(parents=True)
        top.chmod(0o755)
        (top / "user.slice").chmod(0o700 if os.geteuid() == 0 else 0o300)
        with somebody_else():
            found = walk.find(folder)
        (top / "user.slice").chmod(0o700)
    assert [cgroup.path for cgroup in found.cgroups] == ["/", f"/machine.slice/libpod-{APP}.scope"]
    assert found.refused == (f"cannot list {folder}/user.slice: Permission denied",)
    assert not found.is_capped


def test_links_in_the_tree_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "docker" / APP).mkdir(parents=True)
    assert [cgroup.path for cgroup in walk.find(str(tmp_path)).cgroups] == ["/", f"/docker/{APP}"]


def test_the_birth_of_a_container_does_not_move_when_its_files_do(v2: Host) -> None:
    rig = Rig(v2)
    first = of_family(rig.text(), "container_start_time_seconds")
    for file in v2.cgroupfs.rglob("*"):
        os.utime(file, (1_800_000_000, 1_800_000_000))
    assert of_family(rig.text(), "container_start_time_seconds") == first


def test_what_one_collector_cannot_parse_does_not_touch_the_others(v2: Host) -> None:
    (scope,) = v2.cgroupfs.glob(f"kubepods.slice/*/*/cri-containerd-{APP}.scope")
    (scope / "memory.current").write_bytes(b"\xff garbage")
    text = Rig(v2).text()
    of_app = {series.partition("{")[0] for series in samples(text) if APP in series}
    assert "container_memory_usage_bytes" not in of_app
    assert {"container_cpu_usage_seconds_total", "container_spec_memory_limit_bytes"} <= of_app
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    assert errors['foresail_exporter_collector_errors_total{collector="memory",kind="failed"}'] == 1
