"""A series walked through as time went on: refit, forecast, try in the shadow, choose. What is said rests on the past alone.

Refits are a day apart, choices an hour. The first stretch only teaches; from the first fit on the shadows count, so that by the
time somebody is to act on a forecast, its worth on this series has been measured on days it had not seen.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from autoscaler.forecasting.peaks import boldness, model
from autoscaler.forecasting.peaks.boldness import OFF, Rung
from autoscaler.forecasting.peaks.features import Grid, Seen, features
from autoscaler.forecasting.peaks.model import PeakModel
from autoscaler.forecasting.peaks.shadow import Shadows, Terms
from autoscaler.forecasting.types import Bools, Ints, NotEnoughHistory
from autoscaler.model import Floats

_FLOOR_PODS = 0.3  # loads below this many pods are not told apart
_FIRST_FIT_S = 1.5 * 86_400.0
_REFIT_S = 86_400.0
_CHOICE_S = 3600.0
_WARM_S = 43_200.0  # shadows walk so long before a rung is chosen
_LOOK_BACK_S = 14 * 86_400.0


@dataclass(frozen=True, slots=True)
class Said:
    """What was said at some moments, shape (moments,)."""

    expected: Floats  # the quantile of the highest load ahead as it was learnt; NaN while learning
    provided: Floats  # the load to provide for, by the rung in use; NaN where nothing is asked for
    rung: Ints
    lean: Bools  # it may decide alone


@dataclass(slots=True)
class Walk:
    """One series on its way; `advance` takes it on."""

    terms: Terms
    start_s: float  # time of the first point
    quantile: float = model.QUANTILE  # of the peak, that the model learns
    ladder: tuple[Rung, ...] = boldness.LADDER
    at: int = 0  # points that have been walked through
    _model: PeakModel | None = None
    _refit_at: int | None = None
    _shadows: Shadows | None = None
    _since: int = 0  # the point at which the shadows began
    _rung: int = OFF
    _lost: list[Floats] = field(default_factory=list)  # by each rung, summed up to each choice
    _spent: list[Floats] = field(default_factory=list)
    _load: list[float] = field(default_factory=list)
    _total: float = 0.0  # load that came since the shadows began
    _measured: float = 0.0  # what the next decision of the shadows goes by
    _asked: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def advance(self, loads: Floats, measured: Floats) -> Said:
        """Walk on to the end of `loads`, shape (n,), the whole series so far, NaN in gaps; say what was said of each new point.

        `measured`, shape (n,), is the load as the reactive formula sees it at the same moments: an average, which lags.
        """
        parts = []
        while self.at < loads.size:
            end = min(self._refit_due(), loads.size)
            if end == self.at:
                self._refit(loads[: self.at])
                continue
            parts.append(self._stretch(loads[:end], measured[:end]))
            self.at = end
        return Said(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("expected", "provided", "rung", "lean"))
        )

    @property
    def _lean(self) -> Bools:
        return np.array([False, *(rung.lean for rung in self.ladder)])

    def _refit_due(self) -> int:
        if self._refit_at is None:
            self._refit_at = round(_FIRST_FIT_S / self.terms.step_s)
        return self._refit_at

    def _refit(self, loads: Floats) -> None:
        self._refit_at = loads.size + round(_REFIT_S / self.terms.step_s)
        try:
            seen = self._seen(loads)
            self._model = model.fit([model.rows_of(seen, features(seen))], self.quantile)
        except NotEnoughHistory:
            return

    def _seen(self, loads: Floats) -> Seen:
        lead = self.terms.start
        return Seen(loads, Grid(self.start_s, self.terms.step_s, 2, lead + 1), _FLOOR_PODS * self.terms.capacity)

    def _stretch(self, loads: Floats, measured: Floats) -> Said:
        new = slice(self.at, loads.size)
        size = loads.size - self.at
        if self._model is None:
            nothing = np.full(size, np.nan)
            return Said(nothing, nothing, np.full(size, OFF), np.zeros(size, dtype=np.bool_))
        seen = self._seen(loads)
        rises = self._model.rises(features(seen)[new])
        asked = boldness.asks(seen, rises, new, self.terms.capacity, self.ladder)
        rungs = self._tried(loads[new], measured[new], asked)
        provided = np.full(size, np.nan)
        for rung in np.unique(rungs[rungs != OFF]):
            here = rungs == rung
            provided[here] = self.ladder[rung - 1].provided(seen, rises, new)[here]
        return Said(seen.loads(rises, new), provided, rungs, self._lean[rungs])

    def _tried(self, loads: Floats, measured: Floats, asked: Ints) -> Ints:
        """Walk the shadows through new points, and return the rung that is in use at each."""
        if self._shadows is None:
            self._since, self._measured, self._asked = self.at, float(np.nan_to_num(measured[0])), asked[:, 0]
            self._shadows = Shadows.begun(self.terms, self._measured, self._lean)
        every = round(_CHOICE_S / self.terms.step_s)
        rungs = np.empty(loads.size, dtype=np.int64)
        for offset in range(loads.size):
            if (self.at + offset - self._since) % every == 0:
                self._choose(every)
            rungs[offset] = self._rung
            if math.isnan(loads[offset]):
                continue
            self._total += float(loads[offset])
            self._shadows.step(float(loads[offset]), self._measured, self._asked)
            if not math.isnan(measured[offset]):
                self._measured = float(measured[offset])
            self._asked = asked[:, offset]
        return rungs

    def _choose(self, every: int) -> None:
        shadows = self._shadows
        if shadows is None:
            return
        self._lost.append(shadows.lost.copy())
        self._spent.append(shadows.spent.copy())
        self._load.append(self._total)
        if (len(self._lost) - 1) * every < _WARM_S / self.terms.step_s:
            return
        past = max(0, len(self._lost) - 1 - round(_LOOK_BACK_S / _CHOICE_S))
        lost, spent = self._lost[-1] - self._lost[past], self._spent[-1] - self._spent[past]
        self._rung = boldness.chosen(lost, spent, self._load[-1] - self._load[past], self._rung, self._lean)
