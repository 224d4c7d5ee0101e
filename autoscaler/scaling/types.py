"""What a scaling decision is made from and what it looks like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autoscaler.api.overrides import Burst, Exclusion, Fallback, Pause, Schedule
from autoscaler.api.types import Behavior, MetricSpec
from autoscaler.model import Forecast, PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.inputs import NOTHING_SEEN, Inputs, PodCounts
from autoscaler.scaling.schedules.types import NO_PADDING, Calendars, Padding, Timetable


@dataclass(frozen=True, slots=True)
class MetricReading:
    """The newest values of one metric of the object, or why there are none.

    Resource, ContainerResource and Pods: `pods_milli` maps pod name to milli-units (containers summed, or the one container).
    Object and Prometheus: `total_milli` is the value times 1,000. External: `parts_milli` are the values that are summed, and
    `total_milli` their sum. `sampled_at_s` is the time of the newest sample;
    `pods_sampled_at_s` that of each pod where it is known, so that one old series is one missing pod and not a stale metric.
    `error` set means that the values must not be used.
    """

    spec: MetricSpec
    pods_milli: Mapping[str, int] | None = None
    total_milli: int | None = None
    parts_milli: tuple[int, ...] = ()
    sampled_at_s: float | None = None
    pods_sampled_at_s: Mapping[str, float] | None = None
    window_s: float = 60.0
    pods_window_s: Mapping[str, float] | None = None  # of each pod, where they differ
    error: str | None = None
    error_reason: Reason | None = None
    source: str = "Prometheus"  # who told it, for explanations


@dataclass(frozen=True, slots=True)
class SelectorFault:
    """Why nobody can say which pods are the target's; `event` is the HPA's name for it in an Event, where it has one."""

    reason: Reason  # of the condition
    event: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of one workload at one moment; every part carries its age."""

    spec_replicas: int  # of the scale subresource
    status_replicas: int
    pods: tuple[PodView, ...]  # all that the scale's selector matches, whatever their state
    readings: tuple[MetricReading, ...]  # in the order of the spec's metrics
    forecasts: tuple[Forecast | None, ...] = ()  # in the same order; None or shorter: no forecast for that metric
    selector_fault: SelectorFault | None = None  # set: the pods are not known, whatever `pods` says
    short: tuple[MetricReading | None, ...] = ()  # over the window of a burst, as `readings`; None or shorter: those count
    unseen: bool = False  # a watch of pods or workloads is silent, so that all of this may be history


@dataclass(frozen=True, slots=True)
class Departures:
    """Where decisions differ on purpose from those of the HPA, which are exact with all of this off (docs/hpa-parity.md).

    `max_metric_age_s` of the policy is one more: infinity is the HPA's way.
    """

    saturating: bool = True  # a number beyond 32 or 64 bits is the largest there is; the HPA's overflows, and pods go
    refusing_negative: bool = True  # a value below zero fails its metric; the HPA removes pods, or adds as many as it may
    leaving_zero: bool = True  # a percentage of no pods is that of one; with the HPA's, nothing is ever added to none
    discounting_rollouts: bool = True  # surge pods and the CPU of starts ask for no pods; with the HPA they do


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user asks for, beside the service's settings for what an object cannot say.

    `behavior` is as the user wrote it: its absence means other rules than its defaults do, and a forecast is slowed down only
    by a `scaleUp` that somebody wrote.
    """

    min_replicas: int
    max_replicas: int
    metrics: tuple[MetricSpec, ...]
    behavior: Behavior | None
    forecast_enabled: bool
    max_extra_pods: int | None
    tolerance: float
    downscale_stabilization_s: int
    cpu_initialization_period_s: float
    initial_readiness_delay_s: float
    max_metric_age_s: float
    unschedulable_hold_s: float = 0.0  # no more pods while one has had no node for so long; 0: more are asked for
    scale_to_zero: bool = False  # the HPA's feature gate HPAScaleToZero
    departures: Departures = Departures()
    schedules: tuple[Schedule, ...] = ()
    holidays: tuple[Exclusion, ...] = ()  # that forecasts go by
    calendars: Calendars = field(default_factory=dict)  # the days that both name by country or calendar
    burst: Burst | None = None
    fallback: Fallback | None = None
    pause: Pause | None = None
    capacity_ratio: float = 1.0  # what a pod serves within its SLO over its target: a forecast peak may use all of it
    earned: bool = False  # forecasts that have earned it may decide with fewer pods than the HPA
    forecast_hold_s: float | None = None  # pods that a forecast asked for stay so long; None: the scale-down window


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A raw proposal, kept for the stabilization window."""

    at_s: float
    replicas: int


