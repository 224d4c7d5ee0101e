"""JSON of the API to what decisions are made from; pure, and lenient: what is not there is None, never an error.

`resources.trim_pod` and its like keep exactly what is read here.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from autoscaler.api.quantity import exact, milli, parse_milli
from autoscaler.clients.kube.resources import Json
from autoscaler.clients.ports import Store
from autoscaler.clients.timestamps import seconds
from autoscaler.model import PodPhase, PodView, WorkloadKey, WorkloadView

Amounts = dict[str, Fraction]  # by resource

_MIRROR = "kubernetes.io/config.mirror"  # set by the kubelet on a static pod's image in the API


def pod_view(obj: Json, replica_sets: Store) -> PodView:
    """Return what decisions need of a pod; `replica_sets` tells which Deployment stands behind its ReplicaSet."""
    meta, spec, status = obj["metadata"], obj.get("spec", {}), obj.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    ready = conditions.get("Ready")
    created_s = seconds(meta.get("creationTimestamp")) or 0.0
    unplaced = _unplaced(conditions.get("PodScheduled", {}))
    return PodView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        phase=_phase(status.get("phase")),
        created_s=created_s,
        labels=meta.get("labels", {}),
        annotations=meta.get("annotations", {}),
        workload=workload_of(obj, replica_sets),
        node=spec.get("nodeName"),
        start_s=seconds(status.get("startTime")),
        ready=None if ready is None else ready.get("status") == "True",
        readiness_unknown=ready is not None and ready.get("status") == "Unknown",
        ready_changed_s=None if ready is None else seconds(ready.get("lastTransitionTime")),
        deleting="deletionTimestamp" in meta,
        mirror=_MIRROR in meta.get("annotations", {}),
        priority_class=spec.get("priorityClassName"),
        disruption_target=conditions.get("DisruptionTarget", {}).get("status") == "True",
        unschedulable_since_s=None if unplaced is None else seconds(unplaced.get("lastTransitionTime")) or created_s,
        unschedulable_why="" if unplaced is None else unplaced.get("message", ""),
        restarts=sum(_restarts(status)),
        requests_milli=_requests(spec),
        pod_requests_milli=_of_the_whole(spec),
    )


def workload_of(pod: Json, replica_sets: Store) -> WorkloadKey | None:
    """Return the top-level object that owns a pod.

    None when nothing owns it, when it is the node's (a static pod), or when its ReplicaSet is not known (yet): better no name
    than a wrong one.
    """
    namespace = pod["metadata"]["namespace"]
    owner = _controller(pod)
    if owner is None or owner["kind"] == "Node":
        return None
    if owner["kind"] != "ReplicaSet":
        return WorkloadKey(namespace, owner["kind"], owner["name"])
    replica_set = replica_sets.get(namespace, owner["name"])
    if replica_set is None or replica_set["metadata"].get("uid") != owner.get("uid"):
        return None
    above = _controller(replica_set)
    return (
        WorkloadKey(namespace, above["kind"], above["name"]) if above else WorkloadKey(namespace, "ReplicaSet", owner["name"])
    )


def workload_view(obj: Json) -> WorkloadView:
    """Return how a Deployment, StatefulSet or DaemonSet stands; `obj` carries its kind."""
    meta, spec, status = obj["metadata"], obj.get("spec", {}), obj.get("status", {})
    kind = obj["kind"]
    if kind == "DaemonSet":
        replicas, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    else:
        replicas, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    behind = status.get("observedGeneration", 0) < meta.get("generation", 0)
    return WorkloadView(
        WorkloadKey(meta["namespace"], kind, meta["name"]), replicas, ready, behind or _rolling_out(kind, spec, status)
    )


def _rolling_out(kind: str, spec: Json, status: Json) -> bool:
    """Say whether pods of an old template are still being replaced; scaling alone is not a roll-out."""
    strategy = spec.get("updateStrategy", {})
    if kind != "Deployment" and strategy.get("type") == "OnDelete":
        return False
    match kind:
        case "Deployment":
            return bool(status.get("replicas", 0) > status.get("updatedReplicas", 0))
        case "StatefulSet":
            partition = strategy.get("rollingUpdate", {}).get("partition", 0)
            if partition:
                return bool(
                    status.get("updatedReplicas", 0) < min(spec.get("replicas", 1), status.get("replicas", 0)) - partition
                )
            return bool(status.get("updateRevision") != status.get("currentRevision"))
        case "DaemonSet":
            return bool(status.get("updatedNumberScheduled", 0) < status.get("currentNumberScheduled", 0))
        case _:
            return False


def node_ready(obj: Json) -> bool:
    """Say whether a node reports itself Ready; Unknown and no report at all are not."""
    conditions = obj.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def lead_samples(pod: PodView) -> tuple[float, ...]:
    """Return what a pod tells of the lead time: the seconds from its creation to Ready, or nothing.

    Only pods that are Ready, without a restart: their last transition was the first, as far as the API can tell. (A readiness
    that came and went shows as too long a time; `loops.leads` leaves out what is far above the median.)
    """
    if not pod.ready or pod.ready_changed_s is None or pod.restarts or not pod.created_s:
        return ()
    return (max(0.0, pod.ready_changed_s - pod.created_s),)


def _unplaced(scheduled: Json) -> Json | None:
    """Return the condition PodScheduled of a pod for which there is no node; a gate that holds it back is another matter."""
    return scheduled if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable" else None


def _controller(obj: Json) -> Json | None:
    owners: list[Json] = obj["metadata"].get("ownerReferences", [])
    return next((owner for owner in owners if owner.get("controller")), None)


def _phase(text: str | None) -> PodPhase:
    try:
        return PodPhase(text or "Pending")
    except ValueError:
        return PodPhase.UNKNOWN


def _restarts(status: Json) -> Iterator[int]:
    for kind in ("containerStatuses", "initContainerStatuses"):
        for one in status.get(kind, ()):
            yield int(one.get("restartCount", 0))


def _requests(spec: Json) -> Mapping[str, Mapping[str, int]]:
    """Return the requests of all containers that run as long as the pod: the regular ones and the sidecars."""
    sidecars = [one for one in spec.get("initContainers", ()) if _is_sidecar(one)]
    return {one["name"]: _milli(one.get("resources", {})) for one in [*spec.get("containers", ()), *sidecars]}


def _milli(resources: Json) -> Mapping[str, int]:
    return {name: parse_milli(amount) for name, amount in resources.get("requests", {}).items()}


def _of_the_whole(spec: Json) -> Mapping[str, int] | None:
    """Return the requests of a pod that has some of its own; None where only its containers have.

    Its own come first; of other resources those of its containers count, or of the init container that needs most, as for the
    scheduler. The overhead of its runtime class is added. Source: component-helpers `resource.PodRequests` (KEP-2837, KEP-753).
    """
    own = {name: exact(amount) for name, amount in _asked(spec).items() if _can_be_of_the_whole(name)}
    if not own:
        return None
    sidecars: Amounts = {}
    starting: Amounts = {}
    for one in spec.get("initContainers", ()):
        needed = _joined(sidecars, _amounts(one), Fraction.__add__)
        sidecars = needed if _is_sidecar(one) else sidecars
        starting = _joined(starting, needed, max)
    running = sidecars
    for one in spec.get("containers", ()):
        running = _joined(running, _amounts(one), Fraction.__add__)
    overhead = {name: exact(amount) for name, amount in spec.get("overhead", {}).items()}
    found = _joined(_joined(running, starting, max) | own, overhead, Fraction.__add__)
    return {name: milli(amount) for name, amount in found.items()}


def _joined(one: Amounts, other: Amounts, join: Callable[[Fraction, Fraction], Fraction]) -> Amounts:
    """Return the amounts of both; `join` says what becomes of a resource that both have."""
    both = {name: join(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **both}


def _amounts(fields: Json) -> Amounts:
    return {name: exact(amount) for name, amount in _asked(fields).items()}


def _asked(fields: Json) -> Mapping[str, str]:
    """Return the requests of a pod or a container."""
    found: Mapping[str, str] = fields.get("resources", {}).get("requests", {})
    return found


def _is_sidecar(container: Json) -> bool:
    return bool(container.get("restartPolicy") == "Always")


def _can_be_of_the_whole(resource: str) -> bool:
    return resource in {"cpu", "memory"} or resource.startswith("hugepages-")
