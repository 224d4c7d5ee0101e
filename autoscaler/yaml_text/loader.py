"""Values as Kubernetes reads them from YAML.

kubectl reads by sigs.k8s.io/yaml (goyaml.v2, `resolve.go`) and sends JSON: a date and `12:30` are text, `1e3` is a number,
`10.0` is the whole number 10, `y` is true, and every key is text. PyYAML by itself sees all of these differently.
"""

import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import ConstructorError

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:  # libyaml where PyYAML was built with it: ten times as fast
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

TAG = "tag:yaml.org,2002:"
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_INT = re.compile(r"[-+]?(?:0x(?P<x>[\da-f]+)|0b(?P<b>[01]+)|0o?(?P<o>[0-7]+)|(?P<d>0|[1-9]\d*))", re.ASCII | re.IGNORECASE)
_FLOAT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)(e[-+]?\d+)?|[-+]?\.inf|\.nan", re.ASCII | re.IGNORECASE)
_BASES = {"x": 16, "b": 2, "o": 8, "d": 10}
_LONGEST_WHOLE = 67  # sign, 0b and 64 bits
_UINT64 = 2**64
_FIRST_WITH_EXPONENT = 1e21  # Go writes smaller floats in JSON without one, so that 1e3 is a whole number


class Loader(_Base):
    """A safe loader with Kubernetes' rules."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:  # noqa: ANN401 - as in PyYAML
        """Return the tag of a node that has none."""
        if kind is yaml.ScalarNode and implicit[0]:
            return TAG + kind_of_plain(value)
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as in PyYAML
        """Return an object; its keys are text, as in JSON."""
        return {_key(key, node): value for key, value in super().construct_mapping(node, deep).items()}


def kind_of_plain(text: str) -> str:
    """Return what a plain scalar is; underscores count for nothing in numbers."""
    if text in _NULL:
        return "null"
    if text in _TRUE or text in _FALSE:
        return "bool"
    if text == "<<":
        return "merge"
    if text[0] in "+-.0123456789" and (_INT.fullmatch(digits := text.replace("_", "")) or _FLOAT.fullmatch(digits)):
        return "float"
    return "str"


def _key(key: object, node: yaml.Node) -> str:
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return f"{key:.15g}" if isinstance(key, float) else str(key)
        case _:
            raise _wrong("a key must be text", node)


def _bool(loader: Loader, node: yaml.ScalarNode) -> bool:
    text = loader.construct_scalar(node)
    if text not in _TRUE and text not in _FALSE:
        raise _wrong("what is tagged !!bool is neither true nor false", node)
    return text in _TRUE


def _number(loader: Loader, node: yaml.ScalarNode) -> float:
    """Return a whole number if 64 bits can hold it, else a float."""
    text = str(loader.construct_scalar(node)).replace("_", "")
    if len(text) <= _LONGEST_WHOLE and (whole := _INT.fullmatch(text)):
        digits, base = next((whole[name], base) for name, base in _BASES.items() if whole[name])
        if (number := int(digits, base)) < _UINT64:
            return -number if text[0] == "-" else number
    if not _FLOAT.fullmatch(text):
        raise _wrong("it is no number that 64 bits can hold", node)
    value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return int(value) if abs(value) < _FIRST_WITH_EXPONENT and value.is_integer() else value


def _text(loader: Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _wrong(what: str, node: yaml.Node) -> ConstructorError:
    return ConstructorError(None, None, what, node.start_mark)


Loader.add_constructor(f"{TAG}bool", _bool)
Loader.add_constructor(f"{TAG}int", _number)
Loader.add_constructor(f"{TAG}float", _number)
Loader.add_constructor(f"{TAG}timestamp", _text)
