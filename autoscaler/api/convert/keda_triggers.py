"""The triggers of a ScaledObject: cpu and memory become resource metrics, prometheus a query, cron a schedule.

Source: KEDA 2.20, `pkg/scalers/{cpu_memory,cron,prometheus}_scaler.go`.
"""

from dataclasses import dataclass, field

from autoscaler.api.convert.fit import Part
from autoscaler.api.convert.keda_prometheus import read_prometheus
from autoscaler.api.convert.parts import Fields, Json, Note
from autoscaler.api.structure import a_list, an_object, shown, whole

NOTHING: Fields = {
    "type": "Prometheus",
    "prometheus": {"query": "vector(0)", "target": {"type": "AverageValue", "averageValue": "1"}},
}  # asks for no pod, and is known at zero
_KNOWN = ("cpu", "memory", "prometheus", "cron")
_CRON_FIELDS = 5
_LARGEST = 2**31 - 1


@dataclass(slots=True)
class Found:
    """What the triggers of one object became."""

    metrics: list[Part] = field(default_factory=list)
    schedules: list[Part] = field(default_factory=list)
    lost: bool = False  # one was left out that may ask for pods where there are none
    always_active: bool = False  # one keeps KEDA from going to zero


def read_triggers(triggers: object, spec: Json, advanced: Json, notes: list[Note]) -> Found:
    """Return metrics and schedules for triggers, in their order; what has no counterpart is noted."""
    found = Found()
    modifiers = an_object(advanced.get("scalingModifiers"))
    combined = bool(modifiers.get("formula") or modifiers.get("target"))
    if combined:
        target = f"{modifiers.get('metricType', 'AverageValue')} {modifiers.get('target', '(none)')}"
        text = (
            f"not carried over: write a metric of type Prometheus whose query computes the formula, with the target {target}; "
            "the triggers that it combines are left out, as each by itself means something else"
        )
        notes.append(Note("spec.advanced.scalingModifiers", text))
    for index, given in enumerate(a_list(triggers)):
        trigger, origin = an_object(given), f"spec.triggers[{index}]"
        kind = trigger.get("type")
        if kind not in _KNOWN:
            text = "left out: there is no counterpart of {}; a query to Prometheus for the same load can take its place"
            notes.append(Note(f"{origin}.type", text.format(f"the trigger {shown(kind)}")))
            found.lost = True
        elif combined and kind in ("prometheus", "cron"):
            found.lost = True
        else:
            _read(trigger, origin, spec, found, notes)
    return found


def _read(trigger: Json, origin: str, spec: Json, found: Found, notes: list[Note]) -> None:
    if (wanted := trigger.get("metricType")) == "Utilization" and trigger["type"] not in ("cpu", "memory"):
        notes.append(Note(f"{origin}.metricType", f"left out: KEDA refuses a {trigger['type']} trigger with {wanted}"))
        found.lost = True
    elif trigger["type"] == "cron":
        schedule = _schedule(trigger, origin, spec, found, notes)
        found.schedules += [schedule] if schedule else []
        found.lost |= schedule is None
    elif trigger["type"] == "prometheus":
        query = read_prometheus(trigger, origin, notes)
        found.metrics += [Part(origin, query.metric)] if query.metric else []
        found.lost |= query.metric is None
        found.always_active |= query.always_active
    else:
        found.metrics.append(Part(origin, _resource(trigger, origin, notes)))


def _resource(trigger: Json, origin: str, notes: list[Note]) -> Fields:
    """Return CPU or memory of the pods; what is wrong with it is told when it is tried."""
    metadata = an_object(trigger.get("metadata"))
    kind, value = trigger.get("metricType") or metadata.get("type"), str(metadata.get("value", ""))
    target: Fields = {"type": kind}
    if kind == "Utilization":
        target["averageUtilization"] = (
            int(value) if value.isascii() and value.isdigit() and len(value) <= len("2147483647") else value
        )
    elif kind == "AverageValue":
        target["averageValue"] = value
    unknown = [name for name in metadata if name not in ("type", "value", "containerName")]
    notes.extend(Note(f"{origin}.metadata.{name}", "left out: KEDA's trigger has no such field") for name in unknown)
    source: Fields = {"name": trigger["type"], "target": target}
    if container := metadata.get("containerName"):
        return {"type": "ContainerResource", "containerResource": {**source, "container": container}}
    return {"type": "Resource", "resource": source}


def _schedule(trigger: Json, origin: str, spec: Json, found: Found, notes: list[Note]) -> Part | None:
    """Return the window of a cron trigger: within it at least so many replicas, as other triggers may ask for more.

    Outside of it KEDA's trigger asks for none, so that minReplicas and the other triggers count, as without a schedule here.
    """
    metadata = an_object(trigger.get("metadata"))
    count = _count(metadata.get("desiredReplicas"))
    lines = [_cron(metadata.get(name)) for name in ("start", "end")]
    for name, wrong, wanted in (
        ("desiredReplicas", not count, "a number of replicas from 1"),
        ("start", lines[0] is None, "a cron line of five fields"),
        ("end", lines[1] is None or lines[0] == lines[1], "a cron line of five fields, other than start"),
        ("timezone", not isinstance(metadata.get("timezone"), str), "the name of a time zone, such as Europe/Berlin"),
    ):
        if wrong:
            notes.append(Note(f"{origin}.metadata.{name}", f"the trigger is left out: this must be {wanted}"))
            return None
    high, low = whole(spec.get("maxReplicaCount", 100)), whole(spec.get("minReplicaCount", 0))
    least = max(count or 0, low or 0)  # `min` of a schedule takes the place of minReplicas
    if high is not None and least > high:
        notes.append(
            Note(f"{origin}.metadata.desiredReplicas", f"{count} becomes {high}: maxReplicaCount bounds it, as in KEDA")
        )
        least = high
    if trigger.get("metricType") == "Value":
        text = "not carried over: with Value KEDA multiplies the pods that are ready; the schedule asks for desiredReplicas"
        notes.append(Note(f"{origin}.metricType", text))
    new = {"name": _name(trigger, origin, found), "cron": lines[0], "until": lines[1], "timeZone": metadata["timezone"]}
    return Part(origin, new | {"min": least})


def _count(value: object) -> int | None:
    text = str(value)
    return min(int(text), _LARGEST) if text.isascii() and text.isdigit() and len(text) < len(str(2**63)) else None


def _cron(value: object) -> str | None:
    """Return a cron line as it is understood everywhere: KEDA's `?` is a `*`."""
    fields = value.split() if isinstance(value, str) else []
    return " ".join("*" if one == "?" else one for one in fields) if len(fields) == _CRON_FIELDS else None


def _name(trigger: Json, origin: str, found: Found) -> str:
    """Return a name that no other schedule of the object has."""
    taken = {part.value["name"] for part in found.schedules}
    given = trigger.get("name")
    name = given if isinstance(given, str) and given else f"cron-{len(taken) + 1}"
    while name in taken:
        name = f"{name}-{origin.removeprefix('spec.triggers[').removesuffix(']')}"
    return name