@dataclass(frozen=True, slots=True)
class ScaleEvent:
    """A change that was made, kept for the rate limits; `change` is the number of pods, always positive."""

    at_s: float
    change: int
    outdated: bool = False  # older than every policy of its direction was at some time: the next change takes its place


@dataclass(frozen=True, slots=True)
class Bursting:
    """A burst under way."""

    begun_s: float
    highest: int  # count that it has asked for
    passed_s: float  # when the threshold was passed last


@dataclass(frozen=True, slots=True)
class State:
    """What one decision hands to the next, per object."""

    recommendations: tuple[Recommendation, ...] = ()  # reactive, raw
    predicted: tuple[Recommendation, ...] = ()  # by forecast, so that a nervous forecast does not flap
    scale_ups: tuple[ScaleEvent, ...] = ()
    scale_downs: tuple[ScaleEvent, ...] = ()
    scaled_to_zero: bool | None = None  # whether the last change was ours down to zero; None: not known
    blind_since_s: float | None = None  # since when metrics have failed; None: they worked the last time
    paused_to_zero: bool = False  # it was a pause that removed the last pod
    burst: Bursting | None = None
    scheduled_to_zero: bool = False  # it was a schedule that removed the last pod
    timetable: Timetable | None = None  # which schedules hold, until that changes; None: has to be found
    padding: Padding = NO_PADDING  # what schedules add to


class Source(StrEnum):
    """Where a candidate value comes from."""

    REACTIVE = "reactive"  # the raw proposal of the HPA's formula
    STABILIZED = "stabilized"  # after window, rate limits and bounds: what the HPA would do
    PREDICTED = "predicted"  # what the forecast asks for
    FLOOR = "floor"  # minReplicas
    CEILING = "ceiling"  # maxReplicas
    SCHEDULE = "schedule"  # the least that a schedule in force asks for
    BURST = "burst"  # what the short window asks for
    FALLBACK = "fallback"  # without metrics
    PAUSE = "pause"  # a fixed count


@dataclass(frozen=True, slots=True)
class MetricStatus:
    """How one metric stood: the current value beside its target, as the HPA reports it; proposal None when it failed."""

    spec: MetricSpec
    proposal: int | None
    average_utilization: int | None = None  # percent
    average_value_milli: int | None = None
    value_milli: int | None = None  # of all pods together
    ratio: float | None = None
    predicted: int | None = None
    error: str | None = None
    active: bool | None = None  # whether the value is above `activation`; None where none is given
    exact: int | None = None  # the HPA's proposal, where pods of a roll-out are left out of ours
    untolerated: int | None = None  # what it would ask for, were there no tolerance; None: the tolerance does not matter
    pods: PodCounts | None = None  # how they counted, where it is read by pod


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that changed what was going to be decided: what, from which count to which, and why.

    All of a decision are a chain: each begins with the count that the one before it left. The first begins with what the
    load asks for (the current count where load does not matter or is not known), the last ends with what is decided.
    """

    name: str  # of the field, setting or circumstance, such as pause.scaleIn; of who asks, where it is `asked`
    before: int
    after: int
    reason: Reason
    message: str  # half a sentence: it follows a colon or a semicolon
    asked: bool = False  # somebody else, such as a forecast, asks for another count; nothing is held back


class Action(StrEnum):
    """What a decision comes to."""

    HOLD = "hold"
    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the object's status."""

    type: str  # AbleToScale | ScalingActive | ScalingLimited | ScaledToZero | ForecastActive
    status: bool
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """What the HPA tells of in an Event."""

    reason: Reason
    message: str
    warning: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """How many replicas, why, and every value that was weighed."""

    action: Action
    desired: int
    current: int
    reason: Reason
    message: str  # one sentence for a person
    candidates: Mapping[Source, int]
    metrics: tuple[MetricStatus, ...]
    conditions: tuple[Condition, ...]  # a type that is not here keeps the condition that it had, as with the HPA
    events: tuple[Event, ...] = ()  # of what went wrong, in the HPA's words; a rescale has its own once it is written
    cause: str = ""  # of a change, in the HPA's words (`cpu resource above target`); empty where it has none for it
    computed: bool = True  # False: no metric could be used, and nothing is desired
    limits: tuple[Limit, ...] = ()  # in their order, each of what the ones before it left
    once_written: tuple[Condition, ...] = ()  # conditions beside AbleToScale that hold when the change has been made
    remembered: tuple[Condition, ...] = ()  # that the status must say; told where it does not, as its write may have failed
    inputs: Inputs = NOTHING_SEEN
    timetable: Timetable | None = None  # which schedules hold; None: the object has none
