"""The port `Kube` and caches (`Store`) in memory, with knobs for what goes wrong; for tests of the loops.

cluster = FakeCluster()
kube = FakeKube(cluster)
cluster.put("deployments", {...})
kube.fail("set_scale", Temporary("the API server is busy"))     # the next call fails
kube.before("update_status", lambda: cluster.put(...))          # somebody else writes first: Conflict
pods = FakeStore(cluster, "pods")
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoscaler.api.marks import FLOOR_MANAGER
from autoscaler.clients.ports import (
    Conflict,
    EventNote,
    EvictionResult,
    FieldConflict,
    Json,
    MetricQuestion,
    MetricValue,
    NotFound,
    Scale,
    Target,
)
from autoscaler.errors import Permanent
from tests.fakes import fields
from tests.fakes.cluster import KINDS, SCALABLE, FakeCluster, evictable_without_budget, own_replicas, scale_selector

HPAS = "horizontalpodautoscalers"
PLURALS = {kind: plural for plural, (_, kind) in KINDS.items()}


class KilledError(BaseException):
    """The service ends here, as by SIGKILL: nothing catches it."""


@dataclass(slots=True)
class FakeKube:
    """What the service does at the API server, on a `FakeCluster`.

    `calls` keeps every call as (method, namespace, name, …); `events` every Event that was written.
    """

    cluster: FakeCluster = field(default_factory=FakeCluster)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[EventNote] = field(default_factory=list)
    metrics: dict[MetricQuestion, Sequence[MetricValue]] = field(default_factory=dict)
    lives: int | None = None  # calls until the service is killed; the next one does not take place
    _failures: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    _before: dict[str, list[Callable[[], object]]] = field(default_factory=lambda: defaultdict(list))
    _gates: dict[str, asyncio.Event] = field(default_factory=dict)

    def fail(self, method: str, error: Exception, times: int = 1) -> None:
        """Let the next calls of a method raise an error, before they change anything."""
        self._failures[method].extend([error] * times)

    def before(self, method: str, action: Callable[[], object]) -> None:
        """Do something in the cluster just before the next call of a method takes effect (a race)."""
        self._before[method].append(action)

    def drop_plans(self) -> None:
        """Forget failures and actions that no call has met yet."""
        self._failures.clear()
        self._before.clear()

    def gate(self, method: str) -> asyncio.Event:
        """Hold all calls of a method until the event that is returned is set (latency without a clock)."""
        return self._gates.setdefault(method, asyncio.Event())

    def named(self, method: str) -> list[tuple[Any, ...]]:
        """Return the calls of one method, without its name."""
        return [call[1:] for call in self.calls if call[0] == method]

    async def get_scale(self, target: Target) -> Scale | NotFound:
        """Read the scale subresource of a target."""
        await self._enter("get_scale", target.namespace, target.name)
        obj = self.cluster.get(self._scalable(target), target.namespace, target.name)
        return _scale(obj) if obj else NotFound.NOT_FOUND

    async def set_scale(self, target: Target, *, replicas: int, seen: Scale) -> Scale | NotFound | Conflict:
        """Write `spec.replicas` of a target, if it is still the one that was seen."""
        await self._enter("set_scale", target.namespace, target.name, replicas)
        plural = self._scalable(target)
        obj = self.cluster.get(plural, target.namespace, target.name)
        if obj is None:
            return NotFound.NOT_FOUND
        if (obj["metadata"]["resourceVersion"], obj["metadata"]["uid"]) != (seen.resource_version, seen.uid):
            return Conflict.CONFLICT
        obj.setdefault("spec", {})["replicas"] = replicas
        own_replicas(obj, "foresail", subresource="scale")
        return _scale(self.cluster.put(plural, obj))

    async def managed_fields(self, target: Target) -> Sequence[Json] | NotFound:
        """Return who owns which fields of an object, as far as somebody noted it (`own_replicas`)."""
        await self._enter("managed_fields", target.namespace, target.name)
        obj = self.cluster.get(PLURALS[target.kind], target.namespace, target.name)
        return obj["metadata"].get("managedFields", ()) if obj else NotFound.NOT_FOUND

    async def update_status(
        self, plural: str, namespace: str, name: str, *, status: Json, resource_version: str
    ) -> str | NotFound | Conflict:
        """Replace the status of an object of ours if nobody else wrote it; return its new resourceVersion."""
        await self._enter("update_status", plural, namespace, name, status)
        obj = self.cluster.get(plural, namespace, name)
        if obj is None:
            return NotFound.NOT_FOUND
        if obj["metadata"]["resourceVersion"] != resource_version:
            return Conflict.CONFLICT
        if obj.get("status") == status:
            return resource_version  # a write that changes nothing makes no new version
        return str(self.cluster.put(plural, {**obj, "status": status})["metadata"]["resourceVersion"])

    async def set_finalizers(
        self, plural: str, namespace: str, name: str, *, finalizers: Sequence[str], resource_version: str
    ) -> str | NotFound | Conflict:
        """Replace the finalizers of an object; one that is being deleted goes with the last of them."""
        await self._enter("set_finalizers", plural, namespace, name, tuple(finalizers))
        obj = self.cluster.get(plural, namespace, name)
        if obj is None:
            return NotFound.NOT_FOUND
        if obj["metadata"]["resourceVersion"] != resource_version:
            return Conflict.CONFLICT
        return str(self.cluster.finalized(plural, obj, finalizers)["metadata"]["resourceVersion"])

    async def get_hpa(self, namespace: str, name: str) -> Json | NotFound:
        """Read an HPA with its managedFields."""
        await self._enter("get_hpa", namespace, name)
        return self.cluster.get(HPAS, namespace, name) or NotFound.NOT_FOUND

    async def apply_floor(
        self, seen: Json, *, min_replicas: int | None, annotations: Mapping[str, str], force: bool
    ) -> Json | NotFound | Conflict | FieldConflict:
        """Apply minReplicas and annotations of an HPA, if it is still the one that was seen."""
        config: Json = {"metadata": {"annotations": dict(annotations)}}
        if min_replicas is not None:
            config["spec"] = {"minReplicas": min_replicas}
        await self._enter("apply_floor", seen["metadata"]["namespace"], seen["metadata"]["name"], min_replicas, force)
        live = self._hpa(seen)
        if not isinstance(live, dict):
            return live
        applied = fields.applied(live, config, FLOOR_MANAGER, force=force)
        if isinstance(applied, list):
            return FieldConflict(f"conflict with {', '.join(applied)}: .spec.minReplicas")
        return self.cluster.put(HPAS, applied)

    async def forget_floor(self, seen: Json, annotations: Sequence[str]) -> Json | NotFound | Conflict:
        """Remove annotations of an HPA and the floor from its managedFields, if it is still the one that was seen."""
        await self._enter("forget_floor", seen["metadata"]["namespace"], seen["metadata"]["name"])
        live = self._hpa(seen)
        if not isinstance(live, dict):
            return live
        others = [one for one in seen["metadata"].get("managedFields") or () if one["manager"] != FLOOR_MANAGER]
        meta = {"annotations": dict.fromkeys(annotations), "managedFields": others or [{}]}
        return self.cluster.put(HPAS, fields.replaced(live, fields.merged(live, {"metadata": meta}), FLOOR_MANAGER))

    def _hpa(self, seen: Json) -> Json | NotFound | Conflict:
        meta = seen["metadata"]
        live = self.cluster.get(HPAS, meta["namespace"], meta["name"])
        if live is None:
            return NotFound.NOT_FOUND
        same = all(live["metadata"][key] == meta[key] for key in ("uid", "resourceVersion"))
        return live if same else Conflict.CONFLICT

    async def evict(self, namespace: str, name: str, *, uid: str) -> EvictionResult:
        """Evict one pod, this very one; it is terminating until `cluster.finish_deletions()`."""
        await self._enter("evict", namespace, name, uid)
        pod = self.cluster.get("pods", namespace, name)
        if pod is None:
            return EvictionResult.GONE
        if (namespace, name) in self.cluster.budgeted and not evictable_without_budget(pod):
            return EvictionResult.DISRUPTION_BUDGET  # the API server looks at the budget first, then at the UID
        if pod["metadata"]["uid"] != uid:
            return EvictionResult.GONE
        pod["metadata"].setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")
        self.cluster.put("pods", pod)
        return EvictionResult.ACCEPTED

    async def create_event(self, event: EventNote) -> None:
        """Keep an Event in `events`."""
        await self._enter("create_event", event.regarding.get("namespace", ""), event.regarding["name"], event.reason)
        self.events.append(event)

    async def metric(self, question: MetricQuestion) -> Sequence[MetricValue]:
        """Return what a test has put into `metrics` for this very question; of all others there are no values."""
        await self._enter("metric", question)
        return self.metrics.get(question, ())

    async def _enter(self, method: str, *arguments: object) -> None:
        if self.lives is not None:
            if self.lives == 0:
                raise KilledError
            self.lives -= 1
        self.calls.append((method, *arguments))
        if gate := self._gates.get(method):
            await gate.wait()
        if failures := self._failures[method]:
            raise failures.pop(0)
        if actions := self._before[method]:
            actions.pop(0)()

    @staticmethod
    def _scalable(target: Target) -> str:
        plural = PLURALS.get(target.kind, "")
        if plural not in SCALABLE or KINDS[plural][0] != target.api_version:
            raise Permanent(f"reading the scale of {target}: {target.api_version} has no scalable kind {target.kind}")
        return plural


def _scale(obj: Json) -> Scale:
    return Scale(
        spec_replicas=obj.get("spec", {}).get("replicas", 1),
        status_replicas=obj.get("status", {}).get("replicas", 0),
        selector=scale_selector(obj),
        resource_version=obj["metadata"]["resourceVersion"],
        uid=obj["metadata"]["uid"],
    )


@dataclass(slots=True)
class FakeStore:
    """A cache of one kind of a `FakeCluster`: always up to date until `freeze()`, and as old as `age` says."""

    cluster: FakeCluster
    plural: str
    synced: bool = True
    age: float = 0.0
    problem: str = ""
    _frozen: list[Json] | None = None

    def items(self) -> Sequence[Json]:
        """Return all objects known now."""
        return self.cluster.list(self.plural) if self._frozen is None else self._frozen

    def get(self, namespace: str, name: str) -> Json | None:
        """Return one object, or None."""
        return next((obj for obj in self.items() if _key(obj) == (namespace, name)), None)

    def age_s(self) -> float:
        """Return what a test says: seconds since the API server was last heard of."""
        return self.age

    def subscribe(self, event: asyncio.Event) -> None:
        """Set the event whenever something in the cluster changes."""
        self.cluster.listeners.append(event)

    def freeze(self) -> None:
        """Miss everything from now on, as a cache does whose watch hangs."""
        self._frozen = self.cluster.list(self.plural)

    def thaw(self) -> None:
        """See the cluster again."""
        self._frozen = None


def _key(obj: Json) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
