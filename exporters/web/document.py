"""Reads YAML without guessing: every value stays the text that was written, and a key may be given only once.

In a module of its own because the YAML library costs memory that an exporter without this file need not spend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from exporters.web.section import BadWebConfigError

if TYPE_CHECKING:
    from collections.abc import Hashable


class _Loader(yaml.BaseLoader):
    """The loader that turns no text into a number or a truth value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 - PyYAML's own
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise BadWebConfigError(f"line {key.start_mark.line + 1}: a key is one word, not a list or a section")
            if key.value in seen:
                raise BadWebConfigError(f"line {key.start_mark.line + 1}: {key.value} is given twice; keep one of them")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def parse(text: bytes) -> object:
    """Return what is written: mappings, lists and texts, or None for nothing at all; raises BadWebConfigError.

    Errors tell place and problem, never the line itself: it may hold a private key.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - the base of it makes only mappings, lists and texts
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark is not None else ""
        raise BadWebConfigError(f"{line}this is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise BadWebConfigError("this is no YAML: it has bytes that are no text in UTF-8") from error
    except RecursionError as error:
        raise BadWebConfigError("this is no web configuration: it is nested too deeply") from error
