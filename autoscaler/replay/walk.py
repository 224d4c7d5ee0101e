"""The walk through a recorded load: at each step what is seen goes to the service's own `decide`, and pods follow.

Within step i: pods whose time has come serve (`ready`), it is decided (`desired`), pods are asked for or go.
The load is given to `decide` as a metric of all pods together with a target per pod. It is counted in millionths of a pod's
capacity, as decisions are made in whole thousandths of a unit, and a load of less than one would be coarse otherwise.
"""

import math
from collections.abc import Callable
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
from autoscaler.replay.stage import SEEN_STEPS, STEP_S, Setting, Stage, seen_of
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
    seen = seen_of(stage.load)
    first = first_count(seen[stage.cut], setting)
    walked = _Walk(stage, setting, seen, policy_for(setting, forecasts=foresight is not None), Pods(first, setting.lead), first)
    return walked.all(foresight, tell)


@dataclass(slots=True)
class _Walk:
    stage: Stage
    setting: Setting
    seen: Floats
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
        blocks: list[Foreseen] = []
        # What is seen of a load that was not served depends on the pods, so forecasts cannot be made ahead of decisions.
        size = 1 if self.setting.capped and foresight is not None else BLOCK_STEPS
        for first in range(self.stage.cut, self.stage.load.size, size):
            last = min(first + size, self.stage.load.size)
            if self.setting.capped:
                self._look(first)
            foreseen = foresight.block(self.seen[:last], first, last) if foresight else Foreseen.nothing(last - first, "")
            blocks.append(foreseen)
            self._block(first, last, foreseen)
            if last % BLOCK_STEPS < size or last == self.stage.load.size:
                tell(last - self.stage.cut)
        median, upper = (np.concatenate([getattr(one, name) for one in blocks]) for name in ("median", "upper"))
        is_open = np.concatenate([one.is_open for one in blocks])
        found = (self.desired, self.ready, self.reactive, self.predicted)
        return Course(*found, tuple(self.reasons), median, upper, is_open, blocks[-1].said)

    def _block(self, first: int, last: int, foreseen: Foreseen) -> None:
        peaks = np.where(foreseen.is_open, foreseen.peak, np.nan).tolist()
        lean = [False] * (last - first) if foreseen.lean is None else foreseen.lean.tolist()
        for step in range(first, last):
            if self.setting.capped:
                self._look(step)
            self._step(step, peaks[step - first], earned=lean[step - first])

    def _look(self, step: int) -> None:
        """Put down what is seen of the last steps: no more than their pods could serve; before the cut all of it."""
        before = max(step - SEEN_STEPS, 0)
        shown = [self._served(at) for at in range(before, step)]
        if shown:
            self.seen[step] = sum(shown) / len(shown)

    def _served(self, step: int) -> float:
        load, at = float(self.stage.load[step]), step - self.stage.cut
        return load if at < 0 else min(load, float(self.ready[at]))

    def _step(self, step: int, peak: float, *, earned: bool) -> None:
        at, now_s, current = step - self.stage.cut, self.stage.at_s(step), self.current
        self.ready[at] = self.pods.arrive(step)
        reading = MetricReading(self.policy.metrics[0], total_milli=_milli(float(self.seen[step])), sampled_at_s=now_s)
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
