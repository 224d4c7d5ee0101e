"""Pods as the exporter knows them: cut down to what names, workloads and requests need.

Which pods exist is left to the book and the watch, the spelling on the wire to ``wire``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from exporters.names.owner import Owner, Workload, workload_of
from exporters.names.quantity import quantity
from exporters.names.wire import ContainerState, ContainerStatus, Metadata, PodObject, PodSpec, PodStatus, SpecContainer

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIGURATION_HASH = "kubernetes.io/config.mirror"
_LONGEST_IMAGE = 1024  # the API sets no limit, and the name becomes a label of every series
_FINISHED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod, in one of its lives."""

    container_id: str
    """The runtime's id, without the ``containerd://`` before it."""
    name: str
    image: str
    image_id: str = ""
    """What the image was resolved to, as the runtime writes it; empty for a life before the present one."""
    restarts: int | None = None
    """How many lives the container had before this one; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Request:
    """How much of a resource a container asks for."""

    container: str
    resource: str
    unit: str
    amount: float


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of this node."""

    namespace: str
    name: str
    uid: str
    cgroup_uid: str
    """The UID in the path of its cgroup: its own, or of a static pod the hash of its configuration."""
    node: str
    host_network: bool
    workload: Workload
    started_s: float | None
    """When the kubelet took it up, in seconds since 1970."""
    containers: tuple[Container, ...]
    requests: tuple[Request, ...]
    """Empty once the pod has finished, because it then takes up nothing."""


class NotAPodError(ValueError):
    """The object is no pod, or lacks what every pod has."""


def pod_of(raw: bytes | msgspec.Raw) -> Pod:
    """Read a pod from its JSON; raises NotAPodError."""
    try:
        told = msgspec.json.decode(raw, type=PodObject)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAPodError(f"not a pod: {error}") from error
    metadata, spec, status = told.metadata, told.spec or PodSpec(), told.status or PodStatus()
    if not (metadata.namespace and metadata.name and metadata.uid):
        raise NotAPodError(f"no namespace, name or uid: {metadata.namespace}/{metadata.name} {metadata.uid}")
    node = spec.node_name or ""
    configuration = (metadata.annotations or {}).get(_CONFIGURATION_HASH, "")
    return Pod(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        cgroup_uid=configuration or metadata.uid,
        node=node,
        host_network=spec.host_network is True,
        workload=Workload("StaticPod", metadata.name.removesuffix(f"-{node}")) if configuration else _workload(metadata),
        started_s=_moment_s(status.start_time),
        containers=tuple(_containers(spec, status)),
        requests=() if status.phase in _FINISHED else tuple(_requests(spec)),
    )


def _workload(metadata: Metadata) -> Workload:
    for reference in metadata.owner_references or ():
        if reference.controller:
            template_hash = (metadata.labels or {}).get("pod-template-hash", "")
            created_s = _moment_s(metadata.creation_timestamp)
            return workload_of(Owner(reference.kind, reference.name, template_hash, created_s))
    return Workload("Pod", metadata.name)


def _containers(spec: PodSpec, status: PodStatus) -> Iterator[Container]:
    """Name every life of a container that the API still remembers: a cgroup may outlive its status by a moment."""
    specified = (*(spec.init_containers or ()), *(spec.containers or ()), *(spec.ephemeral_containers or ()))
    images = {container.name: container.image or "" for container in specified}
    for entry in (
        *(status.init_container_statuses or ()),
        *(status.container_statuses or ()),
        *(status.ephemeral_container_statuses or ()),
    ):
        image = entry.image or ""
        if not image or image.startswith("sha256:"):
            image = images.get(entry.name) or image
        image_id = (entry.image_id or "")[:_LONGEST_IMAGE]
        for container_id, is_present in sorted(_ids(entry).items()):
            restarts = _restarts(entry, is_present=is_present)
            yield Container(container_id, entry.name, image[:_LONGEST_IMAGE], image_id if is_present else "", restarts)


def _ids(entry: ContainerStatus) -> dict[str, bool]:
    """Map the id of each life to whether it is the present one, which is the one that the count of restarts means."""
    ended = (_ended(entry.last_state), False), (_ended(entry.state), True)
    told = (*ended, (entry.container_id, True))
    return {bare: is_present for one, is_present in told if one and (bare := one.rpartition("//")[2])}


def _ended(state: ContainerState | None) -> str | None:
    return state.terminated.container_id if state is not None and state.terminated is not None else None


def _restarts(entry: ContainerStatus, *, is_present: bool) -> int | None:
    if entry.restart_count is None:
        return None
    restarts = entry.restart_count if is_present else entry.restart_count - 1
    return restarts if restarts >= 0 else None


def _requests(spec: PodSpec) -> Iterator[Request]:
    """Count the containers that run along: an init container only if it is a sidecar (restartPolicy Always)."""
    sidecars = (container for container in spec.init_containers or () if container.restart_policy == "Always")
    for container in (*sidecars, *(spec.containers or ())):
        for resource, text in _asked(container).items():
            amount = quantity(str(text))
            if amount is not None:
                yield Request(container.name, _label(resource), _unit(resource), amount)


def _asked(container: SpecContainer) -> dict[str, str | int | float]:
    return (container.resources.requests if container.resources is not None else None) or {}


def _label(resource: str) -> str:
    """Write a resource as kube-state-metrics does: ``nvidia.com/gpu`` becomes ``nvidia_com_gpu``."""
    return "".join(letter if letter.isalnum() else "_" for letter in resource)


def _unit(resource: str) -> str:
    if resource == "cpu":
        return "core"
    is_bytes = resource in {"memory", "ephemeral-storage"} or resource.startswith("hugepages-")
    return "byte" if is_bytes else "integer"


def _moment_s(text: str | None) -> float | None:
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
