"""Why a text cannot be read as YAML, in words: the place and the cause, and no piece of the text, as that may be a secret."""

import yaml
from yaml.reader import ReaderError

from autoscaler.errors import Permanent


class Unreadable(Permanent):
    """Text that is not YAML, or more than anybody should read; the message says where and why."""


def from_yaml(error: yaml.YAMLError, text: str) -> Unreadable:
    """Return the error for what PyYAML found in a text."""
    mark = (error.problem_mark or error.context_mark) if isinstance(error, yaml.MarkedYAMLError) else None
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return Unreadable(place + _cause(error) + (_hint(text, mark.line) if mark else ""))


def _cause(error: yaml.YAMLError) -> str:
    if isinstance(error, ReaderError):
        return f"character {error.position + 1}: {error.reason}; is it a binary file?"
    if isinstance(error, yaml.MarkedYAMLError):
        return ", ".join(part for part in (error.problem, error.context) if part)
    return str(error)


def _hint(text: str, line: int) -> str:
    """Say that there is a tab where a tab is the usual cause: in the indentation of that line or of the one before."""
    near = text.split("\n")[max(0, line - 1) : line + 1]
    if any("\t" in one[: len(one) - len(one.lstrip(" \t"))] for one in near):
        return "; a line is indented by a tab, and YAML wants spaces"
    return ""
