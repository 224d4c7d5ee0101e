"""What is known of a container besides its figures, told once and to be joined.

These facts would make every series longer and every dashboard that knows the six labels break, so they are labels of a
series of their own: ``… * on (id) group_left (workload) container_info``. Facts that are not known are left out; with
only the container log folder to ask, those are the pod's UID and the number of restarts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target, labelled
from exporters.names.names import Facts

if TYPE_CHECKING:
    from exporters.names.names import Names

_NOTHING = Facts(is_final=True)
"""What is known of a container that only poses as one."""

INFO = Family(
    "container_info",
    Kind.INFO,
    "One for each container, with the UID of its pod, node, workload, class of quality of service, restarts before this "
    "life, and what its image was resolved to (Kubernetes API, or path of the cgroup and /var/log/containers).",
)


@dataclass(slots=True)
class _Told:
    """The labels of one container, written once for as long as what is known of it stays the same."""

    beginning: str = ""
    """The six labels as they were then."""
    facts: Facts | None = None
    labels: bytes = b""

    def of(self, target: Target, names: Names) -> bytes:
        facts = self.facts
        is_renamed = self.beginning != target.labels
        if facts is None or is_renamed or not facts.is_final:
            identity = target.cgroup.identity
            facts = _NOTHING if identity.is_disowned else names.facts(identity.container_id or "", identity.pod_uid)
            if is_renamed or facts != self.facts:
                self.beginning, self.facts, self.labels = target.labels, facts, _labels(target, facts)
        return self.labels


def collect(scrape: Scrape) -> None:
    """Tell of each container; a pod's own cgroup is none."""
    containers = [one for one in scrape.targets if one.cgroup.identity.container_id is not None and not one.is_gone]
    labels = [one.notes.of(_Told).of(one, scrape.names) for one in containers]
    scrape.samples.add_column(INFO, labels, [b"1"] * len(labels))


def _labels(target: Target, facts: Facts) -> bytes:
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
    return f"{{{target.labels},{more}}} ".encode() if more else f"{{{target.labels}}} ".encode()


COLLECTOR = Collector(
    name="info",
    help="Facts about each container: pod UID, node, workload, restarts, image id",
    families=(INFO,),
    collect=collect,
)
