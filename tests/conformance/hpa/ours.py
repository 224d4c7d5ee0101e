"""What our own code decides for a case, told as the oracle tells what the real controller did.

Nothing is decided here: objects, pods, scale and answers of the metrics APIs go through the functions that the service
uses, and so do the status and the Events. What stands in for the API server is only that a write is kept, or refused as
the case says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from autoscaler.api.parse import predictive_autoscaler
from autoscaler.api.selector_text import parse_selector
from autoscaler.api.types import MetricSpec
from autoscaler.clients.kube import metric_values
from autoscaler.clients.kube.resources import trim_pod
from autoscaler.clients.kube.views import pod_view
from autoscaler.clients.ports import Scale
from autoscaler.loops import api_load, overlaps, scale_events, scale_status
from autoscaler.loops.observe import Seen, Served
from autoscaler.loops.pods import Pods
from autoscaler.loops.scale_status import Outcome, Report, Result
from autoscaler.loops.targets import MissingTarget, seen_scale
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import changed, decide, initial_state, policy_of
from autoscaler.scaling.numbers import Numbers
from autoscaler.scaling.types import Decision, MetricReading, Observation, Policy, State
from autoscaler.settings import ScalingSettings
from tests.fakes.cluster import FakeCluster
from tests.fakes.kube import FakeStore

Json = dict[str, Any]
NAMESPACE, NAME = "default", "shop"
KEY = ObjectKey(NAMESPACE, NAME)
START_S = datetime(2000, 1, 1, tzinfo=UTC).timestamp()  # when every case begins
CONDITIONS = ("AbleToScale", "ScalingActive", "ScalingLimited", "ScaledToZero")
AS_GO = Numbers(overflows=True).milli
ON_THE_OBJECT = 30  # with this delay both periods are said by the object, else by the settings
_NOTHING = FakeStore(FakeCluster(), "replicasets")
_ACTING = scale_status.acting(scale_status.Mode.SCALE, acts=True, scaled_by_other=None)


@dataclass(slots=True)
class _World:
    """What one object, its target and its pods are at a moment."""

    settings: ScalingSettings
    now_s: float
    own: Json  # fields of our object besides those of the HPA
    spec: Json = field(default_factory=dict)
    status: Json = field(default_factory=dict)
    scale: Scale = field(default_factory=lambda: Scale(0, 0, "", "1", "uid"))
    pods: Pods = field(default_factory=lambda: Pods.of(()))
    state: State | None = None
    rival: str = ""  # selector of the target of another object
    writes: int = 0


def answers(case: Json) -> Iterator[Json]:
    """Yield what comes of each tick of a case."""
    settings = ScalingSettings(
        tolerance=case["Tolerance"],
        downscale_stabilization_s=case["Window"],
        cpu_initialization_period_s=case["Init"],
        initial_readiness_delay_s=case["Delay"],
        scale_to_zero=case["ScaleToZero"],
        exact_hpa=True,
    )
    rival = case.get("Rival", "")  # it comes a second before
    world = _World(settings, START_S + bool(rival), {}, rival=rival)
    if case["Delay"] == ON_THE_OBJECT:
        world.own = {"cpuInitializationPeriodSeconds": case["Init"], "initialReadinessDelaySeconds": case["Delay"]}
        world.settings = msgspec.structs.replace(settings, cpu_initialization_period_s=1.0, initial_readiness_delay_s=1.0)
    for tick in case["Ticks"]:
        world.now_s += case["Sync"] + tick.get("Late", 0)
        _become(world, tick)
        report = _reconcile(world, tick)
        world.status = scale_status.of_report(report, world.status, world.now_s)
        yield _told(world, report)


def _become(world: _World, tick: Json) -> None:
    world.spec = tick.get("Spec", world.spec)
    old = world.scale
    world.scale = Scale(
        tick.get("Replicas", old.spec_replicas),
        tick.get("Status", old.status_replicas),
        tick.get("Selector", old.selector),
        "",
        "",
    )
    if "Pods" in tick:
        world.pods = Pods.of(pod_view(trim_pod(pod), _NOTHING) for pod in tick["Pods"])


def _reconcile(world: _World, tick: Json) -> Report:
    """One pass: observe, decide, act."""
    spec = {**world.spec, **world.own, "mode": "Scale", "forecast": {"enabled": False}}
    obj = {"metadata": {"namespace": NAMESPACE, "name": NAME, "uid": "1"}, "spec": spec, "status": world.status}
    served = Served(KEY, obj, predictive_autoscaler(obj))
    world.writes = 0
    if tick.get("ScaleError"):
        missing = MissingTarget(tick["ScaleError"], not_found=True)
        return Report(Seen(served, None, missing), None, Outcome(Result.BLOCKED), _ACTING)
    observation = _observed(world, tick, served.autoscaler.spec.metrics)
    policy = policy_of(served.autoscaler.spec, world.settings, 60.0)
    state = world.state or initial_state(observation.spec_replicas, world.now_s)
    decision, world.state = decide(observation, policy, state, world.now_s)
    outcome = _written(world, tick, policy, decision)
    return Report(Seen(served, observation), decision, outcome, _ACTING)


def _observed(world: _World, tick: Json, metrics: tuple[MetricSpec, ...]) -> Observation:
    target = seen_scale(world.scale)
    pods = () if target.fault else world.pods.select(NAMESPACE, target.selector)
    readings = tuple(_reading(spec, tick, world) for spec in metrics)
    others = world.pods.select(NAMESPACE, parse_selector(world.rival)) if world.rival else ()
    fault = target.fault or overlaps.find({KEY: pods, ObjectKey(NAMESPACE, "rival"): others}).get(KEY)
    return Observation(target.spec_replicas, target.status_replicas, pods, readings, selector_fault=fault)


def _reading(spec: MetricSpec, tick: Json, world: _World) -> MetricReading:
    """The answer of the API that a metric is read from."""
    failed = MetricReading(spec, error="the server could not answer")
    if by_pod := spec.resource or spec.container_resource:
        items = tick.get("PodMetrics")
        if items is None:
            return failed
        selected = [item for item in items if _is_selected(item, world)]
        container = spec.container_resource.container if spec.container_resource else None
        return api_load.by_pod(spec, metric_values.usage_of_pods(selected, by_pod.name, container, AS_GO))
    if spec.pods:
        items = _of(tick, "Pod").get(spec.pods.metric.name)
        return failed if items is None else api_load.by_pod(spec, metric_values.values_of_pods(items, AS_GO))
    if spec.object:
        item = _of(tick, "Object").get(spec.object.metric.name)
        return failed if item is None else api_load.of_all(spec, [metric_values.value(item, AS_GO)])
    items = _of(tick, "External").get(spec.external.metric.name if spec.external else "")
    return failed if items is None else api_load.of_all(spec, [metric_values.value(item, AS_GO) for item in items])


def _of(tick: Json, kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tick.get(kind) or {}
    return found


def _is_selected(item: Json, world: _World) -> bool:
    """Stand in for the metrics API, which chooses by the labels of the pods."""
    pod = pod_view({"metadata": {"uid": "", "namespace": NAMESPACE, **item["metadata"]}}, _NOTHING)
    return bool(Pods.of([pod]).select(NAMESPACE, seen_scale(world.scale).selector))


def _written(world: _World, tick: Json, policy: Policy, decision: Decision) -> Outcome:
    """Stand in for the API server, which takes no count below zero."""
    if decision.desired == decision.current:
        return Outcome(Result.HELD)
    if tick.get("WriteError") or decision.desired < 0:
        return Outcome(Result.FAILED, Reason.FAILED_UPDATE_SCALE, tick.get("WriteError", "invalid"))
    old = world.scale
    world.scale = Scale(decision.desired, old.status_replicas, old.selector, "", "")
    world.writes = 1
    world.state = changed(world.state or State(), decision, policy, world.now_s)
    return Outcome(Result.DONE, Reason.SUCCESSFUL_RESCALE, decision.message)


def _told(world: _World, report: Report) -> Json:
    status = world.status
    events = [["Warning" if one.warning else "Normal", one.reason.value, one.message] for one in scale_events.of_report(report)]
    return {
        "replicas": world.scale.spec_replicas,
        "writes": world.writes,
        "current": status.get("currentReplicas", 0),
        "desired": status.get("desiredReplicas", 0),
        "scaled": status.get("lastScaleTime"),
        "conditions": {
            one["type"]: [one["status"], one["reason"], one["lastTransitionTime"]]
            for one in status["conditions"]
            if one["type"] in CONDITIONS
        },
        "metrics": [one["current"] for one in status.get("metrics", ())],
        "events": events,
    }
