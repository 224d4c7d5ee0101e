"""Forecasts of a replay by the forecasters and the gate of the service: fitted anew twice a day, asked at every minute.

The service fits once a minute. What it says then is hardly different, and a replay of weeks would take days.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from autoscaler.forecasting import gate, seasons
from autoscaler.forecasting.backtest import steps_up_to
from autoscaler.forecasting.choice import Choice, choose
from autoscaler.forecasting.types import Fitted, Ints, NotEnoughHistory, Task
from autoscaler.model import Floats, GateState
from autoscaler.replay.foresight import Foreseen, Question
from autoscaler.replay.stage import STEP_S

_POINT = 4  # steps: what is seen is their mean, so every fourth says all
_POINT_S = _POINT * STEP_S
_REFIT = 720  # points between two fits
_LONGEST = 14 * 1440  # points of history that are fitted on
_BOUND = 1.5  # times the highest load so far: no forecast asks for more
_NEEDED_SEASONS = 2.0
_FLAT_RATIO = 1e-6


@dataclass(frozen=True, slots=True)
class _Model:
    """What was learnt at one moment; None: nothing that can be forecast by."""

    choice: Choice | None
    fitted: Fitted | None
    highest: float
    is_open: bool
    said: str


_NOTHING = _Model(None, None, 0.0, is_open=False, said="")


@dataclass(slots=True)
class SeasonalForesight:
    """Implements `Foresight`."""

    question: Question
    _at: int = -1  # point up to which the model was fitted
    _model: _Model = _NOTHING
    _last: tuple[int, Floats] | None = field(default=None)  # a point and what was said at it, for blocks of one step

    @property
    def _lead(self) -> int:
        # From a point on until the next is asked about: the forecast of a point serves the steps up to the next one.
        return max(1, math.ceil((self.question.setting.lead + _POINT - 1) / _POINT))

    def block(self, seen: Floats, first: int, last: int) -> Foreseen:
        """Return the forecasts for the steps `first` to before `last`."""
        points = seen[::_POINT]  # point k is what was seen at step 4 k
        asked = np.arange(first // _POINT, (last - 1) // _POINT + 1)
        parts = []
        for fit_at in np.unique(asked // _REFIT * _REFIT).tolist():
            self._learn(points, fit_at)
            parts.append(self._say(points, asked[asked // _REFIT * _REFIT == fit_at]))
        said = np.concatenate(parts, axis=1)
        rows = said[:, np.arange(first, last) // _POINT - asked[0]]
        return Foreseen(rows[0], rows[3] > 0, rows[1], rows[2], said=self._model.said)

    def _learn(self, points: Floats, at: int) -> None:
        """Choose and fit on what was seen up to a point, unless that was done."""
        if at == self._at:
            return
        learnt = _learnt(points[: at + 1], self._lead, self.question, was_open=self._model.is_open)
        self._at, self._model, self._last = at, learnt, None

    def _say(self, points: Floats, at: Ints) -> Floats:
        """Return peak, median, upper and whether the gate is open, shape (4, points)."""
        model = self._model
        if model.choice is None or model.fitted is None or not at.size:
            return np.vstack([np.full((3, at.size), np.nan), np.zeros((1, at.size))])
        if self._last is not None and at.size == 1 and self._last[0] == at[0]:
            return self._last[1]
        since = _since(self._at)
        values = points[since : int(at[-1]) + 1] / model.highest
        paths = model.fitted.paths(values, at - since, steps_up_to(self._lead))
        expected = np.clip(np.nan_to_num(paths), 0.0, _BOUND)
        record = model.choice.record
        margin = record.margin(self.question.setting.risk)
        upper = np.minimum(record.upper(expected, margin), _BOUND) * model.highest
        rows = np.vstack([upper.max(axis=1), expected[:, -1] * model.highest, upper[:, -1], np.full(at.size, model.is_open)])
        self._last = (int(at[-1]), rows[:, -1:])
        return rows


def _since(at: int) -> int:
    return max(0, at - _LONGEST)


def _learnt(points: Floats, lead: int, question: Question, *, was_open: bool) -> _Model:
    at = points.size - 1
    values = points[_since(at) :]
    highest = float(values.max())
    if highest - float(values.min()) <= _FLAT_RATIO * highest:
        return _Model(None, None, highest, is_open=False, said="the load has not changed yet; there is nothing to forecast")
    found_s = seasons.find(values, _POINT_S)
    if not found_s:
        return _Model(None, None, highest, is_open=False, said=f"no season was found in {at / 1440:.1f} days of history")
    seen_seasons = values.size * _POINT_S / found_s[0]
    if seen_seasons < _NEEDED_SEASONS:
        said = f"learning, {math.floor(10 * seen_seasons) / 10:.1f} of {_NEEDED_SEASONS:.0f} seasons"
        return _Model(None, None, highest, is_open=False, said=said)
    scaled = values / highest
    try:
        choice = choose(scaled, tuple(one / _POINT_S for one in found_s), lead, question.setting.risk)
        fitted = choice.forecaster.fit(scaled, Task(choice.season, lead))
    except NotEnoughHistory as error:
        return _Model(None, None, highest, is_open=False, said=f"learning: {error}")
    verdict = gate.verdict(choice, was_open=was_open)
    return _Model(choice, fitted, highest, verdict.gate is GateState.OPEN, verdict.message)
