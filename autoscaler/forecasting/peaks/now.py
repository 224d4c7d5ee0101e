"""The features of the newest moment of many series at once, unpacking no more of them than that takes.

The formulas are those of `columns.py`, so that what a model learnt from all moments of some series holds for the newest moment
of any; here they are answered for some hundred series at a time, from a day unpacked and a few points around past phases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from autoscaler.forecasting.peaks.almanac import Almanac
from autoscaler.forecasting.peaks.columns import Past, columns
from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.peaks.features import Features
from autoscaler.forecasting.peaks.grid import DAY_S, Grid
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.packed import GAP, Codes, unpack, unpack_or_zero
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

_FEW_LAGS = 16  # that differ from series to series: with more the points of each are looked up one by one
_ROWS = 128  # series at a time: what is unpacked of them stays near the processor


class Own(NamedTuple):
    """What each of some series has of its own, shape (series,)."""

    floors: Floats  # load that is added before logarithms are taken
    seasons_s: Floats | None = None  # NaN for none
    dates: Sequence[Dates] | None = None

    def of(self, some: slice) -> "Own":
        """Return that of some of them."""
        seasons_s = None if self.seasons_s is None else self.seasons_s[some]
        return Own(self.floors[some], seasons_s, None if self.dates is None else self.dates[some])


def features_now(loads: Loads, rows: Ints, grid: Grid, own: Own) -> Features:
    """Return what is known of each of `rows` at the newest moment, shape (rows, features), NaN where it is not.

    Each row is the last one of `features` over all points that are kept of that series, with what it has of its `own`. Where
    the grid starts, and which season and dates it has, makes no difference.
    """
    if grid.step_s != loads.step_s:
        raise ValueError(f"features with a step of {grid.step_s} s were asked of loads with one of {loads.step_s} s")
    parts = []
    for start in range(0, max(rows.size, 1), _ROWS):
        some = slice(start, start + _ROWS)
        look = _Now(loads, rows[some], grid, own.of(some))
        parts.append(np.stack([np.asarray(column, dtype=np.float32) for column in columns(look)], axis=1))
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Now:
    """The newest moment of some series; implements `Look`."""

    loads: Loads
    rows: Ints
    grid: Grid
    own: Own

    @property
    def floors(self) -> Floats:
        return self.own.floors

    @property
    def level(self) -> Floats:
        return self.ago(0)

    @property
    def at_s(self) -> Floats:
        return np.full(self.rows.size, self.loads.end_s)

    @cached_property
    def almanac(self) -> Almanac:
        return Almanac.of_many(self.grid, self.at_s, self.own.dates or (NO_DATES,) * self.rows.size)

    @cached_property
    def own_lags(self) -> Sequence[int | Ints]:
        if self.own.seasons_s is None:
            return ()
        lags = self.grid.own_lags_of(self.own.seasons_s)
        return tuple(lags) if lags.any() else ()

    def ago(self, points: int) -> Floats:
        return self._levels[:, -1 - points]

    def highest(self, width: int) -> Floats:
        return self._level_of(self._codes[:, -width:].max(axis=1))

    def lowest(self, width: int) -> Floats:
        return self._level_of(
            (self._codes[:, -width:] - np.uint16(1)).min(axis=1) + np.uint16(1)
        )  # a gap goes round to the top

    def mean(self, width: int) -> Floats:
        return np.asarray(
            np.log(_mean(self._values[:, -width:], np.count_nonzero(self._codes[:, -width:], axis=1)) + self.floors)
        )

    def stood(self, most: int) -> Floats:
        same = ~(self._changed | (self._codes[:, 1:] == GAP))[:, : -most - 1 : -1]
        return np.where(same.all(axis=1), most, same.argmin(axis=1)).astype(np.float64)

    def moved(self, width: int) -> Floats:
        moves = self._moves[:, -width:]
        if not self._has_gaps:
            return np.asarray(moves.mean(axis=1))
        known = ~np.isnan(moves)
        return _mean(np.where(known, moves, 0.0), known.sum(axis=1))

    def often(self, width: int) -> Floats:
        known = np.count_nonzero(self._codes[:, -width:], axis=1)
        return _mean((self._changed & (self._codes[:, 1:] != GAP))[:, -width:], known)

    def sharpest(self, points: int, width: int) -> Floats:
        rises = self._levels[:, -width:] - self._levels[:, -width - points : -points]
        if self._has_gaps:
            rises[np.isnan(rises)] = -np.inf
        best = rises.max(axis=1)
        return np.where(np.isneginf(best), np.nan, best)

    def past(self, lag: int | Ints) -> Past:
        if isinstance(lag, int):
            return self._past(slice(None), lag)
        found = Past(*np.full((3, self.rows.size), np.nan))
        lags = np.unique(lag[lag > 0])
        for one in lags if lags.size <= _FEW_LAGS else (None,):  # the same points of several series are had at once
            some = np.flatnonzero(lag > 0 if one is None else lag == one)
            for to, values in zip(found, self._past(some, lag[some] if one is None else int(one)), strict=True):
                to[some] = values
        return found

    def _past(self, some: slice | Ints, lag: int | Ints) -> Past:
        grid, around, kept = self.grid, self.grid.around, self.loads.points
        codes = self.loads.window(self.rows[some], lag - grid.last - around, grid.last + 2 * around + 1)
        then = codes[:, around]
        ahead = codes[:, around + grid.first : around + grid.last + 1].max(axis=1)
        near = codes.max(axis=1)
        return Past(
            self._level_of(then, some),
            # When the series began, there was no moment to look ahead from.
            np.where(lag < kept, self._level_of(ahead, some), np.nan),
            np.where(lag + around < kept, self._level_of(near, some), np.nan),
        )

    @cached_property
    def _codes(self) -> Codes:
        """The last day, and what is needed before it."""
        minute, day = (self.grid.points(self.grid.scaled(one_s)) for one_s in (60.0, DAY_S))
        return self.loads.window(self.rows, 0, day + minute)

    @cached_property
    def _has_gaps(self) -> bool:
        return not self._codes.all()

    @cached_property
    def _values(self) -> Floats:
        return unpack_or_zero(self._codes)

    @cached_property
    def _levels(self) -> Floats:
        levels = np.log(self._values + self.floors[:, None])
        if self._has_gaps:
            levels[self._codes == GAP] = np.nan
        return np.asarray(levels)

    @cached_property
    def _changed(self) -> Bools:
        return np.asarray(self._codes[:, 1:] != self._codes[:, :-1])

    @cached_property
    def _moves(self) -> Floats:
        return np.abs(self._levels[:, 1:] - self._levels[:, :-1])

    def _level_of(self, codes: Codes, some: slice | Ints = slice(None)) -> Floats:
        return np.asarray(np.log(unpack(codes) + self.floors[some]))


def _mean(values: Floats | Bools, count: Ints) -> Floats:
    return np.where(count > 0, values.sum(axis=1) / np.maximum(count, 1), np.nan)
