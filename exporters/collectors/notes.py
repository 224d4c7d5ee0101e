"""What a collector remembers from one scrape to the next.

Collectors are functions in a constant list, so what they remember is kept for them: at a target what is true of one
cgroup (it goes when the cgroup goes), at the exporter what is true of all of them. Whoever keeps something at the
exporter bounds it.
"""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

Kind = TypeVar("Kind")


@runtime_checkable
class Closes(Protocol):
    """Holds something of the system that must be given back."""

    def close(self) -> None:
        """Give it back."""


class Notes:
    """At most one object of each class, made when it is first asked for."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[type, object] | None = None

    def of(self, kind: type[Kind]) -> Kind:
        """Return the object of this class, a new one the first time."""
        if self._kept is None:
            self._kept = {}
        found = self._kept.get(kind)
        if not isinstance(found, kind):
            found = self._kept[kind] = kind()
        return found

    def close(self) -> None:
        """Forget everything, and close what can be closed."""
        for one in (self._kept or {}).values():
            if isinstance(one, Closes):
                one.close()
        self._kept = None
