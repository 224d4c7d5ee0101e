"""What every loop is given: caches, clients, clock, settings, and whether this replica may act now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autoscaler.board import Board
from autoscaler.clients.calendars.folder import CalendarFolder
from autoscaler.clients.ports import Calendars, Kube, Metrics, Notifier, Saved, Store, Workers
from autoscaler.clients.saved import SavedState
from autoscaler.clients.workers import ProcessWorkers
from autoscaler.clock import Clock
from autoscaler.settings import Settings

AUTOSCALERS = "predictiveautoscalers"
POLICIES = "healingpolicies"
HPAS = "horizontalpodautoscalers"
SCALED_OBJECTS = "scaledobjects"


@dataclass(frozen=True, slots=True)
class Stores:
    """The caches, one a kind."""

    autoscalers: Store
    policies: Store
    pods: Store
    replica_sets: Store
    nodes: Store
    workloads: Mapping[str, Store]  # by kind: Deployment, StatefulSet, DaemonSet, …
    hpas: Store | None = None  # None: HorizontalPodAutoscalers are not watched, so their targets are not known
    scaled_objects: Store | None = None  # KEDA's; the start does not wait for them, an act does

    def named(self) -> dict[str, Store]:
        """Return every cache by the name that is shown for it."""
        named = {
            AUTOSCALERS: self.autoscalers,
            POLICIES: self.policies,
            "pods": self.pods,
            "replicasets": self.replica_sets,
            "nodes": self.nodes,
            **{kind.lower() + "s": store for kind, store in self.workloads.items()},
        }
        return named | ({HPAS: self.hpas} if self.hpas else {})

    def synced(self) -> bool:
        """Say whether every cache has been filled once."""
        return all(store.synced for store in self.named().values())


@dataclass(frozen=True, slots=True)
class Context:
    """The world of a loop; tests put fakes here."""

    kube: Kube
    metrics: Metrics
    notifier: Notifier
    stores: Stores
    clock: Clock
    settings: Settings
    board: Board
    leads: Callable[[], bool]  # asked again before each act, as the Lease may be lost at any moment
    calendars: Calendars = field(default_factory=CalendarFolder)
    workers: Workers = field(default_factory=ProcessWorkers)  # where models are learnt
    saved: Saved = field(default_factory=SavedState)  # copies of what was learnt; only the replica that leads writes them
