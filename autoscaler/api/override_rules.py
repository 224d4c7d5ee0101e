"""What schedules, bursts, fallbacks, pauses and modes must fulfil together; the other half of `validation`.

The API server refuses the same by the rules of the definition, so that hardly anything of it gets this far.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from autoscaler.api.schedule_rules import exclusion_faults, time_faults, zero_faults
from autoscaler.api.structure import a_list, an_object
from autoscaler.errors import FieldError

Json = object
Object = Mapping[str, Json]

_HPA = "HorizontalPodAutoscaler"
_FILLED_IN = {"minReplicas": 1}  # by the API server, which cannot be told from a user who wrote it
_INHERITED = ("minReplicas", "maxReplicas", "metrics", "behavior")
_OF_A_SCALER = {  # what would do nothing where the HPA scales
    "burst": "must not be set when mode is HPAFloor: how the HPA answers a sudden rise is its own",
    "fallback": "must not be set when mode is HPAFloor: what the HPA does without metrics is its own",
}


def override_faults(fields: Object, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with the parts of a spec that no HPA has."""
    yield from _mode(fields, path)
    yield from _fallback(an_object(fields.get("fallback")), f"{path}.fallback", given=fields.get("fallback") is not None)
    yield from _pause(an_object(fields.get("pause")), f"{path}.pause", given=fields.get("pause") is not None)
    schedules = [an_object(one) for one in a_list(fields.get("schedules"))]
    names = Counter(name for one in schedules if isinstance(name := one.get("name"), str))
    for repeated in sorted(name for name, count in names.items() if count > 1):
        yield FieldError(f"{path}.schedules", f"must name each schedule once, but {repeated} is there more than once")
    for index, schedule in enumerate(schedules):
        yield from _schedule(schedule, f"{path}.schedules[{index}]")
        yield from zero_faults(schedule, fields, f"{path}.schedules[{index}]")


def _mode(fields: Object, path: str) -> Iterator[FieldError]:
    """Yield what does not fit the mode: bounds and metrics belong to the HPA where its floor is raised."""
    mode, ref = fields.get("mode"), an_object(fields.get("scaleTargetRef"))
    version = ref.get("apiVersion")
    is_hpa = ref.get("kind") == _HPA and isinstance(version, str) and version.startswith("autoscaling/")
    if mode == "HPAFloor":
        if not is_hpa and ref:
            message = f"must name a {_HPA} of autoscaling/v2 when mode is HPAFloor"
            yield FieldError(f"{path}.scaleTargetRef", message)
        for name in _INHERITED:
            if fields.get(name) not in (None, _FILLED_IN.get(name)):
                yield FieldError(f"{path}.{name}", "must not be set when mode is HPAFloor: that of the HPA counts")
        yield from _of_a_scaler(fields, path)
    elif is_hpa:
        yield FieldError(f"{path}.scaleTargetRef", f"must name what is scaled, not a {_HPA}; that is for mode HPAFloor")
    if mode != "HPAFloor" and fields.get("maxReplicas") is None:
        yield FieldError(f"{path}.maxReplicas", "is required and must be a whole number")


def _of_a_scaler(fields: Object, path: str) -> Iterator[FieldError]:
    """Yield what would do nothing where the HPA scales."""
    for name, message in _OF_A_SCALER.items():
        if fields.get(name) is not None:
            yield FieldError(f"{path}.{name}", message)
    if an_object(fields.get("forecast")).get("policy") == "Earned":
        message = "must not be Earned when mode is HPAFloor: a floor can only add pods, and the HPA decides with no fewer"
        yield FieldError(f"{path}.forecast.policy", message)
    if fields.get("onDelete") == "Restore":
        message = "must not be Restore when mode is HPAFloor: the HPA scales on, and gets its own minReplicas back anyway"
        yield FieldError(f"{path}.onDelete", message)


def _fallback(fallback: Object, path: str, *, given: bool) -> Iterator[FieldError]:
    behavior, replicas = fallback.get("behavior", "CurrentIfHigher"), fallback.get("replicas")
    if given and behavior != "Current" and replicas is None:
        yield FieldError(f"{path}.replicas", f"is required when behavior is {behavior}")
    if behavior == "Current" and replicas is not None:
        yield FieldError(f"{path}.replicas", "must not be set when behavior is Current")


def _pause(pause: Object, path: str, *, given: bool) -> Iterator[FieldError]:
    ways = [name for name in ("all", "scaleIn", "scaleOut") if pause.get(name) is True]
    fixed = pause.get("replicas") is not None
    if given and not ways and not fixed:
        yield FieldError(path, "must say what is paused: all, scaleIn, scaleOut or replicas")
    for name in ways:
        if fixed and name != "all":
            yield FieldError(f"{path}.{name}", "must not be set beside replicas, which pauses both directions")


def _schedule(schedule: Object, path: str) -> Iterator[FieldError]:
    has = {name for name, value in schedule.items() if value is not None}
    if not has & {"cron", "from", "to"}:
        yield FieldError(path, "must say when: cron, from or to")
    ends = sorted(has & {"until", "durationSeconds"})
    if "cron" in has and len(ends) != 1:
        yield FieldError(f"{path}.cron", "needs exactly one of until and durationSeconds, which say when it ends")
    for name in ends if "cron" not in has else ():
        yield FieldError(f"{path}.{name}", "must not be set without cron")
    if not has & {"min", "max", "replicas", "paddingPercent"}:
        yield FieldError(path, "must say what holds: min, max, replicas or paddingPercent")
    for name in sorted(has & {"min", "max"}) if "replicas" in has else ():
        yield FieldError(f"{path}.{name}", "must not be set beside replicas, which stands for both bounds")
    low, high = schedule.get("min"), schedule.get("max")
    if isinstance(low, int) and isinstance(high, int) and high < low:
        yield FieldError(f"{path}.max", f"must be at least min, which is {low}, not {high}")
    yield from time_faults(schedule, path)
    for index, exclusion in enumerate(a_list(schedule.get("exclude"))):
        yield from exclusion_faults(an_object(exclusion), f"{path}.exclude[{index}]")
