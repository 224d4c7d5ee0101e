import copy
from typing import Any

import pytest

from autoscaler.api.overrides import Exclusion
from autoscaler.api.parse import healing_policy, predictive_autoscaler
from autoscaler.api.types import ForecastPolicy, MetricType, Mode, SelectPolicy, TargetType
from autoscaler.errors import InvalidObject

Json = dict[str, Any]

METADATA = {"name": "shop", "namespace": "default", "uid": "u1", "generation": 3, "resourceVersion": "77", "labels": {"a": "b"}}
TARGET = {"kind": "Deployment", "name": "shop"}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
PER_POD = {"type": "AverageValue", "averageValue": "10"}
VALUE = {"type": "Value", "value": "10k"}
INGRESS = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"}
SELECTOR = {"matchLabels": {"queue": "fast"}, "matchExpressions": [{"key": "area", "operator": "Exists"}]}


def an_autoscaler(**spec: object) -> Json:
    return {"metadata": METADATA, "spec": {"scaleTargetRef": TARGET, "mode": "Scale", "maxReplicas": 10, **spec}}


def a_healing_policy(**spec: object) -> Json:
    plain = {"mode": "Heal", "selector": {"matchLabels": {"app": "shop"}}, "faults": {"notReady": {}}}
    return {"metadata": METADATA, "spec": {**plain, **spec}}


def faults(obj: Json) -> dict[str, str]:
    """What is wrong with an autoscaler, by field."""
    with pytest.raises(InvalidObject) as caught:
        predictive_autoscaler(obj)
    return {error.field: error.message for error in caught.value.errors}


def healing_faults(obj: Json) -> dict[str, str]:
    with pytest.raises(InvalidObject) as caught:
        healing_policy(obj)
    return {error.field: error.message for error in caught.value.errors}


def test_an_hpa_with_a_mode_is_an_autoscaler() -> None:
    spec = {
        "minReplicas": 2,
        "metrics": [
            CPU,
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "memory",
                    "container": "app",
                    "target": {"type": "AverageValue", "averageValue": "200Mi"},
                },
            },
            {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
            {"type": "Object", "object": {"describedObject": INGRESS, "metric": {"name": "hits"}, "target": VALUE}},
            {"type": "External", "external": {"metric": {"name": "queue", "selector": SELECTOR}, "target": VALUE}},
            {"type": "Prometheus", "prometheus": {"query": "sum(x)", "target": {"type": "AverageValue", "averageValue": 0.5}}},
        ],
        "behavior": {
            "scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}], "tolerance": "0.05"},
            "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"},
        },
    }
    read = predictive_autoscaler(
        {"apiVersion": "foresail.dev/v1alpha1", "kind": "PredictiveAutoscaler", **an_autoscaler(**spec)}
    )
    assert read.metadata.name == "shop"
    assert read.metadata.generation == 3
    assert read.metadata.resource_version == "77"
    assert read.spec.mode is Mode.SCALE
    assert (read.spec.min_replicas, read.spec.max_replicas) == (2, 10)
    assert [metric.type for metric in read.spec.metrics] == list(MetricType)
    assert read.spec.behavior is not None
    assert read.spec.behavior.scale_down is not None
    assert read.spec.behavior.scale_down.select_policy is SelectPolicy.DISABLED


@pytest.mark.parametrize(
    ("kind", "source", "wrong"),
    [
        ("Pods", {"metric": {"name": "rps"}, "target": {"type": "Value", "value": 1}}, {"pods.target.type"}),
        ("Pods", {"metric": {"name": "a/b"}, "target": PER_POD}, {"pods.metric.name"}),
        ("Pods", {"target": PER_POD}, {"pods.metric"}),
        ("Object", {"metric": {"name": "hits"}, "target": PER_POD}, {"object.describedObject"}),
        (
            "Object",
            {"describedObject": {"kind": "Ingress"}, "metric": {"name": "hits"}, "target": PER_POD},
            {"object.describedObject.name"},
        ),
        ("External", {"metric": {"name": "queue"}, "target": {"type": "Value"}}, {"external.target.value"}),
        ("External", {"metric": {"name": "queue"}, "target": {"type": "Value", "value": 0}}, {"external.target.value"}),
        (
            "External",
            {"metric": {"name": "queue"}, "target": {"type": "Utilization", "averageUtilization": 5}},
            {"external.target.type"},
        ),
        (
            "External",
            {"metric": {"name": "q", "selector": {"matchLabels": {"-": "x"}}}, "target": PER_POD},
            {"external.metric.selector.matchLabels[-]"},
        ),
    ],
)
def test_a_metric_of_another_api_has_what_its_source_needs(kind: str, source: Json, wrong: set[str]) -> None:
    found = faults(an_autoscaler(metrics=[{"type": kind, kind.lower(): source}]))
    assert found.keys() == {f"spec.metrics[0].{field}" for field in wrong}


