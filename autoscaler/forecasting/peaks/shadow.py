"""What other ways to decide would have cost, tried beside the real one all the time, in numbers only.

Each way is a row of pretended replicas that follow the reactive formula (an HPA with an empty, defaulted `behavior`) and, where
it asks for more, a forecast; the lean ones follow the forecast alone. They differ in nothing else, so what they lose and spend
says what the forecast is worth. All ways of all series move together as arrays.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats

TOLERANCE = 0.1  # of the reactive formula, as the HPA has by default
MOST = 30_000  # pods that are pretended at most, whatever the bounds: so many fit into 16 bits, and no cluster has them
_BURST = 4  # pods that may be added within 15 s, or as many as there are
_BURST_S = 15.0
_MOST_BURSTS = 16  # in one step: doubling 30,000 pods so often is the last that fits into 32 bits
_WINDOW_S = 300.0  # the HPA's scale-down stabilization
_ROUND_GUARD = 1e-6  # pods

Pods = NDArray[np.int32]
Counts = NDArray[np.int16]  # pods as they are kept: half as long
_PLANES = ("coming", "proposed", "recent")  # rings over the last steps, shape (steps, series, ways)
_ROWS = ("wanted", "ready", "lost", "spent")  # shape (series, ways)


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes for all series of a batch."""

    step_s: float
    start: int  # steps from asking for a pod to its serving
    window_s: float = _WINDOW_S

    @property
    def window(self) -> int:
        """The stabilization window in steps."""
        return max(1, round(self.window_s / self.step_s))

    @property
    def bursts(self) -> int:
        """What the HPA's fastest rise of 15 s is multiplied by for a step: after that, doubling is the fastest."""
        return int(2 ** (min(_MOST_BURSTS, max(1, round(self.step_s / _BURST_S))) - 1))


@dataclass(frozen=True)
class Terms:
    """What pods of each series are worth, and how many there may be; shape (series,). May differ from step to step."""

    capacity: Floats  # load, as the series has it, that a pod serves within its SLO; NaN: not known
    target: Floats  # share of it that the reactive formula aims at
    least: Pods
    most: Pods
    tolerance: Floats  # share by which the load of a pod may be off the target before the formula acts

    @classmethod
    def alone(cls, capacity: float, target: float, least: int = 1, most: int = 200) -> "Terms":
        """Return the terms of a single series."""
        return cls(
            capacity=np.array([capacity]),
            target=np.array([target]),
            least=np.array([min(least, MOST)], dtype=np.int32),
            most=np.array([min(most, MOST)], dtype=np.int32),
            tolerance=np.array([TOLERANCE]),
        )

    @cached_property
    def valid(self) -> Bools:
        """Which series have terms to go by, shape (series,)."""
        per_pod = self.capacity * self.target
        return np.asarray(np.isfinite(per_pod) & (per_pod > 0) & np.isfinite(self.tolerance))

    @cached_property
    def columns(self) -> tuple[Floats, Floats, Pods, Pods, Floats]:
        """Capacity, what of it the formula aims at, least, most and tolerance, shape (series, 1); harmless if not valid."""
        capacity, target, tolerance = (
            np.where(self.valid, one, 1.0)[:, None] for one in (self.capacity, self.target, self.tolerance)
        )
        most = np.minimum(self.most, MOST).astype(np.int32)
        least = np.minimum(self.least, most).astype(np.int32)
        return capacity, capacity * target, least[:, None], most[:, None], tolerance


