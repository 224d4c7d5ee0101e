"""What seldom changes is read seldom, and its files are not kept open.

Limits are half of a cgroup's files and hardly ever change. Kept open like the others, they would take a page of the
kernel's memory each and the place of files that change all the time. A container's limits are written after its cgroup
is made, so a new one is read twice in a row; from then on again after 90 to 150 seconds, not all in the same scrape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.collectors.contract import Family, Scrape, Target, attempt, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EVERY_S = 90
SPREAD_S = 61
_BEFORE_SELDOM = 2

Values = tuple[Family, float]


class Seldom:
    """What was read of one cgroup; each collector has a class of its own, because notes are kept by class."""

    __slots__ = ("_labels", "_lines", "_read_s", "_times", "values")

    def __init__(self) -> None:
        self.values: Sequence[Values] = ()
        self._labels: str | None = None
        self._lines: Sequence[tuple[Family, bytes]] = ()
        self._read_s = 0.0
        self._times = 0

    def is_fresh(self, now_s: float, inode: int) -> bool:
        """Say whether it need not be read again; a clock that was set back is no reason to wait longer."""
        return self._times >= _BEFORE_SELDOM and 0 <= now_s - self._read_s < EVERY_S + inode % SPREAD_S

    def lines(self, labels: str) -> Sequence[tuple[Family, bytes]]:
        """Return a line for each value, written once for as long as they and the labels stay the same."""
        if labels != self._labels:
            self._labels = labels
            self._lines = [(family, line(family, labels, value)) for family, value in self.values]
        return self._lines

    def forget(self) -> None:
        """Have it read again at once."""
        self._times = 0

    def keep(self, values: Sequence[Values], read_s: float, *, is_whole: bool) -> None:
        """Take what was read; what could not be read whole is read again at the next scrape."""
        if values != self.values:
            self.values = values
            self._labels = None
        self._read_s = read_s
        self._times = self._times + 1 if is_whole else 0


def read_seldom(
    scrape: Scrape, target: Target, kind: type[Seldom], read: Callable[[Target], Iterator[Values]]
) -> Sequence[Values]:
    """Return what ``read`` yields for the cgroup, now or when it was last asked; nothing for one that is gone."""
    kept = target.notes.of(kind)
    if kept.is_fresh(scrape.now_s, target.cgroup.inode):
        return kept.values
    values: list[Values] = []
    failed = scrape.tally.failed
    attempt(lambda target, _: values.extend(read(target)), target, scrape)
    if target.is_gone:
        return ()
    kept.keep(values, scrape.now_s, is_whole=scrape.tally.failed == failed)
    return values


def add_seldom(
    scrape: Scrape, target: Target, kind: type[Seldom], read: Callable[[Target], Iterator[Values]], more: str = ""
) -> None:
    """Add what ``read_seldom`` returns; ``more`` are labels besides the six, with a comma before."""
    read_seldom(scrape, target, kind, read)
    if not target.is_gone:
        for family, written in target.notes.of(kind).lines(target.labels + more):
            scrape.samples.add_lines(family, written)
