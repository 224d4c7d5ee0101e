"""A burst: while load is far above its target over a short window, pods are added at once and none is removed.

The panic mode of Knative, on the HPA's metrics. A burst begins, or goes on, in a pass in which the load of a metric over the
short window is more than `thresholdPercent` of what the Ready pods should carry; it ends `holdSeconds` after the last such
pass. While it lasts the count is at least what the HPA's formula asks for on the short window, at least the highest that the
burst has asked for, and at least what is there. It is bounded by maxReplicas, and slowed only by a `behavior.scaleUp` that
somebody wrote: the HPA's own limit, twice the pods in one pass, is not for bursts. Windows and rate limits of the HPA learn
nothing of it, so when it is over they decide alone.

A burst is not remembered over a restart of the service: it begins anew if load is still so high, and until then the present
count, the first recommendation of the new process, keeps pods from being removed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from autoscaler.api.overrides import Burst
from autoscaler.model import PodPhase
from autoscaler.reasons import Reason
from autoscaler.scaling.amounts import named, target_of
from autoscaler.scaling.draft import Draft
from autoscaler.scaling.metrics import Reactive, react
from autoscaler.scaling.numbers import divided
from autoscaler.scaling.policy import numbers_of
from autoscaler.scaling.rates import fastest
from autoscaler.scaling.readings import Failure, totals
from autoscaler.scaling.types import Bursting, Condition, MetricReading, MetricStatus, Observation, Policy, Source, State

CONDITION = "Burst"


@dataclass(frozen=True, slots=True)
class _Pressure:
    """How far above its target a metric is over the short window."""

    percent: float
    metric: str


def hold_up(
    draft: Draft, observation: Observation, policy: Policy, state: State, now_s: float
) -> tuple[Draft, Bursting | None]:
    """Return the draft with what a burst makes of it, and the burst for the next state; None: there is none."""
    rules = policy.burst
    if rules is None or draft.current == 0:
        return (draft if rules is None else draft.told(_quiet(rules))), None
    if observation.selector_fault is not None or observation.unseen:  # nothing is known of the target, and it holds
        return draft.told(_quiet(rules) if state.burst is None else _under_way(rules)), state.burst
    short = replace(observation, readings=_short(observation))
    found = react(short, policy, now_s)
    highest = max(_pressures(short, found, policy, now_s), key=lambda one: one.percent, default=None)
    passed = highest if highest is not None and highest.percent > rules.threshold_percent else None
    burst = _continued(state.burst, rules, now_s, passed=passed is not None)
    if burst is None:
        return draft.told(_quiet(rules, _trouble(short))), None
    asked = min(max(burst.highest, draft.current, found.replicas or 0), policy.max_replicas)
    burst = replace(burst, highest=asked)
    raised = max(draft.replicas, min(asked, fastest(draft.current, policy, state, now_s)))
    why = "a burst lasts in which no pod is removed"
    if passed is not None:
        why = f"{passed.metric} is at {passed.percent:.0f}% of its target over {rules.window_seconds} s, which is a burst"
    moved = draft.weighed(Source.BURST, asked).moved(raised, Reason.BURST, why, "the burst")
    return moved.told(_under_way(rules)), burst


def _short(observation: Observation) -> tuple[MetricReading, ...]:
    """Return the readings over the short window; the usual one where a metric has no other."""
    others = dict(enumerate(observation.short))
    return tuple(others.get(index) or reading for index, reading in enumerate(observation.readings))


def _continued(burst: Bursting | None, rules: Burst, now_s: float, *, passed: bool) -> Bursting | None:
    if passed:
        return Bursting(now_s, 0, now_s) if burst is None else replace(burst, passed_s=now_s)
    if burst is None or now_s - burst.passed_s >= rules.hold_seconds:
        return None
    return burst


def _pressures(observation: Observation, found: Reactive, policy: Policy, now_s: float) -> Iterator[_Pressure]:
    for reading, status in zip(observation.readings, found.statuses, strict=False):
        ratio = _ratio(reading, status, observation, policy, now_s)
        if ratio is not None:
            yield _Pressure(100 * ratio, named(reading.spec))


def _ratio(
    reading: MetricReading, status: MetricStatus, observation: Observation, policy: Policy, now_s: float
) -> float | None:
    """Return load to target over the pods that are Ready; None where the metric failed.

    A metric that is read by pod, and a target that is a value of all pods, have it already. What one pod can carry is
    multiplied by the Ready ones here: others carry nothing yet.
    """
    target = target_of(reading.spec)
    if status.proposal is None or target is None or reading.pods_milli is not None or target.average_value is None:
        return status.ratio
    values = totals(reading, policy, now_s)
    if isinstance(values, Failure):
        return None
    ready = sum(pod.phase is PodPhase.RUNNING and pod.ready is True for pod in observation.pods)
    return divided(float(sum(values)), float(numbers_of(policy).milli(target.average_value)) * max(1, ready))


def _under_way(rules: Burst) -> Condition:
    passed = f"a metric passed {rules.threshold_percent}% of its target over {rules.window_seconds} s"
    text = f"{passed}; no pod is removed until it has not for {rules.hold_seconds} s"
    return Condition(CONDITION, status=True, reason=Reason.BURST, message=text)


def _quiet(rules: Burst, trouble: str = "") -> Condition:
    text = f"no metric passes {rules.threshold_percent}% of its target over {rules.window_seconds} s{trouble}"
    return Condition(CONDITION, status=False, reason=Reason.NO_BURST, message=text)


def _trouble(short: Observation) -> str:
    """Return what keeps a burst from being seen, such as a window that is too short for two scrapes."""
    failed = (reading for reading in short.readings if reading.error is not None)
    return next((f"; {named(one.spec)} cannot be read over that time: {one.error}" for one in failed), "")
