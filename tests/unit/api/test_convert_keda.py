"""Each field and each trigger of a ScaledObject becomes what KEDA does by it, or a note that names it."""

from typing import Any

import pytest

from autoscaler.api.convert.manifest import Converted, Result, from_manifest

CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
QUERY = {"query": "sum(rate(hits[2m])) or vector(0)", "threshold": "12.5"}
PROMETHEUS = {"type": "prometheus", "metadata": QUERY}
CRON = {
    "type": "cron",
    "metadata": {"timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "desiredReplicas": "10"},
}
KAFKA = {"type": "kafka", "metadata": {"topic": "orders"}}


def scaled_object(*triggers: dict[str, Any], annotations: dict[str, str] | None = None, **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "worker", "annotations": annotations or {}},
        "spec": {"scaleTargetRef": {"name": "worker"}, "triggers": list(triggers), **spec},
    }


def spec_of(converted: Converted) -> dict[str, Any]:
    assert converted.result is Result.CONVERTED, converted.notes
    [new] = converted.objects
    spec = new["spec"]
    assert isinstance(spec, dict)
    return spec


def spec(*triggers: dict[str, Any], annotations: dict[str, str] | None = None, **fields: object) -> dict[str, Any]:
    return spec_of(from_manifest(scaled_object(*triggers, annotations=annotations, **fields)))


def fields_noted(*triggers: dict[str, Any], annotations: dict[str, str] | None = None, **fields: object) -> list[str]:
    return [note.field for note in from_manifest(scaled_object(*triggers, annotations=annotations, **fields)).notes]


def trigger(base: dict[str, Any], **metadata: str) -> dict[str, Any]:
    return {**base, "metadata": {**base["metadata"], **metadata}}


def test_what_is_not_given_is_kedas_default() -> None:
    new = spec(CPU)
    assert new["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}
    assert (new["mode"], new["minReplicas"], new["maxReplicas"]) == ("Observe", 1, 100)
    assert set(new) == {"scaleTargetRef", "mode", "minReplicas", "maxReplicas", "metrics"}
    assert fields_noted(CPU) == []


@pytest.mark.parametrize(
    ("given", "metric"),
    [
        (CPU, {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}),
        (
            {"type": "memory", "metadata": {"type": "AverageValue", "value": "500Mi"}},
            {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "500Mi"}}},
        ),
        (
            trigger(CPU, containerName="app"),
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "cpu",
                    "container": "app",
                    "target": {"type": "Utilization", "averageUtilization": 60},
                },
            },
        ),
        (
            PROMETHEUS,
            {
                "type": "Prometheus",
                "prometheus": {"query": QUERY["query"], "target": {"type": "AverageValue", "averageValue": "12.5"}},
            },
        ),
        (
            {**trigger(PROMETHEUS, activationThreshold="2", threshold="+1e2"), "metricType": "Value"},
            {
                "type": "Prometheus",
                "prometheus": {"query": QUERY["query"], "target": {"type": "Value", "value": "1e2"}, "activation": "2"},
            },
        ),
    ],
)
def test_each_trigger_that_is_a_metric(given: dict[str, Any], metric: dict[str, Any]) -> None:
    assert spec(given)["metrics"] == [metric]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"type": "cpu", "metadata": {"value": "60"}}, "spec.triggers[1]"),
        ({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "0"}}, "spec.triggers[1]"),
        ({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "²"}}, "spec.triggers[1]"),
        ({"type": "memory", "metricType": "AverageValue", "metadata": {"value": "much"}}, "spec.triggers[1]"),
        (trigger(PROMETHEUS, threshold="0"), "spec.triggers[1].metadata.threshold"),
        (trigger(PROMETHEUS, threshold="NaN"), "spec.triggers[1].metadata.threshold"),
        (trigger(PROMETHEUS, query=" "), "spec.triggers[1].metadata.query"),
        ({**PROMETHEUS, "metricType": "Utilization"}, "spec.triggers[1].metricType"),
        ({"type": "prometheus"}, "spec.triggers[1].metadata.query"),
        (trigger(CRON, desiredReplicas="0"), "spec.triggers[1].metadata.desiredReplicas"),
        (trigger(CRON, desiredReplicas="-1"), "spec.triggers[1].metadata.desiredReplicas"),
        (trigger(CRON, start="@daily"), "spec.triggers[1].metadata.start"),
        (trigger(CRON, end="0 8 * * 1-5"), "spec.triggers[1].metadata.end"),
        ({"type": "cron", "metadata": {**CRON["metadata"], "timezone": None}}, "spec.triggers[1].metadata.timezone"),
        (KAFKA, "spec.triggers[1].type"),
        ({}, "spec.triggers[1].type"),
    ],
)
def test_a_trigger_that_cannot_be_carried_over_is_named_and_the_rest_stays(given: dict[str, Any], field: str) -> None:
    converted = from_manifest(scaled_object(CPU, given, minReplicaCount=2))
    assert [note.field for note in converted.notes] == [field]
    assert len(spec_of(converted)["metrics"]) == 1
    assert "schedules" not in spec_of(converted)


