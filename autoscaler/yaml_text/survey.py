"""A look over YAML before anything is built of it: keys that are there twice, and what would be too much.

It follows the events of the parser without recursion and keeps sizes only, so neither nesting nor aliases that unfold to a
billion values can hurt. (The composer of libyaml recurses without a limit of its own: deep nesting would end the process.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from autoscaler.yaml_text.loader import Loader
from autoscaler.yaml_text.unreadable import Unreadable

MOST_LEVELS = 100  # of nesting; a CRD has some 40, and those who read the values recurse
MOST_VALUES = 500_000  # of one document, with every alias unfolded
_MOST_REPEATS = 20  # told of one document
_LONGEST_KEY = 60  # characters of a key in a message
_MERGE = "<<"  # may be there twice


@dataclass(slots=True)
class _Level:
    """An object or a list that is being read."""

    seen: dict[str, int] | None  # the line of each key; None in a list
    anchor: str | None
    key: str = ""
    at_key: bool = True
    index: int = -1
    size: int = 1


@dataclass(slots=True)
class Survey:
    """What was found in one document."""

    line: int
    repeats: list[str] = field(default_factory=list)
    _levels: list[_Level] = field(default_factory=list)
    _sizes: dict[str, int] = field(default_factory=dict)  # of what has an anchor

    def take(self, event: yaml.Event) -> None:
        """Take note of the next event; raises Unreadable when it is one too much."""
        line = _line(event)
        match event:
            case yaml.ScalarEvent():
                self._begin(event.value, line)
                self._end(1, event.anchor, line)
            case yaml.AliasEvent():
                self._begin(None, line)
                self._end(self._aliased(str(event.anchor), line), None, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(None, line)
                self._levels.append(_Level({} if isinstance(event, yaml.MappingStartEvent) else None, event.anchor))
                if len(self._levels) > MOST_LEVELS:
                    raise Unreadable(f"line {line}: is nested deeper than {MOST_LEVELS} levels")
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                level = self._levels.pop()
                self._end(level.size, level.anchor, line)
            case _:
                pass

    def _begin(self, scalar: str | None, line: int) -> None:
        """Note that a value begins: in an object it is by turns a key and what belongs to it."""
        if not self._levels:
            return
        level = self._levels[-1]
        if level.seen is None:
            level.index += 1
        elif level.at_key:
            level.key = "?" if scalar is None else scalar
            if scalar in level.seen:
                self._repeated(line, level.seen[scalar])
            elif scalar is not None and scalar != _MERGE:
                level.seen[scalar] = line

    def _end(self, size: int, anchor: str | None, line: int) -> None:
        """Note that a value is complete."""
        if anchor:
            self._sizes[anchor] = size
        if not self._levels:
            return
        level = self._levels[-1]
        level.size += size
        level.at_key = not level.at_key
        if level.size > MOST_VALUES:
            raise Unreadable(f"line {line}: there are more than {MOST_VALUES} values, every alias unfolded")

    def _aliased(self, anchor: str, line: int) -> int:
        if any(level.anchor == anchor for level in self._levels):
            raise Unreadable(f"line {line}: is nested without end, as the alias *{_short(anchor)} is inside of what it names")
        return self._sizes.get(anchor, 1)  # one that names nothing is told when the document is built

    def _repeated(self, line: int, first: int) -> None:
        if len(self.repeats) < _MOST_REPEATS:
            path = "".join(f"[{one.index}]" if one.seen is None else f".{_short(one.key)}" for one in self._levels)
            self.repeats.append(f"line {line}: the key {path.lstrip('.')} is there twice, first in line {first}; keep one")


def survey(text: str) -> Iterator[Survey]:
    """Yield what there is to say of each document of a stream; raises Unreadable and yaml.YAMLError."""
    found: Survey | None = None
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            found = Survey(_line(event))
        elif found and isinstance(event, yaml.DocumentEndEvent):
            yield found
        elif found:
            found.take(event)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_KEY else f"{text[:_LONGEST_KEY]}..."
