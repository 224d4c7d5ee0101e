"""Points of time at which history is asked for: the multiples of a step since the epoch, so that any two answers join."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.model import Floats


@dataclass(frozen=True, slots=True)
class Grid:
    """Points at the multiples of the step, from the first to the last (inclusive, counted since the epoch)."""

    first: int
    last: int
    step_s: float

    @classmethod
    def between(cls, start_s: float, end_s: float, step_s: float) -> "Grid":
        """Return all points from one moment to another, both included."""
        return cls(math.ceil(round(start_s / step_s, 6)), math.floor(round(end_s / step_s, 6)), step_s)

    @property
    def points(self) -> int:
        """How many there are."""
        return self.last - self.first + 1

    @property
    def start_s(self) -> float:
        """The first, in seconds since the epoch."""
        return self.first * self.step_s

    @property
    def end_s(self) -> float:
        """The last, likewise."""
        return self.last * self.step_s

    def newest(self, points: int) -> "Grid":
        """Return the last so many, or all where there are fewer."""
        return Grid(max(self.first, self.last - points + 1), self.last, self.step_s)

    def before(self, part: "Grid") -> "Grid":
        """Return what lies before a part; no point where nothing does."""
        return Grid(self.first, part.first - 1, self.step_s)

    def place(self, part: "Grid") -> slice:
        """Return where a part lies in an array of this grid."""
        return slice(part.first - self.first, part.last - self.first + 1)

    def spans(self, wanted: NDArray[np.bool_], apart: int) -> list["Grid"]:
        """Return the spans that cover all points wanted, the newest first; what lies nearer than `apart` points is one span.

        `wanted` has shape (points,).
        """
        at = np.flatnonzero(wanted)
        if not at.size:
            return []
        cuts = np.flatnonzero(np.diff(at) > apart)
        starts, ends = at[np.append(0, cuts + 1)], at[np.append(cuts, at.size - 1)]
        both = zip(starts.tolist(), ends.tolist(), strict=True)
        return [Grid(self.first + start, self.first + end, self.step_s) for start, end in both][::-1]


def on_grid(values: Sequence[Sequence[Any]], grid: Grid) -> Floats:
    """Return pairs of time and value as shape (points,), with NaN where there is no value or no finite one."""
    laid = np.full(grid.points, np.nan)
    pairs = np.fromiter(chain.from_iterable(values), dtype=float, count=2 * len(values)).reshape(-1, 2)
    at_s, given = pairs[:, 0], pairs[:, 1]
    index = np.rint(at_s / grid.step_s).astype(int) - grid.first
    inside = (index >= 0) & (index < grid.points) & np.isfinite(given)
    laid[index[inside]] = given[inside]
    return laid
