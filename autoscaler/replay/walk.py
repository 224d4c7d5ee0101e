"""The walk through a recorded load: at each step what is seen goes to the service's own `decide`, and pods follow.

Within step i: pods whose time has come serve (`ready`), it is decided (`desired`), pods are asked for or go.
The load is given to `decide` as a metric of all pods together with a target per pod. It is counted in millionths of a pod's
capacity, as decisions are made in whole thousandths of a unit, and a load of less than one would be coarse otherwise.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autoscaler.api.types import (
    Behavior,
    ExternalMetricSource,
    MetricIdentifier,
    MetricSpec,
    MetricTarget,
    MetricType,
    TargetType,
)
from autoscaler.model import Floats, Forecast, GateState
from autoscaler.reasons import Reason
from autoscaler.replay.foresight import Foreseen, Foresight
from autoscaler.replay.pods import Pods
from autoscaler.replay.rounds import settled
from autoscaler.replay.sight import Sight
from autoscaler.replay.stage import STEP_S, Setting, Stage
from autoscaler.scaling.decide import changed, decide, initial_state
from autoscaler.scaling.policy import EXACT
from autoscaler.scaling.types import MetricReading, Observation, Policy, Source, State
from autoscaler.settings import ScalingSettings

Counts = NDArray[np.int64]
Tell = Callable[[int], None]  # how many more steps are done

BLOCK_STEPS = 5_760  # a day
_UNITS = 10**6  # of load that one pod serves
_MILLI = 1000 * _UNITS
_HIGHEST = 1e9  # pods; of a load beyond that the HPA's numbers overflow
_NONE = -1


@dataclass(frozen=True, slots=True)
class Course:
    """What was decided from the cut on, one entry a step; loads in pods."""

    desired: Counts  # decided at the step
    ready: Counts  # that serve before the decision
    reactive: Counts  # what the HPA would decide from the same state
    predicted: Counts  # what forecasts ask for; -1 where they ask for nothing
    reasons: tuple[Reason, ...]
    median: Floats  # expected of the load at the lead; NaN: nothing
    upper: Floats
    is_open: NDArray[np.bool_]
    said: str = ""  # of the gate, at the end


def policy_for(setting: Setting, *, forecasts: bool) -> Policy:
    """Return the policy of an object with an empty `behavior`, which is the HPA with all its defaults."""
    target = MetricTarget(type=TargetType.AVERAGE_VALUE, average_value=f"{round(setting.target * _MILLI)}m")
    load = ExternalMetricSource(metric=MetricIdentifier(name="load"), target=target)
    defaults = ScalingSettings()
    return Policy(
        min_replicas=setting.min_replicas,
        max_replicas=setting.max_replicas,
        metrics=(MetricSpec(type=MetricType.EXTERNAL, external=load),),
        behavior=Behavior(),
        forecast_enabled=forecasts,
        max_extra_pods=None,
        tolerance=defaults.tolerance,
        downscale_stabilization_s=defaults.downscale_stabilization_s,
        cpu_initialization_period_s=defaults.cpu_initialization_period_s,
        initial_readiness_delay_s=defaults.initial_readiness_delay_s,
        max_metric_age_s=math.inf,
        departures=EXACT,
        capacity_ratio=1 / setting.target,
        earned=setting.earned,
        forecast_hold_s=setting.lead * STEP_S,
    )


def first_count(seen: float, setting: Setting) -> int:
    """Return how many pods the HPA's formula asks for."""
    asked = math.ceil(_milli(seen) / round(setting.target * _MILLI))
    return min(max(asked, setting.min_replicas), setting.max_replicas)


def walk(stage: Stage, setting: Setting, foresight: Foresight | None = None, tell: Tell = lambda _: None) -> Course:
    """Return what is decided step by step, by the HPA alone or with forecasts."""
    sight = Sight(stage.load, stage.cut, setting.capped)
    sight.expect(stage.cut, stage.cut + 1)
    first = first_count(sight.seen[stage.cut], setting)
    policy = policy_for(setting, forecasts=foresight is not None)
    return _Walk(stage, setting, sight, policy, Pods(first, setting.lead), first).all(foresight, tell)