def test_zero_replicas_need_a_metric_that_tells_when_to_come_back() -> None:
    external = {"type": "External", "external": {"metric": {"name": "queue"}, "target": VALUE}}
    assert predictive_autoscaler(an_autoscaler(minReplicas=0, metrics=[CPU, external])).spec.min_replicas == 0
    assert faults(an_autoscaler(minReplicas=0, metrics=[CPU])).keys() == {"spec.minReplicas"}
    assert faults(an_autoscaler(minReplicas=0)).keys() == {"spec.minReplicas"}


def test_absent_fields_get_the_defaults_of_the_hpa() -> None:
    spec = predictive_autoscaler(an_autoscaler()).spec
    assert spec.min_replicas == 1
    assert spec.behavior is None
    assert spec.scale_target_ref.api_version == "apps/v1"
    (metric,) = spec.metrics
    assert metric.resource is not None
    assert metric.resource.name == "cpu"
    assert metric.resource.target.type is TargetType.UTILIZATION
    assert metric.resource.target.average_utilization == 80


def test_null_is_as_good_as_absent() -> None:
    assert predictive_autoscaler(an_autoscaler(minReplicas=None, behavior=None, metrics=None, forecast=None)) == (
        predictive_autoscaler(an_autoscaler())
    )
    assert faults(an_autoscaler(maxReplicas=None)).keys() == {"spec.maxReplicas"}


def test_a_status_that_is_no_object_counts_as_none() -> None:
    assert predictive_autoscaler({**an_autoscaler(), "status": "garbage"}).status == {}
    assert predictive_autoscaler({**an_autoscaler(), "status": {"desiredReplicas": 3}}).status == {"desiredReplicas": 3}


def test_reading_does_not_change_the_object() -> None:
    obj = an_autoscaler(minReplicas=None)
    before = copy.deepcopy(obj)
    predictive_autoscaler(obj)
    assert obj == before


def test_every_wrong_field_is_named_in_one_go() -> None:
    obj = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment"},
            "maxReplica": 5,
            "minReplicas": "two",
            "metrics": [
                {"type": "Queue", "queue": {"length": 3}},
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 0}}},
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 4000, "policies": []}},
            "forecast": {"risk": 1.0, "leadSeconds": "soon"},
        },
    }
    with pytest.raises(InvalidObject) as caught:
        predictive_autoscaler(obj)
    assert caught.value.what == "PredictiveAutoscaler default/shop"
    assert {error.field for error in caught.value.errors} == {
        "kind",
        "spec.scaleTargetRef.name",
        "spec.mode",
        "spec.maxReplicas",
        "spec.maxReplica",
        "spec.minReplicas",
        "spec.metrics[0].type",
        "spec.metrics[0].queue",
        "spec.metrics[1].resource.target.averageUtilization",
        "spec.behavior.scaleDown.stabilizationWindowSeconds",
        "spec.behavior.scaleDown.policies",
        "spec.forecast.risk",
        "spec.forecast.leadSeconds",
    }
    for error in caught.value.errors:
        assert str(error) in str(caught.value)


@pytest.mark.parametrize(("field", "near"), [("sepc", "spec"), ("Metadata", "metadata"), ("x", None)])
def test_a_field_beside_spec_that_no_object_has_is_refused(field: str, near: str | None) -> None:
    found = faults({**an_autoscaler(), field: {}})
    assert found.keys() == {field}
    assert (f"did you mean {near}?" if near else "known here: apiVersion, kind, metadata, spec, status") in found[field]


