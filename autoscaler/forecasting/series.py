"""From a history as read to one that can be computed with, or to a plain word on why it cannot.

Gaps of a few points are bridged by holding the last value, which looks at nothing that came later; longer ones stay gaps.
Load is never negative and never infinite: such points are gaps too.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.model import Floats, GateState, History
from autoscaler.reasons import Reason

MAX_HELD_POINTS = 5  # a gap no longer than this is bridged
_MAX_WRONG_RATIO = 0.2  # of points that are negative or infinite: more means that the query is wrong
_HIGHEST = 1e200  # beyond this arithmetic overflows; no load is there
_FINEST_S = 0.001  # step
_STALE_S, _STALE_STEPS = 60.0, 3.0  # the newest point may be this old, whichever is longer


@dataclass(frozen=True, slots=True)
class Series:
    """Load from the first point known to the newest one; gaps are NaN, everything else is finite and not negative."""

    values: Floats
    step_s: float
    end_s: float
    known: int  # points that were really there


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a series cannot be forecast."""

    gate: GateState
    reason: Reason
    message: str


def clean(history: History, now_s: float) -> Series | Flaw:
    """Return the usable part of a history, or what is wrong with it; `history` is not changed."""
    if not (np.isfinite([history.step_s, history.start_s, now_s]).all() and history.step_s >= _FINEST_S):
        return _failed(f"the history starts at {history.start_s} s with a step of {history.step_s} s, which is no grid")
    raw = np.array(history.values, dtype=np.float64).ravel()
    wrong = (raw < 0) | (np.abs(raw) > _HIGHEST)  # NaN is neither
    if wrong.sum() > _MAX_WRONG_RATIO * raw.size:
        return _failed(f"{wrong.sum()} of {raw.size} points are negative or infinite; check the query")
    raw[wrong] = np.nan
    known = np.flatnonzero(~np.isnan(raw))
    if not known.size:
        return Flaw(GateState.LEARNING, Reason.FORECAST_LEARNING, "learning: no load was recorded in the history yet")
    first, last = int(known[0]), int(known[-1])
    end_s = history.start_s + history.step_s * last
    age_s = now_s - end_s
    if age_s > max(_STALE_S, _STALE_STEPS * history.step_s):
        message = f"the newest point of the history is {age_s:.0f} s old; check that the load is still scraped"
        return Flaw(GateState.SHUT, Reason.STALE_METRICS, message)
    return Series(_hold(raw[first : last + 1]), history.step_s, end_s, int(known.size))


def _failed(message: str) -> Flaw:
    return Flaw(GateState.SHUT, Reason.FORECAST_FAILED, message)


def _hold(values: Floats) -> Floats:
    """Bridge short gaps with the value before them."""
    gap = np.isnan(values)
    if not gap.any():
        return values
    at = np.arange(values.size)
    before = np.maximum.accumulate(np.where(gap, -1, at))
    after = np.minimum.accumulate(np.where(gap, values.size, at)[::-1])[::-1]
    short = gap & (before >= 0) & (after - before - 1 <= MAX_HELD_POINTS)
    return np.where(short, values[np.maximum(before, 0)], values)
