"""Whoever may make cgroups cannot pose as somebody else's pod or container."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from exporters.cgroup.claims import settle
from exporters.cgroup.identity import Kind, identify
from exporters.cgroup.walk import Cgroup
from tests.unit.exporters.trees import Host, Rig, of_family

if TYPE_CHECKING:
    from exporters.names.book import PodBook

UID = "8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"
APP, OTHER = "a9" * 32, "5b" * 32
SLICE = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8d3f1c52_6a70_4b1e_9c1d_0f5a2b7e4c11.slice"
VICTIM = f"{SLICE}/cri-containerd-{APP}.scope"
USERS = "user.slice/user-1000.slice/user@1000.service"


def owners(*paths: str) -> set[str]:
    """Return the paths that keep what they claim."""
    cgroups = []
    for inode, path in enumerate(sorted(paths)):
        identity = identify(path)
        assert identity is not None
        cgroups.append(Cgroup(path, inode, identity))
    settled, _ = settle(cgroups)
    assert [one.path for one in settled] == [one.path for one in cgroups]
    return {one.path for one in settled if one.identity.kind is not Kind.PLAIN and not one.identity.is_disowned}


@pytest.mark.parametrize(
    ("right", "posing"),
    [
        (f"/kubepods/burstable/pod{UID}/{APP}", f"/docker/{APP}"),
        (f"/{SLICE}/cri-containerd-{APP}.scope", f"/a/{APP}"),
        (f"/{SLICE}/cri-containerd-{APP}.scope", f"/a.slice/kubepods/cri-containerd-{APP}.scope"),
        (f"/kubepods/burstable/pod{UID}/{APP}", f"/kubepods/burstable/pod{UID[:-1]}2/{OTHER}/kubepods/pod{UID}/{APP}"),
        (f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{UID}/{APP}", f"/docker/{APP}"),
        (f"/docker/{OTHER}/kubelet.slice/kubelet-kubepods.slice/{APP}", f"/a/b/c/{APP}"),
        (f"/docker/{APP}", f"/docker/{OTHER}/{APP}"),
        (f"/kubepods/burstable/pod{UID}", f"/a/pod{UID}"),
        (f"/{SLICE}", f"/system.slice/{SLICE}"),
        (f"/docker/{APP}", f"/{USERS}/{APP}"),
        (f"/docker/{APP}", f"/{USERS}/kubepods/{APP}"),
    ],
)  # fmt: skip
def test_of_two_that_claim_the_same_one_is_believed(right: str, posing: str) -> None:
    assert owners(right, posing) == {right}


def test_a_container_in_the_folder_of_a_pod_that_is_not_that_pod_is_not_of_it() -> None:
    pod = f"/kubepods/burstable/pod{UID}"
    assert owners(pod, f"{pod}/{APP}", f"/a/pod{UID}", f"/a/pod{UID}/{OTHER}") == {pod, f"{pod}/{APP}"}


def test_a_container_whose_path_was_meant_for_systemd_is_of_its_pod() -> None:
    joined = f"/system.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice:cri-containerd:{APP}"
    assert owners(f"/{SLICE}", joined) == {f"/{SLICE}", joined}


def test_what_users_make_is_never_anybodys() -> None:
    assert owners(f"/{USERS}/user.slice/libpod-{APP}.scope", f"/{USERS}/{SLICE}") == set()


def test_what_a_runtime_puts_below_its_own_container_is_no_dispute() -> None:
    paths = f"/machine.slice/libpod-{APP}.scope", f"/machine.slice/libpod-{APP}.scope/libpod-payload-{APP}"
    cgroups = [Cgroup(path, 1, identity) for path in paths if (identity := identify(path)) is not None]
    assert settle(cgroups)[1] == []


def labels(text: str, part: str) -> list[str]:
    """Return the labels of the cgroups whose path has ``part``."""
    return [series for series in of_family(text, "container_memory_usage_bytes") if part in series]


@pytest.mark.parametrize("folder", ["user.slice/user-1000.slice/user@1000.service", "system.slice/delegated.service"])
def test_a_user_with_a_part_of_the_tree_cannot_pose_as_a_pod(folder: str, v2: Host, book: PodBook) -> None:
    before = labels(Rig(v2, book).text(), SLICE)
    shutil.copytree(v2.cgroupfs / SLICE, v2.cgroupfs / folder / SLICE)
    fresh = v2.cgroupfs / folder / SLICE / f"cri-containerd-{OTHER}.scope"
    shutil.copytree(v2.cgroupfs / VICTIM, fresh)
    rig = Rig(v2, book)
    text = rig.text()
    shown = labels(text, f'id="/{folder}')
    assert len(shown) > 2
    assert [series for series in shown if 'namespace="",pod=""' not in series or 'container="",' not in series] == []
    assert [series for series in labels(text, SLICE) if series not in shown] == before
    info = [series for series in of_family(text, "container_info") if folder in series]
    assert [series for series in info if "pod_uid" in series or "workload" in series] == []
    failed = of_family(text, "foresail_exporter_collector_errors_total")
    assert failed['foresail_exporter_collector_errors_total{collector="discovery",kind="failed"}'] > 0


def test_containers_of_rootless_podman_are_told_by_path_and_are_no_fault(v2: Host, book: PodBook) -> None:
    shutil.copytree(v2.cgroupfs / SLICE / f"cri-containerd-{APP}.scope", v2.cgroupfs / USERS / f"libpod-{OTHER}.scope")
    text = Rig(v2, book).text()
    (series,) = labels(text, OTHER)
    assert f'id="/{USERS}/libpod-{OTHER}.scope",image="",name="{OTHER}",namespace="",pod=""' in series
    failed = of_family(text, "foresail_exporter_collector_errors_total")
    assert failed['foresail_exporter_collector_errors_total{collector="discovery",kind="failed"}'] == 0


@pytest.mark.parametrize("folder", [USERS, "system.slice/delegated.service"])
def test_processes_of_who_poses_are_not_the_containers(folder: str, v2: Host, book: PodBook) -> None:
    def told(family: str) -> dict[str, float]:
        return {series: value for series, value in of_family(Rig(v2, book).text(), family).items() if "shop" in series}

    families = "container_processes", "container_network_receive_bytes_total"
    before = [told(family) for family in families]
    shutil.copytree(v2.cgroupfs / VICTIM, v2.cgroupfs / folder / VICTIM)
    v2.write("proc/3/cgroup", f"0::/../../../{folder}/{VICTIM}\n")
    v2.write("proc/3/net/dev", "heading\nheading\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")
    assert [told(family) for family in families] == before


def test_whoever_was_believed_loses_its_names_to_a_better_claim_and_has_them_after_it(v2: Host, book: PodBook) -> None:
    rig = Rig(v2, book)
    shutil.move(v2.cgroupfs / SLICE, v2.cgroupfs / "elsewhere")
    shutil.copytree(v2.cgroupfs / "elsewhere", v2.cgroupfs / "system.slice" / SLICE)
    shutil.move(v2.cgroupfs / "elsewhere", v2.folder / "elsewhere")
    assert all('namespace="shop"' in series for series in labels(rig.text(), f'id="/system.slice/{SLICE}'))
    shutil.move(v2.folder / "elsewhere", v2.cgroupfs / SLICE)
    text = rig.text()
    assert all('namespace=""' in series for series in labels(text, f'id="/system.slice/{SLICE}'))
    assert all('namespace="shop"' in series for series in labels(text, f'id="/{SLICE}'))
    shutil.rmtree(v2.cgroupfs / SLICE)
    assert all('namespace="shop"' in series for series in labels(rig.text(), f'id="/system.slice/{SLICE}'))
