"""A series walked through as time went on: refit, forecast, try in the shadow, choose. What is said rests on the past alone.

Refits are a day apart. The first stretch only teaches; from the first fit on all rungs are on trial, so that by the time
somebody is to act on a forecast, its worth on this series has been measured on days it had not seen.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.forecasting import seasons
from autoscaler.forecasting.peaks import boldness, model, rolling, sources
from autoscaler.forecasting.peaks.boldness import OFF, Outlook, Rung
from autoscaler.forecasting.peaks.calibration import Calibration
from autoscaler.forecasting.peaks.dates import NO_DATES, Dates
from autoscaler.forecasting.peaks.features import Grid, Seen, features
from autoscaler.forecasting.peaks.grid import DAY_S, own_season
from autoscaler.forecasting.peaks.kinds import FLOOR_PODS, LEARNING_DAYS
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.forecasting.peaks.shadow import Counts, Pace, Terms
from autoscaler.forecasting.peaks.sources import Source
from autoscaler.forecasting.peaks.trials import Trials
from autoscaler.forecasting.types import Bools, Ints, NotEnoughHistory
from autoscaler.model import Floats

_LOOK_BACK_S = 14 * DAY_S  # for a season of its own


@dataclass(frozen=True, slots=True)
class Said:
    """What was said at some moments, shape (moments,)."""

    expected: Floats  # the quantile of the highest load ahead as it was learnt, calibrated; NaN while learning
    provided: Floats  # the load to provide for, by the rung in use; NaN where nothing is asked for
    rung: Ints
    lean: Bools  # it may decide alone


@dataclass(slots=True)
class Walk:
    """One series on its way; `advance` takes it on."""

    pace: Pace
    terms: Terms  # of the one series
    start_s: float  # time of the first point
    quantile: float = model.QUANTILE  # of the peak, that the model learns
    ladder: tuple[Rung, ...] = boldness.LADDER
    own_seasons: bool = True  # look for a season that is no hour, day or week
    dates: Dates = NO_DATES  # what is known beforehand of its calendar
    at: int = 0  # points that have been walked through
    _season_s: float | None = None
    _model: PeakModel | None = None
    _refit_at: int | None = None
    _trials: Trials | None = None
    _calibration: Calibration | None = None

    def advance(self, loads: Floats, measured: Floats) -> Said:
        """Walk on to the end of `loads`, shape (n,), the whole series so far, NaN in gaps; say what was said of each new point.

        `measured`, shape (n,), is the load as the reactive formula sees it at the same moments: an average, which lags.
        """
        parts = []
        while self.at < loads.size:
            end = min(self.learns_at, loads.size)
            if end == self.at:
                self._refit(loads[: self.at])
                continue
            parts.append(self._stretch(loads[:end], measured[:end]))
            self.at = end
        return Said(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("expected", "provided", "rung", "lean"))
        )

    @property
    def on_trial(self) -> bool:
        """Whether forecasts are not acted on yet, however good they are."""
        return self._trials is None or not self._trials.warm[0]

    @property
    def learns_at(self) -> int:
        """The point before which a model is learnt next."""
        return round(LEARNING_DAYS * DAY_S / self.pace.step_s) if self._refit_at is None else self._refit_at

    def copy(self) -> "Walk":
        """Return one that is as far as this, and goes on by itself."""
        return replace(self, _trials=deepcopy(self._trials), _calibration=deepcopy(self._calibration))

    @property
    def _capacity(self) -> float:
        return float(self.terms.capacity[0])

    def _refit(self, loads: Floats) -> None:
        self._refit_at = loads.size + round(DAY_S / self.pace.step_s)
        if self.own_seasons:
            self._season_s = own_season(seasons.find(loads[-round(_LOOK_BACK_S / self.pace.step_s) :], self.pace.step_s))
        try:
            self._model = model.fit([model.rows_of(self._seen(loads))], self.quantile)
        except NotEnoughHistory:
            return

    def _seen(self, loads: Floats) -> Seen:
        grid = Grid(self.start_s, self.pace.step_s, 2, self.pace.start + 1, season_s=self._season_s, dates=self.dates)
        return Seen(loads, grid, FLOOR_PODS * self._capacity)

    def _stretch(self, loads: Floats, measured: Floats) -> Said:
        new = slice(self.at, loads.size)
        size = loads.size - self.at
        if self._model is None:
            nothing = np.full(size, np.nan)
            return Said(nothing, nothing, np.full(size, OFF), np.zeros(size, dtype=np.bool_))
        seen = self._seen(loads)
        known = features(seen, new)
        rises = sources.rises(self._model.rises(known), known, seen.grid)
        outlook = Outlook(seen.level[new], rises, seen.highest[new], seen.floor)
        rungs, pods = self._tried(loads[new], measured[new], boldness.asks(outlook, self._capacity, self.ladder))
        provided = boldness.provided(outlook, rungs, self.ladder)
        provided = boldness.served_by(pods, provided, boldness.pods_for(loads[new], self._capacity), self._capacity)
        stated = self._stated(seen, rises[Source.MODEL], new)
        return Said(seen.loads(stated, new), provided, rungs, boldness.lean_of(self.ladder)[rungs])

    def _stated(self, seen: Seen, learnt: Floats, new: slice) -> Floats:
        """Return the rises to state at new points, raised until the quantile holds."""
        delay = seen.grid.last
        if self._calibration is None:
            self._calibration = Calibration.begun(self.quantile, delay)
        came = rolling.before(seen.targets(), delay)[new]
        return np.array([self._calibration.step(learnt[at : at + 1], came[at : at + 1])[0] for at in range(learnt.size)])

    def _tried(self, loads: Floats, measured: Floats, asked: Counts) -> tuple[Ints, Counts]:
        """Try all rungs at new points, and return the one in use at each and the pods that it asks for, if it is lean."""
        if self._trials is None:
            self._trials = Trials.begun(self.pace, self.ladder, 1)
        rungs, pods = np.empty(loads.size, dtype=np.int64), np.empty(loads.size, dtype=np.int16)
        for at in range(loads.size):
            here = slice(at, at + 1)
            self._trials.step(loads[here], measured[here], asked[here], self.terms)
            rungs[at], pods[at] = self._trials.rungs[0], self._trials.pods[0]
        return rungs, pods
