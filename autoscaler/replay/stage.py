"""What a replay plays: the load held onto steps of 15 s, where training ends, and what a pod serves."""

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from autoscaler.model import Floats
from autoscaler.replay.recorded import DAY_S, Recorded, Unusable

STEP_S = 15.0
SEEN_STEPS = 4  # of which the mean is what everybody sees
UNSCORED_STEPS = 240  # the first hour after the cut
DEFAULT_DAYS = 21.0
_MOST_STEPS = 40_000_000  # 19 years
_CAPACITY_QUANTILE, _CAPACITY_PODS = 0.999, 40
_GUARD = 1e-9  # steps; what floating point adds to a whole number of them must not cost one


@dataclass(frozen=True, slots=True)
class Setting:
    """How pods are scaled: what the HPA is told, and what pods take."""

    target: float = 0.7  # of a pod's capacity
    start_s: float = 60.0  # from asking for a pod to its serving
    min_replicas: int = 1
    max_replicas: int = 200
    risk: float = 0.95  # quantile of the load that forecasts are for
    earned: bool = False  # policy Earned: forecasts that have earned it may decide with fewer pods than the HPA
    capped: bool = False  # the load that is seen is what pods could serve, as with CPU
    time_zone: str = "UTC"  # whose clocks the load goes by
    holidays: tuple[str, ...] | None = None  # YYYY-MM-DD; None: nobody said which days are
    schedules: tuple[str, ...] = ()  # that are known beforehand: a cron line and how many seconds it lasts

    @property
    def lead(self) -> int:
        """Steps from asking for a pod to its serving; at least one, as what is decided counts from the next step."""
        return max(1, math.ceil(self.start_s / STEP_S - _GUARD))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a recording is played; None: by default."""

    history_days: float | None = None
    evaluate_from_s: float | None = None
    pod_capacity: float | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A load to be played: `load[i]` is that of the 15 s from `start_s + 15 * i` on, in pods that it keeps busy."""

    name: str
    start_s: float
    load: Floats
    cut: int  # step at which decisions begin; what is before only trains
    capacity: float  # of a pod, in the load's own unit
    notes: tuple[str, ...] = field(default=())

    @property
    def steps(self) -> int:
        """How many steps are decided on."""
        return self.load.size - self.cut

    @property
    def scored(self) -> int:
        """First step that is scored."""
        return self.cut + UNSCORED_STEPS

    def at_s(self, step: int) -> float:
        """Return the time of a step."""
        return self.start_s + STEP_S * step


def staged(recorded: Recorded, wanted: Wanted) -> Stage:
    """Return the stage for a recording; raises Unusable when it cannot be played as wanted."""
    if recorded.values.size * recorded.step_s / STEP_S > _MOST_STEPS:
        raise Unusable(
            f"{recorded.name}: {recorded.values.size} samples every {recorded.step_s:g} s are more than can be replayed"
        )
    used, notes = _used(recorded, wanted)
    load = held(used)
    cut = load.size // 2
    if wanted.evaluate_from_s is not None:
        cut = math.ceil((wanted.evaluate_from_s - used.start_s) / STEP_S - _GUARD)
    if cut < 1:
        first = iso(used.start_s)
        raise Unusable(f"--evaluate-from: {recorded.name} begins at {first}, and something must be left before it to train on")
    if load.size - cut <= UNSCORED_STEPS:
        left_min = max(0, load.size - cut) * STEP_S / 60
        raise Unusable(
            f"{recorded.name}: from {iso(used.start_s + cut * STEP_S)} on there is {left_min:.0f} min of load, and the first "
            "hour is not scored; give a longer series, or an earlier --evaluate-from"
        )
    capacity, how = _capacity(used.values, wanted.pod_capacity)
    return Stage(used.name, used.start_s, load / capacity, cut, capacity, (*used.notes, *notes, *how))


def held(recorded: Recorded) -> Floats:
    """Return the load on steps of 15 s: the newest sample holds until the next; of finer samples the mean of each step."""
    count = math.floor(recorded.values.size * recorded.step_s / STEP_S + _GUARD)
    if recorded.step_s >= STEP_S:
        at = np.floor(np.arange(count) * (STEP_S / recorded.step_s) + _GUARD).astype(np.int64)
        return np.asarray(recorded.values[np.minimum(at, recorded.values.size - 1)], dtype=np.float64)
    steps, samples = np.arange(count + 1) * STEP_S, np.arange(recorded.values.size + 1) * recorded.step_s
    edges = np.unique(np.round(np.concatenate([steps, samples]), 6))
    edges = edges[edges <= steps[-1]]
    middle, length_s = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    part = recorded.values[np.minimum((middle / recorded.step_s).astype(np.int64), recorded.values.size - 1)] * length_s
    return np.bincount((middle / STEP_S).astype(np.int64), weights=part, minlength=count)[:count] / STEP_S


def seen_of(load: Floats) -> Floats:
    """Return what is seen at each step: the mean of the four steps before it, of fewer at the start, of the first at step 0."""
    count = np.clip(np.arange(load.size), 1, SEEN_STEPS)
    sums = np.zeros(load.size)
    for back in range(1, SEEN_STEPS + 1):  # not by differences of one sum, in which one absurd sample would swallow the rest
        sums[back:] += load[:-back]
    sums[0] = load[0]
    return np.asarray(sums / count)


def iso(at_s: float) -> str:
    """Return a time as ISO 8601 in UTC, with milliseconds only where there are some."""
    precision = "seconds" if float(at_s).is_integer() else "milliseconds"
    return datetime.fromtimestamp(at_s, tz=UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _used(recorded: Recorded, wanted: Wanted) -> tuple[Recorded, tuple[str, ...]]:
    """Return the part that is played, and a note where that is not all of it."""
    days = DEFAULT_DAYS if wanted.history_days is None else wanted.history_days
    earliest_s = (recorded.end_s if wanted.evaluate_from_s is None else wanted.evaluate_from_s) - days * DAY_S
    skipped = max(0, math.floor((earliest_s - recorded.start_s) / recorded.step_s + _GUARD))
    if skipped >= recorded.values.size:
        raise Unusable(f"--evaluate-from: {recorded.name} ends at {iso(recorded.end_s)}, before anything could be evaluated")
    if skipped == 0:
        return recorded, ()
    whole_days = recorded.values.size * recorded.step_s / DAY_S
    which = f"the last {days:g} days" if wanted.evaluate_from_s is None else f"what is from {days:g} days before the cut on"
    note = f"of {whole_days:.1f} days only {which} are used (--history)"
    start_s = recorded.start_s + skipped * recorded.step_s
    return replace(recorded, start_s=start_s, values=recorded.values[skipped:]), (note,)


def _capacity(values: Floats, given: float | None) -> tuple[float, tuple[str, ...]]:
    if given is not None:
        return given, ()
    high = float(np.quantile(values, _CAPACITY_QUANTILE)) or float(values.max())
    if high <= 0:
        return 1.0, ("the load is always zero, so that a pod's capacity does not matter",)
    capacity = high / _CAPACITY_PODS
    how = f"--pod-capacity was not given: the 99.9 % quantile of the load is taken to keep {_CAPACITY_PODS} pods busy"
    return capacity, (how,)
