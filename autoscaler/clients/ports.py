"""What the loops need of the world outside, as interfaces: the real clients and the fakes of the tests both keep them.

Errors are those of `autoscaler.errors`; NotFound, Conflict and refusals that are part of normal life are return values.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Protocol, TypeVar, TypeVarTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.model import Days, History, WorkloadKey

Json = dict[str, Any]  # an API object as JSON
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class NotFound(Enum):
    """The object is not there."""

    NOT_FOUND = "NotFound"


class Conflict(Enum):
    """Somebody wrote the object since we read it; read it again."""

    CONFLICT = "Conflict"


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """Somebody else owns a field that was to be applied, and it was not to be taken from him."""

    message: str


@dataclass(frozen=True, slots=True)
class Target:
    """An object with a scale subresource."""

    api_version: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale subresource of a target."""

    spec_replicas: int
    status_replicas: int
    selector: str  # in text form, as the API gives it
    resource_version: str
    uid: str


class EvictionResult(StrEnum):
    """What came of an eviction."""

    ACCEPTED = "Accepted"
    GONE = "Gone"  # no such pod, or another one has its name by now (UID precondition)
    DISRUPTION_BUDGET = "DisruptionBudget"  # a PodDisruptionBudget does not allow it now


@dataclass(frozen=True, slots=True)
class EventNote:
    """One Kubernetes Event (events.k8s.io/v1) to be written."""

    regarding: Json  # ObjectReference: apiVersion, kind, namespace, name, uid
    reason: str
    action: str
    note: str
    warning: bool = False
    related: Json | None = None


@dataclass(frozen=True, slots=True)
class UsageMetric:
    """The usage of a resource by the pods that a selector matches, or by one container of each (metrics.k8s.io)."""

    namespace: str
    resource: str
    container: str | None
    pods: str


@dataclass(frozen=True, slots=True)
class PodsMetric:
    """A metric of the pods that a selector matches (custom.metrics.k8s.io); selectors are in their text form."""

    namespace: str
    metric: str
    pods: str
    series: str = ""


@dataclass(frozen=True, slots=True)
class ObjectMetric:
    """A metric of one object (custom.metrics.k8s.io)."""

    namespace: str
    metric: str
    api_version: str
    kind: str
    name: str
    series: str = ""


@dataclass(frozen=True, slots=True)
class ExternalMetric:
    """A metric of nothing in the cluster (external.metrics.k8s.io)."""

    namespace: str
    metric: str
    series: str = ""


MetricQuestion = UsageMetric | PodsMetric | ObjectMetric | ExternalMetric


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One value of Kubernetes' metrics APIs, in milli-units, with its time and the seconds that it covers."""

    of: str  # name of the object that it is about; empty: of none
    milli: int
    at_s: float | None  # None: the API does not say
    window_s: float


class Store(Protocol):
    """A cache of all objects of one kind, kept fresh by a list and a watch."""

    @property
    def synced(self) -> bool:
        """Whether the cache has been filled once."""
        ...

    @property
    def problem(self) -> str:
        """What kept it from being filled or followed the last time, and what to do about it; empty where nothing did."""
        ...

    def items(self) -> Sequence[Json]:
        """Return all objects known now."""
        ...

    def get(self, namespace: str, name: str) -> Json | None:
        """Return one object, or None."""
        ...

    def age_s(self) -> float:
        """Return the seconds since the API server was last heard of (event, bookmark or list)."""
        ...


class Kube(Protocol):
    """What the service does at the API server, and nothing else (its RBAC is made from this list)."""

    async def get_scale(self, target: Target) -> Scale | NotFound:
        """Read the scale subresource of a target."""
        ...

    async def set_scale(self, target: Target, *, replicas: int, seen: Scale) -> Scale | NotFound | Conflict:
        """Write `spec.replicas` of a target, if it is still the one that was seen."""
        ...

    async def managed_fields(self, target: Target) -> Sequence[Json] | NotFound:
        """Return who owns which fields of an object, as `metadata.managedFields` has it."""
        ...

    async def update_status(
        self, plural: str, namespace: str, name: str, *, status: Json, resource_version: str
    ) -> str | NotFound | Conflict:
        """Replace the status of an object of ours if nobody else wrote it; return its new resourceVersion."""
        ...

    async def set_finalizers(
        self, plural: str, namespace: str, name: str, *, finalizers: Sequence[str], resource_version: str
    ) -> str | NotFound | Conflict:
        """Replace the finalizers of an object of ours if nobody else wrote it; return its new resourceVersion."""
        ...

    async def get_hpa(self, namespace: str, name: str) -> Json | NotFound:
        """Read a HorizontalPodAutoscaler (autoscaling/v2) as it is, managedFields included."""
        ...

    async def apply_floor(
        self, seen: Json, *, min_replicas: int | None, annotations: Mapping[str, str], force: bool
    ) -> Json | NotFound | Conflict | FieldConflict:
        """Apply minReplicas and annotations of an HPA as field manager `FLOOR_MANAGER`, if it is still the one that was seen.

        What was applied before and is not there now is given up: without `min_replicas` the HPA has none, which is 1. With
        `force` the fields are taken from whoever owns them. Returns the HPA as it is then.
        """
        ...

    async def forget_floor(self, seen: Json, annotations: Sequence[str]) -> Json | NotFound | Conflict:
        """Remove annotations of an HPA, and what its managedFields say of `FLOOR_MANAGER`, if it is still the one seen.

        No value of its spec changes, and nobody owns what was owned by that manager. Returns the HPA as it is then.
        """
        ...

    async def evict(self, namespace: str, name: str, *, uid: str) -> EvictionResult:
        """Evict one pod, this very one (UID precondition)."""
        ...

    async def create_event(self, event: EventNote) -> None:
        """Write an Event."""
        ...

    async def metric(self, question: MetricQuestion) -> Sequence[MetricValue]:
        """Ask one of Kubernetes' metrics APIs; no values is an empty answer, never zero."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of an instant query: its labels, its time and itself."""

    labels: Mapping[str, str]
    at_s: float
    value: float


