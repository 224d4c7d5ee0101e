"""The API server itself takes our custom resource definitions, and refuses wrong objects by the name of the field."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.cluster import Cluster
from demo.cluster.errors import CommandFailedError

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
CHART = Path(__file__).resolve().parents[2] / "helm" / "foresail"
TARGET = {"kind": "Deployment", "name": "shop"}
SCALED: Json = {"scaleTargetRef": TARGET, "mode": "Scale", "maxReplicas": 3}
HEALED: Json = {"mode": "Heal", "selector": {"matchLabels": {"app": "shop"}}, "faults": {"notReady": {}}}
PERCENT = {"type": "Utilization", "averageUtilization": 80}
WHOLE = {"type": "Value", "value": "10k"}
PER_POD = {"type": "AverageValue", "averageValue": "500m"}


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Cluster:
    """A cluster that serves our kinds."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CHART / 'crds'}")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"--filename={CHART / 'crds'}")
    deadline = time.monotonic() + 30
    while "predictiveautoscalers" not in cluster.kubectl("api-resources", "--api-group=foresail.dev", "--cached=false"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return cluster


def tried(api: Cluster, kind: str, spec: Json) -> Json:
    """Return the object as the API server would store it; nothing is stored."""
    obj = {"apiVersion": "foresail.dev/v1alpha1", "kind": kind, "metadata": {"name": "tried"}, "spec": spec}
    words = ("--server-side", "--dry-run=server", "--namespace=default", "--output=json", "--filename=-")
    stored: Json = json.loads(api.kubectl("apply", *words, stdin=json.dumps(obj)))
    return stored


def metric(kind: str, **sources: Json) -> Json:
    return {"metrics": [{"type": kind, **sources}]}


def wrong() -> Iterator[tuple[str, Json, str]]:
    query = {"query": "up"}
    yield "PredictiveAutoscaler", {"mode": None}, "spec.mode"
    yield "PredictiveAutoscaler", {"mode": "Auto"}, "spec.mode"
    yield "PredictiveAutoscaler", {"minReplicas": 4}, "minReplicas must not be greater than maxReplicas"
    yield "PredictiveAutoscaler", {"maxReplica": 3}, "maxReplica"
    yield "PredictiveAutoscaler", metric("Queue"), "spec.metrics[0].type"
    yield "PredictiveAutoscaler", metric("Resource"), "resource must be set if and only if"
    yield (
        "PredictiveAutoscaler",
        metric("Resource", resource={"name": "cpu", "target": PERCENT}, prometheus={**query, "target": PER_POD}),
        "prometheus must be set if and only if",
    )
    yield (
        "PredictiveAutoscaler",
        metric("Resource", resource={"name": "cpu", "target": {"type": "Utilization", "averageValue": "1"}}),
        "averageUtilization must be set if and only if",
    )
    without_requests = "the target of a metric without requests must have type Value or AverageValue"
    yield "PredictiveAutoscaler", metric("Prometheus", prometheus={**query, "target": PERCENT}), without_requests
    yield (
        "PredictiveAutoscaler",
        metric("Pods", pods={"metric": {"name": "rps"}, "target": WHOLE}),
        "the target of a Pods metric must have type AverageValue",
    )
    yield (
        "PredictiveAutoscaler",
        metric("Resource", resource={"name": "cpu", "target": WHOLE}),
        "the target of a resource must have type Utilization or AverageValue",
    )
    yield (
        "PredictiveAutoscaler",
        metric("External", external={"metric": {}, "target": WHOLE}),
        "spec.metrics[0].external.metric.name",
    )
    yield "PredictiveAutoscaler", {"minReplicas": 0}, "minReplicas 0 needs a metric of type Object, External or Prometheus"
    yield (
        "PredictiveAutoscaler",
        {"minReplicas": 0} | metric("Resource", resource={"name": "cpu", "target": PERCENT}),
        "minReplicas 0 needs a metric of type",
    )
    yield "PredictiveAutoscaler", {"behavior": {"scaleUp": {"tolerance": "a little"}}}, "spec.behavior.scaleUp.tolerance"
    yield "PredictiveAutoscaler", {"forecast": {"leadSeconds": "soon"}}, "spec.forecast.leadSeconds"
    yield "PredictiveAutoscaler", {"forecast": {"seasons": "daily"}}, "spec.forecast.seasons"
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "shop"}
    floor = {"scaleTargetRef": hpa, "mode": "HPAFloor", "maxReplicas": None}
    yield "PredictiveAutoscaler", {"maxReplicas": None}, "maxReplicas is required unless mode is HPAFloor"
    yield (
        "PredictiveAutoscaler",
        {"mode": "HPAFloor", "maxReplicas": None},
        "scaleTargetRef must name a HorizontalPodAutoscaler",
    )
    yield "PredictiveAutoscaler", {"scaleTargetRef": hpa}, "scaleTargetRef must name a HorizontalPodAutoscaler"
    for name, value in {"minReplicas": 2, "maxReplicas": 3, "metrics": [], "behavior": {}}.items():
        yield (
            "PredictiveAutoscaler",
            floor | {name: value},
            "minReplicas, maxReplicas, metrics and behavior are those of the HPA",
        )
    for name, value in {"burst": {}, "fallback": {"behavior": "Current"}, "onDelete": "Restore"}.items():
        yield "PredictiveAutoscaler", floor | {name: value}, "burst, fallback and onDelete Restore have no meaning"
    yield "PredictiveAutoscaler", floor | {"forecast": {"policy": "Earned"}}, "forecast.policy Earned has no meaning"
    yield "PredictiveAutoscaler", {"pause": {}}, "a pause needs all, scaleIn, scaleOut or replicas"
    yield "PredictiveAutoscaler", {"pause": {"replicas": 1, "scaleIn": True}}, "a pause at fixed replicas"
    yield "PredictiveAutoscaler", {"fallback": {}}, "replicas must be set if and only if behavior of fallback is not Current"
    yield "PredictiveAutoscaler", {"fallback": {"behavior": "Current", "replicas": 2}}, "replicas must be set if and only if"
    yield from (("PredictiveAutoscaler", {"schedules": [change]}, words) for change, words in wrong_schedules())
    yield "HealingPolicy", {"mode": None}, "spec.mode"
    yield "HealingPolicy", {"selector": {}}, "selector must not be empty"
    yield "HealingPolicy", {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "values must be given"
    yield "HealingPolicy", {"faults": {}}, "spec.faults"
    yield "HealingPolicy", {"budget": {"maxUnavailable": "0%"}}, "spec.budget.maxUnavailable"


def wrong_schedules() -> Iterator[tuple[Json, str]]:
    night = {"name": "night", "cron": "0 0 * * *", "durationSeconds": 60, "max": 3}
    yield {"name": "night", "max": 3}, "a schedule needs cron, from or to"
    yield {"name": "night", "cron": "0 0 * * *", "max": 3}, "cron needs exactly one of until and durationSeconds"
    yield night | {"until": "0 6 * * *"}, "cron needs exactly one of until and durationSeconds"
    yield {"name": "night", "from": "2026-01-01", "max": 3, "until": "0 6 * * *"}, "until and durationSeconds need cron"
    yield {"name": "night", "from": "2026-01-01"}, "a schedule needs min, max, replicas or paddingPercent"
    yield night | {"replicas": 3}, "replicas stands for both min and max"
    yield night | {"min": 4}, "min of a schedule must not be greater than its max"
    yield night | {"from": "9999-12-31"}, "from and to of a schedule must be before the year 3000"
    yield night | {"to": "3000-01-01"}, "from and to of a schedule must be before the year 3000"
    yield night | {"exclude": [{}]}, "an exclusion needs exactly one of country, calendar and dates"
    yield night | {"exclude": [{"country": "DE", "calendar": "ours"}]}, "an exclusion needs exactly one of"
    yield night | {"exclude": [{"calendar": "ours", "subdivision": "BY"}]}, "subdivision needs country"


@pytest.mark.parametrize(
    ("kind", "change", "named"), [pytest.param(*case, id=f"{number} {case[2]}") for number, case in enumerate(wrong())]
)
def test_the_api_server_refuses_it_and_names_what_is_wrong(api: Cluster, kind: str, change: Json, named: str) -> None:
    plain = SCALED if kind == "PredictiveAutoscaler" else HEALED
    spec = {name: value for name, value in (plain | change).items() if value is not None}
    with pytest.raises(CommandFailedError) as refused:
        tried(api, kind, spec)
    assert named in str(refused.value)


def test_every_kind_of_metric_is_taken(api: Cluster) -> None:
    described = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"}
    named = {"name": "queue", "selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}}
    metrics = [
        {"type": "Resource", "resource": {"name": "cpu", "target": PERCENT}},
        {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "app", "target": PER_POD}},
        {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": PER_POD}},
        {"type": "Object", "object": {"describedObject": described, "metric": named, "target": WHOLE}},
        {"type": "External", "external": {"metric": named, "target": PER_POD}},
        {"type": "Prometheus", "prometheus": {"query": "up", "target": WHOLE}},
    ]
    spec = tried(api, "PredictiveAutoscaler", SCALED | {"minReplicas": 0, "metrics": metrics})["spec"]
    assert (spec["minReplicas"], spec["metrics"]) == (0, metrics)


def test_defaults_are_filled_in_so_that_people_see_them(api: Cluster) -> None:
    spec = tried(api, "PredictiveAutoscaler", SCALED)["spec"]
    assert (spec["minReplicas"], spec["scaleTargetRef"]["apiVersion"]) == (1, "apps/v1")
    assert spec["forecast"] == {
        "enabled": True,
        "policy": "Conservative",
        "risk": 0.95,
        "capacityRatio": 1,
        "leadSeconds": "auto",
        "historySeconds": 1209600,
        "seasons": "auto",
    }
    assert tried(api, "HealingPolicy", HEALED)["spec"]["budget"] == {"intervalSeconds": 300, "maxUnavailable": 1, "perHour": 6}


@pytest.mark.parametrize("tolerance", [0.05, "0.05", "50m", 0])
def test_a_tolerance_may_be_written_as_in_an_hpa(api: Cluster, tolerance: str | float) -> None:
    rules = tried(api, "PredictiveAutoscaler", SCALED | {"behavior": {"scaleUp": {"tolerance": tolerance}}})["spec"]["behavior"]
    assert rules["scaleUp"]["tolerance"] == tolerance


def test_seasons_may_be_a_list(api: Cluster) -> None:
    spec = tried(api, "PredictiveAutoscaler", SCALED | {"forecast": {"seasons": [3600, 86400]}})["spec"]
    assert spec["forecast"]["seasons"] == [3600, 86400]


@pytest.mark.parametrize("file", sorted(path.name for path in (CHART / "examples").glob("*.yaml")))
def test_the_examples_are_taken(api: Cluster, file: str) -> None:
    api.kubectl("apply", "--server-side", "--dry-run=server", f"--filename={CHART / 'examples' / file}")
