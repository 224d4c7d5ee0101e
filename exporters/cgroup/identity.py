"""Recognises pods, containers and a few others by the path of their cgroup.

Kubelets, runtimes and drivers all lay out their trees differently, may put any prefix before them (``--cgroup-root``,
a node that is itself a container), and ``/proc/<pid>/cgroup`` of another cgroup namespace begins with ``/../..``. So
only the end of a path is matched, never its beginning.

==================  ================================================================================
systemd driver      ``…/kubepods-burstable-pod<uid with _>.slice/cri-containerd-<id>.scope``
cgroupfs driver     ``…/kubepods/burstable/pod<uid>/<id>``, CRI-O ``…/crio-<id>``
Docker, Podman      ``/docker/<id>``, ``…/docker-<id>.scope``, ``…/libpod-<id>.scope``
containerd, misset  ``…/kubepods-pod<uid>.slice:cri-containerd:<id>`` (systemd path given to cgroupfs)
==================  ================================================================================

Monitors beside a container (``crio-conmon-…``, ``libpod-conmon-…``) and folders that a runtime puts below a
container's own are no containers.

Two more kinds are worth series although nobody named them: the folders under which a kubelet keeps its pods, one for
all and one for each class of quality, as the kubelet itself shows them, and what the user asks for by a pattern, such
as the services of a host without Kubernetes. Those are *plain*. The root is told apart from them, because its files
are few and some of them slow: who reads it must know that it is the root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_UID = r"[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}"
_POD = re.compile(rf"(?P<before>.*-)?pod(?P<uid>{_UID})(?:\.slice)?", re.IGNORECASE)
_RUNTIME = r"cri-containerd|crio|docker|libpod|libpod-payload|nerdctl"
_CONTAINER = re.compile(rf"(?:(?:{_RUNTIME})-)?(?P<id>[0-9a-f]{{64}})(?:\.scope)?")
_JOINED = re.compile(rf"(?P<slice>.*):(?:{_RUNTIME}):(?P<id>[0-9a-f]{{64}})")
_OF_KUBELET = re.compile(
    r".*/(?:kubepods(?:/burstable|/besteffort)?|(?:[^/]+-)?kubepods(?:-burstable|-besteffort)?\.slice)", re.DOTALL
)


class Kind(Enum):
    """What a cgroup stands for."""

    POD = "pod"
    CONTAINER = "container"
    PLAIN = "plain"
    """Neither, and yet wanted: a kubelet's folder of pods, or what the user asked for."""
    ROOT = "root"
    """The cgroup of the whole machine."""


class Qos(Enum):
    """Quality of service class of a pod, in Kubernetes' spelling."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the path of a cgroup says of it."""

    kind: Kind
    pod_uid: str | None
    """With dashes, as the API writes it; of a static pod the 32 digits of its configuration's hash."""
    container_id: str | None
    qos: Qos | None
    """None outside a pod."""
    is_disowned: bool = False
    """Somebody else's claim to the id is better, see ``claims``: it is never named."""


PLAIN = Identity(Kind.PLAIN, None, None, None)
ROOT = Identity(Kind.ROOT, None, None, None)


def identify(path: str, include: re.Pattern[str] | None = None) -> Identity | None:
    """Say what the cgroup at ``path`` is; None for what nobody wants to see.

    ``include`` is matched with the whole path of a cgroup that is neither pod nor container. The root is not known by
    its path, see ``walk``.
    """
    above, _, name = path.rpartition("/")
    if (container := _CONTAINER.fullmatch(name)) is not None:
        return _container(container["id"], above)
    if (joined := _JOINED.fullmatch(name)) is not None:
        return _container(joined["id"], f"{above}/{joined['slice']}")
    if (pod := _pod(path)) is not None:
        return Identity(Kind.POD, pod[0], None, pod[1])
    if _OF_KUBELET.fullmatch(path) is not None or (include is not None and include.fullmatch(path) is not None):
        return PLAIN
    return None


def is_of_user(path: str) -> bool:
    """Say whether a cgroup lies where systemd lets users of the machine make cgroups as they like."""
    return "/user.slice/" in path


def container_of(path: str) -> str | None:
    """Return the id of the innermost container that the cgroup at ``path`` is or lies in."""
    for name in reversed(path.split("/")):
        found = _CONTAINER.fullmatch(name) or _JOINED.fullmatch(name)
        if found is not None:
            return found["id"]
    return None


def _container(container_id: str, above: str) -> Identity:
    uid, qos = _pod(above) or (None, None)
    return Identity(Kind.CONTAINER, uid, container_id, qos)


def _pod(path: str) -> tuple[str, Qos] | None:
    above, _, name = path.rpartition("/")
    found = _POD.fullmatch(name)
    if found is None:
        return None
    placed = (found["before"] or "").rstrip("-") or above
    return found["uid"].replace("_", "-").lower(), _qos(placed)


def _qos(placed: str) -> Qos:
    """Read the class from what stands before the pod: kubepods puts Guaranteed pods directly below itself."""
    if placed.endswith("burstable"):
        return Qos.BURSTABLE
    if placed.endswith("besteffort"):
        return Qos.BEST_EFFORT
    return Qos.GUARANTEED
