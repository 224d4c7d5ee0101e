"""Reads one section of a configuration, every value as the text that was written, with errors that name the key.

YAML's own guessing is switched off (a user named ``on`` or ``1234`` is that user, not true or a number), so meaning is
given here, by what a key is for. An empty value counts as one that was not given, as in Go.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n"})
_SHOWN = 60
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

T = TypeVar("T")


class BadWebConfigError(Exception):
    """The web configuration cannot be used; the message names the key, the cause and the remedy."""


def missing_package(error: ModuleNotFoundError) -> str:
    """Tell what to type when a library is not installed."""
    return f"the Python package {error.name} is missing; type: pip install 'foresail[exporter]'"


class Section:
    """A mapping whose keys are all known."""

    def __init__(self, name: str, value: object, known: Collection[str] | None = None) -> None:
        """Take a section under its full name; raises BadWebConfigError for anything but a mapping of known keys."""
        self.name = name
        self.values: Mapping[str, object] = self._mapping(value)
        for key in self.values:
            if known is not None and key not in known:
                raise BadWebConfigError(f"{self.path(key)}: there is no such key; {_meant(key, known)}")

    def _mapping(self, value: object) -> Mapping[str, object]:
        if value in ("", None):
            return {}
        if not isinstance(value, dict):
            where = f"{self.name}: " if self.name else ""
            raise BadWebConfigError(f"{where}{_kind(value)} stands where keys with values are expected")
        return value

    def path(self, key: str) -> str:
        """Return the full name of a key."""
        return f"{self.name}.{key}" if self.name else key

    def has(self, key: str) -> bool:
        """Whether a key was given with a value."""
        return self.values.get(key, "") != ""

    def section(self, key: str, known: Collection[str] | None = None) -> Section:
        """Return the section under a key; an empty one where there is none."""
        return Section(self.path(key), self.values.get(key, ""), known)

    def text(self, key: str) -> str:
        """Return a text; empty where there is none."""
        value = self.values.get(key, "")
        if not isinstance(value, str):
            raise BadWebConfigError(f"{self.path(key)}: {_kind(value)} stands where one text is expected")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty where there is none."""
        value = self.values.get(key, "")
        if value == "":
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise BadWebConfigError(f"{self.path(key)}: {_kind(value)} stands where a list of texts is expected")
        if not value:
            raise BadWebConfigError(f"{self.path(key)}: the list is empty; name one, or take the key out")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a yes or a no."""
        text = self.text(key).lower()
        if text and text not in _TRUE | _FALSE:
            raise BadWebConfigError(f"{self.path(key)}: {text[:_SHOWN]!r} is neither true nor false")
        return text in _TRUE if text else default

    def choice(self, key: str, table: Mapping[str, T], default: T) -> T:
        """Return what the written word stands for in the table."""
        text = self.text(key)
        return self._chosen(key, text, table) if text else default

    def choices(self, key: str, table: Mapping[str, T]) -> tuple[T, ...]:
        """Return what each of the written words stands for in the table."""
        return tuple(self._chosen(key, text, table) for text in self.texts(key))

    def _chosen(self, key: str, text: str, table: Mapping[str, T]) -> T:
        if text not in table:
            raise BadWebConfigError(f"{self.path(key)}: {text[:_SHOWN]!r} is not known; {_meant(text, table)}")
        return table[text]

    def whole(self, key: str) -> int:
        """Return a whole number; 0 where there is none."""
        text = self.text(key)
        if text and re.fullmatch(r"\d{1,9}", text, re.ASCII) is None:
            raise BadWebConfigError(f"{self.path(key)}: {text[:_SHOWN]!r} is no whole number")
        return int(text or "0")

    def duration_s(self, key: str) -> float:
        """Return a time as Go writes it (``1m30s``), in seconds; 0 where there is none."""
        text = self.text(key)
        parts = _PART.findall(text)
        if text not in {"", "0"} and "".join(number + unit for number, unit in parts) != text:
            raise BadWebConfigError(f"{self.path(key)}: {text[:_SHOWN]!r} is no time; write a number with a unit, such as 1s")
        return float(sum(float(number) * _UNITS_S[unit] for number, unit in parts))


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a section"
    return "a list" if isinstance(value, list) else "a text"


def _meant(text: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(text, known, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
