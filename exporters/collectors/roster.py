"""The cgroups of a scrape as columns: one file of all of them at a time, one list of labels for all of them.

A node has hundreds of cgroups with a dozen files each, and at every scrape all are read. Whoever asks for one file of
one cgroup pays several calls of Python for each, which together cost more than the kernel's work. As columns the
descriptors stand in lists that are made again only when one is opened or closed, and the labels are written out once
for as long as no cgroup comes, goes or gets a better name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast, overload

from exporters.cgroup.files import Vanished, is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporters.collectors.contract import Target

Made = TypeVar("Made")

Column = Sequence[bytes | None]
"""What each cgroup has, in their order; None where it has nothing."""

_AT_ONCE = 16
"""Files that are read between two looks at the clock."""

_Parts = Sequence[tuple[int, "Sequence[int] | None"]]
"""Descriptors by the place of the first, ``_AT_ONCE`` together; None where one of them is not kept."""


class Roster(Sequence["Target"]):
    """The cgroups but the root, ordered by path, in the state that they have until the next change."""

    def __init__(self, targets: Sequence[Target] = ()) -> None:
        self._targets = tuple(targets)
        self._labels: dict[str, Sequence[bytes]] = {}
        self._made: dict[Callable[[Sequence[Target]], object], object] = {}
        self._parts: dict[str, tuple[int, _Parts]] = {}

    def __len__(self) -> int:
        return len(self._targets)

    @overload
    def __getitem__(self, index: int) -> Target: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Target]: ...
    def __getitem__(self, index: int | slice) -> Target | Sequence[Target]:
        return self._targets[index]

    def __iter__(self) -> Iterator[Target]:
        return iter(self._targets)

    def version(self, controller: str) -> int | None:
        """Say which version of cgroups the controller's files follow; None where it is not mounted or there are none."""
        return self._targets[0].files.version(controller) if self._targets else None

    def labels(self, more: str = "") -> Sequence[bytes]:
        """Return the labels of each cgroup and ``more`` (with a comma before it), as they stand before a value."""
        found = self._labels.get(more)
        if found is None:
            found = self._labels[more] = [f"{{{target.labels}{more}}} ".encode() for target in self._targets]
        return found

    def once(self, make: Callable[[Sequence[Target]], Made]) -> Made:
        """Return what ``make`` makes of the cgroups, which is kept as long as they stay the same with the same labels."""
        found = self._made.get(make)
        if found is None:
            found = self._made[make] = make(self._targets)
        return cast("Made", found)

    def read(self, controller: str, name: str, is_late: Callable[[], bool]) -> list[bytes | None]:
        """Read a whole file of every cgroup; None where there is none.

        When ``is_late`` says so the rest is not tried, and what is returned is shorter.
        """
        found: list[bytes | None] = []
        for begin, descriptors in self._descriptors(name):
            if is_late():
                break
            contents = None if descriptors is None else self._at_once(descriptors)
            if contents is not None:
                found += contents
                continue
            for target in self._targets[begin : begin + _AT_ONCE]:
                if is_late():
                    return found
                found.append(_read_one(target, controller, name))
        return found

    def _at_once(self, descriptors: Sequence[int]) -> Sequence[bytes] | None:
        """Read all of these files; None when one cannot be read, or is longer than a read."""
        try:
            contents = self._targets[0].files.reader.kernel.read_many(descriptors)
        except OSError:
            return None
        return contents if all(map(is_whole, contents)) else None

    def _descriptors(self, name: str) -> _Parts:
        """List descriptors; a list that was made before the last change may hold a number that means another file now."""
        if not self._targets:
            return ()
        reader = self._targets[0].files.reader
        kept = self._parts.get(name)
        if kept is None or kept[0] != reader.changes:
            parts = [(begin, self._kept(name, begin)) for begin in range(0, len(self._targets), _AT_ONCE)]
            kept = self._parts[name] = reader.changes, parts
        return kept[1]

    def _kept(self, name: str, begin: int) -> Sequence[int] | None:
        found = [target.files.kept(name) for target in self._targets[begin : begin + _AT_ONCE]]
        known = [descriptor for descriptor in found if descriptor is not None]
        return known if len(known) == len(found) else None


def _read_one(target: Target, controller: str, name: str) -> bytes | None:
    if target.is_gone:
        return None
    try:
        return target.files.read(controller, name)
    except Vanished:
        target.is_gone = True
        return None