@pytest.mark.parametrize(
    ("metadata", "wrong"),
    [
        ({"name": "Shop"}, "name"),
        ({"name": "a" * 254}, "name"),
        ({"name": "shop\n"}, "name"),
        ({"namespace": "a.b"}, "namespace"),
        ({"namespace": "a" * 64}, "namespace"),
        ({"labels": {"a" * 64: "x"}}, f"labels[{'a' * 64}]"),
        ({"labels": {"a": "-"}}, "labels[a]"),
        ({"annotations": {"a": 1}}, "annotations[a]"),
        ({"annotations": ["a"]}, "annotations"),
    ],
)
def test_metadata_that_the_api_server_would_refuse_is_named(metadata: Json, wrong: str) -> None:
    obj = an_autoscaler()
    assert faults({**obj, "metadata": {**METADATA, **metadata}}).keys() == {f"metadata.{wrong}"}


def test_the_answer_to_very_much_that_is_wrong_stays_short() -> None:
    found = faults(an_autoscaler(**{f"{'k' * 5000}{number}": 1 for number in range(3000)}))
    assert len(found) <= 51
    assert all(len(field) <= 200 and len(message) <= 400 for field, message in found.items())
    assert "and more is wrong" in found["spec"]


def test_a_list_as_long_as_an_object_can_be_is_checked_in_no_time() -> None:
    """Counting each season in the whole list again would take hours here."""
    long = [1, *range(1, 200_000)]
    assert faults(an_autoscaler(forecast={"seasons": long})).keys() == {"spec.forecast.seasons"}


def test_a_misspelt_field_gets_a_suggestion() -> None:
    assert faults(an_autoscaler(minReplica=2)) == {"spec.minReplica": "is not a known field; did you mean minReplicas?"}


def test_a_missing_mode_says_what_is_allowed() -> None:
    obj = an_autoscaler()
    del obj["spec"]["mode"]
    assert faults(obj) == {"spec.mode": "is required and must be one of Observe, Scale, HPAFloor"}


FLOOR_OF = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "shop"}


@pytest.mark.parametrize(("field", "value"), [("burst", {}), ("fallback", {"behavior": "Current"}), ("onDelete", "Restore")])
def test_what_would_do_nothing_where_the_hpa_scales_is_refused_by_name(field: str, value: object) -> None:
    floored = {"scaleTargetRef": FLOOR_OF, "mode": "HPAFloor", "maxReplicas": None}
    assert "when mode is HPAFloor" in faults(an_autoscaler(**floored, **{field: value}))[f"spec.{field}"]
    assert predictive_autoscaler(an_autoscaler(**{field: value})).spec
    assert predictive_autoscaler(an_autoscaler(**floored, onDelete="Keep", pause={"all": True})).spec


def test_a_floor_takes_no_forecast_that_may_decide_with_fewer_pods() -> None:
    floored = {"scaleTargetRef": FLOOR_OF, "mode": "HPAFloor", "maxReplicas": None}
    found = faults(an_autoscaler(**floored, forecast={"policy": "Earned"}))
    assert found.keys() == {"spec.forecast.policy"}
    assert "must not be Earned when mode is HPAFloor" in found["spec.forecast.policy"]
    assert predictive_autoscaler(an_autoscaler(forecast={"policy": "Earned"})).spec
    assert predictive_autoscaler(an_autoscaler(**floored, forecast={"policy": "Conservative", "capacityRatio": 2})).spec


def test_max_below_min_names_both() -> None:
    assert faults(an_autoscaler(minReplicas=3, maxReplicas=2)) == {
        "spec.maxReplicas": "must be at least minReplicas, which is 3, not 2"
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "must be a whole number from 1 to 2147483647, not 0"),
        (-1, "must be a whole number from 1 to 2147483647, not -1"),
        (2**31, "must be a whole number from 1 to 2147483647, not 2147483648"),
        (1.5, "must be a whole number from 1 to 2147483647, not 1.5"),
        (True, "must be a whole number from 1 to 2147483647, not true"),
        ("3", "must be a whole number from 1 to 2147483647, not '3'"),
        ([], "must be a whole number from 1 to 2147483647, not an empty list"),
        ({}, "must be a whole number from 1 to 2147483647, not an object"),
    ],
)
def test_a_count_is_a_whole_number_from_one(value: object, message: str) -> None:
    assert faults(an_autoscaler(maxReplicas=value)) == {"spec.maxReplicas": message}


