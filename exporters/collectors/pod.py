"""What the API says of the pods of this node, so that dashboards and the service need no other source for it.

The six labels of a container series cannot carry the workload without breaking every dashboard that knows them, so
the workload is told once for each pod and joined. Nothing is told here without the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.collectors.contract import Collector, Family, Kind, Samples, Scrape, labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporters.names.pod import Pod

INFO = Family(
    "foresail_pod_info",
    Kind.INFO,
    "One for each pod of this node, with the workload that owns it (Kubernetes API).",
)
START_TIME = Family(
    "foresail_pod_start_time_seconds",
    Kind.GAUGE,
    "When the kubelet took the pod up, in seconds since 1970 (Kubernetes API, status.startTime).",
)
REQUESTS = Family(
    "foresail_pod_container_resource_requests",
    Kind.GAUGE,
    "Resources that a container of an unfinished pod asks for, sidecars included "
    "(Kubernetes API, spec.containers[].resources.requests).",
)


@dataclass(slots=True)
class _Written:
    """The lines of all pods, written once for as long as the API tells nothing new."""

    pods: Mapping[str, Pod] | None = None
    lines: Sequence[tuple[Family, bytes]] = ()


def collect(scrape: Scrape) -> None:
    """Write out all pods, ordered by name."""
    written = scrape.notes.of(_Written)
    pods = scrape.names.pods()
    if pods is not written.pods:
        samples = Samples(COLLECTOR.families)
        _add(samples, pods.values())
        written.pods, written.lines = pods, tuple(samples.encoded())
    for family, lines in written.lines:
        scrape.samples.add_lines(family, lines)


def _add(samples: Samples, pods: Iterable[Pod]) -> None:
    for pod in sorted(pods, key=lambda pod: (pod.namespace, pod.name)):
        of_pod = labelled(namespace=pod.namespace, pod=pod.name)
        facts = labelled(
            uid=pod.uid,
            node=pod.node,
            workload_kind=pod.workload.kind,
            workload=pod.workload.name,
            host_network=str(pod.host_network).lower(),
        )
        samples.add(INFO, f"{of_pod},{facts}", 1)
        if pod.started_s is not None:
            samples.add(START_TIME, of_pod, pod.started_s)
        for request in pod.requests:
            asked = labelled(container=request.container, resource=request.resource, unit=request.unit)
            samples.add(REQUESTS, f"{of_pod},{asked}", request.amount)


COLLECTOR = Collector(
    name="pod",
    help="Pods of this node with their workload, start and requests (needs the Kubernetes API)",
    families=(INFO, START_TIME, REQUESTS),
    collect=collect,
)
