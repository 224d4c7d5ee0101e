"""Converting loses nothing of an HPA, breaks at no garbage, and prints only what is valid and reads as it was meant."""

import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from autoscaler.api import API_VERSION
from autoscaler.api.convert.manifest import Result, from_manifest
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.cli import app
from autoscaler.scaling.policy import policy_of
from autoscaler.scaling.types import Policy
from autoscaler.settings import ScalingSettings
from autoscaler.yaml_text.documents import documents
from autoscaler.yaml_text.written import written
from tests.conformance.hpa.generate_spec import a_spec

Json = dict[str, Any]
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
METADATA = {"name": "shop", "namespace": "market"}

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=9)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=8
)


def rarely(usual: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly the usual, so that what is made of many parts is often right as a whole."""
    return st.integers(0, 24).flatmap(lambda chance: usual if chance else other)


def some(must: dict[str, st.SearchStrategy[Any]] | None = None, **may: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object with all of the first and some of the second fields, rarely one of them missing or anything."""
    known = (must or {}) | may
    right = st.fixed_dictionaries(must or {}, optional=may)
    wrong = st.fixed_dictionaries({}, optional={name: strategy | anything for name, strategy in known.items()})
    return rarely(right, wrong)


wrong_numbers = st.sampled_from(["0", "-1", "x", "NaN", "²", "99999999999999999999", "1e-300", ""])
numbers = rarely(st.sampled_from(["1", "10", "2.5", "1e3", ".5", "+3"]), wrong_numbers)
amounts = rarely(st.sampled_from(["1", "10", "500m", "1Gi"]), wrong_numbers)
percents = rarely(st.integers(1, 100).map(str), wrong_numbers)
positive = rarely(st.integers(1, 12), st.sampled_from([-1, 0, 2**31 - 1, 2**31]))
counts = rarely(st.integers(0, 12), st.sampled_from([-1, 2**31 - 1, 2**31]))
most = rarely(st.integers(12, 30), counts)
scaling_policy = some(
    {"type": st.sampled_from(["Pods", "Percent"]), "value": positive, "periodSeconds": positive},
)
rules = some(
    stabilizationWindowSeconds=counts,
    selectPolicy=st.sampled_from(["Max", "Min", "Disabled"]),
    policies=st.lists(scaling_policy, min_size=1, max_size=2),
    tolerance=numbers,
)
behaviors = some(scaleUp=rules, scaleDown=rules)
lines = rarely(st.sampled_from(["0 8 * * *", "0 18 ? * MON-FRI", "30 1 1 * *"]), st.sampled_from(["@daily", "x", ""]))
prometheus = some(
    {"query": st.sampled_from(["sum(x)", "sum(x) or vector(0)", "a:\n  b", "a{b='c: d'} #e"]), "threshold": numbers},
    activationThreshold=numbers,
    serverAddress=st.just("http://p"),
    ignoreNullValues=st.sampled_from(["true", "false"]),
)
cron = some(
    {"start": lines, "end": lines, "timezone": st.sampled_from(["UTC", "Europe/Berlin"]), "desiredReplicas": percents},
)
utilization = some({"value": percents}, containerName=st.just("app"))
average = some({"value": amounts, "type": st.just("AverageValue")}, containerName=st.just("app"))
of_all = st.sampled_from(["AverageValue", "Value"])
names = st.sampled_from(["a", "cron-2"]) | st.text(min_size=1, max_size=5)
triggers = rarely(
    some({"type": st.just("prometheus"), "metadata": prometheus}, metricType=of_all, name=names)
    | some({"type": st.just("cron"), "metadata": cron}, name=names)
    | some({"type": st.sampled_from(["cpu", "memory"]), "metadata": utilization, "metricType": st.just("Utilization")})
    | some({"type": st.sampled_from(["cpu", "memory"]), "metadata": average}),
    some(type=st.just("kafka"), metadata=anything),
)
of_keda = some(
    {"scaleTargetRef": st.just({"name": "worker"}), "triggers": st.lists(triggers, min_size=1, max_size=4)},
    minReplicaCount=counts,
    maxReplicaCount=most,
    idleReplicaCount=counts,
    pollingInterval=counts,
    cooldownPeriod=counts,
    fallback=some(
        {"failureThreshold": counts, "replicas": positive},
        behavior=st.sampled_from(["static", "currentReplicas", "currentReplicasIfLower", "scalingModifiers"]),
    ),
    advanced=some(
        restoreToOriginalReplicaCount=st.booleans(),
        horizontalPodAutoscalerConfig=some(behavior=behaviors),
        scalingModifiers=rarely(st.just({}), some(formula=st.just("a+b"), target=numbers)),
    ),
)
resource = some({"name": st.sampled_from(["cpu", "memory", "disk"]), "targetAverageUtilization": positive})
old_metrics = st.lists(some({"type": st.just("Resource"), "resource": resource}), min_size=1, max_size=2)
bounds = {"scaleTargetRef": st.just({"kind": "Deployment", "name": "shop"}), "maxReplicas": most}
of_v1 = some(bounds, minReplicas=positive, targetCPUUtilizationPercentage=positive)
of_v2beta1 = some(bounds, minReplicas=positive, metrics=old_metrics)
target = some({"type": st.just("Utilization")}, averageUtilization=positive, averageValue=amounts)
new_metrics = st.lists(
    some({"type": st.just("Resource"), "resource": some({"name": st.just("cpu"), "target": target})}), max_size=2
)
of_v2 = some(bounds, minReplicas=counts, metrics=new_metrics, behavior=behaviors)
KEYS = [
    "a",
    "Team.Example/x",
    "autoscaling.keda.sh/paused-replicas",
    "autoscaling.keda.sh/paused",
    "autoscaling.alpha.kubernetes.io/metrics",
    "autoscaling.alpha.kubernetes.io/behavior",
    "foresail.dev/owner-min-replicas",
]
VALUES = st.sampled_from(["1", "y", '[{"type":"Resource","resource":{"name":"cpu","targetAverageValue":1}}]', '{"ScaleUp":{}}'])
texts = st.dictionaries(st.sampled_from(KEYS), rarely(VALUES | st.text(max_size=20), anything), max_size=3)
labels = st.dictionaries(st.sampled_from(["a", "y", "1"]), rarely(st.sampled_from(["b", "1", "on", "1e3", "null"]), anything))
objects = st.sampled_from(
    [
        ("autoscaling/v1", "HorizontalPodAutoscaler", of_v1),
        ("autoscaling/v2beta1", "HorizontalPodAutoscaler", of_v2beta1),
        ("autoscaling/v2", "HorizontalPodAutoscaler", of_v2),
        ("keda.sh/v1alpha1", "ScaledObject", of_keda),
    ]
).flatmap(
    lambda one: st.fixed_dictionaries(
        {
            "apiVersion": st.just(one[0]),
            "kind": st.just(one[1]),
            "metadata": some({"name": st.just("shop")}, labels=labels, annotations=texts),
            "spec": rarely(one[2], anything),
        }
    )
)


def policy(obj: Json) -> Policy:
    return policy_of(predictive_autoscaler(obj).spec, ScalingSettings(), 60.0)


@many
@given(chance=st.randoms(use_true_random=False), count=st.integers(1, 50), can_be_zero=st.booleans())
def test_an_hpa_that_is_converted_decides_as_when_it_is_read(chance: random.Random, count: int, *, can_be_zero: bool) -> None:
    spec = a_spec(chance, count, can_be_zero=can_be_zero)
    converted = from_manifest(
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": METADATA, "spec": spec}
    )
    assert converted.notes == ()
    [new] = converted.objects
    read = {
        "apiVersion": API_VERSION,
        "kind": "PredictiveAutoscaler",
        "metadata": METADATA,
        "spec": {**spec, "mode": "Observe"},
    }
    assert policy(new) == policy(read)
    [document] = documents(written([new]))
    assert document.value == new


def old_metric(metric: Json) -> Json:
    """A metric in the form of v1's annotation, as the API server writes it."""
    new: Json = {"type": metric["type"]}
    [(name, source)] = [(name, source) for name, source in metric.items() if name != "type"]
    target, identifier = source["target"], source.get("metric", {})
    match name:
        case "resource" | "containerResource":
            old = {key: value for key, value in source.items() if key != "target"}
            old |= {f"target{key[:1].upper()}{key[1:]}": value for key, value in target.items() if key != "type"}
        case "pods":
            old = {"metricName": identifier["name"], "targetAverageValue": target["averageValue"]}
            old |= {"selector": identifier["selector"]} if "selector" in identifier else {}
        case "object":
            old = {
                "target": source["describedObject"],
                "metricName": identifier["name"],
                "targetValue": target.get("value", "0"),
            }
            old |= {"averageValue": target["averageValue"]} if "averageValue" in target else {}
            old |= {"selector": identifier["selector"]} if "selector" in identifier else {}
        case _:
            old = {"metricName": identifier["name"]}
            old |= {f"target{key[:1].upper()}{key[1:]}": value for key, value in target.items() if key != "type"}
            old |= {"metricSelector": identifier["selector"]} if "selector" in identifier else {}
    return {**new, name: old}


def named_by_go(value: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON with the names of Go's fields, as the API server writes `behavior` into v1's annotation."""
    if isinstance(value, dict):
        return {f"{key[:1].upper()}{key[1:]}": named_by_go(item) for key, item in value.items()}
    return [named_by_go(item) for item in value] if isinstance(value, list) else value


def is_cpu_target(metric: Json) -> bool:
    return metric.get("resource", {}).get("name") == "cpu" and "averageUtilization" in metric["resource"]["target"]


@many
@given(chance=st.randoms(use_true_random=False), count=st.integers(1, 50), can_be_zero=st.booleans())
def test_an_hpa_in_the_form_of_v1_decides_as_the_same_in_v2(chance: random.Random, count: int, *, can_be_zero: bool) -> None:
    spec = a_spec(chance, count, can_be_zero=can_be_zero)
    cpu = [metric for metric in spec["metrics"] if is_cpu_target(metric)][:1]  # v1 has room for one
    others = [metric for metric in spec["metrics"] if not is_cpu_target(metric)]
    prefix = "autoscaling.alpha.kubernetes.io"
    annotations = {f"{prefix}/metrics": json.dumps([old_metric(one) for one in others])} if others else {}
    if spec.get("behavior"):
        annotations[f"{prefix}/behavior"] = json.dumps(named_by_go(spec["behavior"]))
    old = {name: spec[name] for name in ("scaleTargetRef", "minReplicas", "maxReplicas") if name in spec}
    old |= {"targetCPUUtilizationPercentage": cpu[0]["resource"]["target"]["averageUtilization"]} if cpu else {}
    metadata = {**METADATA, "annotations": annotations}
    converted = from_manifest(
        {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": old}
    )
    assert converted.notes == ()
    meant = {name: value for name, value in spec.items() if name != "behavior" or value} | {"metrics": [*others, *cpu]}
    read = {
        "apiVersion": API_VERSION,
        "kind": "PredictiveAutoscaler",
        "metadata": METADATA,
        "spec": {**meant, "mode": "Observe"},
    }
    assert policy(converted.objects[0]) == policy(read)


@settings(many, max_examples=300)
@given(obj=objects)
def test_any_object_is_converted_or_answered_with_reasons_and_what_comes_out_is_valid(obj: Json) -> None:
    converted = from_manifest(obj)
    assert (len(converted.objects) == 1) is (converted.result is Result.CONVERTED)
    assert converted.objects or converted.notes
    assert from_manifest(obj) == converted
    if converted.objects:
        checked = CliRunner().invoke(app, ["validate", "-"], input=written(converted.objects).encode())
        assert checked.exit_code == 0, checked.output


@many
@given(obj=st.dictionaries(st.text(max_size=9), anything, max_size=3) | anything)
def test_anything_in_the_place_of_an_object_does_no_harm(obj: Any) -> None:  # noqa: ANN401 - what the test is about
    if isinstance(obj, dict):
        assert from_manifest(obj).result is not Result.CONVERTED


@many
@given(objects=st.lists(st.dictionaries(st.text(max_size=20), anything, min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_written_is_read_as_it_was_meant(objects: list[Json]) -> None:
    assert [document.value for document in documents(written(objects))] == objects


@many
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_answered(raw: bytes) -> None:
    ended = CliRunner().invoke(app, ["convert", "-"], input=raw)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), raw
    assert ended.exit_code == 1
    assert all(line.isprintable() for line in ended.stderr.splitlines())