def test_the_source_must_be_the_one_that_type_names() -> None:
    assert faults(an_autoscaler(metrics=[{"type": "Resource"}])) == {
        "spec.metrics[0].resource": "is required when type is Resource"
    }
    query = {"query": "sum(x)", "target": {"type": "AverageValue", "averageValue": "1"}}
    assert faults(an_autoscaler(metrics=[{**CPU, "prometheus": query}])).keys() == {"spec.metrics[0].prometheus"}


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ({"type": "Utilization"}, {"averageUtilization"}),
        ({"type": "AverageValue"}, {"averageValue"}),
        ({"type": "Utilization", "averageUtilization": 60, "averageValue": "1"}, {"averageValue"}),
        ({"type": "Utilization", "averageValue": "500m"}, {"averageUtilization", "averageValue"}),
        ({"type": "AverageValue", "averageValue": "abc"}, {"averageValue"}),
        ({"type": "AverageValue", "averageValue": 0}, {"averageValue"}),
        ({"type": "AverageValue", "averageValue": "-1"}, {"averageValue"}),
        ({"type": "AverageValue", "averageValue": True}, {"averageValue"}),
        ({"type": "Value", "value": 3}, {"type"}),
        ({"type": "AverageValue", "averageValue": "1", "value": 3}, {"value"}),
        ({}, {"type"}),
    ],
)
def test_a_target_has_exactly_what_its_type_says(target: Json, wrong: set[str]) -> None:
    found = faults(an_autoscaler(metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": target}}]))
    assert found.keys() == {f"spec.metrics[0].resource.target.{name}" for name in wrong}


def test_a_query_cannot_have_a_percentage_as_target() -> None:
    query = {"query": "sum(x)", "target": {"type": "Utilization", "averageUtilization": 60}}
    found = faults(an_autoscaler(metrics=[{"type": "Prometheus", "prometheus": query}]))
    assert found.keys() == {"spec.metrics[0].prometheus.target.type"}
    assert "AverageValue" in found["spec.metrics[0].prometheus.target.type"]


@pytest.mark.parametrize("query", ["", "  "])
def test_an_empty_query_is_refused(query: str) -> None:
    source = {"query": query, "target": {"type": "AverageValue", "averageValue": "1"}}
    found = faults(an_autoscaler(metrics=[{"type": "Prometheus", "prometheus": source}]))
    assert found.keys() == {"spec.metrics[0].prometheus.query"}


def test_only_cpu_and_memory_are_resources_that_are_measured() -> None:
    metric = {"type": "Resource", "resource": {"name": "ephemeral-storage", "target": CPU["resource"]["target"]}}
    assert faults(an_autoscaler(metrics=[metric])) == {
        "spec.metrics[0].resource.name": "must be one of cpu, memory, not 'ephemeral-storage'"
    }


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ({"stabilizationWindowSeconds": -1}, "stabilizationWindowSeconds"),
        ({"stabilizationWindowSeconds": 3601}, "stabilizationWindowSeconds"),
        ({"policies": []}, "policies"),
        ({"policies": [{"type": "Pods", "value": 0, "periodSeconds": 15}]}, "policies[0].value"),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 0}]}, "policies[0].periodSeconds"),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}, "policies[0].periodSeconds"),
        ({"policies": [{"type": "Pod", "value": 1, "periodSeconds": 15}]}, "policies[0].type"),
        ({"policies": [{"value": 1, "periodSeconds": 15}]}, "policies[0].type"),
        ({"selectPolicy": "Most"}, "selectPolicy"),
        ({"tolerance": "-0.1"}, "tolerance"),
        ({"tolerance": "ten"}, "tolerance"),
    ],
)
def test_behavior_has_the_bounds_of_the_hpa(rules: Json, wrong: str) -> None:
    for direction in ("scaleUp", "scaleDown"):
        assert faults(an_autoscaler(behavior={direction: rules})).keys() == {f"spec.behavior.{direction}.{wrong}"}


