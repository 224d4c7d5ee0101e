"""Recognises pods and containers by the path of their cgroup.

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


class Kind(Enum):
    """What a cgroup stands for."""

    POD = "pod"
    CONTAINER = "container"


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


def identify(path: str) -> Identity | None:
    """Say which pod or container the cgroup at ``path`` is; None for everything else."""
    above, _, name = path.rpartition("/")
    if (container := _CONTAINER.fullmatch(name)) is not None:
        return _container(container["id"], above)
    if (joined := _JOINED.fullmatch(name)) is not None:
        return _container(joined["id"], f"{above}/{joined['slice']}")
    if (pod := _pod(path)) is not None:
        return Identity(Kind.POD, pod[0], None, pod[1])
    return None


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
