"""Whatever the API server holds, reading it gives an object or an InvalidObject that names fields; nothing else."""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler.api.parse import healing_policy, predictive_autoscaler
from autoscaler.api.structure import mismatches, without_nulls
from autoscaler.api.types import HealingPolicySpec, PredictiveAutoscalerSpec
from autoscaler.errors import FieldError, InvalidObject

Json = Any

VALID = {
    "scaleTargetRef": {"kind": "Deployment", "name": "shop", "apiVersion": "apps/v1"},
    "mode": "Scale",
    "minReplicas": 1,
    "maxReplicas": 9,
    "metrics": [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
        {"type": "Prometheus", "prometheus": {"query": "x", "target": {"type": "AverageValue", "averageValue": "500m"}}},
    ],
    "behavior": {
        "scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}], "tolerance": "0.05"},
        "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"},
    },
    "forecast": {
        "enabled": True,
        "policy": "Earned",
        "capacityRatio": 1.5,
        "risk": 0.9,
        "leadSeconds": "auto",
        "seasons": [3600],
        "maxExtraPods": 2,
    },
}
VALID_HEALING = {
    "mode": "Heal",
    "selector": {"matchLabels": {"app": "shop"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
    "faults": {"notReady": {"forSeconds": 60}},
    "actions": ["Evict"],
    "budget": {"maxUnavailable": "25%"},
    "breaker": {"unhealthyPercent": 50},
}

# No deadline and no measure of slowness: how fast one example is says more about the machine than about the code.
many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

words = st.sampled_from(
    ["Scale", "Resource", "Prometheus", "Utilization", "AverageValue", "auto", "Max", "1Gi", "25%", "", "1e9"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | words
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=8
)


@st.composite
def nearly(draw: st.DrawFn, valid: Json) -> Json:
    """A valid value in which some parts were replaced, dropped or added."""
    choice = draw(st.integers(0, 19))
    if choice == 0:
        return draw(anything)
    if isinstance(valid, dict):
        kept = {key: draw(nearly(value)) for key, value in valid.items() if draw(st.integers(0, 19))}
        return kept | draw(st.dictionaries(st.text(max_size=9), anything, max_size=1)) if choice == 1 else kept
    if isinstance(valid, list):
        return [draw(nearly(value)) for value in valid]
    return draw(scalars) if choice == 2 else valid


def _faults(read: Callable[[Json], object], obj: Json) -> tuple[FieldError, ...] | None:
    """What is wrong with an object; None when it was read."""
    try:
        read(obj)
    except InvalidObject as error:
        return error.errors
    return None


def _read(read: Callable[[Json], object], obj: Json) -> None:
    faults = _faults(read, obj)
    assert faults is None or (faults and all(fault.field and fault.message for fault in faults))


@many
@given(obj=anything)
def test_any_json_is_read_or_refused(obj: Json) -> None:
    _read(predictive_autoscaler, obj)
    _read(healing_policy, obj)


@many
@given(spec=nearly(VALID), metadata=nearly({"name": "shop", "namespace": "default", "generation": 1}))
def test_any_autoscaler_is_read_or_refused(spec: Json, metadata: Json) -> None:
    _read(predictive_autoscaler, {"metadata": metadata, "spec": spec})


@many
@given(spec=nearly(VALID_HEALING))
def test_any_healing_policy_is_read_or_refused(spec: Json) -> None:
    _read(healing_policy, {"metadata": {"name": "shop", "namespace": "default"}, "spec": spec})


def _msgspec_accepts(value: Json, expected: type[msgspec.Struct]) -> bool:
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError:
        return False
    return True


@many
@given(spec=nearly(VALID))
def test_a_structure_without_mismatch_is_one_that_msgspec_accepts(spec: Json) -> None:
    clean = without_nulls(spec)
    if not list(mismatches(clean, PredictiveAutoscalerSpec, "spec")):
        assert _msgspec_accepts(clean, PredictiveAutoscalerSpec)


@many
@given(spec=nearly(VALID_HEALING))
def test_the_same_for_a_healing_policy(spec: Json) -> None:
    clean = without_nulls(spec)
    if not list(mismatches(clean, HealingPolicySpec, "spec")):
        assert _msgspec_accepts(clean, HealingPolicySpec)
