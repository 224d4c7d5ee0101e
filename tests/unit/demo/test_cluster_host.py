"""What the cluster changes outside its folder is given back, and nothing else is touched."""

from pathlib import Path

import pytest

from demo.cluster.host import Roots, Traces, look_before, read_traces, remove_cgroups, remove_files, restore_settings


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    made = Roots(tmp_path / "files", tmp_path / "sys", tmp_path / "cgroup")
    for folder in ("var/log", "var/lib", "run"):
        (made.files / folder).mkdir(parents=True)
    for name in ("vm/overcommit_memory", "kernel/panic"):
        (made.settings / name).parent.mkdir(parents=True, exist_ok=True)
        (made.settings / name).write_text("0\n")
    for hierarchy in ("cpu", "memory"):
        (made.cgroups / hierarchy).mkdir(parents=True)
    return made


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_folders_that_were_not_there_go_away(roots: Roots) -> None:
    was, before = tree(roots.files), look_before(roots)
    make(roots.files, "var/log/pods/ns_pod_uid/app/0.log", "var/log/containers/pod_ns_app-1.log")
    make(roots.files, "var/lib/kubelet/device-plugins/kubelet.sock", "var/lib/cni/results/foresail-1-eth0")
    make(roots.files, "var/lib/cni/results/cni-loopback-abc-lo", "run/containerd/s/0123")
    remove_files(before, Traces((roots.files / "run/containerd/s/0123",), ("abc",)), roots)
    assert tree(roots.files) == was


def test_what_others_had_in_those_folders_stays(roots: Roots) -> None:
    make(roots.files, "var/log/pods/old/0.log", "var/lib/cni/results/docker-1-eth0", "run/containerd/containerd.sock")
    make(roots.files, "var/lib/kubelet/config.yaml", "run/containerd/s/4567")
    was, before = tree(roots.files), look_before(roots)
    make(roots.files, "var/log/pods/new/0.log", "var/lib/cni/results/foresail-1-eth0", "run/containerd/s/0123")
    make(roots.files, "var/lib/cni/results/docker-2-eth0")
    remove_files(before, Traces((roots.files / "run/containerd/s/0123",)), roots)
    assert tree(roots.files) == was | {"var/lib/cni/results/docker-2-eth0"}


def test_kernel_settings_get_their_former_values(roots: Roots) -> None:
    before = look_before(roots)
    assert before.settings == {"vm/overcommit_memory": "0\n", "kernel/panic": "0\n"}
    (roots.settings / "kernel/panic").write_text("10\n")
    restore_settings(before, roots)
    assert (roots.settings / "kernel/panic").read_text() == "0\n"


def test_pods_cgroups_go_away_where_there_were_none_and_stay_where_there_were(roots: Roots) -> None:
    (roots.cgroups / "memory" / "kubepods").mkdir()
    before = look_before(roots)
    (roots.cgroups / "cpu" / "kubepods" / "burstable" / "pod1").mkdir(parents=True)
    remove_cgroups(before)
    assert not (roots.cgroups / "cpu" / "kubepods").exists()
    assert (roots.cgroups / "memory" / "kubepods").exists()


def test_the_sockets_of_shims_and_the_ids_of_sandboxes_are_read_from_containerd_s_folders(tmp_path: Path) -> None:
    make(tmp_path, "root/io.containerd.grpc.v1.cri/sandboxes/abc/resolv.conf")
    note = tmp_path / "state/io.containerd.runtime.v2.task/k8s.io/abc/address"
    note.parent.mkdir(parents=True)
    note.write_text("unix:///run/containerd/s/0123")
    assert read_traces(tmp_path) == Traces((Path("/run/containerd/s/0123"),), ("abc",))
    assert read_traces(tmp_path / "none") == Traces()
