"""Parsers of one kernel file of many cgroups at once: a list of contents in, lists of words out.

They say of every content what the parsers of ``parse`` say of one, and hand it to those whenever it does not look as
expected; what is regular is dealt with in few calls for all of them. Words stay bytes as the kernel wrote them, since
most go into the answer as they are; every word that is returned is an unsigned whole number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from exporters.cgroup import parse
from exporters.cgroup.parse import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Words = list[bytes | None]
    """A word for each content, in their order; None where there is none."""
    Report = Callable[[int, Malformed], None]
    """Is told the place of a content that is not what its documentation says, and why."""

_NOUGHT = b"0.0"


def single(contents: Iterable[bytes | None], report: Report) -> Words:
    """Read files that hold one unsigned whole number each."""
    words = [None if data is None else data[:-1] if data[-1:] == b"\n" else b"" for data in contents]
    return checked(words, report)


def keyed(contents: Iterable[bytes | None], keys: Sequence[bytes], report: Report) -> Sequence[Words]:
    """Read files of ``key value`` lines: for each of the keys (one at least) the words of all contents.

    Where the keys stand is learnt from the first content of each length: on one machine those have the same lines.
    """
    lines = _Lines(keys)
    columns = list(zip(*map(lines.take, contents), strict=True))
    return [checked(list(column), report) for column in columns or ((),) * len(keys)]


def pressures(contents: Iterable[bytes | None], report: Report) -> Sequence[Words]:
    """Read pressure files: the total of ``some`` in microseconds, its avg10 in hundredths of a percent; both of ``full``."""
    rows = [_pressure(place, data, report) for place, data in enumerate(contents)]
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]


def scaled(words: Words, divisor: int) -> Words:
    """Divide words by what is one of the family's unit, such as the nanoseconds of a second."""
    return [_NOUGHT if word == b"0" else word and repr(int(word) / divisor).encode() for word in words]


def checked(words: Words, report: Report) -> Words:
    """Return the words, without those that are no whole numbers."""
    there = [word for word in words if word is not None]
    if not there or parse.are_numbers(there):
        return words
    return [_number(place, word, report) for place, word in enumerate(words)]


def _number(place: int, word: bytes | None, report: Report) -> bytes | None:
    try:
        return None if word is None else b"%d" % parse.number(word)
    except Malformed as error:
        report(place, error)
        return None


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where some keys and their values stand among the words of a file."""

    at_keys: Callable[[Sequence[bytes | None]], object]
    expected: object
    at_values: Callable[[Sequence[bytes | None]], Sequence[bytes | None]]
    missing: Sequence[bytes]
    """Keys that were not there; another file of this length may have one of them instead of a line that nobody asks for."""

    def fits(self, data: bytes, words: Sequence[bytes | None]) -> bool:
        """Say whether a content has just those keys, at those places."""
        return (
            data[-1:] == b"\n"
            and self.at_keys(words) == self.expected
            and not (self.missing and any(key in data and key in words for key in self.missing))
        )


class _Lines:
    """Finds the values of some keys by the places where those stood before."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys
        self._nothing = (None,) * len(keys)
        self._shapes: dict[int, _Shape] = {}

    def take(self, data: bytes | None) -> Sequence[bytes | None]:
        """Return the values of the keys in a content; None for those that it lacks."""
        if not data:
            return self._nothing
        words: list[bytes | None] = [*data.split(), None]
        shape = self._shapes.get(len(words))
        if shape is not None and shape.fits(data, words):
            return shape.at_values(words)
        found = parse.keyed(data)
        if 2 * len(found) == len(words) - 1:  # every line has a key and a value, so keys stand at even places
            self._shapes[len(words)] = self._shape(words)
        return [found.get(key) for key in self._keys]

    def _shape(self, words: Sequence[bytes | None]) -> _Shape:
        """Note the places; a key that is missing has the None at the end of the words for its value."""
        names = words[:-1:2]
        places = [2 * names.index(key) if key in names else -2 for key in self._keys]
        at_keys = itemgetter(0, 0, *(place for place in places if place >= 0))  # two at least, for a tuple in any case
        values = itemgetter(0, *(place + 1 for place in places))
        missing = [key for key in self._keys if key not in names]
        return _Shape(at_keys, at_keys(words), lambda found: values(found)[1:], missing)


_LINE = rb" avg10=(\d{1,3})\.(\d\d) avg60=[\d.]{1,10} avg300=[\d.]{1,10} total=(\d{1,20})\n"
_PRESSURE = re.compile(b"some" + _LINE + b"(?:full" + _LINE + b")?")


def _pressure(place: int, data: bytes | None, report: Report) -> Sequence[bytes | None]:
    if data is None:
        return (None,) * 4
    found = _PRESSURE.fullmatch(data)
    if found is not None:
        whole, rest, total, full_whole, full_rest, full_total = found.groups()
        return total, whole + rest, full_total, None if full_whole is None else full_whole + full_rest
    try:
        stalls = parse.pressure(data)
    except Malformed as error:
        report(place, error)
        return (None,) * 4
    return [word for line in (b"some", b"full") for word in _stall(stalls.get(line))]


def _stall(stall: parse.Stall | None) -> Sequence[bytes | None]:
    if stall is None:
        return None, None
    average = stall.avg10_ratio
    return b"%d" % stall.total_us, None if average is None else b"%d" % round(average * 10_000)
