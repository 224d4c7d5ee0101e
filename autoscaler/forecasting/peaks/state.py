"""The arrays that trials are made of: how series come and go, and what a saved copy must be like."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.forecasting.peaks.boldness import Rung
from autoscaler.forecasting.peaks.shadow import MOST, Pace
from autoscaler.forecasting.types import Ints

Array = NDArray[Any]
Arrays = dict[str, Array]

# the axis of each array along which series lie
SHADOWS = {"wanted": 0, "ready": 0, "coming": 1, "proposed": 1, "recent": 1, "lost": 0, "spent": 0}
DAYS = {"lost_days": 1, "spent_days": 1, "load_days": 1, "tried_days": 1}
OWN = {"rungs": 0, "load": 0, "tried": 0, "measured": 0, "asked": 0}
AXES = {**SHADOWS, **DAYS, **OWN}
_MAY_BE_NAN = "measured"  # of a series that has not begun


def signature(pace: Pace, ladder: Sequence[Rung], day_s: float) -> Arrays:
    """Return what must be the same for a saved copy to be of use."""
    return {
        "pace": np.array([pace.step_s, pace.start, pace.window_s, day_s]),
        "ladder": np.array([(rung.stretch, rung.headroom, rung.lean, rung.source) for rung in ladder], dtype=np.float64),
    }


def joined(some: Arrays, more: Arrays) -> Arrays:
    """Return the series of both; the rest as the first has it."""
    return {**some, **{name: np.concatenate([some[name], more[name]], axis=axis) for name, axis in AXES.items()}}


def taken(some: Arrays, rows: Ints) -> Arrays:
    """Return some of the series; the rest as it is."""
    return {**some, **{name: some[name].take(rows, axis=axis) for name, axis in AXES.items()}}


def check(found: Mapping[str, Array], like: Arrays) -> None:
    """Raise `ValueError` where what was found cannot be the arrays of trials that are like others of as many series."""
    if set(found) != set(like):
        raise ValueError(f"saved trials have other arrays than trials have: {sorted(set(found) ^ set(like))}")
    for name, one in like.items():
        if (found[name].dtype, found[name].shape) != (one.dtype, one.shape):
            was = f"{found[name].dtype}{found[name].shape}"
            raise ValueError(f"saved trials have {name} as {was}, where {one.dtype}{one.shape} is needed")
    for name in ("pace", "ladder"):
        if not np.array_equal(found[name], like[name]):
            raise ValueError(f"saved trials have another {name}: {found[name].tolist()}")
    for name in ("clock", *AXES):
        if not _is_sane(name, found[name]):
            raise ValueError(f"saved trials have numbers in {name} that cannot be")
    if found["rungs"].size and found["rungs"].max() > len(like["ladder"]):
        raise ValueError("saved trials use rungs that are not of the ladder")


def _is_sane(name: str, one: Array) -> bool:
    if one.dtype.kind == "f":
        sane = np.isfinite(one) & (one >= 0)
        return bool((sane | np.isnan(one)).all() if name == _MAY_BE_NAN else sane.all())
    most = MOST if one.dtype == np.int16 or name in ("wanted", "ready") else np.iinfo(one.dtype).max
    return bool(((one >= 0) & (one <= most)).all())