@dataclass(slots=True)
class Shadows:
    """Pretended replicas, shape (series, ways), and what they have cost since somebody last set that to zero.

    The rings turn with `steps`, which all series share; one that is held turns its own back.
    """

    pace: Pace
    lean: Bools  # (ways,): these go by the forecast alone, where it asks for something
    targets: Floats | None  # (ways,): of the reactive formula, instead of that of the terms
    wanted: Pods  # what was decided last
    ready: Pods
    coming: Counts  # (start, series, ways): asked for and not yet serving
    proposed: Counts  # (window, series, ways): what the reactive formula said in the last steps
    recent: Counts  # (start, series, ways): what forecasts asked for in the last steps
    lost: Floats  # load that found no pod
    spent: Floats  # pods times steps
    steps: int = 0
    _window: int = field(init=False)
    _bursts: int = field(init=False)
    _has_lean: bool = field(init=False)
    _orders: NDArray[np.intp] = field(init=False)  # (start, start): for each place in the rings, all of them from there back

    def __post_init__(self) -> None:
        self._window, self._bursts, self._has_lean = self.pace.window, self.pace.bursts, bool(self.lean.any())
        places = np.arange(self.pace.start)
        self._orders = (places[:, None] - places) % self.pace.start

    @classmethod
    def idle(cls, pace: Pace, lean: Bools, series: int, targets: Floats | None = None) -> "Shadows":
        """Return shadows of so many series without any pods, each with a way for each entry of `lean`."""
        shape = (series, lean.size)
        return cls(
            pace,
            lean,
            targets,
            wanted=np.zeros(shape, dtype=np.int32),
            ready=np.zeros(shape, dtype=np.int32),
            coming=np.zeros((pace.start, *shape), dtype=np.int16),
            proposed=np.zeros((pace.window, *shape), dtype=np.int16),
            recent=np.zeros((pace.start, *shape), dtype=np.int16),
            lost=np.zeros(shape),
            spent=np.zeros(shape),
        )

    @classmethod
    def begun(cls, pace: Pace, terms: Terms, loads: Floats, lean: Bools, targets: Floats | None = None) -> "Shadows":
        """Return shadows with as many pods as the reactive formula wants for loads, shape (series,).

        Each way may have a target of its own instead of that of the terms.
        """
        made = cls.idle(pace, lean, loads.size, targets)
        made.begin(np.arange(loads.size), loads, terms)
        return made

    def begin(self, rows: NDArray[np.intp], loads: Floats, terms: Terms) -> None:
        """Forget what some series had, and give them the pods that the reactive formula wants for `loads`, shape (series,)."""
        _, _, least, most, _ = terms.columns
        wanted = np.clip(np.ceil(self._pods_for(loads, terms) - _ROUND_GUARD), least, most).astype(np.int32)
        for name in _ROWS:
            getattr(self, name)[rows] = 0
        for name in _PLANES:
            getattr(self, name)[:, rows] = 0
        self.wanted[rows] = self.ready[rows] = wanted[rows]

    def step(self, loads: Floats, seen: Floats, asked: Counts, terms: Terms) -> Bools:
        """Let one step pass: pods come, the load is served, then it is decided by what was seen and what a forecast asks for.

        `loads` and `seen` have shape (series,), `asked` has (series, ways), 0 for nothing. Pods that are asked for serve
        `start` steps later, those that are given up no longer serve in the next step, the newest first. A series of which load
        or terms are not known stays as it stands. Returns which series took the step, shape (series,).
        """
        known = np.isfinite(loads + seen) & terms.valid
        if known.all():
            self.step_all(loads, seen, asked, terms)
            return known
        held = np.flatnonzero(~known)
        rows = {name: getattr(self, name)[held] for name in _ROWS}
        planes = {name: getattr(self, name)[:, held] for name in _PLANES}
        self.step_all(np.where(known, loads, 0.0), np.where(known, seen, 0.0), asked, terms)
        for name, values in rows.items():
            getattr(self, name)[held] = values
        for name, values in planes.items():
            getattr(self, name)[:, held] = np.roll(values, 1, axis=0)
        return known

    def step_all(self, loads: Floats, seen: Floats, asked: Counts, terms: Terms) -> None:
        """Do as `step`, for a caller who has seen that all loads and terms are known."""
        capacity, _, least, most, _ = terms.columns
        due = self.coming[self.steps % self.pace.start]
        self.ready += due
        due[...] = 0
        self.lost += np.maximum(loads[:, None] - self.ready * capacity, 0.0)
        reactive = self._reactive(seen, terms)
        if self._has_lean:
            reactive = np.where(self.lean & (asked > 0), least, reactive)
        wanted = np.minimum(np.maximum(reactive, self._held(asked)), most)
        self.spent += wanted
        change = wanted - self.wanted
        self.wanted = wanted
        if np.count_nonzero(change):  # quicker than `any`, which tells where there is one series
            self._carry_out(change)
        self.steps += 1

    def _pods_for(self, loads: Floats, terms: Terms) -> Floats:
        capacity, per_pod, *_ = terms.columns
        return np.asarray(loads[:, None] / (per_pod if self.targets is None else capacity * self.targets))

    def _reactive(self, seen: Floats, terms: Terms) -> Pods:
        """Return what an HPA would decide, at least `least`; what is above `most` is left to the caller."""
        _, _, least, most, tolerance = terms.columns
        now, load = self.wanted, self._pods_for(seen, terms)
        needed = np.minimum(np.ceil(load - _ROUND_GUARD), most).astype(np.int32)
        proposal = np.where(np.abs(load - now) <= tolerance * now, now, needed)
        self.proposed[self.steps % self._window] = proposal
        stabilised = np.maximum(proposal, np.minimum(now, self.proposed.max(axis=0)))
        fastest = np.maximum(now + _BURST, 2 * now) * self._bursts
        return np.asarray(np.maximum(np.minimum(stabilised, fastest), least))

    def _held(self, asked: Counts) -> Pods:
        """Return what forecasts ask for, and pods that are there and were asked for no longer ago than a pod takes to start."""
        self.recent[self.steps % self.pace.start] = asked
        return np.asarray(np.maximum(asked, np.minimum(self.recent.max(axis=0), self.wanted)))

    def _carry_out(self, change: Pods) -> None:
        """Let pods come, and take away the newest first."""
        newest = self.steps % self.pace.start
        surplus = np.maximum(-change, 0)
        if np.count_nonzero(surplus):
            order = self._orders[newest]
            newest_first = self.coming[order]
            before = np.cumsum(newest_first, axis=0, dtype=np.int16) - newest_first
            dropped = np.minimum(np.maximum(surplus - before, 0), newest_first)
            self.coming[order] = newest_first - dropped
            self.ready -= surplus - dropped.sum(axis=0, dtype=np.int32)
        self.coming[newest] += np.maximum(change, 0).astype(np.int16)
