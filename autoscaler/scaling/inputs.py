"""What a decision was made from, in a few figures: where each load came from, how old it was, and which pods counted.

Kept with the decision, so that it can be explained later; nothing decides by it. How it is made is in `account`.
"""

from dataclasses import dataclass

from autoscaler.model import GateState


@dataclass(frozen=True, slots=True)
class PodCounts:
    """How pods counted for a metric that is read by pod; each is in one group."""

    counted: int
    unready: int  # its value says nothing yet
    missing: int  # it has no value
    ignored: int  # going or gone


@dataclass(frozen=True, slots=True)
class PodTally:
    """The pods that the target's selector matches, each in one group."""

    ready: int
    unready: int  # running, and not Ready
    pending: int
    ignored: int  # going, failed or completed


@dataclass(frozen=True, slots=True)
class ForecastInput:
    """The forecast of one metric as it stood."""

    gate: GateState
    age_s: float
    lead_s: float


@dataclass(frozen=True, slots=True)
class MetricInput:
    """One metric as it was read."""

    source: str  # Prometheus, or the name of one of Kubernetes' metrics APIs
    age_s: float | None  # of the newest sample; None: there is none, or it does not say
    stands: str  # the value beside its target, in words; empty where it was not looked at
    with_value: int | None = None  # pods; None: it is a metric of all pods together
    without_value: int | None = None
    pods: PodCounts | None = None
    forecast: ForecastInput | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a decision was made from; metrics in the order of the spec's."""

    pods: PodTally
    metrics: tuple[MetricInput, ...] = ()


NOTHING_SEEN = Inputs(PodTally(0, 0, 0, 0))
