"""All pods as decisions see them, converted once per version of a pod and shared by the loops."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autoscaler.api.selector import matches
from autoscaler.api.types import LabelSelector
from autoscaler.clients.kube.views import pod_view
from autoscaler.clients.ports import Json, Store
from autoscaler.model import PodView


@dataclass(frozen=True, slots=True)
class Pods:
    """All pods of one moment, found by their labels without looking at all of them."""

    all: Sequence[PodView]
    _by_namespace: Mapping[str, Sequence[PodView]]
    _by_label: Mapping[tuple[str, str, str], Sequence[PodView]]  # namespace, key, value

    @classmethod
    def of(cls, views: Iterable[PodView]) -> "Pods":
        """Index some pods."""
        every = tuple(views)
        by_namespace: dict[str, list[PodView]] = defaultdict(list)
        by_label: dict[tuple[str, str, str], list[PodView]] = defaultdict(list)
        for pod in every:
            by_namespace[pod.namespace].append(pod)
            for key, value in pod.labels.items():
                by_label[pod.namespace, key, value].append(pod)
        return cls(every, by_namespace, by_label)

    def select(self, namespace: str, selector: LabelSelector) -> tuple[PodView, ...]:
        """Return the pods of a namespace that a selector matches, in the order of their names."""
        wanted = [self._by_label.get((namespace, key, value), ()) for key, value in selector.match_labels.items()]
        candidates = min(wanted, key=len) if wanted else self._by_namespace.get(namespace, ())
        return tuple(sorted((pod for pod in candidates if matches(selector, pod.labels)), key=lambda pod: pod.name))


@dataclass(slots=True)
class PodIndex:
    """Views of the pods of a cache; a pod that has not changed is not converted again."""

    pods: Store
    replica_sets: Store
    _known: dict[str, tuple[str, PodView]] = field(default_factory=dict)  # uid -> resourceVersion, view

    def look(self) -> Pods:
        """Return all pods known now."""
        known: dict[str, tuple[str, PodView]] = {}
        views: list[PodView] = []
        for obj in self.pods.items():
            version = obj["metadata"].get("resourceVersion", "")
            view = self._view(obj, version)
            if view.workload is not None:  # without one its ReplicaSet may only not be in the cache yet: look again
                known[view.uid] = (version, view)
            views.append(view)
        self._known = known
        return Pods.of(views)

    def _view(self, obj: Json, version: str) -> PodView:
        before = self._known.get(obj["metadata"]["uid"])
        return before[1] if before and version and before[0] == version else pod_view(obj, self.replica_sets)
