"""Random cases for the HPA's algorithm: how they are made, how ours decides them, and where two answers differ.

A case is JSON that `evaluate.go` reads as well: ages in seconds before the evaluation, amounts in milli-units. Ages end on .5,
so that the moments which pass while the real controller works never carry one over an edge. Edges have tests of their own.
"""

import random
from collections.abc import Iterator
from typing import Any

import msgspec

from autoscaler.api.types import Behavior, MetricSpec
from autoscaler.model import PodPhase, PodView
from autoscaler.scaling.decide import decide, record_scale
from autoscaler.scaling.types import MetricReading, Observation, Policy, Recommendation, ScaleEvent, State
from tests.builders import NOW_S

Json = dict[str, Any]

TOLERANCES = ["0", "0.01", "50m", "75m", "0.1", "0.25", "57m", "1", "0.300"]
LEVELS = [0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.88, 0.9, 0.92, 1, 1.08, 1.1, 1.12, 1.3, 2, 4]  # load in parts of the target


# --- making


def a_case(chance: random.Random, *, largest: int) -> Json:
    """A case of at most about so many pods."""
    few = chance.choice([1, 2, 3, largest, largest])
    spec = chance.randint(1, few) if chance.random() > 0.02 else 0
    low = chance.choice([1, chance.randint(1, max(1, few // 2))])
    behavior = {name: _rules(chance) for name in ("scaleUp", "scaleDown") if chance.random() < 0.7}
    case: Json = {
        "min": low,
        "max": max(low, chance.choice([1, spec, spec + 1, 2 * spec, 10, 40, 1000, 1000])),
        "spec": spec,
        "status": spec if chance.random() < 0.7 else chance.randint(0, few + 2),
        "behavior": behavior if chance.random() < 0.6 else None,
        "window": chance.choice([0, 60, 300]),
        "init": chance.choice([300, 120, 0]),
        "delay": chance.choice([30, 10, 0]),
        "tolerance": chance.choice([0.1, 0.1, 0.1, 0, 0.05, 0.2]),
    }
    steady = chance.random() < 0.4
    case["pods"] = [_pod(chance, index, steady=steady) for index in range(spec if steady else chance.randint(0, few + 3))]
    case["metrics"] = _metrics(chance, case, steady=steady)
    case["recommendations"] = _past(chance, 5, 2 * few) or [[_age(chance, 400), spec]]
    with_events = case["behavior"] is not None
    case["ups"] = _past(chance, 3, 2 * few) if with_events else []
    case["downs"] = _past(chance, 3, 2 * few) if with_events else []
    return case


def _age(chance: random.Random, most_s: int) -> float:
    return chance.randint(0, most_s) + 0.5


def _past(chance: random.Random, most: int, largest: int) -> list[list[float]]:
    return [[_age(chance, chance.choice([30, 400, 4000])), chance.randint(0, largest)] for _ in range(chance.randint(0, most))]


def _rules(chance: random.Random) -> Json:
    policies = [
        {
            "type": chance.choice(["Pods", "Percent"]),
            "value": chance.choice([1, 2, 4, 5, 10, 20, 33, 50, 100, 200, 900]),
            "periodSeconds": chance.choice([1, 15, 60, 120, 300, 1800]),
        }
        for _ in range(chance.randint(1, 3))
    ]
    rules = {
        "stabilizationWindowSeconds": chance.choice([0, 0, 15, 60, 300, 600, 3600]),
        "selectPolicy": chance.choice(["Max", "Min", "Disabled"]),
        "policies": policies,
        "tolerance": chance.choice(TOLERANCES),
    }
    return {name: value for name, value in rules.items() if chance.random() < 0.5}


def _pod(chance: random.Random, index: int, *, steady: bool) -> Json:
    requests = {
        name: {"cpu": chance.choice([100, 100, 250, 333, chance.randint(0, 500)]), "memory": chance.randint(1, 10**6) * 1000}
        for name in ("app", "proxy")[: chance.choice([1, 1, 2])]
    }
    ready_age = 400 + _age(chance, 4000)
    pod: Json = {"name": f"shop-{index}", "phase": "Running", "ready": True, "readyAge": ready_age, "requests": requests}
    pod |= {"startAge": ready_age + 20, "deleting": False, "podRequests": None}
    if steady:
        return pod
    young = {
        "startAge": _age(chance, 400),
        "readyAge": chance.choice([_age(chance, 400), None]),
        "ready": chance.random() < 0.5,
    }
    changed_age = _age(chance, 5000)
    changes: list[tuple[float, Json]] = [
        (0.10, {"phase": "Pending", "ready": chance.choice([None, False]), "startAge": chance.choice([None, 5.5])}),
        (0.05, {"phase": "Failed"}),
        (0.05, {"deleting": True}),
        (0.05, {"phase": "Succeeded", "ready": False}),
        (0.15, young),
        (0.10, {"ready": False, "readyAge": changed_age, "startAge": changed_age + chance.randint(-10, 50)}),
        (0.02, {"ready": None}),
        (0.02, {"startAge": None}),
        (0.01, {"requests": {"app": {}}}),
        (0.03, {"podRequests": {"cpu": chance.randint(1, 2000)} | chance.choice([{"memory": 10**9}, {}])}),
    ]
    for probability, change in changes:
        if chance.random() < probability:
            return pod | change
    return pod


def _metrics(chance: random.Random, case: Json, *, steady: bool) -> list[Json]:
    level = chance.choice(LEVELS) * chance.uniform(0.98, 1.02)
    found: dict[str, Json] = {}
    for index in range(chance.choice([1, 1, 1, 2, 3])):
        kind = chance.choice(["Resource", "Resource", "ContainerResource", "External"])
        if kind == "External":
            found[f"query{index}"] = _query(chance, f"query{index}", case, level)
            continue
        name = chance.choice(["cpu", "cpu", "memory"])
        found[f"{kind} {name}"] = _resource(chance, (kind, name), case["pods"], level, steady=steady)
    return list(found.values())


def _query(chance: random.Random, name: str, case: Json, level: float) -> Json:
    milli = chance.choice([1, 7, 10, 1000, 2500, 100_000])
    total = int(milli * max(case["spec"], 1) * level * chance.uniform(0.9, 1.1))
    target = {"type": "AverageValue", "averageValue": f"{milli}m"}
    return {
        "spec": {"type": "External", "external": {"metric": {"name": name}, "target": target}},
        "total": chance.choices([total, None, chance.randint(0, 2**62)], [88, 10, 2])[0],
    }


def _resource(chance: random.Random, of: tuple[str, str], pods: list[Json], level: float, *, steady: bool) -> Json:
    kind, name = of
    container = chance.choices(["app", "nowhere"], [95, 5])[0] if kind == "ContainerResource" else None
    percent = chance.choice([1, 10, 50, 60, 80, 100, 120, 200])
    milli = chance.choice([1, 100, 333, 100_000, 50_000_000])
    by_percent = chance.random() < 0.6
    values = {}
    for pod in pods:
        requested = sum(amounts.get(name, 0) for own, amounts in pod["requests"].items() if container in (None, own))
        target_milli = requested * percent / 100 if by_percent else milli
        if steady or chance.random() < 0.9:
            spread = chance.choice([1.0, chance.uniform(0.7, 1.3)])
            values[pod["name"]] = [int(target_milli * level * spread), chance.choice([0.5, 15.5, 30.5])]
    if chance.random() < 0.05:
        values["stranger"] = [chance.randint(0, 1000), 0.5]
    if chance.random() < 0.05:
        values = {}
    utilization = {"type": "Utilization", "averageUtilization": percent}
    target = utilization if by_percent else {"type": "AverageValue", "averageValue": f"{milli}m"}
    source: Json = {"name": name, "target": target}
    if container is not None:
        source["container"] = container
    field = "resource" if kind == "Resource" else "containerResource"
    return {"spec": {"type": kind, field: source}, "values": values, "window": chance.choice([60, 30, 15])}


# --- deciding


def _ago(age: float | None) -> float | None:
    return None if age is None else NOW_S - age


def _reading(metric: Json) -> MetricReading:
    spec = metric["spec"]
    if spec["type"] == "External":  # our Prometheus metric is to behave like it
        source = {"query": spec["external"]["metric"]["name"], "target": spec["external"]["target"]}
        converted = msgspec.convert({"type": "Prometheus", "prometheus": source}, MetricSpec)
        return MetricReading(converted, total_milli=metric["total"], sampled_at_s=NOW_S)
    return MetricReading(
        msgspec.convert(spec, MetricSpec),
        pods_milli={pod: value for pod, (value, _) in metric["values"].items()},
        pods_sampled_at_s={pod: NOW_S - age for pod, (_, age) in metric["values"].items()},
        sampled_at_s=NOW_S,
        window_s=metric["window"],
    )


def _pod_view(pod: Json) -> PodView:
    return PodView(
        namespace="default",
        name=pod["name"],
        uid=pod["name"],
        phase=PodPhase(pod["phase"]),
        created_s=0.0,
        start_s=_ago(pod["startAge"]),
        ready=pod["ready"],
        ready_changed_s=_ago(pod["readyAge"]),
        deleting=pod["deleting"],
        requests_milli=pod["requests"],
        pod_requests_milli=pod["podRequests"],
    )


def _events(past: list[list[float]]) -> tuple[ScaleEvent, ...]:
    return tuple(ScaleEvent(NOW_S - age, int(change)) for age, change in past)


def our_answer(case: Json) -> Json:
    """What our own code decides for a case, in the form of the real controller's answer."""
    readings = tuple(_reading(metric) for metric in case["metrics"])
    behavior = None if case["behavior"] is None else msgspec.convert(case["behavior"], Behavior)
    policy = Policy(
        min_replicas=case["min"],
        max_replicas=case["max"],
        metrics=tuple(reading.spec for reading in readings),
        behavior=behavior,
        forecast_enabled=True,
        max_extra_pods=None,
        tolerance=case["tolerance"],
        downscale_stabilization_s=case["window"],
        cpu_initialization_period_s=case["init"],
        initial_readiness_delay_s=case["delay"],
        max_metric_age_s=60.0,
    )
    state = State(
        recommendations=tuple(Recommendation(NOW_S - age, int(replicas)) for age, replicas in case["recommendations"]),
        scale_ups=_events(case["ups"]),
        scale_downs=_events(case["downs"]),
    )
    observation = Observation(case["spec"], case["status"], tuple(_pod_view(pod) for pod in case["pods"]), readings)
    decision, decided = decide(observation, policy, state, NOW_S)
    written = record_scale(decided, decision.current, decision.desired, NOW_S, behavior)
    return {
        "desired": decision.desired,
        "conditions": {
            condition.type: [str(condition.status), condition.reason.value]
            for condition in decision.conditions
            if condition.type != "ForecastActive"
        },
        "metrics": [
            {"utilization": status.average_utilization, "average": status.average_value_milli} for status in decision.metrics
        ],
        "recommendations": [one.replicas for one in written.recommendations],
        "ups": [one.change for one in written.scale_ups],
        "downs": [one.change for one in written.scale_downs],
    }


# --- comparing


def differences(case: Json, real: Json) -> Iterator[str]:
    """Yield where our answer differs from the real controller's."""
    ours = our_answer(case)
    if ours["desired"] != real["desired"]:
        yield f"desired {ours['desired']}, real {real['desired']}"
    theirs = {name: [status, _our_name(reason)] for name, (status, reason) in real["conditions"].items()}
    if theirs.get("AbleToScale") == ["True", "SucceededRescale"]:  # ours is told by who writes the scale
        theirs["AbleToScale"] = ours["conditions"]["AbleToScale"]
    if ours["conditions"] != theirs:
        yield f"conditions {ours['conditions']}, real {theirs}"
    read = case["metrics"] if ours["metrics"] else []  # none are read to come back within bounds
    for own, other, metric in zip(ours["metrics"], real["metrics"] or [], read, strict=True):
        nothing_runs = metric["spec"]["type"] == "External" and case["status"] == 0  # the real one divides by zero
        if own != other and not nothing_runs:
            yield f"metric {own}, real {other}"
    for direction in ("ups", "downs"):
        if ours[direction] != (real[direction] or []):
            yield f"{direction} {ours[direction]}, real {real[direction]}"
    if not set(ours["recommendations"]) <= set(real["recommendations"]):  # the real list keeps outdated slots
        yield f"recommendations {ours['recommendations']}, real {real['recommendations']}"


def _our_name(reason: str) -> str:
    return reason.replace("FailedGetExternalMetric", "FailedGetPrometheusMetric")
