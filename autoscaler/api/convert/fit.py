"""Which parts of a converted spec our own parser takes; what it would refuse is left out, with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from autoscaler.api.convert.parts import Note
from autoscaler.api.parse import predictive_autoscaler
from autoscaler.errors import FieldError, InvalidObject

_NAME = {"name": "any", "namespace": "any"}
_LEAST = {"scaleTargetRef": {"kind": "Deployment", "name": "any"}, "mode": "Observe", "maxReplicas": 1}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a spec, such as a metric, and the field of the user's object that it was made from."""

    origin: str
    value: Any


def fitting_items(name: str, parts: Iterable[Part], notes: list[Note]) -> list[Any]:
    """Return the items of a list of the spec (metrics, schedules) that would be taken; the others are noted."""
    return [part.value for part in parts if _fits(f"spec.{name}[0]", {name: [part.value]}, part.origin, notes)]


def fits(name: str, part: Part, notes: list[Note]) -> bool:
    """Say whether a field of the spec would be taken; if not, that is noted."""
    return _fits(f"spec.{name}", {name: part.value}, part.origin, notes)


def _fits(path: str, fragment: dict[str, Any], origin: str, notes: list[Note]) -> bool:
    faults = _faults(fragment)
    for fault in faults:
        inner = fault.field.removeprefix(path).lstrip(".")
        notes.append(Note(origin, f"left out, as it would be refused: {f'{inner} ' if inner else ''}{fault.message}"))
    return not faults


def _faults(fragment: dict[str, Any]) -> tuple[FieldError, ...]:
    try:
        predictive_autoscaler({"metadata": _NAME, "spec": {**_LEAST, **fragment}})
    except InvalidObject as error:
        return error.errors
    return ()