@pytest.mark.parametrize("triggers", [[], [KAFKA], [KAFKA, {"type": "cpu"}]])
def test_an_object_of_which_nothing_decides_is_refused(triggers: list[dict[str, Any]]) -> None:
    converted = from_manifest(scaled_object(*triggers))
    assert (converted.result, converted.objects) == (Result.REFUSED, ())
    assert converted.notes[0].field == "spec.triggers"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("serverAddress", "http://user:hunter2@prometheus"),
        ("namespace", "hunter2"),
        ("queryParameters", "token=hunter2"),
        ("customHeaders", "X-Key=hunter2"),
        ("unsafeSsl", "true"),
        ("timeout", "1000"),
        ("authModes", "bearer"),
        ("awsRegion", "eu-1"),
        ("customHeadersFromEnv", "hunter2"),
        ("colour", "hunter2"),
    ],
)
def test_how_another_prometheus_is_reached_is_noted_without_its_secrets(name: str, value: str) -> None:
    notes = from_manifest(scaled_object(trigger(PROMETHEUS, **{name: value}), minReplicaCount=1)).notes
    assert [note.field for note in notes] == [f"spec.triggers[0].metadata.{name}"]
    assert "hunter2" not in str(notes)


def test_the_authentication_of_a_trigger_is_noted() -> None:
    assert fields_noted({**PROMETHEUS, "authenticationRef": {"name": "token"}}, minReplicaCount=1) == [
        "spec.triggers[0].authenticationRef"
    ]


@pytest.mark.parametrize(
    ("query", "ignored", "noted"),
    [
        ("sum(hits)", {}, True),
        ("sum(hits)", {"ignoreNullValues": "true"}, True),
        ("sum(hits)", {"ignoreNullValues": "false"}, False),
        ("sum(hits) or vector(0)", {}, False),
        ("(sum(hits)) or on() vector( 0 )", {}, False),
        ("sum(hits) or vector(05)", {}, True),
    ],
)
def test_where_no_value_meant_zero_that_is_said(query: str, ignored: dict[str, str], *, noted: bool) -> None:
    found = fields_noted(trigger(PROMETHEUS, query=query, **ignored), minReplicaCount=1)
    assert found == (["spec.triggers[0].metadata.ignoreNullValues"] if noted else [])


def test_a_cron_trigger_is_a_window_with_a_floor_beside_the_other_triggers() -> None:
    new = spec(CPU, {**CRON, "name": "office"}, trigger(CRON, start="0 1 ? * ?"), minReplicaCount=2)
    assert len(new["metrics"]) == 1
    window = {"cron": "0 8 * * 1-5", "until": "0 18 * * 1-5", "timeZone": "Europe/Berlin", "min": 10}
    assert new["schedules"] == [{"name": "office", **window}, {"name": "cron-2", **window, "cron": "0 1 * * *"}]


def test_a_floor_of_a_window_never_lowers_the_least_and_never_passes_the_most() -> None:
    assert spec(CPU, CRON, minReplicaCount=12, maxReplicaCount=20)["schedules"][0]["min"] == 12
    assert spec(CPU, CRON, minReplicaCount=1, maxReplicaCount=4)["schedules"][0]["min"] == 4
    assert "spec.triggers[1].metadata.desiredReplicas" in fields_noted(CPU, CRON, minReplicaCount=1, maxReplicaCount=4)


