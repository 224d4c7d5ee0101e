"""KEDA's ScaledObjects as the spec of a PredictiveAutoscaler.

KEDA makes an HPA of its triggers for everything from one pod up, and goes from one to zero and back by itself: to zero when no
trigger was active for `cooldownPeriod`. Source: KEDA 2.20, `apis/keda/v1alpha1`, `pkg/scaling/executor`,
`controllers/keda/hpa.go`.
"""

from autoscaler.api.convert.fit import Part, fits, fitting_items
from autoscaler.api.convert.keda_pause import holds, pause_of
from autoscaler.api.convert.keda_triggers import NOTHING, Found, read_triggers
from autoscaler.api.convert.parts import Fields, Json, Note, Refusal
from autoscaler.api.structure import an_object, whole, without_nulls

_POLLING_S, _COOLDOWN_S, _WINDOW_S, _MOST = 30, 300, 300, 100  # defaults of KEDA, and of the HPA for its window
_BEHAVIORS = {
    "static": "Static",
    "currentReplicas": "Current",
    "currentReplicasIfHigher": "CurrentIfHigher",
    "currentReplicasIfLower": "CurrentIfLower",
}
_FIELDS = (
    "scaleTargetRef", "minReplicaCount", "maxReplicaCount", "idleReplicaCount", "pollingInterval", "cooldownPeriod",
    "initialCooldownPeriod", "triggers", "fallback", "advanced",
)  # fmt: skip
_FORCED = "autoscaling.keda.sh/force-activation"


def read_scaled_object(obj: Json, notes: list[Note]) -> Fields:
    """Return the spec that a ScaledObject stands for; raises Refusal when nothing of it can be carried over."""
    spec = an_object(without_nulls(obj.get("spec")))
    advanced = an_object(spec.get("advanced"))
    found = read_triggers(spec.get("triggers"), spec, advanced, notes)
    metrics = fitting_items("metrics", found.metrics, notes)
    schedules = fitting_items("schedules", found.schedules, notes)
    found.lost |= len(metrics) < len(found.metrics) or len(schedules) < len(found.schedules)
    if not metrics and not schedules:
        raise Refusal(Note("spec.triggers", "none of them can be carried over, and nothing else would decide"))
    new: Fields = {"scaleTargetRef": _target(spec.get("scaleTargetRef"))}
    new["minReplicas"] = _least(spec, metrics, schedules, found, notes)
    new["maxReplicas"] = spec.get("maxReplicaCount", _MOST)
    new["metrics"] = metrics or [NOTHING]
    if not metrics:
        text = "only schedules decide: the metric vector(0) asks for nothing, so that CPU, which would be the default, does not"
        notes.append(Note("spec.triggers", text))
    new |= _behavior(advanced, notes)
    new |= {"schedules": schedules} if schedules else {}
    new |= _fallback(spec, notes)
    new |= pause_of(an_object(an_object(obj.get("metadata")).get("annotations")), notes)
    new |= {"onDelete": "Restore"} if advanced.get("restoreToOriginalReplicaCount") is True else {}
    _tell_the_rest(obj, spec, new, notes)
    return new


def _target(given: object) -> Fields:
    """Return the reference with KEDA's defaults; what only its authentication needs is not in it."""
    ref = an_object(given)
    kept = {name: ref[name] for name in ("apiVersion", "kind", "name") if ref.get(name) not in (None, "")}
    return {"apiVersion": "apps/v1", "kind": "Deployment"} | kept


