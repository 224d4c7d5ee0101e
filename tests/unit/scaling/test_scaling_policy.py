"""Defaults that the HPA fills in, and where they come from."""

import msgspec
import pytest

from autoscaler.api.types import (
    Behavior,
    CrossVersionObjectReference,
    ForecastPolicy,
    ForecastSpec,
    Mode,
    PolicyType,
    PredictiveAutoscalerSpec,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
)
from autoscaler.scaling.decide import policy_of
from autoscaler.scaling.policy import Rules, Tolerances, down_window_s, scale_down_rules, scale_up_rules, tolerances
from autoscaler.settings import ScalingSettings
from tests.builders import a_policy

PODS_4 = ScalingPolicy(type=PolicyType.PODS, value=4, period_seconds=15)
PERCENT_100 = ScalingPolicy(type=PolicyType.PERCENT, value=100, period_seconds=15)


def test_an_empty_behavior_has_the_defaults_of_the_hpa() -> None:
    assert scale_up_rules(Behavior()) == Rules(0, SelectPolicy.MAX, (PODS_4, PERCENT_100))
    assert scale_down_rules(Behavior(), 300) == Rules(300, SelectPolicy.MAX, (PERCENT_100,))


def test_what_is_written_replaces_its_default_field_by_field() -> None:
    one_pod = ScalingPolicy(type=PolicyType.PODS, value=1, period_seconds=60)
    behavior = Behavior(
        scale_up=ScalingRules(select_policy=SelectPolicy.MIN),
        scale_down=ScalingRules(policies=(one_pod,), stabilization_window_seconds=0),
    )
    assert scale_up_rules(behavior) == Rules(0, SelectPolicy.MIN, (PODS_4, PERCENT_100))
    assert scale_down_rules(behavior, 300) == Rules(0, SelectPolicy.MAX, (one_pod,))


def test_the_window_for_scaling_down_is_the_users_else_the_services() -> None:
    assert down_window_s(a_policy(downscale_stabilization_s=120)) == 120
    assert down_window_s(a_policy(downscale_stabilization_s=120, behavior=Behavior())) == 120
    written = Behavior(scale_down=ScalingRules(stabilization_window_seconds=0))
    assert down_window_s(a_policy(downscale_stabilization_s=120, behavior=written)) == 0


def test_each_direction_has_its_own_tolerance() -> None:
    behavior = Behavior(scale_up=ScalingRules(tolerance="0"), scale_down=ScalingRules(tolerance="75m"))
    assert tolerances(a_policy(behavior=behavior)) == Tolerances(up=0.0, down=0.075)
    only_up = Behavior(scale_up=ScalingRules(tolerance=0.05))
    assert tolerances(a_policy(behavior=only_up)) == Tolerances(up=0.05, down=0.1)
    assert tolerances(a_policy()) == Tolerances(up=0.1, down=0.1)


@pytest.mark.parametrize(("ratio", "held"), [(0.9, True), (1.2, True), (0.89, False), (1.21, False), (float("nan"), False)])
def test_a_tolerance_holds_between_its_ends(ratio: float, *, held: bool) -> None:
    assert Tolerances(up=0.2, down=0.1).hold(ratio) is held


def test_a_policy_joins_the_object_and_the_settings_of_the_service() -> None:
    spec = PredictiveAutoscalerSpec(
        scale_target_ref=CrossVersionObjectReference(kind="Deployment", name="shop"),
        mode=Mode.SCALE,
        min_replicas=2,
        max_replicas=9,
        forecast=ForecastSpec(enabled=False, max_extra_pods=3),
    )
    settings = ScalingSettings(tolerance=0.2, downscale_stabilization_s=60, initial_readiness_delay_s=5)
    policy = policy_of(spec, settings, max_metric_age_s=45)
    assert (policy.min_replicas, policy.max_replicas, policy.max_extra_pods) == (2, 9, 3)
    assert not policy.forecast_enabled
    assert (policy.tolerance, policy.downscale_stabilization_s, policy.max_metric_age_s) == (0.2, 60, 45)
    assert (policy.cpu_initialization_period_s, policy.initial_readiness_delay_s) == (300, 5)
    (metric,) = policy.metrics
    assert metric.resource is not None
    assert metric.resource.target.average_utilization == 80


def test_what_a_forecast_may_do_is_the_objects_to_say() -> None:
    ref = CrossVersionObjectReference(kind="Deployment", name="shop")
    spec = PredictiveAutoscalerSpec(scale_target_ref=ref, mode=Mode.SCALE, max_replicas=9)
    plain = policy_of(spec, ScalingSettings(), max_metric_age_s=45)
    assert (plain.capacity_ratio, plain.earned, plain.forecast_hold_s) == (1.0, False, None)
    bold = msgspec.structs.replace(spec, forecast=ForecastSpec(policy=ForecastPolicy.EARNED, capacity_ratio=1.43))
    policy = policy_of(bold, ScalingSettings(), max_metric_age_s=45, lead_s=105.0)
    assert (policy.capacity_ratio, policy.earned, policy.forecast_hold_s) == (1.43, True, 105.0)


@pytest.mark.parametrize(
    ("settings", "least"),
    [(ScalingSettings(), 1), (ScalingSettings(scale_to_zero=True), 0), (ScalingSettings(exact_hpa=True), 0)],
)
def test_a_least_of_zero_needs_the_setting_as_nothing_else_brings_back_the_last_pod(
    settings: ScalingSettings, least: int
) -> None:
    ref = CrossVersionObjectReference(kind="Deployment", name="shop")
    spec = PredictiveAutoscalerSpec(scale_target_ref=ref, mode=Mode.SCALE, min_replicas=0, max_replicas=9)
    assert policy_of(spec, settings, max_metric_age_s=45).min_replicas == least


def test_a_floor_leaves_an_hpa_its_least_of_zero() -> None:
    ref = CrossVersionObjectReference(kind="HorizontalPodAutoscaler", name="shop")
    spec = PredictiveAutoscalerSpec(scale_target_ref=ref, mode=Mode.HPA_FLOOR, min_replicas=0, max_replicas=9)
    assert policy_of(spec, ScalingSettings(), max_metric_age_s=45).min_replicas == 0
