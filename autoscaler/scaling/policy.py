"""What an object asks for beside the service's settings, and the defaults that the HPA puts into `behavior`.

Two ways of the HPA must not be mixed up: an object without `behavior` is normalised by the older rules, one with an empty
`behavior` by the newer rules with all their defaults. So the defaults are applied where rules are read, not to the object.
"""

import math
from dataclasses import dataclass

from autoscaler.api.parse import DEFAULT_METRICS
from autoscaler.api.quantity import parse_float
from autoscaler.api.types import (
    Behavior,
    ForecastPolicy,
    Mode,
    PolicyType,
    PredictiveAutoscalerSpec,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
)
from autoscaler.scaling.numbers import Numbers
from autoscaler.scaling.types import Departures, Policy
from autoscaler.settings import ScalingSettings

EXACT = Departures(
    saturating=False, refusing_negative=False, leaving_zero=False, discounting_rollouts=False
)  # as the HPA, whatever it does

_SCALE_UP = (
    ScalingPolicy(type=PolicyType.PODS, value=4, period_seconds=15),
    ScalingPolicy(type=PolicyType.PERCENT, value=100, period_seconds=15),
)
_SCALE_DOWN = (ScalingPolicy(type=PolicyType.PERCENT, value=100, period_seconds=15),)
_NOTHING_SAID, _NO_BEHAVIOR = ScalingRules(), Behavior()


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction of `behavior` with nothing left open."""

    window_s: int
    select: SelectPolicy
    policies: tuple[ScalingPolicy, ...]
    of_none: int = 0  # pods that a percentage is taken of where there were none


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far a ratio to the target may be from 1 without an act, per direction."""

    up: float
    down: float

    def hold(self, ratio: float) -> bool:
        """Say whether a ratio is near enough to 1; both ends belong to it."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def policy_of(
    spec: PredictiveAutoscalerSpec, settings: ScalingSettings, max_metric_age_s: float, lead_s: float | None = None
) -> Policy:
    """Return what decisions about an object go by; `max_metric_age_s` is the age beyond which a reading is stale.

    `lead_s` is how far ahead is forecast. What a forecast asked for stays for as long: it spoke of a peak within that time, and
    by the same rule it was found to pay (`forecasting.peaks.shadow`). None: it stays for the scale-down window.
    """
    return Policy(
        min_replicas=_least(spec, settings),
        max_replicas=spec.max_replicas,
        metrics=spec.metrics or DEFAULT_METRICS,
        behavior=spec.behavior,
        forecast_enabled=spec.forecast.enabled,
        max_extra_pods=spec.forecast.max_extra_pods,
        capacity_ratio=spec.forecast.capacity_ratio,
        earned=spec.forecast.policy is ForecastPolicy.EARNED,
        forecast_hold_s=lead_s,
        tolerance=settings.tolerance,
        downscale_stabilization_s=settings.downscale_stabilization_s,
        cpu_initialization_period_s=_own(spec.cpu_initialization_period_seconds, settings.cpu_initialization_period_s),
        initial_readiness_delay_s=_own(spec.initial_readiness_delay_seconds, settings.initial_readiness_delay_s),
        max_metric_age_s=math.inf if settings.exact_hpa else max_metric_age_s,
        unschedulable_hold_s=0.0 if settings.exact_hpa else settings.unschedulable_hold_s,
        scale_to_zero=settings.scale_to_zero,
        departures=EXACT if settings.exact_hpa else Departures(discounting_rollouts=settings.discount_rollouts),
        schedules=spec.schedules,
        burst=spec.burst,
        fallback=spec.fallback,
        pause=spec.pause,
    )


def numbers_of(policy: Policy) -> Numbers:
    """Return how numbers that do not fit are taken."""
    return Numbers(overflows=not policy.departures.saturating)


def scale_up_rules(behavior: Behavior, of_none: int = 0) -> Rules:
    """Return the rules for adding pods: at once, 4 pods or 100 % within 15 s, whichever is more, unless written otherwise."""
    return _filled(behavior.scale_up or _NOTHING_SAID, 0, _SCALE_UP, of_none)


def rules_up(policy: Policy) -> Rules:
    """Return the rules for adding pods under a policy: percentages alone can leave zero, unless it is exact."""
    return scale_up_rules(policy.behavior or _NO_BEHAVIOR, int(policy.departures.leaving_zero))


def scale_down_rules(behavior: Behavior, default_window_s: int) -> Rules:
    """Return the rules for removing pods: after the service's window, without a limit of speed, unless written otherwise."""
    return _filled(behavior.scale_down or _NOTHING_SAID, default_window_s, _SCALE_DOWN)


def rules_down(policy: Policy) -> Rules:
    """Return the rules for removing pods under a policy."""
    return scale_down_rules(policy.behavior or _NO_BEHAVIOR, policy.downscale_stabilization_s)


def down_window_s(policy: Policy) -> int:
    """Return the stabilization window for removing pods."""
    return rules_down(policy).window_s


def tolerances(policy: Policy) -> Tolerances:
    """Return the tolerances of both directions: those of `behavior`, else the service's."""
    behavior = policy.behavior or Behavior()
    return Tolerances(
        up=_tolerance(behavior.scale_up, policy.tolerance),
        down=_tolerance(behavior.scale_down, policy.tolerance),
    )


def _least(spec: PredictiveAutoscalerSpec, settings: ScalingSettings) -> int:
    """Return minReplicas; 0 is 1 without the setting for it, as nothing would bring back the last pod that load takes.

    The API server refuses such an HPA; an object of ours, it cannot: it does not know the settings of the service.
    Where the floor of an HPA is raised the least is that of the HPA, which comes back by itself.
    """
    if settings.scale_to_zero or settings.exact_hpa or spec.mode is Mode.HPA_FLOOR:
        return spec.min_replicas
    return max(1, spec.min_replicas)


def _own(seconds: int | None, default_s: float) -> float:
    return default_s if seconds is None else float(seconds)


def _filled(rules: ScalingRules, window_s: int, policies: tuple[ScalingPolicy, ...], of_none: int = 0) -> Rules:
    return Rules(
        window_s=window_s if rules.stabilization_window_seconds is None else rules.stabilization_window_seconds,
        select=rules.select_policy or SelectPolicy.MAX,
        policies=policies if rules.policies is None else rules.policies,
        of_none=of_none,
    )


def _tolerance(rules: ScalingRules | None, default: float) -> float:
    return default if rules is None or rules.tolerance is None else parse_float(rules.tolerance)
