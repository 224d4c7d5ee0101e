"""Where two answers to a case differ: that of the real controller, and ours. Nothing is excused here."""

from collections.abc import Iterator
from typing import Any

from tests.conformance.hpa import ours

Json = dict[str, Any]
_SOURCES = ("resource", "containerResource", "pods", "object", "external")


def of_oracle(told: Json) -> Json:
    """Return what the real controller did in one tick, in the form of ours: its status without messages."""
    status = told["status"]
    return {
        "replicas": told["replicas"],
        "writes": told["writes"],
        "current": status.get("currentReplicas", 0),
        "desired": status.get("desiredReplicas", 0),
        "scaled": status.get("lastScaleTime"),
        "conditions": {
            one["type"]: [one["status"], one["reason"], one["lastTransitionTime"]] for one in status.get("conditions") or ()
        },
        "metrics": [_current(one) for one in status.get("currentMetrics") or ()],
        "events": [_event(*event) for event in told["events"]],
    }


def differences(case: Json, real: list[Json]) -> Iterator[str]:
    """Yield where our answer differs, tick by tick; `real` is in the form of `of_oracle`. After the first nothing is told."""
    for index, (theirs, told) in enumerate(zip(real, ours.answers(case), strict=True)):
        own = {**told, "events": [_event(*one) for one in told["events"]], "metrics": list(map(_in_milli, told["metrics"]))}
        found = [f"{key}: ours {own[key]}, real {theirs[key]}" for key in theirs if own[key] != theirs[key]]
        if found:
            yield f"tick {index}: " + "; ".join(found)
            return


def _current(status: Json) -> Json:
    found = next((status[source]["current"] for source in _SOURCES if source in status), {})
    return _in_milli(found)


def _in_milli(current: Json) -> Json:
    return {name: value if isinstance(value, int) else _milli(value) for name, value in current.items()}


def _milli(text: str) -> int:
    """A quantity in milli-units, of any size; both sides write what has been counted in milli-units."""
    for suffix, factor in (("m", 1), ("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30), ("Ti", 2**40), ("Pi", 2**50), ("Ei", 2**60)):
        if text.endswith(suffix):
            return int(text.removesuffix(suffix)) * (factor if suffix == "m" else factor * 1000)
    for suffix, power in (("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)):
        if text.endswith(suffix):
            return int(text.removesuffix(suffix)) * 10 ** (power + 3)
    return int(text) * 1000


def _event(kind: str, reason: str, message: str) -> list[str]:
    """An Event with its words, where they are the HPA's own: for a change of the count, all but the error of the API server."""
    return [kind, reason, message.partition("; error:")[0]] if reason.endswith("Rescale") else [kind, reason]
