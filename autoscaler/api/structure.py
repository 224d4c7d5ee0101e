"""Every field of a JSON value that does not fit a type of ours, not just the first.

msgspec stops at the first mismatch, and a user who wrote four wrong fields should not need four tries to learn it. So the same
type descriptions that msgspec converts by are walked here. What single fields cannot say (`maxReplicas` below `minReplicas`)
is in `validation`.
"""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import NoneType
from typing import Any

import msgspec
from msgspec import inspect as kinds

from autoscaler.errors import FieldError

Json = object  # anything that JSON can hold

_ACCEPTED: dict[type[kinds.Type], tuple[type, ...]] = {
    kinds.StructType: (Mapping,),
    kinds.DictType: (Mapping,),
    kinds.VarTupleType: (list, tuple),
    kinds.StrType: (str,),
    kinds.EnumType: (str,),
    kinds.LiteralType: (str,),
    kinds.BoolType: (bool,),
    kinds.IntType: (int,),
    kinds.FloatType: (int, float),
    kinds.NoneType: (NoneType,),
}
_WORDS: dict[type[kinds.Type], str] = {
    kinds.StructType: "an object",
    kinds.DictType: "an object",
    kinds.VarTupleType: "a list",
    kinds.StrType: "text",
    kinds.BoolType: "true or false",
    kinds.IntType: "a whole number",
    kinds.FloatType: "a number",
}
_LONGEST_SHOWN = 60  # characters of a wrong value in a message


def mismatches(value: Json, expected: type[msgspec.Struct], path: str) -> Iterator[FieldError]:
    """Yield what is wrong with each field of `value`, a JSON value that should be an `expected`, found at `path`.

    An absent field and one that is null are the same, as for the API server. Nothing yielded means that msgspec can convert
    `value` without its nulls.
    """
    yield from _walk(value, _described(expected), path)


def without_nulls(value: Json) -> Json:
    """Return a copy in which every field that is null is absent, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(item) for item in value]
    return value


def is_nested_deeper(value: Json, levels: int) -> bool:
    """Say whether a JSON value has more than so many levels; without recursion, which deep values would end."""
    level = [value]
    for _ in range(levels):
        level = [child for one in level for child in _children(one)]
        if not level:
            return False
    return True


def _children(value: Json) -> Iterable[Json]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


@cache
def _described(expected: type[msgspec.Struct]) -> kinds.Type:
    return kinds.type_info(expected)


def _walk(value: Json, expected: kinds.Type, path: str) -> Iterator[FieldError]:
    kind = _the_one_that_fits(value, expected)
    if kind is None or not _is_allowed(value, kind):
        yield FieldError(path, f"must be {_words(expected)}, not {shown(value)}")
    elif isinstance(kind, kinds.StructType) and isinstance(value, Mapping):
        yield from _fields(value, kind, path)
    elif isinstance(kind, kinds.VarTupleType) and isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(item, kind.item_type, f"{path}[{index}]")
    elif isinstance(kind, kinds.DictType) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(key, kind.key_type, f"{path}[{key}]")
            yield from _walk(item, kind.value_type, f"{path}[{key}]")


def _fields(value: Mapping[str, Json], struct: kinds.StructType, path: str) -> Iterator[FieldError]:
    """Yield what is wrong inside an object: missing, mistaken and unknown fields."""
    known = {field.encode_name: field for field in struct.fields}
    for name, field in known.items():
        if value.get(name) is not None:
            yield from _walk(value[name], field.type, f"{path}.{name}")
        elif field.required:
            yield FieldError(f"{path}.{name}", f"is required and must be {_words(field.type)}")
    for name in value:
        if struct.forbid_unknown_fields and name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            yield FieldError(f"{path}.{name}", f"is not a known field; {hint}")


def _the_one_that_fits(value: Json, expected: kinds.Type) -> kinds.Type | None:
    """Return the member of a union (or the type itself) that takes this kind of JSON value; None when none does."""
    members = expected.types if isinstance(expected, kinds.UnionType) else (expected,)
    return next((member for member in members if _is_kind(value, member)), None)


def _is_kind(value: Json, kind: kinds.Type) -> bool:
    if isinstance(value, bool):  # an int for Python, but not for JSON
        return isinstance(kind, kinds.BoolType)
    return isinstance(value, _ACCEPTED[type(kind)])


def _is_allowed(value: Json, kind: kinds.Type) -> bool:
    """Say whether a value of the right kind is within what that kind allows."""
    match kind:
        case kinds.EnumType() | kinds.LiteralType():
            return value in _values(kind)
        case kinds.IntType() | kinds.FloatType():
            return isinstance(value, int | float) and _is_within(value, kind)
        case kinds.StrType() | kinds.VarTupleType():
            return isinstance(value, str | list | tuple) and len(value) >= (kind.min_length or 0)
        case _:
            return True


def _is_within(value: float, kind: kinds.IntType | kinds.FloatType) -> bool:
    return (
        (isinstance(value, int) or math.isfinite(value))
        and (kind.ge is None or value >= kind.ge)
        and (kind.gt is None or value > kind.gt)
        and (kind.le is None or value <= kind.le)
        and (kind.lt is None or value < kind.lt)
    )


def _values(kind: kinds.EnumType | kinds.LiteralType) -> list[str]:
    if isinstance(kind, kinds.LiteralType):
        return [str(value) for value in kind.values]
    return [str(member.value) for member in kind.cls]


def _words(expected: kinds.Type) -> str:
    """Say in plain words what a field may hold."""
    match expected:
        case kinds.UnionType():
            return " or ".join(_words(member) for member in _told(expected))
        case kinds.EnumType() | kinds.LiteralType():
            values = _values(expected)
            return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
        case kinds.StrType() | kinds.VarTupleType() if expected.min_length:
            return f"{_WORDS[type(expected)]} that is not empty"
        case kinds.IntType() | kinds.FloatType() if expected.gt is not None and expected.lt is not None:
            return f"{_WORDS[type(expected)]} between {expected.gt} and {expected.lt}, both excluded"
        case kinds.IntType() | kinds.FloatType() if expected.ge is not None and expected.le is not None:
            return f"{_WORDS[type(expected)]} from {expected.ge} to {expected.le}"
        case _:
            return _WORDS[type(expected)]


def _told(union: kinds.UnionType) -> list[kinds.Type]:
    """Return the members worth a word: null is as good as absent, and a number may be whole anyway."""
    any_number = any(isinstance(member, kinds.FloatType) for member in union.types)
    needless = (kinds.NoneType, kinds.IntType) if any_number else (kinds.NoneType,)
    return [member for member in union.types if not isinstance(member, needless)]


def an_object(value: object) -> Mapping[str, Any]:
    """Return an object as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def a_list(value: object) -> Sequence[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def whole(value: object) -> int | None:
    """Return a whole number, and None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def shown(value: Json) -> str:
    """Return a wrong value as short text for a message."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int) and value.bit_length() > _LONGEST_SHOWN:
        return "a number as large as that"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
