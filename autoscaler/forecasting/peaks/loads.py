"""The loads of a whole fleet in little memory: the last points of many series on one common grid, two bytes each.

Two weeks at one minute are 40 KB a series. A ring: what is new takes the place of what is oldest, nothing is moved. Time goes
on for all series at once; a series that has nothing new has a gap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from autoscaler.forecasting.peaks.packed import GAP, Codes, held, pack, unpack
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats, History

_MAX_HELD_POINTS = 5  # a gap no longer than this is bridged by the value before it, which looks at nothing that came later
_OFF_GRID = 1e-3  # of a step: a time that far from a multiple of the step is on another grid
_ROWS = 256  # that are looked at together where a copy is made, or room: 10 MB at two weeks of minutes


@dataclass(slots=True)
class Loads:
    """Series by number, from 0 in the order they came; their points lie on multiples of the step since the epoch."""

    step_s: float
    points: int  # that are kept of each series
    _packed: Codes = field(repr=False)  # (series, points): the point number i since the epoch at i % points
    _known: Ints = field(repr=False)  # (series,)
    _highest: Codes = field(repr=False)  # (series,): never below the highest that is kept,
    _doubtful: Bools = field(repr=False)  # and above it only where this is set
    _end: int | None = None  # the newest point

    @classmethod
    def empty(cls, step_s: float, points: int) -> "Loads":
        """Return room for the last `points` points of series that are still to come."""
        none = np.zeros(0, dtype=np.int64)
        highest, doubtful = none.astype(np.uint16), none.astype(np.bool_)
        return cls(step_s, points, np.zeros((0, points), dtype=np.uint16), none, highest, doubtful)

    @classmethod
    def restored(cls, step_s: float, points: int, packed: Codes, end: int) -> "Loads":
        """Return loads as they were when `packed` and the number `end` of the newest point were taken.

        An array that owns its memory is taken over, as there may be no room for a second one: nobody else may use it then.
        Raises ValueError where they are not those of so many points.
        """
        if packed.dtype != np.uint16 or packed.shape[1:] != (points,):
            raise ValueError(f"saved loads are {packed.dtype}{packed.shape}, where {points} points of two bytes are needed")
        known = np.array([np.count_nonzero(row) for row in packed], dtype=np.int64)
        highest = packed.max(axis=1, initial=0).astype(np.uint16)
        own = packed if packed.flags.owndata and packed.flags.writeable and packed.flags.c_contiguous else packed.copy()
        return cls(step_s, points, own, known, highest, np.zeros(known.size, dtype=np.bool_), end)

    def __len__(self) -> int:
        return self._known.size

    @property
    def end_s(self) -> float:
        """Time of the newest point, seconds since the epoch; NaN before there is one."""
        return np.nan if self._end is None else self._end * self.step_s

    @property
    def packed(self) -> Codes:
        """All points as they lie in the ring, shape (series, points); to be looked at only."""
        seen = self._packed.view()
        seen.flags.writeable = False
        return seen

    def as_of(self, end: int, rows: Ints) -> Codes:
        """Return a copy of some rows of the ring as they were at an earlier newest point, but for the oldest points.

        In their places lies what came since: these are gaps then.
        """
        found = self._packed[rows]
        later = 0 if self._end is None else min(max(self._end - end, 0), self.points)
        found[:, (end + 1 + np.arange(later)) % self.points] = GAP
        return found

    @property
    def highest(self) -> Floats:
        """The highest load among the points that are kept, shape (series,); NaN where none is known."""
        for rows in _chunks(np.flatnonzero(self._doubtful)):
            self._highest[rows] = self._packed[rows].max(axis=1)
        self._doubtful[:] = False
        return unpack(self._highest)

    def known(self, rows: Ints | slice = slice(None)) -> Ints:
        """Return how many of the points that are kept were really there."""
        return self._known[rows].copy()

    def append(self, end_s: float, values: Floats) -> None:
        """Take the points up to the one at `end_s`, shape (series, new), of all series.

        They may overlap what is there, as samples arrive late: what is known now counts, a gap erases nothing. A jump leaves a
        gap. Raises ValueError where the newest point is older than what is there, or lies beside the grid.
        """
        end, codes = self._number(end_s), pack(values)[:, -self.points :]
        if codes.shape[0] != len(self):
            raise ValueError(f"points of {codes.shape[0]} series were to be appended to {len(self)}; give one row a series")
        if self._end is not None and end < self._end:
            raise ValueError(f"points up to {end_s:.0f} s were to be appended after {self.end_s:.0f} s: time went back")
        self._advance(end)
        for offset in range(codes.shape[1]):
            self._put((end - codes.shape[1] + 1 + offset) % self.points, codes[:, offset])

    def lay(self, row: int, history: History) -> None:
        """Put points of one series where they belong in time, up to the newest point there is; a gap erases nothing.

        Raises ValueError where the history is on another grid.
        """
        start, codes, end = self._started(history), pack(history.values), -1 if self._end is None else self._end
        kept = np.arange(max(start, end - self.points + 1), min(start + codes.size - 1, end) + 1)
        slots, new = kept % self.points, codes[kept - start]
        old = self._packed[row, slots]
        self._packed[row, slots] = np.where(new == GAP, old, new)
        self._known[row] += np.count_nonzero((old == GAP) & (new != GAP))
        self._highest[row] = max(self._highest[row], new.max(initial=0))
        self._doubtful[row] |= bool(((old == self._highest[row]) & (new != old)).any())

    def ages_s(self, rows: Ints) -> Floats:
        """Return how long before the newest point there is the newest one lies that is known, shape (rows,); inf: none is."""
        ages = np.zeros(rows.size)
        end = -1 if self._end is None else self._end
        gap = self._packed[rows, end % self.points] == GAP
        for at in np.flatnonzero(gap):
            known = np.flatnonzero(np.roll(self._packed[rows[at]], -(end + 1) % self.points))
            ages[at] = (self.points - 1 - known[-1]) * self.step_s if known.size else np.inf
        return ages

    def add(self, histories: Sequence[History]) -> None:
        """Take series in, the numbers after those that are there, each with what is known of it.

        The first ones say what the newest point is; of those that come later, points after it are left out. Raises ValueError
        where a history is on another grid.
        """
        starts = [self._started(one) for one in histories]
        if self._end is None and starts:
            self._end = max(start + one.values.size - 1 for start, one in zip(starts, histories, strict=True))
        first = len(self)
        self._resize(first + len(histories))
        for row, (start, one) in enumerate(zip(starts, histories, strict=True), first):
            self._fill(row, start, pack(one.values))

    def keep(self, rows: Ints) -> None:
        """Let all other series go; those that stay, in ascending order, are numbered anew from 0."""
        if (np.diff(rows) <= 0).any() or (rows.size and not 0 <= rows[0] <= rows[-1] < len(self)):
            raise ValueError(f"the series to be kept must be given in ascending order, out of {len(self)}")
        for to, at in enumerate(rows):
            if to != at:
                self._packed[to] = self._packed[at]
        for each in (self._known, self._highest, self._doubtful):
            each[: rows.size] = each[rows]
        self._resize(rows.size)

    def values(self, rows: Ints, last: int) -> Floats:
        """Return the last points, shape (rows, last), the newest last; NaN in gaps, of which the first points are held."""
        return unpack(self.window(rows, 0, last))

    def series(self, row: int) -> tuple[float, Floats]:
        """Return when a series begins, seconds since the epoch, and what is known from then on; nothing where nothing is."""
        values = self.values(np.array([row]), self.points)[0]
        known = np.flatnonzero(~np.isnan(values))
        first = int(known[0]) if known.size else values.size
        return self.end_s - (self.points - 1 - first) * self.step_s, values[first:]

    def window(self, rows: Ints, ago: int | Ints, width: int) -> Codes:
        """Return `width` points still packed, shape (rows, width), the last of them `ago` points before the newest.

        `ago` may differ from row to row. Of gaps the first points are held; before what is kept there is a gap.
        """
        wide = width + _MAX_HELD_POINTS
        end = -1 if self._end is None else self._end
        if isinstance(ago, int):
            slots = (end - ago - np.arange(wide - 1, -1, -1)) % self.points
            past = max(0, ago + wide - self.points)  # of them lie before what is kept
            raw = self._runs(rows, int(slots[0]), wide)
            raw[:, :past] = GAP
        else:
            back = ago[:, None] + np.arange(wide - 1, -1, -1)
            raw = np.where(back < self.points, self._packed[rows[:, None], (end - back) % self.points], np.uint16(GAP))
        return held(raw, _MAX_HELD_POINTS)[:, _MAX_HELD_POINTS:]

    def _runs(self, rows: Ints, slot: int, width: int) -> Codes:
        """Return a copy of so many points from a place in the ring on, going round as often as it takes."""
        parts = []
        while width > 0:
            parts.append(self._packed[rows, slot : slot + width])
            width, slot = width - parts[-1].shape[1], 0
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _number(self, at_s: float) -> int:
        number = round(at_s / self.step_s)
        if abs(at_s / self.step_s - number) > _OFF_GRID:
            raise ValueError(f"a point at {at_s} s is on no multiple of the step of {self.step_s} s; ask for points that are")
        return number

    def _started(self, history: History) -> int:
        if history.step_s != self.step_s:
            raise ValueError(
                f"a history with a step of {history.step_s} s cannot be kept among loads with one of {self.step_s} s"
            )
        return self._number(history.start_s)

    def _resize(self, series: int) -> None:
        """Make room or give it back, without a copy where the system can move memory; no view of the arrays is ever kept.

        Room is made in pieces: it is filled with gaps, and no other thread runs while numpy does that.
        """
        for some in (*range(len(self) + _ROWS, series, _ROWS), series):
            self._packed.resize((some, self.points), refcheck=False)
        for each in (self._known, self._highest, self._doubtful):
            each.resize(series, refcheck=False)

    def _fill(self, row: int, start: int, codes: Codes) -> None:
        end = start - 1 if self._end is None else self._end
        kept = np.arange(max(start, end - self.points + 1), min(start + codes.size - 1, end) + 1)
        self._packed[row, kept % self.points] = codes[kept - start]
        self._known[row] = np.count_nonzero(self._packed[row])
        self._highest[row] = self._packed[row].max()

    def _advance(self, end: int) -> None:
        """Make room for the points up to a new one: the oldest go, gaps take their place."""
        ahead = min(end - (end if self._end is None else self._end), self.points)
        slot = (end - ahead + 1) % self.points
        for part in (slice(slot, min(slot + ahead, self.points)), slice(0, max(0, slot + ahead - self.points))):
            gone = self._packed[:, part]
            if gone.size:
                self._doubtful |= gone.max(axis=1) >= self._highest
                self._known -= np.count_nonzero(gone, axis=1)
                gone[:] = GAP
        self._end = end

    def _put(self, slot: int, codes: Codes) -> None:
        old = self._packed[:, slot].copy()
        new = np.where(codes == GAP, old, codes)
        self._packed[:, slot] = new
        self._known += (old == GAP) & (new != GAP)
        self._doubtful |= (old == self._highest) & (new < old)
        np.maximum(self._highest, new, out=self._highest)


def _chunks(rows: Ints) -> Iterator[Ints]:
    for start in range(0, rows.size, _ROWS):
        yield rows[start : start + _ROWS]
