"""A pretended workload that lives through everything at once, tick by tick, for tests of whole chains of decisions.

Load wanders, metrics fail, pods come and go, clocks jump, users edit and others scale; all by one seed. It knows what it did
wrong to a reading, so that a test needs not ask the code under test what was blind.
"""

import math
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from autoscaler.api import parse
from autoscaler.api.types import MetricSpec, MetricType
from autoscaler.model import Forecast, GateState, PodPhase, PodView
from autoscaler.reasons import Reason
from autoscaler.scaling.types import MetricReading, Observation, SelectorFault
from tests.builders import NOW_S, a_forecast, a_pod

Json = Any

_PER_POD = {"type": "AverageValue", "averageValue": "10"}
METRICS: tuple[Json, ...] = (
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
    {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "10"}}},
    {"type": "Pods", "pods": {"metric": {"name": "jobs"}, "target": _PER_POD}},
    {"type": "Prometheus", "prometheus": {"query": "queue", "target": _PER_POD}},
    {"type": "Prometheus", "prometheus": {"query": "queue", "target": _PER_POD, "activation": "5"}},
    {"type": "External", "external": {"metric": {"name": "jobs"}, "target": _PER_POD}},
    {"type": "External", "external": {"metric": {"name": "jobs"}, "target": {"type": "Value", "value": "40"}}},
)
_OF_ALL = {MetricType.OBJECT, MetricType.EXTERNAL, MetricType.PROMETHEUS}
_FAULT = SelectorFault(Reason.INVALID_SELECTOR, Reason.INVALID_SELECTOR, "the selector cannot be read")


def a_spec(random: Random) -> Json:
    """The spec of an object with any of the features, often several."""
    low = random.choice([0, 1, 1, 2, 5])
    metrics = random.sample(METRICS, random.choice([1, 1, 2, 3]))
    if all(one["type"] in {"Resource", "Pods"} for one in metrics):
        low = max(1, low)
    spec: Json = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "mode": "Scale",
        "minReplicas": low,
        "maxReplicas": random.choice([max(1, low) + random.choice([0, 3, 20]), 100, 2**31 - 1]),
        "metrics": metrics,
        "forecast": {"enabled": random.random() < 0.7},
    }
    if random.random() < 0.4:
        spec["forecast"]["maxExtraPods"] = random.choice([0, 2, 10])
    if random.random() < 0.5:
        both = {"scaleUp": _rules(random), "scaleDown": _rules(random)}
        spec["behavior"] = {name: rules for name, rules in both.items() if random.random() < 0.7}
    if random.random() < 0.5:
        spec["schedules"] = [_schedule(random, index, spec) for index in range(random.choice([1, 1, 2, 4]))]
    if random.random() < 0.4:
        behavior = random.choice(["Static", "Current", "CurrentIfHigher", "CurrentIfLower"])
        spec["fallback"] = {"behavior": behavior, "afterSeconds": random.choice([0, 60, 180])}
        if behavior != "Current":
            spec["fallback"]["replicas"] = random.choice([1, 4, 50])
    if random.random() < 0.4:
        spec["burst"] = {"thresholdPercent": random.choice([110, 200]), "holdSeconds": random.choice([1, 60, 600])}
    if random.random() < 0.2:
        spec["pause"] = random.choice(
            [{"all": True}, {"scaleIn": True}, {"scaleOut": True}, {"replicas": 0}, {"replicas": 0}, {"replicas": 7}]
        )
    return spec


def _rules(random: Random) -> Json:
    rules: Json = {}
    if random.random() < 0.5:
        rules["stabilizationWindowSeconds"] = random.choice([0, 60, 300, 1800])
    if random.random() < 0.3:
        rules["selectPolicy"] = random.choice(["Max", "Min", "Disabled"])
    if random.random() < 0.5:
        policies = [("Pods", 1, 60), ("Pods", 4, 15), ("Percent", 10, 60), ("Percent", 100, 15), ("Percent", 300, 1800)]
        chosen = random.sample(policies, random.choice([1, 2]))
        rules["policies"] = [{"type": kind, "value": value, "periodSeconds": period} for kind, value, period in chosen]
    return rules


