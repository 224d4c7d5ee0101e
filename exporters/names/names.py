"""Answers who a container or a pod is, from the best source that knows.

The API knows most, the log folder knows some things sooner, and a new container may be known to neither for a while.
An answer therefore says whether a better one can still come, and is asked for again as long as it can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporters.names.book import PodBook
    from exporters.names.logs import LogFolder
    from exporters.names.pod import Pod


@dataclass(frozen=True, slots=True)
class Name:
    """The names that label a series; an empty one is not known."""

    namespace: str = ""
    pod: str = ""
    container: str = ""
    image: str = ""
    is_final: bool = False
    """No source can tell more."""

    def lacks_something_of(self, other: Name) -> bool:
        """Say whether ``other`` knows a pod or a container that this one does not."""
        return bool((other.pod and not self.pod) or (other.container and not self.container))


UNKNOWN = Name()
_NO_PODS: Mapping[str, Pod] = {}


@dataclass(frozen=True, slots=True)
class Facts:
    """What else is known of a container; what is empty or None is not known."""

    pod_uid: str = ""
    """As the API knows the pod, or else as its cgroup does."""
    node: str = ""
    workload_kind: str = ""
    workload: str = ""
    image_id: str = ""
    restarts: int | None = None
    is_final: bool = False
    """No source can tell more."""


class Names:
    """The sources of names of this node."""

    def __init__(self, book: PodBook | None, logs: LogFolder) -> None:
        self._book = book
        self._logs = logs

    def refresh(self) -> None:
        """Look at the sources that do not report by themselves; raises OSError when the log folder cannot be listed."""
        self._logs.refresh()

    def pods(self) -> Mapping[str, Pod]:
        """Return the pods of this node by UID, as the API tells them; none without the API.

        It is the same object until the API tells something new.
        """
        return _NO_PODS if self._book is None else self._book.page.pods

    def sources(self) -> tuple[object, object]:
        """Return what names are taken from, two objects that stay the same until one of them tells something new."""
        return None if self._book is None else self._book.page, self._logs.by_container_id

    def of_pod(self, uid: str) -> Name:
        """Name the pod whose cgroup carries ``uid``."""
        pod = None if self._book is None else self._book.page.by_cgroup_uid.get(uid)
        if pod is not None:
            return Name(pod.namespace, pod.name, is_final=True)
        logged = self._logs.by_pod_uid.get(uid)
        return UNKNOWN if logged is None else Name(logged.namespace, logged.pod, is_final=True)

    def of_container(self, container_id: str, pod_uid: str | None) -> Name:
        """Name the container, or if that is not known yet (and of a sandbox it never is) at least its pod."""
        told = None if self._book is None else self._book.page.by_container_id.get(container_id)
        if told is not None:
            pod, container = told
            return Name(pod.namespace, pod.name, container.name, container.image, is_final=True)
        logged = self._logs.by_container_id.get(container_id)
        if logged is not None:
            return Name(logged.namespace, logged.pod, logged.container, is_final=self._book is None)
        if pod_uid is None:
            return UNKNOWN
        pod_name = self.of_pod(pod_uid)
        return Name(pod_name.namespace, pod_name.pod)

    def is_on_host_network(self, pod_uid: str | None) -> bool:
        """Say whether the API knows the pod whose cgroup carries ``pod_uid`` as one with hostNetwork."""
        pod = None if self._book is None else self._book.page.by_cgroup_uid.get(pod_uid or "")
        return pod is not None and pod.host_network

    def facts(self, container_id: str, pod_uid: str | None) -> Facts:
        """Tell of a container what does not label all of its series."""
        told = None if self._book is None else self._book.page.by_container_id.get(container_id)
        if told is not None:
            pod, container = told
            return replace(_of_pod(pod), image_id=container.image_id, restarts=container.restarts, is_final=True)
        logged = self._logs.by_container_id.get(container_id)
        known = None if self._book is None else self._book.page.by_cgroup_uid.get(pod_uid or "")
        facts = Facts(pod_uid or "") if known is None else _of_pod(known)
        if logged is None:
            return facts
        return replace(facts, restarts=logged.restarts, is_final=self._book is None)


def _of_pod(pod: Pod) -> Facts:
    return Facts(pod.uid, pod.node, pod.workload.kind, pod.workload.name)
