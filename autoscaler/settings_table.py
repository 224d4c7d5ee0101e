"""The table of all settings for people, made from the code, so that it cannot say anything else than the code does.

The sentence of a setting is the comment behind its field in `settings`.
"""

import inspect
import json
import re
from collections.abc import Iterator

import msgspec
from msgspec import inspect as types

from autoscaler import settings
from autoscaler.settings_file import allowed, leaves, variable

_CLASS = re.compile(r"class (\w+)\(")
_FIELD = re.compile(r"    (\w+): [^#]+#\s*(.+?)\s*$")
HEADER = ("Setting", "Default", "Allowed", "Environment", "Meaning")


def markdown() -> str:
    """Return the table of all settings in Markdown, one row each, in the order of the tree."""
    lines = [_row(HEADER), _row(("---",) * len(HEADER))]
    lines += [_row(row) for row in rows()]
    return "\n".join(lines) + "\n"


def rows() -> Iterator[tuple[str, ...]]:
    """Yield key, default, allowed values, environment variable and meaning of every setting."""
    said = sentences()
    for key, field in leaves():
        yield (
            f"`{'.'.join(key)}`",
            f"`{default(field)}`",
            allowed(field.type),
            f"`{variable(key)}`",
            said[_owner(key), key[-1]],
        )


def default(field: types.Field) -> str:
    """Return the default of a setting as one would write it in YAML."""
    return json.dumps(msgspec.to_builtins(field.default))


def sentences() -> dict[tuple[str, str], str]:
    """Return what the code says of each field: (class, field) -> sentence."""
    found: dict[tuple[str, str], str] = {}
    owner = ""
    for line in inspect.getsource(settings).splitlines():
        if start := _CLASS.match(line):
            owner = start.group(1)
        elif owner and (field := _FIELD.match(line)):
            found[owner, field.group(1)] = field.group(2)
    return found


def _owner(key: tuple[str, ...]) -> str:
    struct: type[msgspec.Struct] = settings.Settings
    for name in key[:-1]:
        struct = next(field.type for field in msgspec.structs.fields(struct) if field.name == name)
    return struct.__name__


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
