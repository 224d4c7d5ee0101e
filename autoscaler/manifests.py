"""Check manifests of our kinds without a cluster, by the same rules that the service goes by.

Whatever the text is, the answer is a verdict in words. Reading YAML is left to `yaml_text`, the fields to `api`.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any

from autoscaler.api import API_VERSION, GROUP
from autoscaler.api.parse import healing_policy, predictive_autoscaler
from autoscaler.errors import InvalidObject
from autoscaler.yaml_text.documents import Document, decoded, documents
from autoscaler.yaml_text.unreadable import Unreadable

MOST_MIB = 8
LARGEST_BYTES = MOST_MIB * 2**20  # of one file; the API server takes objects of up to 1.5 MiB
_CHECKS = {"PredictiveAutoscaler": predictive_autoscaler, "HealingPolicy": healing_policy}
_LONGEST_SHOWN = 63  # characters of a name or a kind in a line; a namespace has no more
_MOST_UNKNOWN = 10  # fields of one metadata that are told
_METADATA = (  # ObjectMeta of Kubernetes 1.36
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)


class Outcome(Enum):
    """What came of looking at a part of a file."""

    VALID = "valid"
    WRONG = "wrong"
    SKIPPED = "skipped"  # no object of ours, so nothing can be said of it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one object, or of text that is none."""

    outcome: Outcome
    lines: tuple[str, ...]


def check(raw: bytes) -> Iterator[Verdict]:
    """Yield a verdict for each object in a file, or the one why it cannot be read."""
    if len(raw) > LARGEST_BYTES:
        yield _wrong(f"is larger than {MOST_MIB} MiB, which is too much to check at once; split it")
        return
    try:
        for document in documents(decoded(raw)):
            yield from _document(document)
    except Unreadable as error:
        yield _wrong(f"is not YAML that can be read: {error}")


def _document(document: Document) -> Iterator[Verdict]:
    if document.repeats:
        yield _wrong(*document.repeats)
    for value in unpacked(document.value):
        verdict = _verdict(value, document.line)
        if not (document.repeats and verdict.outcome is Outcome.VALID):  # which of the two was meant is not known
            yield verdict


def unpacked(value: object) -> Iterator[object]:
    """Yield the objects of a document: one, none, or those of a list."""
    if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list | None):
        for item in value.get("items") or ():
            yield from unpacked(item)
    elif value is not None:
        yield value


def _verdict(obj: object, line: int) -> Verdict:
    if not isinstance(obj, dict):
        what = f"the text {shown_short(obj)}" if isinstance(obj, str) else shown_short(obj)
        return _wrong(f"line {line}: must be an object with apiVersion, kind, metadata and spec, not {what}")
    kind, name = obj.get("kind"), named(obj)
    if not isinstance(kind, str) or kind not in _CHECKS:
        return _of_another_kind(obj, kind, line)
    if obj.get("apiVersion") != API_VERSION:
        return _wrong(f"{name}: apiVersion: must be {API_VERSION}, not {shown_short(obj.get('apiVersion'))}")
    meta = obj.get("metadata")
    faults = [f"{name}: {one}" for one in (*_unknown_metadata(meta), *_faults(kind, obj, meta))]
    return _wrong(*faults) if faults else Verdict(Outcome.VALID, (f"{name}: valid",))


def _of_another_kind(obj: dict[str, Any], kind: object, line: int) -> Verdict:
    """Return what is to be said of an object that is none of ours; one that was meant to be must not pass in silence."""
    version, name = obj.get("apiVersion"), named(obj)
    if isinstance(version, str) and version.partition("/")[0] == GROUP:
        return _wrong(f"{name}: kind: must be one of {', '.join(_CHECKS)}, not {shown_short(kind)}")
    if kind == "List":
        return _wrong(f"line {line}: the List's items must be a list, not {shown_short(obj['items'])}")
    if not isinstance(kind, str) or not kind:
        return _wrong(f"line {line}: the object names no kind; write apiVersion: {API_VERSION} and kind: {next(iter(_CHECKS))}")
    return Verdict(Outcome.SKIPPED, (f"{name}: skipped, it is none of {', '.join(_CHECKS)}",))


def _faults(kind: str, obj: dict[str, Any], meta: object) -> Iterator[str]:
    """Yield what the service would say of an object; without a namespace it is for the one of kubectl's context."""
    if meta is None or (isinstance(meta, dict) and meta.get("namespace") in (None, "")):
        obj = {**obj, "metadata": {**(meta or {}), "namespace": "default"}}
    try:
        _CHECKS[kind](obj)
    except InvalidObject as error:
        yield from map(str, error.errors)


def _unknown_metadata(meta: object) -> Iterator[str]:
    """Yield fields that no object has: kubectl refuses them, while the API server may know new ones that we need not."""
    unknown = (str(field) for field in meta if field not in _METADATA) if isinstance(meta, Mapping) else ()
    for field in islice(unknown, _MOST_UNKNOWN):
        near = difflib.get_close_matches(field, _METADATA, n=1)
        yield f"metadata.{shown_short(field)}: is not a known field{f'; did you mean {near[0]}?' if near else ''}"


def named(obj: dict[str, Any]) -> str:
    """Return kind, namespace and name of an object for a line about it."""
    meta = obj.get("metadata")
    given = meta if isinstance(meta, dict) else {}
    kind, namespace, name = obj.get("kind"), given.get("namespace") or "default", given.get("name")
    return f"{shown_short(kind)} {shown_short(namespace)}/{'(without a name)' if name is None else shown_short(name)}"


def shown_short(value: object) -> str:
    """Return text as it is, anything else as a word, and neither at length."""
    if isinstance(value, dict | list | set):
        return "an object" if isinstance(value, dict) else "a list"
    text = value if isinstance(value, str) else "nothing" if value is None else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _wrong(*lines: str) -> Verdict:
    return Verdict(Outcome.WRONG, lines)