def _schedule(random: Random, index: int, spec: Json) -> Json:
    one: Json = {"name": f"s{index}", "cron": random.choice(["*/10 * * * *", "0 * * * *", "*/3 * * * *"])}
    one["durationSeconds"] = random.choice([60, 300, 900])
    if random.random() < 0.2:
        one = {"name": f"s{index}", "from": "2026-01-01"}
    known_at_zero = any(metric["type"] in {"Prometheus", "External"} for metric in spec["metrics"])
    match random.choice(["min", "max", "both", "replicas", "padding", "all"]):
        case "min":
            one["min"] = random.choice([0 if known_at_zero else 1, 3, 30])
        case "max":
            one["max"] = random.choice([1, 3, 30])
        case "both":
            one |= {"min": 2, "max": random.choice([2, 9])}
        case "replicas":
            one["replicas"] = random.choice([0, 0, 6])
        case "padding":
            one["paddingPercent"] = random.choice([10, 100, 1000])
        case "all":
            one |= {"min": 3, "max": 40, "paddingPercent": 50}
    if random.random() < 0.2:
        one["exclude"] = [{"calendar": "nobody-has-it"}]
    return one


@dataclass(slots=True)
class World:
    """What is there in one moment, and what has been done to it."""

    random: Random
    spec: Json = field(default_factory=dict)
    generation: int = 1
    now_s: float = NOW_S
    replicas: int = 2
    load: float = 20.0  # pods' worth
    pods: list[PodView] = field(default_factory=list)
    born: int = 0
    failing: bool = False
    blind: bool = False  # a metric of the last observation cannot be used
    switched_off: bool = False  # it was a person who took the last pod
    calm: bool = False  # nothing goes wrong any more, and nobody touches anything

    def __post_init__(self) -> None:
        self.spec = self.spec or a_spec(self.random)

    def obj(self, status: Json) -> Json:
        """The object as the API server has it."""
        meta = {"namespace": "default", "name": "shop", "uid": "u1", "generation": self.generation, "resourceVersion": "7"}
        head = {"apiVersion": "foresail.dev/v1alpha1", "kind": "PredictiveAutoscaler"}
        return {**head, "metadata": meta, "spec": self.spec, "status": status}

    def live(self) -> None:
        """Let a tick go by, with whatever happens in it."""
        random = self.random
        if self.calm:
            self.now_s += 30
            fields: Json = {"start_s": self.now_s - 3600, "ready_changed_s": self.now_s - 3500}
            self.pods = [a_pod(f"shop-{index}", **fields) for index in range(min(self.replicas, 40))]
            return
        self.now_s += random.choice([15, 15, 15, 15, 14.5, 16, 1])
        if random.random() < 0.02:
            self.now_s += random.choice([-7200, -1800, -20, 120, 3600, 86400])
        if random.random() < 0.04:
            self.spec, self.generation = a_spec(random), self.generation + 1
        if random.random() < 0.04 and "pause" in self.spec:
            self.spec = {name: value for name, value in self.spec.items() if name != "pause"}
            self.generation += 1
        if random.random() < 0.03:
            self.replicas = random.choice([0, 1, 3, 60, 10_000])
            self.switched_off = self.replicas == 0
        if random.random() < 0.1:
            self.load = random.choice([0.0, 1.0, 5.0, 40.0, 5e9])
        else:
            self.load *= random.choice([0.8, 0.95, 1, 1, 1, 1.05, 1.3])
        if random.random() < 0.05:
            self.failing = not self.failing
        self._run_pods()

    def settle(self, load: float) -> None:
        """Let everything be well from now on, with as much load; only what is asked for beside pauses and schedules counts."""
        self.calm, self.failing, self.load, self.generation = True, False, load, self.generation + 1
        self.spec = {name: value for name, value in self.spec.items() if name not in {"pause", "schedules"}}
        self.spec = {**self.spec, "forecast": {"enabled": False}, "maxReplicas": 100}
        for rules in self.spec.get("behavior", {}).values():
            rules.pop("selectPolicy", None)
            for policy in rules.get("policies", ()):
                policy |= {"periodSeconds": 60, "value": max(policy["value"], 50 if policy["type"] == "Percent" else 10)}

    def _run_pods(self) -> None:
        random, shown = self.random, min(self.replicas, 40)
        surge = random.choice([0, 0, 0, 2])
        self.pods = [pod for pod in self.pods if not pod.deleting and random.random() > 0.02]
        while len(self.pods) < shown + surge:
            self.born += 1
            young = {"start_s": self.now_s, "ready": False, "ready_changed_s": self.now_s}
            waiting = {"phase": PodPhase.PENDING, "ready": None, "start_s": None, "unschedulable_since_s": self.now_s}
            self.pods.append(a_pod(f"shop-{self.born}", **(waiting if random.random() < 0.1 else young)))
        going = [replace(pod, deleting=True) for pod in self.pods[shown + surge :]]
        self.pods = [self._grown(pod) for pod in self.pods[: shown + surge]] + going

    def _grown(self, pod: PodView) -> PodView:
        if pod.phase is PodPhase.PENDING and self.random.random() < 0.1:
            fields = {"phase": PodPhase.RUNNING, "start_s": self.now_s, "ready": False, "unschedulable_since_s": None}
            return replace(pod, **fields, ready_changed_s=self.now_s)
        if pod.phase is PodPhase.RUNNING and not pod.ready and self.random.random() < 0.5:
            return replace(pod, ready=True, ready_changed_s=self.now_s)
        return pod

    def observation(self) -> Observation:
        """What is seen of it; sets whether a metric is blind."""
        specs = parse.predictive_autoscaler(self.obj({})).spec.metrics
        self.blind = False
        readings = tuple(self._reading(spec) for spec in specs)
        status_replicas = min(len(self.pods), self.replicas) if self.replicas <= 40 else self.replicas
        forecasts = tuple(self._forecast() for _ in specs)
        seen = Observation(self.replicas, status_replicas, tuple(self.pods), readings, forecasts)
        if self.random.random() < 0.3:
            seen = replace(seen, short=tuple(self._reading(spec, blinds=False) for spec in specs))
        match 1.0 if self.calm else self.random.random():
            case chance if chance < 0.02:
                self.blind = True
                return replace(seen, selector_fault=_FAULT, pods=())
            case chance if chance < 0.05:
                self.blind = True
                held = tuple(MetricReading(one.spec, error="a watch is silent") for one in readings)
                return replace(seen, readings=held, forecasts=(), short=(), unseen=True)
        return seen

    def _reading(self, spec: MetricSpec, *, blinds: bool = True) -> MetricReading:
        random, of_all = self.random, spec.type in _OF_ALL
        fault = random.choice(["error", "stale", "none", "nan", "negative", "future"]) if random.random() < 0.05 else ""
        fault = "" if self.calm else "error" if self.failing else fault
        at_s = self.now_s - random.choice([0, 5, 20])
        if fault and blinds:
            self.blind = True
        if fault == "error":
            return MetricReading(spec, error="Prometheus answers 503")
        if fault in {"stale", "future"}:
            at_s += -1000 if fault == "stale" else 1000
        wrong: Any = {"none": None, "nan": math.nan, "negative": -5000}.get(fault, 0)
        if of_all:
            total: Any = round(self.load * 10_000) if fault not in {"none", "nan", "negative"} else wrong
            return MetricReading(spec, total_milli=total, sampled_at_s=at_s)
        there = [pod for pod in self.pods if pod.phase is PodPhase.RUNNING and (self.calm or random.random() > 0.02)]
        each = round(self.load * (60 if spec.resource and spec.resource.name == "cpu" else 10_000) / max(1, len(there)))
        values: Any = {pod.name: each for pod in there}
        if fault in {"nan", "negative"} and values:
            values[next(iter(values))] = wrong
        if fault == "none":
            values = None
        return MetricReading(spec, pods_milli=values, sampled_at_s=at_s)

    def _forecast(self) -> Forecast | None:
        random = self.random
        if random.random() < 0.3:
            return None
        peak = random.choice([0.0, self.load * 10, self.load * 15, 1e30, math.nan, -1.0, math.inf])
        gate = random.choice([GateState.OPEN, GateState.OPEN, GateState.SHUT, GateState.LEARNING])
        issued_s = self.now_s - random.choice([0, 60, 400])
        return a_forecast(peak, gate=gate, issued_s=issued_s, expires_s=issued_s + 300)
