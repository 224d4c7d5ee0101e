"""The load of the past, kept in memory: the whole of it is read once, then only what is new.

Two weeks of every workload are megabytes, and nothing in them changes but the end. The end is read again with an overlap, as
samples arrive late; and everything once in a while, so that a gap that Prometheus has filled since does not stay.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from autoscaler.model import History

OVERLAP_S = 300.0  # of the end that is read again
WHOLE_AGAIN_S = 3600.0

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


Fetch = Callable[[Span], Awaitable[Mapping[K, History]]]


@dataclass(frozen=True, slots=True)
class _Kept(Generic[K]):
    span: Span
    whole_at_s: float
    wanted: frozenset[K]
    series: Mapping[K, History]


@dataclass(slots=True)
class HistoryBook(Generic[K]):
    """Histories by question, each of several series."""

    _kept: dict[Question, _Kept[K]] = field(default_factory=dict)

    async def read(self, question: Question, wanted: frozenset[K], span: Span, fetch: Fetch[K]) -> Mapping[K, History]:
        """Return the wanted series over a span; those without a single point are left out.

        Raises what `fetch` raises; what is kept then stays as it was, and the gap is filled by the next read.
        """
        kept = self._kept.get(question)
        overlap_s = max(OVERLAP_S, 2 * span.step_s)
        if kept is None or not _can_go_on(kept, wanted, span):
            found = await fetch(span)
            series = {key: laid(found[key], None, span) for key in wanted if key in found}
            self._kept[question] = _Kept(span, span.end_s, wanted, series)
        else:
            start_s = max(span.start_s, grid_floor(kept.span.end_s - overlap_s, span.step_s))
            tail = await fetch(Span(start_s, span.end_s, span.step_s))
            series = {
                key: laid(tail.get(key), kept.series.get(key), span) for key in wanted if key in kept.series or key in tail
            }
            self._kept[question] = _Kept(span, kept.whole_at_s, wanted, series)
        return {key: one for key, one in series.items() if np.isfinite(one.values).any()}

    def keep_only(self, questions: frozenset[Question]) -> None:
        """Forget what nobody asks any more."""
        for question in self._kept.keys() - questions:
            del self._kept[question]


def grid_floor(at_s: float, step_s: float) -> float:
    """Return the last multiple of the step that is not after a moment."""
    return float(at_s // step_s) * step_s


def laid(new: History | None, old: History | None, span: Span) -> History:
    """Return a series on a span: the new points where there are some, else the old, else NaN."""
    values = np.full(span.points, np.nan)
    for history in (old, new):
        if history is None or not len(history.values):
            continue
        index = np.rint((history.start_s - span.start_s) / span.step_s).astype(int) + np.arange(len(history.values))
        usable = (index >= 0) & (index < span.points) & np.isfinite(history.values)
        values[index[usable]] = history.values[usable]
    return History(span.start_s, span.step_s, values)


def since(history: History, start_s: float) -> History:
    """Return a series without its points before a moment."""
    skip = int(np.clip(np.ceil((start_s - history.start_s) / history.step_s), 0, len(history.values)))
    return History(history.start_s + skip * history.step_s, history.step_s, history.values[skip:])


def _can_go_on(kept: _Kept[K], wanted: frozenset[K], span: Span) -> bool:
    same_grid = kept.span.step_s == span.step_s and kept.span.start_s <= span.start_s
    recent = span.end_s - kept.whole_at_s < WHOLE_AGAIN_S and kept.span.start_s <= kept.span.end_s <= span.end_s
    return same_grid and recent and wanted <= kept.wanted