def test_names_of_schedules_are_made_different() -> None:
    names = [one["name"] for one in spec(CPU, {**CRON, "name": "cron-2"}, CRON, {**CRON, "name": "cron-2"})["schedules"]]
    assert len(set(names)) == 3


def test_with_cron_alone_no_load_decides_not_even_cpu_by_default() -> None:
    new = spec(CRON, minReplicaCount=2)
    assert new["metrics"] == [
        {"type": "Prometheus", "prometheus": {"query": "vector(0)", "target": {"type": "AverageValue", "averageValue": "1"}}}
    ]
    assert new["minReplicas"] == 2


@pytest.mark.parametrize(
    ("triggers", "fields", "least", "noted"),
    [
        ([PROMETHEUS], {}, 0, ["spec.minReplicaCount"]),
        ([PROMETHEUS, CRON], {}, 0, ["spec.minReplicaCount"]),
        ([CRON], {}, 0, ["spec.minReplicaCount", "spec.triggers"]),
        ([CPU], {}, 1, []),
        ([CPU], {"minReplicaCount": 0}, 1, ["spec.minReplicaCount"]),
        ([CPU, CRON], {}, 1, ["spec.minReplicaCount"]),
        ([PROMETHEUS, KAFKA], {}, 1, ["spec.triggers[1].type", "spec.minReplicaCount"]),
        (
            [trigger(PROMETHEUS, activationThreshold="-1")],
            {},
            1,
            ["spec.triggers[0].metadata.activationThreshold", "spec.minReplicaCount"],
        ),
        ([PROMETHEUS], {"minReplicaCount": 3, "idleReplicaCount": 0}, 3, ["spec.idleReplicaCount"]),
        ([PROMETHEUS], {"minReplicaCount": 3}, 3, []),
    ],
)
def test_zero_is_kept_only_where_keda_would_go_there_and_something_tells_when_to_come_back(
    triggers: list[dict[str, Any]], fields: dict[str, int], least: int, noted: list[str]
) -> None:
    converted = from_manifest(scaled_object(*triggers, **fields))
    assert spec_of(converted)["minReplicas"] == least
    assert [note.field for note in converted.notes] == noted


def test_the_time_to_zero_is_noted_where_it_differs_from_the_window() -> None:
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}}
    assert "spec.cooldownPeriod" in fields_noted(PROMETHEUS, cooldownPeriod=30)
    assert "spec.cooldownPeriod" in fields_noted(PROMETHEUS, advanced=behavior)
    assert "spec.cooldownPeriod" not in fields_noted(PROMETHEUS, advanced=behavior, cooldownPeriod=60)
    assert "spec.cooldownPeriod" not in fields_noted(PROMETHEUS, cooldownPeriod=30, minReplicaCount=1)
    assert "spec.initialCooldownPeriod" in fields_noted(PROMETHEUS, initialCooldownPeriod=30)


@pytest.mark.parametrize(
    ("given", "interval", "fallback"),
    [
        ({"failureThreshold": 3, "replicas": 6}, None, {"behavior": "Static", "replicas": 6, "afterSeconds": 90}),
        (
            {"failureThreshold": 3, "replicas": 6, "behavior": "currentReplicasIfHigher"},
            10,
            {"behavior": "CurrentIfHigher", "replicas": 6, "afterSeconds": 30},
        ),
        (
            {"failureThreshold": 0, "replicas": 6, "behavior": "currentReplicasIfLower"},
            10,
            {"behavior": "CurrentIfLower", "replicas": 6, "afterSeconds": 0},
        ),
        (
            {"failureThreshold": 1, "replicas": 6, "behavior": "currentReplicas"},
            10,
            {"behavior": "Current", "afterSeconds": 10},
        ),
        ({"failureThreshold": 1, "replicas": 0}, 10, None),
        ({"failureThreshold": 1, "replicas": 2, "behavior": "scalingModifiers"}, 10, None),
    ],
)
def test_a_fallback_waits_for_as_many_polls(
    given: dict[str, Any], interval: int | None, fallback: dict[str, Any] | None
) -> None:
    polling = {} if interval is None else {"pollingInterval": interval}
    assert spec(CPU, fallback=given, **polling).get("fallback") == fallback
    noted = [field for field in fields_noted(CPU, fallback=given, **polling) if field.startswith("spec.fallback")]
    assert bool(noted) is (fallback is None)


