"""Objects of a pretended cluster in memory, with the parts of the API server's semantics that clients must get right.

One state serves `kube.FakeKube` (the port, for tests of loops) and `api_server.FakeApiServer` (real HTTP, for tests of the
clients), so that both agree. Nothing here runs by itself: no controller makes pods, a test puts what it wants to be there.
"""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster-wide objects), name

KINDS: Mapping[str, tuple[str, str]] = {  # plural -> apiVersion, kind
    "pods": ("v1", "Pod"),
    "nodes": ("v1", "Node"),
    "services": ("v1", "Service"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "deployments": ("apps/v1", "Deployment"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "horizontalpodautoscalers": ("autoscaling/v2", "HorizontalPodAutoscaler"),
    "scaledobjects": ("keda.sh/v1alpha1", "ScaledObject"),
    "predictiveautoscalers": ("foresail.dev/v1alpha1", "PredictiveAutoscaler"),
    "healingpolicies": ("foresail.dev/v1alpha1", "HealingPolicy"),
    "leases": ("coordination.k8s.io/v1", "Lease"),
    "events": ("events.k8s.io/v1", "Event"),
}
SCALABLE = frozenset({"deployments", "statefulsets", "replicasets"})


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the cluster's history, as a watch tells it."""

    version: int
    plural: str
    type: str  # ADDED | MODIFIED | DELETED
    object: Json


@dataclass(slots=True)
class FakeCluster:
    """All objects, one resourceVersion counter for all, and the history since `oldest`."""

    objects: dict[str, dict[Key, Json]] = field(default_factory=dict)
    version: int = 1000
    oldest: int = 1000  # a watch from before this is answered 410
    history: list[Change] = field(default_factory=list)
    budgeted: set[Key] = field(default_factory=set)  # pods that a PodDisruptionBudget protects now
    listeners: list[asyncio.Event] = field(default_factory=list)
    _uids: int = 0

    def put(self, plural: str, obj: Json) -> Json:
        """Create or replace an object, whatever was there; uid, resourceVersion, apiVersion and kind are filled in."""
        new = copy.deepcopy(obj)
        new["apiVersion"], new["kind"] = KINDS[plural]
        meta = new.setdefault("metadata", {})
        key = (meta.get("namespace", ""), meta["name"])
        old = self.objects.setdefault(plural, {}).get(key)
        if "uid" not in meta:
            self._uids += 1
            meta["uid"] = old["metadata"]["uid"] if old else f"uid-{self._uids}"
        meta["resourceVersion"] = str(self._next())
        self.objects[plural][key] = new
        self._log(plural, "MODIFIED" if old else "ADDED", new)
        return copy.deepcopy(new)

    def get(self, plural: str, namespace: str, name: str) -> Json | None:
        """Return a copy of an object, or None."""
        found = self.objects.get(plural, {}).get((namespace, name))
        return copy.deepcopy(found) if found else None

    def list(self, plural: str) -> list[Json]:
        """Return copies of all objects, in the order of namespace and name, as etcd keeps them."""
        return [copy.deepcopy(obj) for _, obj in sorted(self.objects.get(plural, {}).items())]

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """Remove an object at once."""
        gone = self.objects[plural].pop((namespace, name))
        gone["metadata"]["resourceVersion"] = str(self._next())
        self._log(plural, "DELETED", gone)

    def finalized(self, plural: str, obj: Json, finalizers: Sequence[str]) -> Json:
        """Replace the finalizers of an object; one that is being deleted is removed with the last of them."""
        meta = obj["metadata"]
        meta["finalizers"] = list(finalizers)
        if not finalizers:
            del meta["finalizers"]
        if finalizers or "deletionTimestamp" not in meta:
            return self.put(plural, obj)
        self.delete(plural, meta.get("namespace", ""), meta["name"])
        return obj

    def mark_deleted(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object as the API server does: at once, or once its finalizers are gone."""
        obj = self.objects[plural][namespace, name]
        if not obj["metadata"].get("finalizers"):
            self.delete(plural, namespace, name)
        elif "deletionTimestamp" not in obj["metadata"]:
            self.put(plural, {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})

    def finish_deletions(self) -> None:
        """Remove every pod that is terminating, as the kubelet does when its grace period is over."""
        for pod in self.list("pods"):
            meta = pod["metadata"]
            if "deletionTimestamp" in meta:
                self.delete("pods", meta.get("namespace", ""), meta["name"])

    def forget_history(self) -> None:
        """Compact: watches from any earlier resourceVersion are answered 410."""
        self.history.clear()
        self.oldest = self._next()

    def _next(self) -> int:
        self.version += 1
        return self.version

    def _log(self, plural: str, kind: str, obj: Json) -> None:
        self.history.append(Change(self.version, plural, kind, copy.deepcopy(obj)))
        for event in self.listeners:
            event.set()


def own_replicas(obj: Json, manager: str, operation: str = "Update", subresource: str = "", at: str = "") -> None:
    """Note in managedFields that somebody has changed `spec.replicas`, who owns it alone from now on."""
    meta = obj["metadata"]
    others = [entry for entry in meta.get("managedFields", ()) if "f:replicas" not in entry["fieldsV1"].get("f:spec", {})]
    entry = {"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    told = {"subresource": subresource, "time": at}
    meta["managedFields"] = [*others, {**entry, **{key: value for key, value in told.items() if value}}]


def scale_selector(obj: Json) -> str:
    """Return the selector of a workload in the text form of the scale subresource."""
    labels = obj.get("spec", {}).get("selector", {}).get("matchLabels", {})
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def evictable_without_budget(pod: Json) -> bool:
    """Say whether the API server deletes this pod without asking any PodDisruptionBudget."""
    return "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in {"Pending", "Succeeded", "Failed"}
