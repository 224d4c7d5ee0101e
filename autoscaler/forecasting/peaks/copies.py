"""A fleet as plain arrays and words that can be written down, and a fleet made of them again.

What cannot be used is left out: its series are read and learnt from as if they were new. Loads and groups are written one after
the other, so a group counts only beside the loads of the same moment.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.forecasting.peaks import columns
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.forecasting.peaks.grid import DAY_S
from autoscaler.forecasting.peaks.group import Group
from autoscaler.forecasting.peaks.kept import NotAModel, model_arrays, model_from
from autoscaler.forecasting.peaks.kinds import STARTS, Kind
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.forecasting.peaks.packed import Codes
from autoscaler.forecasting.peaks.schooling import Schooling
from autoscaler.forecasting.peaks.trials import Trials

K = TypeVar("K", bound=Hashable)
Json = dict[str, Any]

LOADS = "loads"
PACKED = "packed"  # the array of the loads
ROWS = 256  # of the loads that are copied at once: 10 MB at two weeks of minutes
PART = 2048  # series of a group in one part: 9 MB, and 17 MB where policy Earned is tried too
_MODEL, _TRIALS = "model-", "trials-"
_CHECKS, _CHECKED = "checks", 3  # how calibration went: offset, count and share of each series


@dataclass(frozen=True, slots=True)
class Copy:
    """What is written under one name."""

    arrays: Mapping[str, NDArray[Any]]
    words: Json


@dataclass(frozen=True, slots=True)
class Naming(Generic[K]):
    """How series are called in writing; `read` raises ValueError where a text is no series."""

    write: Callable[[K], Any]
    read: Callable[[Any], K]


@dataclass(frozen=True, slots=True)
class Plan(Generic[K]):
    """What is to be written of a fleet as of one moment, in parts that are taken one after the other.

    Two weeks of thousands of series are hundreds of megabytes, of which there is no room for a second copy. So the fleet goes
    on between the parts: loads are taken as they were, but groups, whose trials turn with each tick, before the next one.
    """

    fleet: Fleet[K]
    ticked: int | None
    end: int  # the point that all is as of
    keys: tuple[K, ...]
    parts: Mapping[str, tuple[Kind, tuple[K, ...]]]  # of groups, by name

    @classmethod
    def of(cls, fleet: Fleet[K]) -> "Plan[K] | None":
        """Return what is to be written now; None: nothing."""
        if not fleet.rows:
            return None
        found = [
            (kind, tuple(there[first : first + PART]))
            for kind, group in fleet.groups.items()
            for there in [[key for key in group.keys if key in fleet.rows]]  # one that has gone leaves its group with a tick
            for first in range(0, len(there), PART)
        ]
        end = round(fleet.loads.end_s / fleet.loads.step_s) if fleet.ticked is None else fleet.ticked
        keys = tuple(sorted(fleet.rows, key=fleet.rows.__getitem__))
        return cls(fleet, fleet.ticked, end, keys, {f"group-{at}": one for at, one in enumerate(found)})

    @property
    def holds(self) -> bool:
        """Whether parts of groups can still be taken."""
        return self.fleet.ticked == self.ticked

    @property
    def shape(self) -> tuple[int, int]:
        """Of the loads."""
        return len(self.keys), self.fleet.loads.points

    def part(self, name: str, naming: Naming[K]) -> Copy:
        """Return a part of a group, as a copy."""
        kind, keys = self.parts[name]
        return _group_copy(self, self.fleet.groups[kind], keys, naming)

    def loads(self, first: int) -> Codes:
        """Return the loads of `ROWS` series from one on, as a copy; of those that have gone meanwhile there are gaps."""
        keys = self.keys[first : first + ROWS]
        there = [(at, self.fleet.rows[key]) for at, key in enumerate(keys) if key in self.fleet.rows]
        found = np.zeros((len(keys), self.shape[1]), dtype=np.uint16)
        if there:
            at, rows = np.array(there, dtype=np.int64).T
            found[at] = self.fleet.loads.as_of(self.end, rows)
        return found

    def words(self, naming: Naming[K]) -> Json:
        """Return what is to be known beside the loads, which are written last: it names what is whole by then."""
        return {
            "step_s": self.fleet.loads.step_s,
            "points": self.fleet.loads.points,
            "end": self.end,
            "series": [naming.write(key) for key in self.keys],
            "groups": list(self.parts),
        }


def restored(step_s: float, points: int, copies: Mapping[str, Copy], naming: Naming[K]) -> Fleet[K]:
    """Return the fleet that copies tell of; raises ValueError where its loads cannot be used."""
    try:
        words = copies[LOADS].words
        if (words["step_s"], words["points"]) != (step_s, points):
            raise ValueError(f"loads were kept for {words['points']} points of {words['step_s']} s, not {points} of {step_s} s")
        keys = [naming.read(one) for one in words["series"]]
        fleet: Fleet[K] = Fleet(Loads.restored(step_s, points, copies[LOADS].arrays[PACKED], int(words["end"])))
        if len(keys) != len(fleet.loads) or len(set(keys)) != len(keys):
            raise ValueError(f"{len(keys)} series are named for {len(fleet.loads)} rows of loads")
        fleet.rows |= {key: row for row, key in enumerate(keys)}
        fleet.ticked = int(words["end"])
        for name in words["groups"]:
            with suppress(KeyError, TypeError, ValueError):  # a group that is not whole is learnt again
                _restore_group(fleet, copies[name], naming)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the copy of the loads lacks something, or has it in another form: {error!r}") from error
    return fleet


def _group_copy(plan: Plan[K], group: Group[K], keys: Sequence[K], naming: Naming[K]) -> Copy:
    at = {key: row for row, key in enumerate(group.keys)}
    rows, of = np.array([at[key] for key in keys], dtype=np.int64), group.calibrations
    arrays: dict[str, NDArray[Any]] = {_CHECKS: np.stack([of.calibration.offset[rows], of.count[rows], of.held[rows]])}
    arrays |= {_TRIALS + name: array for name, array in group.trials.kept(rows).arrays().items()}
    if group.model is not None:
        arrays |= {_MODEL + name: array for name, array in model_arrays(group.model).items()}
    words = {
        "kind": asdict(group.kind),
        "columns": columns.VERSION,
        "end": plan.end,
        "series": [naming.write(key) for key in keys],
        "untried": [naming.write(key) for key in keys if key in group.untried],
        "seasons_s": [None if math.isnan(one_s := group.seasons_s.get(key, math.nan)) else one_s for key in keys],
        "learns_s": max(plan.fleet.schools[group.kind].learns_s, 0.0),
    }
    return Copy(arrays, words)


def _restore_group(fleet: Fleet[K], copy: Copy, naming: Naming[K]) -> None:
    """Take a group in, as much of it as can be used: without its trials they are held on the past once more."""
    words, kind = copy.words, _kind(copy.words["kind"], fleet.loads.step_s)
    keys = [naming.read(one) for one in words["series"]]
    group: Group[K] = Group(kind)
    school: Schooling[K] = Schooling(kind)
    try:
        group.model = _model(copy)
        school.learns_s = float(words["learns_s"])
    except NotAModel:
        group.model = None
    group.join(keys)
    group.know(keys, np.array([math.nan if one_s is None else float(one_s) for one_s in words["seasons_s"]]))
    same = words["end"] == fleet.ticked and fleet.rows.keys() >= set(keys) and len(set(keys)) == len(keys)
    if same and group.model is not None:
        _restore_trials(group, copy, naming)
    if (before := fleet.groups.get(kind)) is None:
        fleet.groups[kind], fleet.schools[kind] = group, school
    elif before.keys and not set(before.keys) & set(keys):  # another part of the same
        before.absorb(group)
    fleet.kinds |= {key: kind for key in keys if key not in fleet.kinds or key not in group.untried}  # two: it is moving


def _model(copy: Copy) -> PeakModel:
    """Return the model of a group; raises `NotAModel` where there is none, or one that learnt from other features."""
    if (version := copy.words.get("columns")) != columns.VERSION:
        raise NotAModel(f"it was learnt from features of version {version}, and these are of version {columns.VERSION}")
    return model_from(_part(copy, _MODEL))


def _kind(words: Json, step_s: float) -> Kind:
    """Return a kind as it was written down; raises ValueError or TypeError where it is none."""
    numbers = {name: float(words[name]) for name in ("window_s", "day_s", "quantile")}
    start, earned = words["start"], words["earned"]
    if words["step_s"] != step_s or start not in STARTS or not isinstance(earned, bool):
        raise ValueError(f"{words} is no kind of series")
    if not (0 < numbers["quantile"] < 1 and 0 < numbers["day_s"] <= DAY_S and 0 <= numbers["window_s"] < math.inf):
        raise ValueError(f"{words} is no kind of series")
    return Kind(step_s=step_s, start=start, earned=earned, **numbers)


def _restore_trials(group: Group[K], copy: Copy, naming: Naming[K]) -> None:
    kind, checks = group.kind, copy.arrays[_CHECKS]
    try:
        trials = Trials.restored(kind.pace, kind.ladder, _part(copy, _TRIALS), kind.day_s)
    except ValueError:
        return
    if trials.series != len(group.keys) or checks.shape != (_CHECKED, trials.series) or not np.isfinite(checks).all():
        return
    group.trials = trials
    of = group.calibrations
    of.calibration.offset, of.count, of.held = (np.maximum(one, 0.0) for one in checks.astype(np.float64))
    group.untried = {naming.read(one) for one in copy.words["untried"]} & set(group.keys)


def _part(copy: Copy, prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in copy.arrays.items() if name.startswith(prefix)}
