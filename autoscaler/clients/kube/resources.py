"""The kinds of objects that the service reads or writes, and what of each is kept in memory.

A pod of the API is tens of kB, most of it never looked at; the `trim_*` functions leave what `views` reads. What is done
with an object of ours is decided elsewhere, so those keep all but the book-keeping of the API server.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from autoscaler.api.marks import FLOOR_MANAGER

Json = dict[str, Any]

_META = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
_SCHEDULERS_WORDS = 300  # characters; the rest is about pre-emption
_REPLICAS_FIELD: Json = {"f:spec": {"f:replicas": {}}}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # a second copy of the whole object


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object at the API server; an empty `plural` means the list of kinds of its group and version."""

    group: str  # empty: core
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
        """Return the path at the API server; without a name that of the collection."""
        root = ("apis", self.group, self.version) if self.group else ("api", self.version)
        inside = ("namespaces", namespace) if self.namespaced and namespace else ()
        parts = (*root, *inside, self.plural, name or "", subresource)
        return "/" + "/".join(quote(part, safe="") for part in parts if part)


PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
HORIZONTAL_POD_AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")  # KEDA's; not every cluster has it
PREDICTIVE_AUTOSCALERS = Resource("foresail.dev", "v1alpha1", "predictiveautoscalers", "PredictiveAutoscaler")
HEALING_POLICIES = Resource("foresail.dev", "v1alpha1", "healingpolicies", "HealingPolicy")

OURS: Mapping[str, Resource] = {resource.plural: resource for resource in (PREDICTIVE_AUTOSCALERS, HEALING_POLICIES)}


def _pick(source: Mapping[str, Any], keys: Iterable[str]) -> Json:
    return {key: source[key] for key in keys if key in source}


def trim_metadata(obj: Json) -> Json:
    """Drop what only the API server and kubectl read (managedFields, last-applied-configuration); the rest stays."""
    meta = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    if _LAST_APPLIED in meta.get("annotations", {}):
        meta["annotations"] = {key: value for key, value in meta["annotations"].items() if key != _LAST_APPLIED}
    return {**obj, "metadata": meta}


def trim_hpa(obj: Json) -> Json:
    """Keep of an HPA's managedFields who owns minReplicas, and whatever is the floor's; the rest is as for our own objects."""
    kept = trim_metadata(obj)
    entries = [
        _pick(entry, ("manager", "operation", "time", "subresource")) | {"fieldsV1": fields}
        for entry in obj.get("metadata", {}).get("managedFields") or ()
        if (fields := _of_floor(entry)) is not None
    ]
    return {**kept, "metadata": {**kept["metadata"], "managedFields": entries}}


def _of_floor(entry: Json) -> Json | None:
    """Return what is kept of an entry of managedFields; None: nothing."""
    owns = "f:minReplicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    if not owns and entry.get("manager") != FLOOR_MANAGER:
        return None
    return {"f:spec": {"f:minReplicas": {}}} if owns else {}


def _owned(obj: Json) -> Json:
    meta = obj.get("metadata", {})
    owners = [_pick(owner, ("apiVersion", "kind", "name", "uid", "controller")) for owner in meta.get("ownerReferences", ())]
    kept = _pick(meta, _META)
    return {**kept, "ownerReferences": owners} if owners else kept


def trim_pod(obj: Json) -> Json:
    """Keep of a pod what `views.pod_view` reads: owners, labels, requests, conditions, restarts."""
    spec, status = obj.get("spec", {}), obj.get("status", {})
    meta = {**_owned(obj), **_pick(trim_metadata(obj)["metadata"], ("labels", "annotations"))}
    kept_spec = {
        **_pick(spec, ("nodeName", "overhead", "priorityClassName")),
        **({"resources": _pick(spec["resources"], ("requests",))} if "resources" in spec else {}),
        **{kind: [_container(one) for one in spec[kind]] for kind in ("containers", "initContainers") if kind in spec},
    }
    kept_status = {
        **_pick(status, ("phase", "startTime")),
        "conditions": [_condition(one) for one in status.get("conditions", ())],
        **{
            kind: [_pick(one, ("name", "restartCount")) for one in status[kind]]
            for kind in ("containerStatuses", "initContainerStatuses")
            if kind in status
        },
    }
    return {"metadata": meta, "spec": kept_spec, "status": kept_status}


def _condition(condition: Json) -> Json:
    """Keep of a condition all but its message, save why the scheduler finds no node: it is told to people, cut."""
    kept = _pick(condition, ("type", "status", "reason", "lastTransitionTime"))
    if condition.get("type") != "PodScheduled" or "message" not in condition:
        return kept
    return {**kept, "message": str(condition["message"])[:_SCHEDULERS_WORDS]}


def _container(container: Json) -> Json:
    kept = _pick(container, ("name", "restartPolicy"))
    requests = container.get("resources", {}).get("requests")
    return {**kept, "resources": {"requests": requests}} if requests else kept


def trim_replica_set(obj: Json) -> Json:
    """Keep of a ReplicaSet who owns it."""
    return {"metadata": _owned(obj)}


def trim_scaled_object(obj: Json) -> Json:
    """Keep of KEDA's ScaledObject what it scales."""
    return {"metadata": _owned(obj), "spec": _pick(obj.get("spec", {}), ("scaleTargetRef",))}


def trim_node(obj: Json) -> Json:
    """Keep of a node its conditions and whether it is cordoned."""
    status = obj.get("status", {})
    conditions = [_pick(one, ("type", "status", "lastTransitionTime")) for one in status.get("conditions", ())]
    spec = _pick(obj.get("spec", {}), ("unschedulable",))
    return {"metadata": _pick(obj.get("metadata", {}), _META), "spec": spec, "status": {"conditions": conditions}}


def _replica_owners(obj: Json) -> Json:
    """Return who owns `spec.replicas`, in the form of managedFields; all else in there is larger than the object itself."""
    entries = obj.get("metadata", {}).get("managedFields") or ()
    found = [
        {**_pick(entry, ("manager", "operation", "subresource", "time")), "fieldsV1": _REPLICAS_FIELD}
        for entry in entries
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return {"managedFields": found} if found else {}


def trim_workload(obj: Json) -> Json:
    """Keep of a Deployment, StatefulSet or DaemonSet how far its roll-out is, and who sets its replicas.

    The pod template is dropped.
    """
    spec = {key: value for key, value in obj.get("spec", {}).items() if key not in {"template", "volumeClaimTemplates"}}
    meta = {**_pick(obj.get("metadata", {}), _META), **_pick(trim_metadata(obj)["metadata"], ("labels", "annotations"))}
    meta |= _replica_owners(obj)
    return {**_pick(obj, ("apiVersion", "kind")), "metadata": meta, "spec": spec, "status": obj.get("status", {})}