class Metrics(Protocol):
    """Load, as Prometheus tells it. Nothing found is an empty answer, never zero."""

    async def pod_usage(self, resource: str, *, window_s: int | None = None) -> Mapping[tuple[str, str], Mapping[str, Sample]]:
        """Return the usage of cpu (cores) or memory (working set, bytes): (namespace, pod) -> container -> sample.

        One query for the whole cluster; `at_s` is the time of the newest sample behind the value, so that age shows. CPU is a
        rate over `window_s` seconds, by default the one of the settings.
        """
        ...

    async def query(self, promql: str) -> Sequence[Sample]:
        """Return the answer of a user's query at this moment."""
        ...

    async def workload_history(
        self, resource: str, *, start_s: float, end_s: float, step_s: float, namespace: str = ""
    ) -> Mapping[WorkloadKey, History]:
        """Return the load of every workload of the cluster, or of a namespace, on one grid aligned to the epoch."""
        ...

    async def query_history(self, promql: str, *, start_s: float, end_s: float, step_s: float) -> History | None:
        """Return a user's query over time on the same grid; None when it gives nothing."""
        ...


class Calendars(Protocol):
    """The days that are named by country or calendar."""

    def of(self, schedules: Iterable[Schedule], now_s: float) -> Mapping[Exclusion, Days]:
        """Return what schedules exclude so, or the fault that keeps the days from being known; never raises."""
        ...

    def days(self, named: Iterable[Exclusion], now_s: float) -> Mapping[Exclusion, Days]:
        """Return the same of any days that are named so."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to the receivers of notifications: an act, a refusal, a failure."""

    type: str  # dotted: foresail.scaled, foresail.evicted, foresail.refused, foresail.healed, …
    at_s: float
    data: Json


class Notifier(Protocol):
    """Tells people; it never blocks a loop and never fails one."""

    def send(self, notice: Notice) -> None:
        """Queue a message for every receiver."""
        ...


class Workers(Protocol):
    """Where models are learnt: elsewhere than in this process, so that no decision waits for it."""

    async def run(self, job: Callable[[*Ts], T], *args: *Ts, what: str = "") -> T:
        """Return what a function of a module answers; `what` is being learnt, for messages.

        Function, arguments and answer go to another process, so they are pickled; the function is found by its name there. What
        it raises is raised here. Temporary: it ended before it was done, or was ended as it took far too long, and may be
        asked again.
        """
        ...

    async def close(self) -> None:
        """End what runs; nobody waits for its answer."""
        ...


@dataclass(frozen=True, slots=True)
class SavedCopy:
    """What was saved under a name: arrays, and what their writer said of them."""

    arrays: Mapping[str, NDArray[Any]]
    header: Json


@dataclass(frozen=True, slots=True)
class NoCopy:
    """Nothing that could be used is saved under a name."""

    reason: str = ""  # a sentence for the log; empty: nothing was ever saved


@dataclass(frozen=True, slots=True)
class Pieces:
    """An array of which one part after the other is taken while it is written, so that all of it is never there twice."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    take: Callable[[], AsyncIterator[NDArray[Any]]]  # its rows in order, some at a time


class Saved(Protocol):
    """Copies of what was learnt, by name: one word of `[a-z0-9-]`. Only the replica that leads writes them."""

    async def write(self, name: str, arrays: Mapping[str, NDArray[Any] | Pieces], header: Json) -> None:
        """Replace a copy, or leave the old one whole.

        Arrays are of numbers, truth values, texts of fixed length, or records of these; the header is JSON. ValueError where
        they are not, or are too large. Temporary where the disk does not take them.
        """
        ...

    async def read(self, name: str) -> SavedCopy | NoCopy:
        """Return a copy as it was written, by this very version of the service and of scikit-learn; never raises."""
        ...
