"""Series that are forecast, tried and learnt from together: one model, one set of trials, one row each.

What a model states is calibrated as it goes, and the share of moments at which it held is counted.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from autoscaler.forecasting.peaks import boldness, sources
from autoscaler.forecasting.peaks.boldness import OFF, Outlook
from autoscaler.forecasting.peaks.checked import Checked
from autoscaler.forecasting.peaks.curve import Curve
from autoscaler.forecasting.peaks.finding import Balance, Finding
from autoscaler.forecasting.peaks.kinds import Kind
from autoscaler.forecasting.peaks.loads import Loads
from autoscaler.forecasting.peaks.members import Member, Members
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.forecasting.peaks.now import Own, features_now
from autoscaler.forecasting.peaks.sources import Source
from autoscaler.forecasting.peaks.trials import Trials
from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats

K = TypeVar("K", bound=Hashable)

_CAUGHT_UP = 10  # points at most of which the load is known only now: what forecasts asked for before them held meanwhile


@dataclass(slots=True)
class Group(Generic[K]):
    """Series of one kind, in rows; `keys` names them."""

    kind: Kind
    keys: list[K] = field(default_factory=list)
    model: PeakModel | None = None
    curve: Curve | None = None  # for people to look at; no copy of it is saved, after a restart it is learnt again
    untried: set[K] = field(default_factory=set)  # on whose past no model has been tried yet
    seasons_s: dict[K, float] = field(default_factory=dict)  # that were found: no hour, day or week; NaN for none
    trials: Trials = field(init=False)
    calibrations: Checked = field(init=False)

    def __post_init__(self) -> None:
        self.trials = Trials.begun(self.kind.pace, self.kind.ladder, 0, self.kind.day_s)
        self.calibrations = Checked.begun(self.kind, 0)

    def join(self, keys: Sequence[K]) -> None:
        """Take series in; they are on trial from now on, and on their past once that has been learnt from."""
        self.trials = self.trials.with_rows(len(keys))
        self.calibrations = self.calibrations.joined(len(keys))
        self.keys.extend(keys)
        self.untried.update(keys)

    def keep(self, keys: frozenset[K]) -> None:
        """Let all other series go."""
        rows = np.array([row for row, key in enumerate(self.keys) if key in keys], dtype=np.int64)
        if rows.size == len(self.keys):
            return
        self.trials = self.trials.kept(rows)
        self.calibrations = self.calibrations.kept(rows)
        self.keys = [self.keys[row] for row in rows]
        self.untried &= keys
        self.seasons_s = {key: one_s for key, one_s in self.seasons_s.items() if key in keys}

    def absorb(self, other: "Group[K]") -> None:
        """Take over the series of another group of this kind, with all that is known of them."""
        first, count = len(self.keys), len(other.keys)
        self.join(other.keys)
        self.untried -= set(other.keys) - other.untried
        self.seasons_s |= other.seasons_s
        self.trials.take_over(first + np.arange(count), other.trials, np.arange(count))
        self.calibrations.take_over(first, other.calibrations)

    def begin_anew(self) -> None:
        """Forget what forecasts were worth: it is too long ago, and what has come since will say it again."""
        self.trials = Trials.begun(self.kind.pace, self.kind.ladder, len(self.keys), self.kind.day_s)
        self.calibrations = Checked.begun(self.kind, len(self.keys))
        self.untried = set(self.keys)

    def know(self, keys: Sequence[K], seasons_s: Floats) -> None:
        """Take over the own seasons, NaN for none, that were found in some series."""
        self.seasons_s |= {key: float(one_s) for key, one_s in zip(keys, seasons_s, strict=True)}

    def take_over(self, keys: Sequence[K], trials: Trials) -> None:
        """Put what series came to on their past, a row for each of `keys`, in place of what little they came to since."""
        at = {key: row for row, key in enumerate(self.keys)}
        pairs = [(at[key], row) for row, key in enumerate(keys) if key in self.untried]
        if pairs:
            rows, others = np.array(pairs, dtype=np.int64).T
            self.trials.take_over(rows, trials, others)
        self.untried.difference_update(keys)

    def tick(self, loads: Loads, rows: Ints, members: Sequence[Member], steps: int) -> dict[K, Finding]:
        """Return what is found of each series, at `rows` of `loads`, `steps` points after the last tick."""
        of, missed = Members.of(members), max(0, min(steps, _CAUGHT_UP) - 1)
        recent = loads.values(rows, self.kind.start + missed)
        load = recent[:, -1]
        level = np.log(load + of.floor)
        outlook = Outlook(level, self._rises(loads, rows, of, load), np.nan_to_num(loads.highest[rows]), of.floor)
        for ago in range(missed, 0, -1):
            self._step(recent[:, :-ago], of, None, steps - missed if ago == missed else 1)
        if steps:
            self._step(recent, of, outlook, 1 if missed else steps)
        return self._findings(of, outlook, load, loads.known(rows), loads.ages_s(rows))

    def _step(self, recent: Floats, of: Members, outlook: Outlook | None, steps: int) -> None:
        """Let a point pass, the last of `recent`, `steps` after the one before; without an outlook nothing was foreseen."""
        load, nothing = recent[:, -1], np.full(recent.shape[0], np.nan)
        said, level = (nothing, nothing) if outlook is None else (outlook.rises[Source.MODEL], outlook.level)
        self.calibrations.step(said, level, np.log(recent[:, -self.kind.start :].max(axis=1) + of.floor), steps)
        if self.model is not None:
            asked = self.trials.asked if outlook is None else boldness.asks(outlook, of.capacity, self.kind.ladder)
            self.trials.step(load, load, asked, of.terms)

    def _rises(self, loads: Loads, rows: Ints, of: Members, load: Floats) -> Floats:
        """Return what each source expects, shape (sources, series)."""
        rises = np.full((len(Source), rows.size), np.nan)
        there = np.flatnonzero(np.isfinite(load) & np.isfinite(of.floor))
        if self.model is None or not there.size:
            return rises
        grid = self.kind.grid(loads.end_s)
        own = Own(of.floor[there], self.own_seasons_s(self.keys, of)[there], [of.dates[row] for row in there.tolist()])
        known = features_now(loads, rows[there], grid, own)
        rises[:, there] = sources.rises(self.model.rises(known), known, grid)
        return rises

    def own_seasons_s(self, keys: Sequence[K], of: Members) -> Floats:
        """Return the own season of some series, given or found; NaN for none."""
        given_s = of.seasons_s(self.kind.day_s)
        found_s = np.array([self.seasons_s.get(key, math.nan) for key in keys])
        return np.where(np.isnan(given_s), found_s, given_s)

    def _findings(self, of: Members, outlook: Outlook, load: Floats, known: Ints, ages_s: Floats) -> dict[K, Finding]:
        kind, trials = self.kind, self.trials
        provided = boldness.provided(outlook, trials.rungs, kind.ladder)
        provided = boldness.served_by(trials.pods, provided, boldness.pods_for(load, of.terms.capacity), of.capacity)
        expected, tried_days = outlook.loads(self.calibrations.stated(outlook.rises[Source.MODEL])), trials.tried_s / kind.day_s
        coverage = self.calibrations.coverage
        balances = self._balances()
        return {
            key: Finding(
                lead_s=kind.start * kind.step_s,
                day_s=kind.day_s,
                load=float(load[row]),
                age_s=float(ages_s[row]),
                known_days=float(known[row] / kind.day_points),
                tried_days=float(tried_days[row]),
                expected=float(expected[row]),
                provided=float(provided[row]),
                rung=None if trials.rungs[row] == OFF else kind.ladder[trials.rungs[row] - 1],
                balance=balances[row],
                coverage_ratio=math.nan if np.isnan(coverage[row]) else float(coverage[row]),
                fault=of.faults[row],
            )
            for row, key in enumerate(self.keys)
        }

    def _balances(self) -> list[Balance | None]:
        """Return what the rung in use came to, or the best other one where none is in use."""
        costs = self.trials.costs()
        none = self.trials.rungs == OFF
        lost = np.where(none, costs.other.lost_ratio, costs.used.lost_ratio)
        pods = np.where(none, costs.other.pods_ratio, costs.used.pods_ratio)
        shares = np.nan_to_num(np.where(none, costs.other.lost, costs.used.lost))
        known = np.isfinite(pods) & ~(none & (costs.other.rung == OFF))
        balances = zip(lost.tolist(), pods.tolist(), shares.tolist(), known.tolist(), strict=True)
        return [Balance(*balance) if is_known else None for *balance, is_known in balances]


def grouped(kinds: Mapping[K, Kind]) -> dict[Kind, list[K]]:
    """Return series by their kind, in the order given."""
    found: dict[Kind, list[K]] = {}
    for key, kind in kinds.items():
        found.setdefault(kind, []).append(key)
    return found
