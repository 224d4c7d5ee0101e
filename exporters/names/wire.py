"""The parts of the Kubernetes API's objects that the exporter reads, as they come over the wire.

Decoding into these types skips every other field without building it, which matters: nine tenths of a pod list are
managed fields and specifications that nobody here asks about. Meaning is given to them elsewhere.
"""

from __future__ import annotations

import msgspec


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    """Fields are spelled in camel case on the wire, and any of them may be missing or null."""


class OwnerReference(_Object, frozen=True):
    """metadata.ownerReferences[]."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Metadata(_Object, frozen=True):
    """Metadata of an object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None


class Resources(_Object, frozen=True):
    """spec.containers[].resources; the API writes whole numbers with or without quotes."""

    requests: dict[str, str | int | float] | None = None


class SpecContainer(_Object, frozen=True):
    """spec.containers[] and its siblings."""

    name: str = ""
    image: str | None = None
    restart_policy: str | None = None
    resources: Resources | None = None


class PodSpec(_Object, frozen=True):
    """Specification of a pod."""

    node_name: str | None = None
    host_network: bool | None = None
    containers: tuple[SpecContainer, ...] | None = None
    init_containers: tuple[SpecContainer, ...] | None = None
    ephemeral_containers: tuple[SpecContainer, ...] | None = None


class Terminated(_Object, frozen=True):
    """How a life of a container ended."""

    container_id: str | None = msgspec.field(default=None, name="containerID")


class ContainerState(_Object, frozen=True):
    """The state or the last state of a container."""

    terminated: Terminated | None = None


class ContainerStatus(_Object, frozen=True):
    """status.containerStatuses[] and its siblings."""

    name: str = ""
    image: str | None = None
    image_id: str | None = msgspec.field(default=None, name="imageID")
    container_id: str | None = msgspec.field(default=None, name="containerID")
    restart_count: int | None = None
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodStatus(_Object, frozen=True):
    """Status of a pod."""

    phase: str | None = None
    start_time: str | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    ephemeral_container_statuses: tuple[ContainerStatus, ...] | None = None


class PodObject(_Object, frozen=True):
    """A pod."""

    metadata: Metadata
    spec: PodSpec | None = None
    status: PodStatus | None = None


class PodList(_Object, frozen=True):
    """The answer to a list; its items are decoded one by one, so that one odd pod does not hide the others."""

    metadata: Metadata
    items: tuple[msgspec.Raw, ...] | None = None


class WatchEvent(_Object, frozen=True):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class Bookmark(_Object, frozen=True):
    """What every object of a watch carries: the version up to which everything has been told."""

    metadata: Metadata


class Status(_Object, frozen=True):
    """What the API answers when it refuses."""

    code: int | None = None
    reason: str | None = None
    message: str | None = None