def _least(spec: Json, metrics: list[Fields], schedules: list[Fields], found: Found, notes: list[Note]) -> object:
    """Return the fewest replicas; zero only where KEDA would go there and somebody says when to come back."""
    low, idle = spec.get("minReplicaCount", 0), spec.get("idleReplicaCount")
    field = "spec.minReplicaCount"
    if idle is not None:
        text = (
            f"not carried over: the target stays at {low} or more when no trigger is active; minReplicas 0 lets it go to zero, "
            "and then to any count in between as well"
        )
        notes.append(Note("spec.idleReplicaCount", text))
    if whole(low) != 0:
        return low
    if idle is not None or found.always_active or found.lost:
        lost, active = "a trigger was left out that may ask for pods", "a trigger is always active"
        why = lost if found.lost else active if found.always_active else "that is what KEDA's HPA keeps to"
        notes.append(Note(field, f"minReplicas becomes 1: {why}"))
        return 1
    if (schedules and not metrics) or any(metric["type"] == "Prometheus" for metric in metrics):
        notes.append(
            Note(field, "0 needs the setting scaling.scale_to_zero of the service (chart: settings.scaling.scale_to_zero)")
        )
        return 0
    if schedules:
        text = "minReplicas becomes 1: no pod tells of CPU or memory at zero; KEDA goes to zero outside of the windows of cron"
        notes.append(Note(field, text))
    elif "minReplicaCount" in spec:
        notes.append(Note(field, "minReplicas becomes 1: as in KEDA, CPU and memory never ask for less"))
    return 1


def _behavior(advanced: Json, notes: list[Note]) -> Fields:
    config = an_object(advanced.get("horizontalPodAutoscalerConfig"))
    origin = "spec.advanced.horizontalPodAutoscalerConfig"
    if "name" in config:
        notes.append(Note(f"{origin}.name", "not needed: there is no HPA that could have a name"))
    if (given := config.get("behavior")) is None:
        return {}
    parts = [Part(f"{origin}.behavior.{name}", {name: value}) for name, value in an_object(given).items()]
    kept = [part.value for part in parts if fits("behavior", part, notes)]
    return {"behavior": {name: value for one in kept for name, value in one.items()}}


def _fallback(spec: Json, notes: list[Note]) -> Fields:
    """Return what is done without metrics; KEDA counts failures, one a polling interval."""
    fallback, origin = an_object(spec.get("fallback")), "spec.fallback"
    if not fallback:
        return {}
    behavior = _BEHAVIORS.get(str(fallback.get("behavior", "static")))
    if behavior is None:
        text = f"left out: there is no counterpart of {fallback['behavior']!r}; without metrics replicas are held"
        notes.append(Note(f"{origin}.behavior", text))
        return {}
    new: Fields = {"behavior": behavior}
    failures, interval = whole(fallback.get("failureThreshold")), whole(spec.get("pollingInterval", _POLLING_S))
    if failures is not None and interval is not None:
        new["afterSeconds"] = failures * interval
    if behavior != "Current":
        new |= {"replicas": fallback["replicas"]} if "replicas" in fallback else {}
    return {"fallback": new} if fits("fallback", Part(origin, new), notes) else {}


def _tell_the_rest(obj: Json, spec: Json, new: Fields, notes: list[Note]) -> None:
    """Note fields that have no counterpart, where they would have changed something."""
    down = an_object(an_object(new.get("behavior")).get("scaleDown"))
    window, cooldown = down.get("stabilizationWindowSeconds", _WINDOW_S), spec.get("cooldownPeriod", _COOLDOWN_S)
    if new["minReplicas"] == 0 and cooldown != window:
        text = (
            f"not carried over: the last pod goes as others do, after {window} s without need "
            f"(behavior.scaleDown.stabilizationWindowSeconds), not after {cooldown} s"
        )
        notes.append(Note("spec.cooldownPeriod", text))
    if new["minReplicas"] == 0 and spec.get("initialCooldownPeriod"):
        notes.append(Note("spec.initialCooldownPeriod", "not carried over: a new target may go to zero as soon as an old one"))
    if "pollingInterval" in spec:
        text = (
            "not carried over: all objects are looked at together, every scaling.sync_period_s of the service's settings (15 s)"
        )
        notes.append(Note("spec.pollingInterval", text))
    annotations = an_object(an_object(obj.get("metadata")).get("annotations"))
    if holds(annotations, _FORCED):
        text = "not carried over: raise minReplicas to keep pods running without load"
        notes.append(Note(f"metadata.annotations[{_FORCED}]", text))
    unknown = "left out: a ScaledObject has no such field, so it never counted; check the spelling"
    notes.extend(Note(f"spec.{name}", unknown) for name in spec if name not in _FIELDS)
