"""What is known of a container besides its figures, told once and to be joined.

These facts would make every series longer and every dashboard that knows the six labels break, so they are labels of a
series of their own: ``… * on (id) group_left (workload) container_info``. Facts that are not known are left out; with
only the container log folder to ask, those are the pod's UID and the number of restarts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target, labelled

if TYPE_CHECKING:
    from exporters.names.names import Facts

INFO = Family(
    "container_info",
    Kind.INFO,
    "One for each container, with the UID of its pod, node, workload, class of quality of service, restarts before this "
    "life, and what its image was resolved to (Kubernetes API, or path of the cgroup and /var/log/containers).",
)


@dataclass(slots=True)
class _Told:
    """The labels of one container, once they cannot get better."""

    beginning: str = ""
    """The six labels as they were then."""
    labels: str = ""


def collect(scrape: Scrape) -> None:
    """Tell of each container; a pod's own cgroup is none."""
    for target in scrape.targets:
        container_id = target.cgroup.identity.container_id
        if container_id is None or target.is_gone:
            continue
        told = target.notes.of(_Told)
        labels = told.labels
        if not labels or told.beginning != target.labels:
            facts = scrape.names.facts(container_id, target.cgroup.identity.pod_uid)
            labels = _labels(target, facts)
            if facts.is_final:
                told.beginning, told.labels = target.labels, labels
        scrape.samples.add(INFO, labels, 1)


def _labels(target: Target, facts: Facts) -> str:
    qos = target.cgroup.identity.qos
    known = {
        "pod_uid": facts.pod_uid,
        "node": facts.node,
        "workload_kind": facts.workload_kind,
        "workload": facts.workload,
        "qos": "" if qos is None else qos.value,
        "restart_count": "" if facts.restarts is None else str(facts.restarts),
        "image_id": facts.image_id,
    }
    more = labelled(**{key: value for key, value in known.items() if value})
    return f"{target.labels},{more}" if more else target.labels


COLLECTOR = Collector(
    name="info",
    help="Facts about each container: pod UID, node, workload, restarts, image id",
    families=(INFO,),
    collect=collect,
)
