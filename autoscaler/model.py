"""What several parts of the service speak of: workloads, pods as seen, and forecasts as delivered.

Plain frozen values, no behaviour beyond what follows from the fields. Times are seconds since the epoch (UTC); quantities of
resources are integers in milli-units (millicores, milli-bytes), as in the Horizontal Pod Autoscaler.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from autoscaler.reasons import Reason

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class WorkloadKey:
    """The top-level object that owns pods (Deployment, not its ReplicaSet)."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """A resource of ours: namespace and name; the kind is known from the context."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a calendar, or why they are not known: file, line and remedy."""

    days: frozenset[date]
    fault: str = ""


class PodPhase(StrEnum):
    """`status.phase` of a pod."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class PodView:
    """What the API says of one pod, trimmed to what decisions need."""

    namespace: str
    name: str
    uid: str
    phase: PodPhase
    created_s: float
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    workload: WorkloadKey | None = None  # None: nothing owns it (a bare pod), or the owner is not known
    node: str | None = None
    start_s: float | None = None  # status.startTime
    ready: bool | None = None  # the Ready condition is True; None when there is none yet
    readiness_unknown: bool = False  # the Ready condition is Unknown: its node is not heard of
    ready_changed_s: float | None = None  # its lastTransitionTime
    deleting: bool = False
    mirror: bool = False  # a static pod's image in the API; evicting it does nothing
    priority_class: str | None = None
    disruption_target: bool = False  # somebody else is already evicting or pre-empting it
    unschedulable_since_s: float | None = None  # since when the scheduler finds no node for it
    unschedulable_why: str = ""  # in the scheduler's words
    restarts: int = 0  # of all containers together
    requests_milli: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # container -> resource -> milli-units
    pod_requests_milli: Mapping[str, int] | None = None  # of the whole, where it has its own (KEP-2837); None: it has none


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """What is known of a workload whose pods are watched."""

    key: WorkloadKey
    replicas: int  # wanted by its spec
    ready: int  # Ready pods
    rolling_out: bool  # an update of its template is under way


class GateState(StrEnum):
    """Whether a forecast may act, by the accuracy that was measured on this very series."""

    LEARNING = "Learning"  # not enough history yet
    OPEN = "Open"
    SHUT = "Shut"


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """One future moment of the curve, for people to look at."""

    at_s: float
    median: float
    upper: float  # at the risk quantile


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of one load series, in the metric's own unit (cores, bytes, requests per second).

    `peak` is the `risk` quantile of the highest load between `issued_s` and `issued_s + lead_s`: what must be servable by
    then. What it is worth was measured on this very series, on time it had not seen: pods that it asks for would have lost
    `lost_ratio` of the load that the reactive formula alone loses, with `pods_ratio` of its pods. None before any.
    """

    issued_s: float
    expires_s: float
    lead_s: float
    risk: float
    peak: float
    model: str
    gate: GateState
    reason: Reason
    message: str
    lost_ratio: float | None = None
    pods_ratio: float | None = None
    coverage_ratio: float | None = None  # share of moments at which the highest load ahead kept below the quantile stated
    earned: bool = False  # what it was worth on this very series pays for deciding by it alone (policy Earned)
    curve: tuple[ForecastPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Load of one series on a regular grid.

    `values` has shape (n,), in the metric's own unit; NaN marks a gap. `start_s` is the time of `values[0]`, the others
    follow every `step_s` seconds; the last point is the newest.
    """

    start_s: float
    step_s: float
    values: Floats

    @property
    def end_s(self) -> float:
        """Time of the newest point."""
        return self.start_s + self.step_s * (len(self.values) - 1)
