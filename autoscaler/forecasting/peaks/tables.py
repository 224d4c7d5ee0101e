"""Small tables of times, one for each of several series, and what stands in them at many moments at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables one behind the other, each in ascending order of its first column, and what they say of a moment."""

    rows: Floats  # (rows, columns)
    ends: Ints  # (tables + 1,): where each begins, and the last one ends

    @classmethod
    def of(cls, tables: Sequence[Floats]) -> "Tables":
        """Return tables as they come."""
        return cls(np.concatenate(tables), np.cumsum([0, *(one.shape[0] for one in tables)]))

    @property
    def any(self) -> bool:
        """Whether there is a row at all."""
        return bool(self.rows.size)

    def first(self, of: Ints) -> Ints:
        """Return the first row of a table."""
        return np.asarray(self.ends[of], dtype=np.int64)

    def last(self, of: Ints, at_s: Floats) -> Ints:
        """Return the last row of a table that has begun; the one before its first row where none has."""
        low, high = self.ends[of], self.ends[of + 1]
        while (low < high).any():
            middle = np.minimum((low + high) // 2, len(self.rows) - 1)
            begun = (low < high) & (self.rows[middle, 0] <= at_s)
            low, high = np.where(begun, middle + 1, low), np.where(begun, high, np.minimum(middle, high))
        return np.asarray(low - 1, dtype=np.int64)

    def value(self, row: Ints, of: Ints, column: int) -> Floats:
        """Return an entry of a table; NaN where it has no such row."""
        there = (row >= self.ends[of]) & (row < self.ends[of + 1])
        if not self.any:
            return np.full(row.shape, np.nan)
        return np.where(there, self.rows[np.clip(row, 0, len(self.rows) - 1), column], np.nan)

    def covers(self, of: Ints, at_s: Floats) -> Bools:
        """Say whether what began last is not over."""
        return np.asarray(at_s < self.value(self.last(of, at_s), of, 1))

    def last_s(self, of: Ints, at_s: Floats) -> Floats:
        """Return when the last one began; long ago where none has."""
        return np.nan_to_num(self.value(self.last(of, at_s), of, 0), nan=-np.inf)

    def next_s(self, of: Ints, at_s: Floats) -> Floats:
        """Return when the next one begins; never where there is none."""
        return np.nan_to_num(self.value(self.last(of, at_s) + 1, of, 0), nan=np.inf)
