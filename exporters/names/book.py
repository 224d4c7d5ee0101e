"""The pods of this node as last heard from the API, for readers in other threads.

The watch writes from the event loop while a collection reads from its thread, so every change makes a new, complete
page and puts it in place at once; nobody ever sees half of one. A node has some hundred pods: making a page costs less
than a lock would be worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporters.names.pod import Container, Pod


@dataclass(frozen=True, slots=True)
class Page:
    """All pods at one moment, with the keys by which cgroups ask."""

    pods: Mapping[str, Pod] = field(default_factory=dict)
    """By UID."""
    by_cgroup_uid: Mapping[str, Pod] = field(default_factory=dict)
    by_container_id: Mapping[str, tuple[Pod, Container]] = field(default_factory=dict)


class PodBook:
    """The current page, and the ways to turn it."""

    def __init__(self) -> None:
        self.page = Page()

    def replace(self, pods: Iterable[Pod]) -> None:
        """Forget everything and take ``pods`` instead."""
        self._turn({pod.uid: pod for pod in pods})

    def put(self, pod: Pod) -> None:
        """Add a pod, or take it in place of what was known of it or of an earlier pod with its name."""
        others = {uid: known for uid, known in self.page.pods.items() if _full_name(known) != _full_name(pod)}
        self._turn({**others, pod.uid: pod})

    def remove(self, uid: str) -> None:
        """Forget a pod; an unknown one is no error."""
        self._turn({known: pod for known, pod in self.page.pods.items() if known != uid})

    def _turn(self, pods: Mapping[str, Pod]) -> None:
        self.page = Page(
            pods,
            {pod.cgroup_uid: pod for pod in pods.values()},
            {container.container_id: (pod, container) for pod in pods.values() for container in pod.containers},
        )


def _full_name(pod: Pod) -> tuple[str, str]:
    return pod.namespace, pod.name
