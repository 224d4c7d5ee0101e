"""All pods as decisions see them, converted once per version of a pod and shared by the loops."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autoscaler.api.selector import matches
from autoscaler.api.types import LabelSelector
from autoscaler.clients.kube.views import pod_view
from autoscaler.clients.ports import Json, Store
from autoscaler.model import PodView

ByNamespace = Mapping[str, Sequence[PodView]]


@dataclass(slots=True)
class PodIndex:
    """Views of the pods of a cache; a pod that has not changed is not converted again."""

    pods: Store
    replica_sets: Store
    _known: dict[str, tuple[str, PodView]] = field(default_factory=dict)  # uid -> resourceVersion, view

    def by_namespace(self) -> ByNamespace:
        """Return the views of all pods known now."""
        known: dict[str, tuple[str, PodView]] = {}
        found: dict[str, list[PodView]] = defaultdict(list)
        for obj in self.pods.items():
            version = obj["metadata"].get("resourceVersion", "")
            view = self._view(obj, version)
            if view.workload is not None:  # without one its ReplicaSet may only not be in the cache yet: look again
                known[view.uid] = (version, view)
            found[view.namespace].append(view)
        self._known = known
        return found

    def _view(self, obj: Json, version: str) -> PodView:
        before = self._known.get(obj["metadata"]["uid"])
        return before[1] if before and version and before[0] == version else pod_view(obj, self.replica_sets)


def selected(pods: ByNamespace, namespace: str, selector: LabelSelector) -> tuple[PodView, ...]:
    """Return the pods of a namespace that a selector matches, in the order of their names."""
    found = [pod for pod in pods.get(namespace, ()) if matches(selector, pod.labels)]
    return tuple(sorted(found, key=lambda pod: pod.name))
