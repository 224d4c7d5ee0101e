"""The load of the past: read once, the newest first, in pieces; after that only what is new.

Weeks of every workload are many points, and nothing in them changes but the end. The end is read again with an overlap, as
samples arrive late. What was read stays read when a later piece fails, and the next pass goes on from there; a workload that
is new costs a read of its own namespace, not of the fleet.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from autoscaler.model import History

OVERLAP_S = 300.0  # of the end that is read again
MOST_POINTS = 2_000_000  # of all series in one piece: more would take hundreds of megabytes while it is parsed
_FEWEST = 60  # points of a series in one piece
_GUARD = 1e-6  # seconds

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Question:
    """What history is asked for: the usage of a resource by every workload, or a user's query."""

    resource: str = ""
    promql: str = ""

    def __str__(self) -> str:
        return self.resource or self.promql


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when history is wanted, and how fine; seconds since the epoch, on multiples of the step."""

    start_s: float
    end_s: float
    step_s: float

    @property
    def points(self) -> int:
        """How many points there are."""
        return round((self.end_s - self.start_s) / self.step_s) + 1


@dataclass(frozen=True, slots=True)
class Source(Generic[K]):
    """Where history comes from and goes to, for one question."""

    fetch: Callable[[Span, str], Awaitable[Mapping[K, History]]]  # the second: of this namespace only; empty: of all
    lay: Callable[[Mapping[K, History]], Awaitable[None]]  # puts points where they belong; those that are there are replaced
    namespace: Callable[[K], str]


@dataclass(slots=True)
class _Past(Generic[K]):
    """What is still to be read of some series: all before a moment."""

    keys: frozenset[K]
    until_s: float


@dataclass(slots=True)
class _Reading(Generic[K]):
    end_s: float  # up to here everything was read
    keys: frozenset[K]
    past: list[_Past[K]]
    is_begun: bool = False  # something of it was read
    start_s: float = -math.inf  # back to here it was wanted


@dataclass(slots=True)
class HistoryReader(Generic[K]):
    """How far each question has been read."""

    max_points: int  # of one series in one piece
    _readings: dict[Question, _Reading[K]] = field(default_factory=dict)

    async def newest(self, question: Question, wanted: frozenset[K], span: Span, source: Source[K]) -> None:
        """Read what is new of known series; raises what `fetch` raises, and the next call reads the same again."""
        reading = self._readings.get(question)
        if reading is None or reading.end_s < span.start_s:
            reading = self._readings[question] = _Reading(span.end_s, frozenset(), [], start_s=span.start_s)
        known = reading.keys & wanted
        if known and span.end_s > reading.end_s:
            overlap_s = max(OVERLAP_S, 2 * span.step_s)
            await self._tail(known, _from(span, reading.end_s - overlap_s), source)
        reading.end_s = max(reading.end_s, span.end_s)
        if span.start_s < reading.start_s - _GUARD:  # somebody wants to look back farther
            reading.past.append(_Past(known, reading.start_s - span.step_s))
            reading.start_s = span.start_s
        if new := wanted - reading.keys:
            reading.past.append(_Past(new, span.end_s))
        reading.keys = wanted

    async def older(self, question: Question, span: Span, source: Source[K], go_on: Callable[[], bool]) -> None:
        """Read pieces of the past that are missing, as long as `go_on` says so; raises what `fetch` raises."""
        reading = self._readings[question]
        while reading.past and go_on():
            await self._piece(reading, span, source)

    def is_begun(self, question: Question) -> bool:
        """Say whether the newest part at least has been read."""
        reading = self._readings.get(question)
        return reading is not None and reading.is_begun

    def read_up_to(self, question: Question) -> float | None:
        """Return the time up to which everything new was read; None: nothing was."""
        reading = self._readings.get(question)
        return None if reading is None else reading.end_s

    def is_whole(self, question: Question, key: K) -> bool:
        """Say whether all that was wanted of a series has been read."""
        reading = self._readings.get(question)
        return reading is not None and key in reading.keys and not any(key in past.keys for past in reading.past)

    def was_read(self, question: Question, key: K, end_s: float) -> None:
        """Take over from a saved copy that all of a series was read, up to a moment that is the same for all of a question."""
        reading = self._readings.setdefault(question, _Reading(end_s, frozenset(), [], is_begun=True))
        reading.keys |= {key}

    def again(self, question: Question, keys: frozenset[K]) -> None:
        """Read all of some series once more: there is a new place for it."""
        if question in self._readings:
            self._readings[question].keys -= keys

    def keep_only(self, questions: frozenset[Question]) -> None:
        """Forget what nobody asks any more."""
        for question in self._readings.keys() - questions:
            del self._readings[question]

    async def _tail(self, keys: frozenset[K], span: Span, source: Source[K]) -> None:
        """Read the newest points, however long nothing was read; nothing is laid unless all of them came."""
        found = []
        for start_s, end_s in _pieces(span, self._points(len(keys))):
            found.append(await source.fetch(Span(start_s, end_s, span.step_s), ""))
        for piece in found:
            await source.lay({key: history for key, history in piece.items() if key in keys})

    async def _piece(self, reading: _Reading[K], span: Span, source: Source[K]) -> None:
        """Read the newest part of what is missing."""
        past = reading.past[0]
        past.keys &= reading.keys
        if not past.keys or past.until_s < span.start_s - _GUARD:
            reading.past.pop(0)
            return
        start_s = max(span.start_s, past.until_s - (self._points(len(past.keys)) - 1) * span.step_s)
        namespaces = {source.namespace(key) for key in past.keys}
        only = namespaces.pop() if len(namespaces) == 1 else ""
        found = await source.fetch(Span(start_s, past.until_s, span.step_s), only)
        await source.lay({key: history for key, history in found.items() if key in past.keys})
        past.until_s = start_s - span.step_s
        reading.is_begun = True

    def _points(self, series: int) -> int:
        return max(min(self.max_points, MOST_POINTS // max(series, 1)), _FEWEST)


def grid_floor(at_s: float, step_s: float) -> float:
    """Return the last multiple of the step that is not after a moment."""
    return float(at_s // step_s) * step_s


def _from(span: Span, start_s: float) -> Span:
    """Return a span that begins no earlier than a moment."""
    return Span(max(span.start_s, grid_floor(start_s, span.step_s)), span.end_s, span.step_s)


def _pieces(span: Span, points: int) -> list[tuple[float, float]]:
    """Return the span in pieces of so many points, in the order of time."""
    count = math.ceil(span.points / points)
    firsts = [span.start_s + k * points * span.step_s for k in range(count)]
    return [(first_s, min(first_s + (points - 1) * span.step_s, span.end_s)) for first_s in firsts]
