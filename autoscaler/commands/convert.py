"""The command `convert`: the bytes of manifests to PredictiveAutoscalers, and a line for everything that has to be said."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from autoscaler.api.convert.manifest import CONVERTED_KINDS, Result, from_manifest
from autoscaler.api.structure import an_object
from autoscaler.manifests import LARGEST_BYTES, MOST_MIB, named, shown_short, unpacked
from autoscaler.yaml_text.documents import Document, decoded, documents
from autoscaler.yaml_text.unreadable import Unreadable
from autoscaler.yaml_text.written import written

_MOST_NOTES = 100  # told of one object
_LONGEST_LINE = 700  # characters: a key may be of any length
_MODES = {
    "Observe": "mode Observe only says what would be done; convert with --mode Scale once the old object is to go",
    "Scale": "mode Scale sets replicas; while the old object is there, the new one leaves the target to it and says so",
}


@dataclass(slots=True)
class Conversion:
    """What became of all files so far."""

    mode: str
    objects: list[dict[str, Any]] = field(default_factory=list)
    failed: bool = False
    _names: set[str] = field(default_factory=set)

    def add(self, raw: bytes) -> Iterator[str]:
        """Convert the objects of a file; yield what there is to say of them, each in one line."""
        if len(raw) > LARGEST_BYTES:
            yield self._wrong(f"is larger than {MOST_MIB} MiB, which is too much to convert at once; split it")
            return
        found = len(self.objects), self.failed
        try:
            for document in documents(decoded(raw)):
                yield from self._document(document)
        except Unreadable as error:
            yield self._wrong(f"is not YAML that can be read: {error}")
        if found == (len(self.objects), self.failed):
            yield f"holds no {' and no '.join(CONVERTED_KINDS)}"

    def yaml(self) -> bytes:
        """Return the objects as YAML, which is UTF-8 wherever it is printed."""
        return written(self.objects).encode()

    def summary(self) -> str:
        """Return what the user should know of the whole."""
        count = len(self.objects)
        return (
            f"{count} {'object' if count == 1 else 'objects'} converted; {_MODES[self.mode]}" if count else "nothing converted"
        )

    def _document(self, document: Document) -> Iterator[str]:
        for repeat in document.repeats:
            yield self._wrong(f"{repeat}; nothing of this document is converted")
        for value in unpacked(_with_kinds(document.value)) if not document.repeats else ():
            if isinstance(value, dict):
                yield from self._object(value)
            else:
                what = "a list" if isinstance(value, list) else shown_short(value)
                yield self._wrong(
                    f"line {document.line}: must be an object with apiVersion, kind, metadata and spec, not {what}"
                )

    def _object(self, obj: dict[str, Any]) -> Iterator[str]:
        name, converted = named(obj), from_manifest(obj, self.mode)
        match converted.result:
            case Result.CONVERTED:
                if (new := named(converted.objects[0])) in self._names:
                    yield self._wrong(f"{name}: not converted: another object became {new} already; rename one of both")
                    return
                self._names.add(new)
                self.objects += converted.objects
                yield f"{name}: converted"
            case Result.REFUSED:
                yield self._wrong(f"{name}: not converted:")
            case Result.PASSED_OVER:
                pass
        for note in converted.notes[:_MOST_NOTES]:
            line = f"{name}: {note}"
            yield line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."
        if (more := len(converted.notes) - _MOST_NOTES) > 0:
            yield f"{name}: and {more} more of the kind"

    def _wrong(self, line: str) -> str:
        self.failed = True
        return line


def _with_kinds(value: object) -> object:
    """Return a list as the API server sends it (`HorizontalPodAutoscalerList`) as one whose items name their kind."""
    kind = str(an_object(value).get("kind"))
    items = an_object(value).get("items")
    if kind.removesuffix("List") not in CONVERTED_KINDS or not kind.endswith("List") or not isinstance(items, list):
        return value
    known = {"apiVersion": an_object(value).get("apiVersion"), "kind": kind.removesuffix("List")}
    return {"kind": "List", "items": [known | one if isinstance(one, dict) else one for one in items]}
