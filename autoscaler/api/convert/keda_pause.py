"""KEDA's annotations that pause a ScaledObject, as `pause`."""

import re

from autoscaler.api.convert.fit import Part, fits
from autoscaler.api.convert.parts import Fields, Json, Note

_PAUSED = "autoscaling.keda.sh/paused"
_REPLICAS, _SCALE_IN, _SCALE_OUT = f"{_PAUSED}-replicas", f"{_PAUSED}-scale-in", f"{_PAUSED}-scale-out"
_FALSE = re.compile(r"0|f|F|FALSE|false|False")  # what Go reads as false


def pause_of(annotations: Json, notes: list[Note]) -> Fields:
    """Return the field `pause`, or nothing when nothing is paused."""
    if _REPLICAS in annotations:  # counts even beside paused: "false"
        return {"pause": _fixed(annotations[_REPLICAS], notes)}
    if holds(annotations, _PAUSED):
        return {"pause": {"all": True}}
    pause: Fields = {}
    if holds(annotations, _SCALE_IN):
        pause["scaleIn"] = True
    if holds(annotations, _SCALE_OUT):
        pause["scaleOut"] = True
    return {"pause": pause} if pause else {}


def holds(annotations: Json, name: str) -> bool:
    """Say whether an annotation is there and not false; KEDA takes anything else for true."""
    return name in annotations and not _FALSE.fullmatch(str(annotations[name]))


def _fixed(given: object, notes: list[Note]) -> Fields:
    text = str(given)
    if re.fullmatch(r"\+?[0-9]{1,10}", text, re.ASCII) and fits("pause", Part("", {"replicas": int(text)}), []):
        return {"replicas": int(text)}
    why = f"{text[:20]!r} is no number of replicas; nothing is changed while KEDA cannot read it, so all is paused"
    notes.append(Note(f"metadata.annotations[{_REPLICAS}]", why))
    return {"all": True}