@pytest.mark.parametrize(
    ("forecast", "wrong"),
    [
        ({"risk": 0}, "risk"),
        ({"risk": 1}, "risk"),
        ({"risk": "0.9"}, "risk"),
        ({"leadSeconds": 0}, "leadSeconds"),
        ({"leadSeconds": "soon"}, "leadSeconds"),
        ({"maxExtraPods": -1}, "maxExtraPods"),
        ({"historySeconds": 0}, "historySeconds"),
        ({"historySeconds": 28 * 86400 + 1}, "historySeconds"),
        ({"capacityRatio": 0.99}, "capacityRatio"),
        ({"capacityRatio": 10.1}, "capacityRatio"),
        ({"capacityRatio": "1.5"}, "capacityRatio"),
        ({"seasons": "daily"}, "seasons"),
        ({"seasons": [0]}, "seasons[0]"),
        ({"seasons": ["1d"]}, "seasons[0]"),
        ({"seasons": [86400, 86400]}, "seasons"),
        ({"seasons": [86400], "historySeconds": 3600}, "seasons[0]"),
        ({"seasons": [15 * 86400]}, "seasons[0]"),
        ({"policy": "Bold"}, "policy"),
        ({"timeZone": "Europe/Berlni"}, "timeZone"),
        ({"timeZone": ""}, "timeZone"),
        ({"holidays": {"country": "DE"}}, "holidays"),
        ({"holidays": [{}]}, "holidays[0]"),
        ({"holidays": [{"country": "DE", "dates": ["2026-12-24"]}]}, "holidays[0]"),
        ({"holidays": [{"dates": ["2026-12-24"]}, {"country": "GE"}, {"country": "GERM"}]}, "holidays[2].country"),
        ({"holidays": [{"country": "DE", "subdivision": "BX"}]}, "holidays[0].subdivision"),
        ({"holidays": [{"dates": ["24.12.2026"]}]}, "holidays[0].dates[0]"),
        ({"holidays": [{"calendar": "../etc"}]}, "holidays[0].calendar"),
        ({"enabled": "yes"}, "enabled"),
        ({"enable": True}, "enable"),
    ],
)
def test_a_forecast_has_bounds(forecast: Json, wrong: str) -> None:
    assert faults(an_autoscaler(forecast=forecast)).keys() == {f"spec.forecast.{wrong}"}


def test_a_forecast_can_name_its_lead_time_and_seasons() -> None:
    forecast = predictive_autoscaler(
        an_autoscaler(forecast={"leadSeconds": 90, "seasons": [86400, 604800], "risk": 0.98})
    ).spec.forecast
    assert (forecast.lead_seconds, forecast.seasons, forecast.risk) == (90, (86400, 604800), 0.98)


def test_a_forecast_can_name_its_time_zone_and_holidays_and_that_it_has_none() -> None:
    own = {"timeZone": "Europe/Berlin", "holidays": [{"country": "DE", "subdivision": "BY"}]}
    forecast = predictive_autoscaler(an_autoscaler(forecast=own)).spec.forecast
    assert (forecast.time_zone, forecast.holidays) == ("Europe/Berlin", (Exclusion(country="DE", subdivision="BY"),))
    plain = predictive_autoscaler(an_autoscaler()).spec.forecast
    assert (plain.time_zone, plain.holidays) == (None, None)
    assert predictive_autoscaler(an_autoscaler(forecast={"holidays": []})).spec.forecast.holidays == ()


def test_a_zone_that_is_misspelt_is_told_with_the_one_that_is_near() -> None:
    [fault] = faults(an_autoscaler(forecast={"timeZone": "europe/berlni"})).values()
    assert "IANA name" in fault
    assert "did you mean Europe/Berlin?" in fault


def test_a_forecast_may_have_earned_more_and_fill_pods_further() -> None:
    plain = predictive_autoscaler(an_autoscaler()).spec.forecast
    assert (plain.policy, plain.capacity_ratio, plain.risk) == (ForecastPolicy.CONSERVATIVE, 1.0, 0.95)
    bold = {"policy": "Earned", "capacityRatio": 1.43, "historySeconds": 28 * 86400}
    forecast = predictive_autoscaler(an_autoscaler(forecast=bold)).spec.forecast
    assert (forecast.policy, forecast.capacity_ratio, forecast.history_seconds) == (ForecastPolicy.EARNED, 1.43, 2_419_200)


