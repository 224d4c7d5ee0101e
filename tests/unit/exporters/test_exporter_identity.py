"""Paths of pods and containers, as kubelets and runtimes lay them out."""

from __future__ import annotations

import re

import pytest

from exporters.cgroup.identity import PLAIN, Identity, Kind, Qos, container_of, identify

UID = "8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"
UNDER = UID.replace("-", "_")
HASH = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ID = "a9" * 32
OTHER = "5b" * 32
IN_KIND = f"/docker/{OTHER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice"


@pytest.mark.parametrize(
    ("path", "uid", "qos"),
    [
        (f"/kubepods/pod{UID}", UID, Qos.GUARANTEED),
        (f"/kubepods/burstable/pod{UID}", UID, Qos.BURSTABLE),
        (f"/kubepods/besteffort/pod{UID}", UID, Qos.BEST_EFFORT),
        (f"/kubepods.slice/kubepods-pod{UNDER}.slice", UID, Qos.GUARANTEED),
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice", UID, Qos.BURSTABLE),
        (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{HASH}.slice", HASH, Qos.BEST_EFFORT),
        (f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable-pod{UNDER}.slice", UID, Qos.BURSTABLE),
        (f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{UID}", UID, Qos.BURSTABLE),
        (f"/kubepods/burstable/pod{HASH}", HASH, Qos.BURSTABLE),
    ],
)  # fmt: skip
def test_a_pod_is_known_by_the_end_of_its_path(path: str, uid: str, qos: Qos) -> None:
    assert identify(path) == Identity(Kind.POD, uid, None, qos)


@pytest.mark.parametrize(
    ("path", "uid", "qos"),
    [
        (f"/kubepods/burstable/pod{UID}/{ID}", UID, Qos.BURSTABLE),
        (f"/kubepods/pod{UID}/crio-{ID}", UID, Qos.GUARANTEED),
        (f"/kubepods.slice/kubepods-pod{UNDER}.slice/cri-containerd-{ID}.scope", UID, Qos.GUARANTEED),
        (f"/kubepods.slice/kubepods-burstable-pod{UNDER}.slice/crio-{ID}.scope", UID, Qos.BURSTABLE),
        (f"/kubepods.slice/kubepods-besteffort-pod{UNDER}.slice/docker-{ID}.scope", UID, Qos.BEST_EFFORT),
        (f"/system.slice/kubepods-burstable-pod{UNDER}.slice:cri-containerd:{ID}", UID, Qos.BURSTABLE),
        (f"/kubepods-pod{UNDER}.slice:cri-containerd:{ID}", UID, Qos.GUARANTEED),
        (f"/docker/{ID}", None, None),
        (f"/system.slice/docker-{ID}.scope", None, None),
        (f"/machine.slice/libpod-{ID}.scope", None, None),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", None, None),
        (f"/default/nerdctl-{ID}.scope", None, None),
        (f"/machine.slice/libpod-{ID}.scope/libpod-payload-{ID}", None, None),
        (f"/kubepods.slice/kubepods-pod{HASH}.slice/crio-{ID}.scope", HASH, Qos.GUARANTEED),
        (f"/kubepods/burstable/pod{HASH}/{ID}", HASH, Qos.BURSTABLE),
        (f"/ecs/0f1e2d3c/{ID}", None, None),
        (f"/lxc.payload.node/ns/system.slice/docker-{ID}.scope", None, None),
        (f"{IN_KIND}/kubelet-kubepods-burstable-pod{UNDER}.slice/cri-containerd-{ID}.scope", UID, Qos.BURSTABLE),
        (f"/kubepods/pod{UID}/{OTHER}/docker/{ID}", None, None),
    ],
)  # fmt: skip
def test_a_container_is_known_by_the_end_of_its_path(path: str, uid: str | None, qos: Qos | None) -> None:
    assert identify(path) == Identity(Kind.CONTAINER, uid, ID, qos)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/burstable",
        "/kubepods/guaranteed",
        "/kubepods.slice/kubepods-critical.slice",
        "/system.slice/kubepods.service",
        "/system.slice/ssh.service",
        f"/kubepods/pod{UID}/crio-conmon-{ID}",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/kubepods/pod{UID}/{ID}/container",
        f"/docker/{ID[:-1]}",
        f"/docker/{ID}0",
        f"/docker/{ID.upper()}",
        "/podman",
        "/machine.slice/podman-1234.scope",
    ],
)
def test_everything_else_is_nothing(path: str) -> None:
    assert identify(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "/kubepods",
        "/kubepods/burstable",
        "/kubepods/besteffort",
        "/kubepods.slice",
        "/kubepods.slice/kubepods-burstable.slice",
        "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice",
        f"/docker/{OTHER}/kubelet/kubepods/burstable",
    ],
)
def test_the_folders_of_a_kubelet_are_plain(path: str) -> None:
    assert identify(path) == PLAIN


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        (r"/system\.slice/[^/]+\.service", "/system.slice/ssh.service", PLAIN),
        (r"/system\.slice/[^/]+\.service", "/system.slice/ssh.service/below", None),
        (r"/system\.slice/[^/]+\.service", "/other.slice/system.slice/ssh.service", None),
        (r".*", "/anything", PLAIN),
        (r".*", f"/docker/{ID}", Identity(Kind.CONTAINER, None, ID, None)),
    ],
)
def test_a_pattern_adds_cgroups_by_their_whole_path_and_takes_none_away(
    pattern: str, path: str, expected: Identity | None
) -> None:
    assert identify(path, re.compile(pattern)) == expected


@pytest.mark.parametrize(
    "path",
    [
        f"/../../kubepods/burstable/pod{UID}/{ID}",
        f"/../cri-containerd-{ID}.scope",
        f"/kubepods/pod{UID}/crio-{ID}.scope/container",
        f"/docker/{OTHER}/docker/{ID}/init.scope",
        f"/system.slice/kubepods-pod{UNDER}.slice:cri-containerd:{ID}",
    ],
)
def test_a_process_belongs_to_the_innermost_container_of_its_path(path: str) -> None:
    assert container_of(path) == ID


def test_a_process_outside_belongs_to_none() -> None:
    assert container_of("/user.slice/user-0.slice") is None
