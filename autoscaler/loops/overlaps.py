"""Pods that several objects of ours scale by: the HPA's AmbiguousSelector. Pure.

Their load would be counted for each of them, and no count could be right. Of two objects with the same *target* the older one
scales (`rivals`), and the other does not count here.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from autoscaler.model import ObjectKey, PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.types import SelectorFault


def find(selected: Mapping[ObjectKey, Sequence[PodView]]) -> Mapping[ObjectKey, SelectorFault]:
    """Return what is wrong with the selector of each object of which another selects a pod as well."""
    by_pod: dict[tuple[str, str], set[ObjectKey]] = defaultdict(set)
    for key, pods in selected.items():
        for pod in pods:
            by_pod[pod.namespace, pod.name].add(key)
    found: dict[ObjectKey, SelectorFault] = {}
    for key, pods in selected.items():
        others = {other for pod in pods for other in by_pod[pod.namespace, pod.name]} - {key}
        if others:
            names = ", ".join(map(str, sorted(others)))
            text = f"pods of the target are also selected by the targets of {names}; give each its own labels"
            found[key] = SelectorFault(Reason.AMBIGUOUS_SELECTOR, Reason.AMBIGUOUS_SELECTOR, text)
    return found
