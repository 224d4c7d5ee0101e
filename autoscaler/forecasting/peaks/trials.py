"""Every rung of the ladder on trial beside the reactive formula, for many series at once, and the rung of each that is in use.

Whoever has forecasts tells at each step what came, what was measured and what each rung asks for; shadows act on it, a ledger
keeps what that cost over two weeks, and once an hour the rung that has paid is chosen. Nobody acts on a forecast before it was
on trial for two days: one day may look like the one before it by chance, and its night is a single one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autoscaler.forecasting.peaks import boldness, state
from autoscaler.forecasting.peaks.boldness import OFF, Paid, Rung
from autoscaler.forecasting.peaks.grid import DAY_S
from autoscaler.forecasting.peaks.ledger import DAYS, Ledger, Steps
from autoscaler.forecasting.peaks.shadow import Counts, Pace, Shadows, Terms
from autoscaler.forecasting.peaks.state import Array, Arrays
from autoscaler.forecasting.peaks.worth import Worth, worth
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

_CHOICES = 24  # a day
TRYING_DAYS = 2.0  # on trial before a rung is chosen: forecasts must have held for two seasons


@dataclass(slots=True)
class Trials:
    """Series on trial, in rows; each begins with the first load that is known of it."""

    pace: Pace
    ladder: tuple[Rung, ...]
    day_s: float
    shadows: Shadows
    ledger: Ledger
    rungs: Ints  # (series,): in use
    load: Floats  # (series,): that came today
    tried: Steps  # (series,): steps of today of which the load was known
    measured: Floats  # (series,): what the next decision goes by; NaN: not begun
    asked: Counts  # (series, 1 + rungs): pods that forecasts ask for, in the next decision; lean ones steadied
    steps: int = 0
    _all_begun: bool = False
    _every: int = field(init=False)
    _has_lean: bool = field(init=False)

    def __post_init__(self) -> None:
        self._has_lean = bool(self.shadows.lean.any())
        self._every = max(1, round(self.day_s / _CHOICES / self.pace.step_s))

    @classmethod
    def begun(cls, pace: Pace, ladder: tuple[Rung, ...], series: int, day_s: float = DAY_S) -> "Trials":
        """Return trials of series that are not known yet; a demonstration may have shorter days."""
        ways = 1 + len(ladder)
        return cls(
            pace,
            ladder,
            day_s,
            shadows=Shadows.idle(pace, boldness.lean_of(ladder), series),
            ledger=Ledger.empty(series, ways),
            rungs=np.full(series, OFF),
            load=np.zeros(series),
            tried=np.zeros(series, dtype=np.int32),
            measured=np.full(series, np.nan),
            asked=np.zeros((series, ways), dtype=np.int16),
        )

    @property
    def series(self) -> int:
        """How many there are."""
        return self.rungs.size

    @property
    def tried_s(self) -> Floats:
        """For how long each series was on trial in the time that is looked back at, shape (series,)."""
        return np.asarray((self.ledger.tried.sum(axis=0) + self.tried) * self.pace.step_s)

    @property
    def warm(self) -> Bools:
        """Which series were on trial for long enough to act on a forecast, shape (series,)."""
        return np.asarray(self.tried_s >= TRYING_DAYS * self.day_s)

    def step(self, loads: Floats, measured: Floats, asked: Counts, terms: Terms, lean: Bools | None = None) -> None:
        """Let one step pass.

        `loads`, shape (series,), came in it; the shadows serve it with what was told before, and what is told now they go by
        in the next: `measured`, shape (series,), the load as the reactive formula sees it, and `asked`, shape (series,
        1 + rungs), as of `boldness.asks`. What is NaN of `measured` stays as it was. `lean`, shape (series,), says which series
        may use lean rungs; by default all. `rungs` are then those to act by now.
        """
        self._turn(lean)
        if not self._all_begun:
            self._begin(loads, measured, asked, terms)
        self.steps += 1
        if self._has_lean:
            asked = boldness.steadied(asked, self.asked, self.shadows.lean, boldness.pods_for(loads, terms.capacity))
        if (np.isfinite(loads + measured) & terms.valid).all():
            self.shadows.step_all(loads, self.measured, self.asked, terms)
            self.load += loads
            self.tried += 1
            self.measured, self.asked = measured.copy(), asked.copy()
        else:
            self._step_some(loads, measured, asked, terms)

    def _step_some(self, loads: Floats, measured: Floats, asked: Counts, terms: Terms) -> None:
        stepped = self.shadows.step(loads, self.measured, self.asked, terms)
        self.load[stepped] += loads[stepped]
        self.tried[stepped] += 1
        self.asked = np.where(stepped[:, None], asked, self.asked)
        self.measured = np.where(stepped & np.isfinite(measured), measured, self.measured)

    @property
    def pods(self) -> Counts:
        """The pods that the lean rungs in use ask for, shape (series,); 0 where none is."""
        if not self._has_lean:
            return np.zeros(self.series, dtype=np.int16)
        return np.where(self.shadows.lean[self.rungs], self.asked[np.arange(self.series), self.rungs], 0)

    def costs(self, rows: Ints | None = None) -> Worth:
        """Return what some series' ways, or those of all, cost in the time that is looked back at."""
        rows = np.arange(self.series) if rows is None else rows
        return worth(self.ledger.with_today(self._today, rows), self.rungs[rows], self.shadows.lean)

    def with_rows(self, count: int) -> "Trials":
        """Return trials with so many new series after these."""
        new = Trials.begun(self.pace, self.ladder, count, self.day_s).arrays()
        return _like(self, state.joined(self.arrays(), new))

    def kept(self, rows: Ints) -> "Trials":
        """Return the trials of some of the series, in this order."""
        return _like(self, state.taken(self.arrays(), rows))

    def take_over(self, rows: Ints, other: "Trials", others: Ints) -> None:
        """Put series of other trials, of the same pace and ladder, in place of some of these, as of now."""
        mine, theirs = self.arrays(), other.arrays()
        later = self.steps - other.steps
        rings = {"coming": self.pace.start, "proposed": self.pace.window, "recent": self.pace.start}
        turns = {name: later % size for name, size in rings.items()}
        turns |= dict.fromkeys(state.DAYS, (self.ledger.days - other.ledger.days) % DAYS)
        for name, axis in state.AXES.items():
            turned = np.roll(theirs[name], turns[name], axis=0) if name in turns else theirs[name]
            np.moveaxis(mine[name], axis, 0)[rows] = np.moveaxis(turned, axis, 0)[others]
        self._all_begun = False

    def arrays(self) -> Arrays:
        """Return all there is to know, to be saved: the arrays themselves, which change with the next step."""
        shadows, ledger = self.shadows, self.ledger
        shadow = {name: getattr(shadows, name) for name in state.SHADOWS}
        days = {name: getattr(ledger, name.removesuffix("_days")) for name in state.DAYS}
        own = {name: getattr(self, name) for name in state.OWN}
        clock = np.array([self.steps, ledger.days], dtype=np.int64)
        return {**shadow, **days, **own, "clock": clock, **state.signature(self.pace, self.ladder, self.day_s)}

    @classmethod
    def restored(cls, pace: Pace, ladder: tuple[Rung, ...], arrays: Mapping[str, Array], day_s: float = DAY_S) -> "Trials":
        """Return trials as they were when `arrays` was taken; these are copied.

        Raises `ValueError` when they are not those of such trials.
        """
        rungs = arrays.get("rungs")
        made = cls.begun(pace, ladder, 0 if rungs is None else rungs.size, day_s)
        state.check(arrays, made.arrays())
        return _like(made, {name: np.array(one) for name, one in arrays.items()})

    def _begin(self, loads: Floats, measured: Floats, asked: Counts, terms: Terms) -> None:
        """Give pods to series of which something is known for the first time."""
        new = np.flatnonzero(np.isnan(self.measured) & np.isfinite(loads) & terms.valid)
        if new.size:
            seen = np.where(np.isfinite(measured), measured, loads)
            self.shadows.begin(new, np.nan_to_num(seen, posinf=0.0), terms)
            self.measured[new], self.asked[new] = seen[new], asked[new]
        self._all_begun = not np.isnan(self.measured).any()

    @property
    def _today(self) -> Paid:
        return Paid(self.shadows.lost, self.shadows.spent, self.load)

    def _turn(self, lean: Bools | None) -> None:
        """Begin another day or hour, where one is over."""
        if self.steps and self.steps % (_CHOICES * self._every) == 0:
            self.ledger.close(self._today, self.tried)
            for sums in (self.shadows.lost, self.shadows.spent, self.load, self.tried):
                sums[...] = 0
        if self.steps % self._every == 0:
            self._choose(lean)
        elif lean is not None:  # who may no longer run lean does not wait for the next choice
            self.rungs[self.shadows.lean[self.rungs] & ~lean] = OFF

    def _choose(self, lean: Bools | None) -> None:
        warm = self.warm
        self.rungs[~warm] = OFF
        rows = np.flatnonzero(warm)
        if rows.size:
            today = self._today.of(rows)
            paid = self.ledger.with_today(self._today, rows)
            moved = self.ledger.moved(self._today, self.tried, rows)
            allowed = moved if lean is None else moved & lean[rows]
            self.rungs[rows] = boldness.chosen(paid, today, self.rungs[rows], self.shadows.lean, allowed)


def _like(one: Trials, arrays: Arrays) -> Trials:
    """Return trials of the same pace and ladder with other arrays."""
    steps, days = (int(count) for count in arrays["clock"])
    shadow: dict[str, Any] = {name: arrays[name] for name in state.SHADOWS}
    past: dict[str, Any] = {name.removesuffix("_days"): arrays[name] for name in state.DAYS}
    own: dict[str, Any] = {name: arrays[name] for name in state.OWN}
    shadows, ledger = replace(one.shadows, **shadow, steps=steps), replace(one.ledger, **past, days=days)
    return replace(one, shadows=shadows, ledger=ledger, **own, steps=steps, _all_begun=False)
