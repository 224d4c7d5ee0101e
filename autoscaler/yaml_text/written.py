"""Objects as YAML that people like to read and that Kubernetes reads as it was meant.

What is short stands in one line (`{kind: Deployment, name: shop}`), several lines of text stand as a block, and text that
kubectl would take for something else (`y`, `1e3`) is quoted.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from autoscaler.yaml_text.loader import TAG, kind_of_plain

if TYPE_CHECKING:
    from yaml import SafeDumper as _Base
else:
    _Base = yaml.SafeDumper  # the one of libyaml leaves no say in what is quoted

_WIDTH = 128
_LONGEST_LINE = 90  # characters of what is written in one line


def written(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return objects as the documents of one YAML stream, `---` between them, their fields in the order that they have."""
    parts = (yaml.dump(one, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH) for one in objects)
    return "---\n".join(parts)


class _Dumper(_Base):
    """A safe dumper with that taste."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - as in PyYAML
        """Return True: an object that is there twice is written twice."""
        return True

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:  # noqa: ANN401 - as in PyYAML
        """Return the tag by which a node would be read again; text that is not text for Kubernetes gets quotes by it."""
        found = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        if kind is yaml.ScalarNode and implicit[0] and found == f"{TAG}str":
            return TAG + kind_of_plain(value)
        return found

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ANN401, ARG002, FBT001, FBT002 - as in PyYAML
        """Go one step to the right, for the items of a list too."""
        return super().increase_indent(flow, False)  # noqa: FBT003


def _mapping(dumper: _Dumper, data: dict[str, Any]) -> yaml.Node:
    node = dumper.represent_mapping(f"{TAG}map", data.items())
    node.flow_style = not data or _is_short(data)
    return node


def _list(dumper: _Dumper, data: list[Any]) -> yaml.Node:
    node = dumper.represent_sequence(f"{TAG}seq", data)
    node.flow_style = not data or _is_short(dict(enumerate(data)))
    return node


def _text(dumper: _Dumper, data: str) -> yaml.Node:
    """Return text in the plainest form that is read again as the same text."""
    plain = dumper.resolve(yaml.ScalarNode, data, (True, False)) == f"{TAG}str" and data.isprintable()
    block = "\n" in data and data.replace("\n", "").isprintable()
    return dumper.represent_scalar(f"{TAG}str", data, style="|" if block else None if plain else '"')


def _is_short(data: Mapping[Any, Any]) -> bool:
    """Say whether something holds only single values that fit in one line together."""
    if any(isinstance(value, dict | list) or (isinstance(value, str) and not value.isprintable()) for value in data.values()):
        return False
    return sum(len(str(key)) + len(str(value)) + len(": , ") for key, value in data.items()) <= _LONGEST_LINE


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(str, _text)
