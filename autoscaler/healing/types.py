"""What a healing decision is made from and what it looks like."""

from dataclasses import dataclass
from enum import StrEnum

from autoscaler.model import PodView, WorkloadKey, WorkloadView
from autoscaler.reasons import Reason


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen for one policy at one moment."""

    pods: tuple[PodView, ...]  # that the policy selects, in its namespace
    workloads: tuple[WorkloadView, ...]  # that own them
    nodes_not_ready: frozenset[str]
    age_s: float  # since the watches last heard from the API server


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service, not the policy, says about time."""

    outcome_s: float = 120.0  # a replacement must be Ready within this, or the act did not help
    stale_s: float = 30.0  # an older observation restarts nothing


class ActState(StrEnum):
    """How far an act got."""

    RESERVED = "Reserved"  # written to the API before acting
    DONE = "Done"  # the eviction was accepted
    FAILED = "Failed"  # it was refused, or could not be sent
    HEALED = "Healed"  # a replacement became Ready in time
    UNHEALED = "Unhealed"  # none did


@dataclass(frozen=True, slots=True)
class ActRecord:
    """One act of the past, as kept in the policy's status (the budget's book)."""

    at_s: float
    workload: WorkloadKey
    pod: str
    uid: str
    state: ActState


@dataclass(frozen=True, slots=True)
class State:
    """What one decision hands to the next; kept in the policy's status, so that it survives the service."""

    acts: tuple[ActRecord, ...] = ()
    breaker_open_until_s: float | None = None


class Verb(StrEnum):
    """What to do with one pod."""

    NONE = "none"  # nothing is wrong, or it is tolerated for now
    NOTIFY = "notify"
    EVICT = "evict"
    REFUSE = "refuse"  # a brake holds; the reason says which


@dataclass(frozen=True, slots=True)
class PodDecision:
    """What is done about one faulty pod, and why."""

    pod: PodView
    verb: Verb
    reason: Reason
    message: str  # one sentence for a person
    fault: Reason | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """All that one pass over a policy comes to; healthy pods are only counted."""

    pods: tuple[PodDecision, ...]
    healthy: int
    outcomes: tuple[ActRecord, ...]  # acts whose outcome became known in this pass
    breaker_open: bool
    message: str