@pytest.mark.parametrize(
    ("annotations", "pause"),
    [
        ({"paused": "true"}, {"all": True}),
        ({"paused": "please"}, {"all": True}),
        ({"paused": "false"}, None),
        ({"paused": "F"}, None),
        ({"paused-replicas": "3"}, {"replicas": 3}),
        ({"paused": "false", "paused-replicas": "0"}, {"replicas": 0}),
        ({"paused-replicas": "3", "paused-scale-in": "true"}, {"replicas": 3}),
        ({"paused-replicas": "three"}, {"all": True}),
        ({"paused-replicas": "-3"}, {"all": True}),
        ({"paused-replicas": "9999999999"}, {"all": True}),
        ({"paused-scale-in": "true"}, {"scaleIn": True}),
        ({"paused-scale-in": "true", "paused-scale-out": "true"}, {"scaleIn": True, "scaleOut": True}),
        ({"paused-scale-out": "1", "paused-scale-in": "0"}, {"scaleOut": True}),
    ],
)
def test_annotations_that_pause(annotations: dict[str, str], pause: dict[str, Any] | None) -> None:
    full = {f"autoscaling.keda.sh/{name}": value for name, value in annotations.items()}
    converted = from_manifest(scaled_object(CPU, annotations=full))
    assert spec_of(converted).get("pause") == pause
    assert "annotations" not in converted.objects[0]["metadata"]


def test_the_advanced_part() -> None:
    rules = {"scaleUp": {"selectPolicy": "Disabled"}, "scaleDown": {"stabilizationWindowSeconds": -1}}
    advanced = {"restoreToOriginalReplicaCount": True, "horizontalPodAutoscalerConfig": {"name": "shop", "behavior": rules}}
    new = spec(CPU, advanced=advanced)
    assert (new["onDelete"], new["behavior"]) == ("Restore", {"scaleUp": {"selectPolicy": "Disabled"}})
    assert fields_noted(CPU, advanced=advanced) == [
        "spec.advanced.horizontalPodAutoscalerConfig.name",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown",
    ]


def test_a_formula_leaves_out_what_it_combines_and_says_how_to_write_it() -> None:
    converted = from_manifest(
        scaled_object(CPU, PROMETHEUS, CRON, advanced={"scalingModifiers": {"formula": "a + b", "target": "7"}})
    )
    assert [metric["type"] for metric in spec_of(converted)["metrics"]] == ["Resource"]
    assert converted.notes[0].field == "spec.advanced.scalingModifiers"
    assert "AverageValue 7" in converted.notes[0].message


@pytest.mark.parametrize(
    ("fields", "noted"),
    [
        ({"pollingInterval": 30}, "spec.pollingInterval"),
        ({"maxReplicas": 3}, "spec.maxReplicas"),
        (
            {"annotations": {"autoscaling.keda.sh/force-activation": "true"}},
            "metadata.annotations[autoscaling.keda.sh/force-activation]",
        ),
    ],
)
def test_other_fields_without_a_counterpart_are_noted(fields: dict[str, Any], noted: str) -> None:
    assert fields_noted(CPU, **fields) == [noted]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"maxReplicaCount": 0}, "spec.maxReplicaCount"),
        ({"minReplicaCount": "2"}, "spec.minReplicaCount"),
        ({"minReplicaCount": 7, "maxReplicaCount": 3}, "spec.maxReplicaCount"),
        ({"scaleTargetRef": {}}, "spec.scaleTargetRef.name"),
        ({"scaleTargetRef": {"name": "a/b"}}, "spec.scaleTargetRef.name"),
    ],
)
def test_what_is_wrong_with_the_object_is_named_by_kedas_names(fields: dict[str, Any], reason: str) -> None:
    converted = from_manifest(scaled_object(CPU, **fields))
    assert converted.result is Result.REFUSED
    assert reason in [note.field for note in converted.notes]