@pytest.mark.parametrize(
    ("ref", "wrong"),
    [
        ({"kind": "", "name": "shop"}, "kind"),
        ({"kind": "Deployment", "name": "a/b"}, "name"),
        ({"kind": "Deployment", "name": "..", "apiVersion": "apps/v1"}, "name"),
        ({"kind": "Deployment", "name": "shop", "apiVersion": "apps/v1/x"}, "apiVersion"),
        ({"kind": "Deployment", "name": "shop", "apiVersion": "apps"}, "apiVersion"),
        ({"kind": "Deployment", "name": "shop", "namespace": "other"}, "namespace"),
    ],
)
def test_the_target_is_named_properly(ref: Json, wrong: str) -> None:
    assert faults(an_autoscaler(scaleTargetRef=ref)).keys() == {f"spec.scaleTargetRef.{wrong}"}


@pytest.mark.parametrize("version", ["v1", "apps/v1", "argoproj.io/v1alpha1"])
def test_any_kind_with_a_scale_subresource_can_be_the_target(version: str) -> None:
    ref = {"kind": "Rollout", "name": "shop", "apiVersion": version}
    assert predictive_autoscaler(an_autoscaler(scaleTargetRef=ref)).spec.scale_target_ref.api_version == version


@pytest.mark.parametrize("obj", [{}, {"metadata": None, "spec": None}, {"metadata": [], "spec": "x"}])
def test_an_object_without_anything_is_still_named(obj: Json) -> None:
    with pytest.raises(InvalidObject, match=r"PredictiveAutoscaler \?/\?: metadata: must be an object"):
        predictive_autoscaler(obj)


def test_a_healing_policy_gets_its_defaults() -> None:
    spec = healing_policy(a_healing_policy()).spec
    assert spec.faults.not_ready is not None
    assert spec.faults.not_ready.for_seconds == 300
    assert (spec.budget.max_unavailable, spec.budget.per_hour) == (1, 6)


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({"selector": {}}, "selector"),
        ({"selector": {"matchLabels": {}, "matchExpressions": []}}, "selector"),
        ({"selector": None}, "selector"),
        ({"selector": {"matchLabels": {"app": 3}}}, "selector.matchLabels[app]"),
        ({"selector": {"matchLabels": {"a b": "x"}}}, "selector.matchLabels[a b]"),
        ({"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "selector.matchExpressions[0].values"),
        (
            {"selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}},
            "selector.matchExpressions[0].values",
        ),
        ({"selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}, "selector.matchExpressions[0].operator"),
        ({"faults": {}}, "faults"),
        ({"faults": {"notReady": None}}, "faults"),
        ({"faults": {"notReady": {"forSeconds": 0}}}, "faults.notReady.forSeconds"),
        ({"actions": []}, "actions"),
        ({"actions": ["Evict", "Evict"]}, "actions"),
        ({"actions": ["Reboot"]}, "actions[0]"),
        ({"budget": {"maxUnavailable": 0}}, "budget.maxUnavailable"),
        ({"budget": {"maxUnavailable": "0%"}}, "budget.maxUnavailable"),
        ({"budget": {"maxUnavailable": "101%"}}, "budget.maxUnavailable"),
        ({"budget": {"maxUnavailable": "25 %"}}, "budget.maxUnavailable"),
        ({"budget": {"maxUnavailable": "1"}}, "budget.maxUnavailable"),
        ({"budget": {"perHour": 0}}, "budget.perHour"),
        ({"budget": {"intervalSeconds": -1}}, "budget.intervalSeconds"),
        ({"breaker": {"unhealthyPercent": 0}}, "breaker.unhealthyPercent"),
        ({"breaker": {"unhealthyPercent": "50%"}}, "breaker.unhealthyPercent"),
        ({"mode": "Scale"}, "mode"),
        ({"probes": []}, "probes"),
    ],
)
def test_a_healing_policy_names_what_is_wrong(spec: Json, wrong: str) -> None:
    assert healing_faults(a_healing_policy(**spec)).keys() == {f"spec.{wrong}"}


@pytest.mark.parametrize("unavailable", [1, 3, "1%", "25%", "100%"])
def test_unavailable_pods_are_a_number_or_a_percentage(unavailable: int | str) -> None:
    assert healing_policy(a_healing_policy(budget={"maxUnavailable": unavailable})).spec.budget.max_unavailable == unavailable
