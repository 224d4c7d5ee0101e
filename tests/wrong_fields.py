"""Every field of our resources, wrong in every way that its schema can tell: what is tried, and who has to refuse it.

The schema of the definition is walked beside objects that fill it, so a new field is tried without anybody listing it; one that
no object fills is told by `unfilled`. The unit tests ask the service for its answer, the cluster tests the API server.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = Any
INT32_MAX = 2**31 - 1
_UNSEEN = ("is bool", "is int", "is float")
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
SAMPLES: tuple[Json, ...] = ("some text", 7, 1.5, True, ["x"], {"x": 1})


@dataclass(frozen=True)
class Wrong:
    """One spec with one fault."""

    kind: str
    field: str  # the path as people write it: spec.metrics[0].type
    how: str
    spec: Json
    by_service: bool = True  # False: only the API server bounds it, to keep its rules cheap
    by_schema: bool = True  # False: a field of two types, which no structural schema can tell apart from a third

    def __str__(self) -> str:
        return f"{self.kind} {self.field} {self.how}"


def wrongs(kind: str, schema: Json, specs: list[Json]) -> Iterator[Wrong]:
    """Yield every fault of every field that the specs fill, each once."""
    seen: set[tuple[str, str]] = set()
    for spec in specs:
        for path, value, inner in filled(schema, spec, ()):
            for how, mutated, by_service in _mutations(value, inner):
                key = (general(path), how)
                if path and key not in seen:
                    seen.add(key)
                    by_schema = not (inner.get("x-kubernetes-preserve-unknown-fields") and how in _UNSEEN)
                    yield Wrong(kind, text(path), how, _with(spec, path, mutated), by_service, by_schema)
            for name in inner.get("required", ()):
                key = (general((*path, name)), "absent")
                if key not in seen:
                    seen.add(key)
                    without = {known: one for known, one in value.items() if known != name}
                    yield Wrong(kind, text((*path, name)), "absent", _with(spec, path, without))


def unfilled(schema: Json, specs: list[Json]) -> set[str]:
    """Return the fields that no spec fills."""
    there = {general(path) for spec in specs for path, _, _ in filled(schema, spec, ())}
    return {path for path in _paths(schema, ()) if path not in there}


def filled(schema: Json, value: Json, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Json, Json]]:
    """Yield path, value and schema of everything that a value fills."""
    yield path, value, schema
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from filled(inner, value[name], (*path, name))
    elif isinstance(value, list) and "items" in schema:
        for index, one in enumerate(value):
            yield from filled(schema["items"], one, (*path, index))


def text(path: tuple[str | int, ...]) -> str:
    """Return a path below `spec` as people write it."""
    return "spec" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)


def general(path: tuple[str | int, ...]) -> str:
    """Return a path without the places in lists."""
    return text(tuple("*" if isinstance(one, int) else one for one in path)).replace(".*", "[]")


def _paths(schema: Json, path: tuple[str | int, ...]) -> Iterator[str]:
    yield general(path)
    for name, inner in schema.get("properties", {}).items():
        yield from _paths(inner, (*path, name))
    if "items" in schema:
        yield from _paths(schema["items"], (*path, 0))


def _mutations(value: Json, schema: Json) -> Iterator[tuple[str, Json, bool]]:
    """Yield in which way a value is made wrong, the wrong value, and whether the service has to see it as well."""
    for sample in SAMPLES:
        if type(sample) not in _kinds(schema):
            quantity = isinstance(sample, float) and "x-kubernetes-int-or-string" in schema and "pattern" in schema
            yield f"is {type(sample).__name__}", sample, not quantity  # 1.5 is as clear as "1.5", as for Kubernetes itself
    if schema.get("type") == "object" and "properties" in schema:
        yield "has an unknown field", {**value, "unheardOf": 1}, True
    if "enum" in schema:
        yield "is nothing that is known", "Nonsense", True
    yield from _numbers(schema)
    yield from _lengths(value, schema)


def _numbers(schema: Json) -> Iterator[tuple[str, Json, bool]]:
    low, high = schema.get("minimum"), schema.get("maximum", INT32_MAX if schema.get("format") == "int32" else None)
    if low is not None:
        yield "is too small", low if schema.get("exclusiveMinimum") else low - 1, True
    if high is not None:
        yield "is too large", high if schema.get("exclusiveMaximum") else high + 1, True


def _lengths(value: Json, schema: Json) -> Iterator[tuple[str, Json, bool]]:
    if schema.get("minLength"):
        yield "is empty", "", True
    if "maxLength" in schema:
        yield "is too long", "x" * (schema["maxLength"] + 1), False
    if schema.get("minItems"):
        yield "is empty", [], True
    if schema.get("maxItems") and isinstance(value, list) and value:
        yield "has too many items", [value[0]] * (schema["maxItems"] + 1), False


def _kinds(schema: Json) -> tuple[type, ...]:
    """Return the kinds of samples that a schema takes; no sample text is a quantity."""
    if schema.get("x-kubernetes-int-or-string"):
        return (int,) if "pattern" in schema else (int, str)
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return (list,) if schema.get("maxItems") else (int, float)
    return _KINDS[schema["type"]]


def _with(spec: Json, path: tuple[str | int, ...], value: Json) -> Json:
    """Return a copy of a spec with another value in one place."""
    if not path:
        return value
    made = copy.deepcopy(spec)
    place = made
    for one in path[:-1]:
        place = place[one]
    place[path[-1]] = value
    return made
