"""Range queries in parts that the server is willing to answer, one after the other, the newest part first.

Three things bound a part. Prometheus gives no series more than 11,000 points (`forecast.max_points`). It loads no more than
`--query.max-samples` at once and says so; then the range is halved, for the rest of the read and for the next ones too, so
that what is known to be too much is not asked for part by part. And an answer holds at most `VALUES` values, as it is parsed
as a whole: weeks of ten thousand workloads are hundreds of millions.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from autoscaler.clients.grid import Grid
from autoscaler.clients.prometheus_session import TooLarge, TooSlow
from autoscaler.model import Floats

VALUES = 300_000  # of one answer: about 7 MB of JSON, which hold the interpreter for a tenth of a second
SMALLEST = 60  # points; a range that is too large is not cut finer

Answer = Sequence[tuple[Mapping[str, str], Floats]]  # labels and values of each series, shape (points of the part,)


@dataclass(frozen=True, slots=True)
class Question:
    """A query, the name under which it is counted, and how many series are expected (0: nobody knows)."""

    name: str
    query: str
    series: int = 0


@dataclass(slots=True)
class Ranges:
    """Reads ranges by `ask`, which answers one part or raises; remembers which parts were too large."""

    ask: Callable[[Question, Grid], Awaitable[Answer]]
    max_points: int
    _fits: dict[str, int] = field(default_factory=dict)  # query -> points, of those that were refused once

    async def read(self, question: Question, grid: Grid) -> AsyncIterator[tuple[Grid, Answer]]:
        """Yield each part of a grid with its answer.

        Raises what `ask` raises, but TooLarge only of the smallest part. A part that took too long is asked for in halves when
        the query is asked the next time: now, the server has enough to do.
        """
        rest, series = grid, question.series
        fits = self._fits.get(question.query, self.max_points)
        whole = refused = False
        while rest.points > 0:
            part = rest.newest(min(fits, max(SMALLEST, VALUES // max(series, 1))))
            try:
                answer = await self.ask(question, part)
            except (TooLarge, TooSlow) as error:
                if part.points > SMALLEST:
                    refused, fits = True, max(SMALLEST, math.ceil(part.points / 2))
                    self._fits[question.query] = fits
                if isinstance(error, TooSlow) or part.points <= SMALLEST:
                    raise
                continue
            whole |= part.points >= fits
            series = max(series, len(answer))
            yield part, answer
            rest = rest.before(part)
        if whole and not refused:
            self._try_more(question.query)

    def _try_more(self, query: str) -> None:
        """Let the next read of a query that was refused once try twice as much: the load may have gone, or the limit."""
        more = 2 * self._fits.pop(query, self.max_points)
        if more < self.max_points:
            self._fits[query] = more