@dataclass(slots=True)
class _Walk:
    """Implements `Player`."""

    stage: Stage
    setting: Setting
    sight: Sight
    policy: Policy
    pods: Pods
    current: int
    state: State = field(init=False)
    desired: Counts = field(init=False)
    ready: Counts = field(init=False)
    reactive: Counts = field(init=False)
    predicted: Counts = field(init=False)
    reasons: list[Reason] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = initial_state(self.current, self.stage.at_s(self.stage.cut))
        self.desired, self.ready, self.reactive, self.predicted = (np.full(self.stage.steps, _NONE) for _ in range(4))

    def all(self, foresight: Foresight | None, tell: Tell) -> Course:
        first, end = self.stage.cut, self.stage.load.size
        if foresight is not None and self.setting.capped:
            parts = settled(self, foresight, first, end)
        else:
            parts = self._straight(foresight, first, end)
        blocks: list[Foreseen] = []
        for foreseen, last in parts:
            blocks.append(foreseen)
            tell(last - self.stage.cut)
        median, upper = (np.concatenate([getattr(one, name) for one in blocks]) for name in ("median", "upper"))
        is_open = np.concatenate([one.is_open for one in blocks])
        found = (self.desired, self.ready, self.reactive, self.predicted)
        return Course(*found, tuple(self.reasons), median, upper, is_open, blocks[-1].said)

    def _straight(self, foresight: Foresight | None, begin: int, end: int) -> Iterator[tuple[Foreseen, int]]:
        """Do as `settled` where what is seen does not hang on the pods, or nobody forecasts."""
        for first in range(begin, end, BLOCK_STEPS):
            last = min(first + BLOCK_STEPS, end)
            foreseen = Foreseen.nothing(last - first, "")
            if foresight is not None:
                foreseen = foresight.block(self.sight.seen[:last], first, last)
            self._decide(foreseen, first, last)
            yield foreseen, last

    def play(self, foreseen: Foreseen, at: int, last: int) -> int | None:
        """Decide at the steps `at` to before `last`."""
        stood = self._decide(foreseen, at, last)
        if stood is None:
            return None
        step, self.pods, self.current, self.state = stood
        del self.reasons[step - self.stage.cut :]
        return step

    def _decide(self, foreseen: Foreseen, at: int, last: int) -> tuple[int, Pods, int, State] | None:
        """Return how it stood before the first of the steps at which something else was seen than what was expected."""
        first, stood = last - foreseen.peak.size, None
        peaks = np.where(foreseen.is_open, foreseen.peak, np.nan).tolist()
        lean = [False] * len(peaks) if foreseen.lean is None else foreseen.lean.tolist()
        for step in range(at, last):
            expected = self._step(step, peaks[step - first], earned=lean[step - first])
            if stood is None and not expected and step + 1 < last:
                stood = (step + 1, self.pods.copy(), self.current, self.state)
        return stood

    def _step(self, step: int, peak: float, *, earned: bool) -> bool:
        """Decide at a step; return whether what is seen of it next is what was expected."""
        at, now_s, current = step - self.stage.cut, self.stage.at_s(step), self.current
        self.ready[at] = ready = self.pods.arrive(step)
        reading = MetricReading(self.policy.metrics[0], total_milli=_milli(float(self.sight.seen[step])), sampled_at_s=now_s)
        forecasts = (self._forecast(peak, now_s, earned=earned),) if peak == peak else ()  # noqa: PLR0124 - NaN is not
        observation = Observation(current, current, (), (reading,), forecasts)
        decision, self.state = decide(observation, self.policy, self.state, now_s)
        self.desired[at] = self.current = decision.desired
        self.reactive[at] = decision.candidates[Source.STABILIZED]
        self.predicted[at] = decision.candidates.get(Source.PREDICTED, _NONE)
        self.reasons.append(decision.reason)
        if decision.desired != current:
            self.state = changed(self.state, decision, self.policy, now_s)
            self.pods.change(step, decision.desired - current)
        return self.sight.serve(step, ready)

    def _forecast(self, peak: float, now_s: float, *, earned: bool) -> Forecast:
        return Forecast(
            issued_s=now_s,
            expires_s=now_s + STEP_S,
            lead_s=self.setting.lead * STEP_S,
            risk=self.setting.risk,
            peak=max(0.0, peak) * _UNITS,
            model="replayed",
            gate=GateState.OPEN,
            reason=Reason.FORECAST_IN_USE,
            message="",
            earned=earned,
        )


def clairvoyant(stage: Stage, setting: Setting) -> Course:
    """Return the least that serves all of the load, by somebody who knows it.

    At each step that is the most that is needed before pods that are asked for at the next step serve, within the bounds.
    """
    need = np.clip(np.ceil(stage.load - 1e-9), 1, None)
    need = np.clip(need, setting.min_replicas, setting.max_replicas).astype(np.int64)
    padded = np.concatenate([need, np.full(setting.lead, need[-1])])
    most = np.lib.stride_tricks.sliding_window_view(padded[1:], setting.lead).max(axis=1)[: need.size]
    desired = most[stage.cut :]
    start = int(need[stage.cut : stage.cut + setting.lead].max())
    pods, current, ready = Pods(start, setting.lead), start, np.empty(stage.steps, dtype=np.int64)
    for at, wanted in enumerate(desired.tolist()):
        ready[at] = pods.arrive(at)
        pods.change(at, wanted - current)
        current = wanted
    nothing = np.full(stage.steps, np.nan)
    none = np.full(stage.steps, _NONE)
    shut = np.zeros(stage.steps, dtype=np.bool_)
    return Course(desired, ready, desired, none, (Reason.FORECAST_AHEAD,) * stage.steps, nothing, nothing, shut)


def _milli(pods: float) -> int:
    return round(min(max(pods, 0.0), _HIGHEST) * _MILLI)
