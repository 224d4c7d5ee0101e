"""How far a forecast is taken at its word: a ladder from timid to bold, and which rung has paid on this workload.

A rung stretches the rise that is forecast and adds headroom. What it would have lost and spent over the last two weeks is known
from its shadow; the price says how much less lost load one per cent more pods must bring. Lean rungs decide alone, without the
reactive formula beside them: they are for policy Earned, and used only where they lost clearly less than the formula did.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.peaks.features import Seen
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

PRICE = 4.0  # one per cent more pods must bring so many per cent less lost load
MOST_RATIO = 1.25  # of the pods that the reactive formula alone would have had
_HYSTERESIS = 0.05  # of the logarithm of the cost: a rung must be better by so much to be changed to
_NO_LOSS = 1e-5  # share of load: less cannot be told from none
_STRETCHES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
_HEADROOMS = (0.0, 0.1, 0.3)
_LEAN_STRETCHES = (0.5, 1.0, 1.5, 2.0, 3.0)
_LEAN_HEADROOMS = (0.0, 0.05, 0.1, 0.2, 0.3)
_KEPT = 0.8  # of what the reactive formula lost: a lean rung that lost more has not earned it
_KEPT_NO_LOSS = 5e-6  # share of load: a lean rung may lose that much where the formula lost nothing
_LEAN_GAIN = 0.98  # of the pods of the rung in use: for less it is not changed
_BOUND = 1.5  # times the highest load so far: no forecast asks for more
_ROUND_GUARD = 1e-6  # pods

OFF = 0  # the rung that asks for nothing


@dataclass(frozen=True, slots=True)
class Rung:
    """One reading of a forecast: the rise times `stretch`, and `headroom` of the load above that."""

    stretch: float
    headroom: float
    lean: bool = False  # decides alone, with fewer pods than the reactive formula where it asks for fewer

    def provided(self, seen: Seen, rises: Floats, at: slice) -> Floats:
        """Return the load to provide for at some moments, at most half above the highest that ever came."""
        wanted = seen.loads(self.stretch * rises, at) * (1.0 + self.headroom)
        return np.asarray(np.minimum(wanted, _BOUND * seen.highest[at]))


LADDER = tuple(Rung(stretch, headroom) for stretch in _STRETCHES for headroom in _HEADROOMS)
EARNED = LADDER + tuple(Rung(stretch, room, lean=True) for stretch in _LEAN_STRETCHES for room in _LEAN_HEADROOMS)


def asks(seen: Seen, rises: Floats, at: slice, capacity: float, ladder: Sequence[Rung] = LADDER) -> Ints:
    """Return the pods that each rung asks for, shape (1 + rungs, moments); the first row asks for none."""
    rows = [np.ceil(rung.provided(seen, rises, at) / capacity - _ROUND_GUARD) for rung in ladder]
    return np.asarray(np.nan_to_num(np.stack([np.zeros_like(rows[0]), *rows])), dtype=np.int64)


def chosen(lost: Floats, spent: Floats, load: float, now: int, lean: Bools | None = None) -> int:
    """Return the rung that has paid best, `OFF` among them; `now` is the one in use.

    `lost` and `spent`, shape (1 + rungs,), are load and pods of the time looked back at, `load` is what came in all; `lean`, of
    the same shape, says which rungs are. Of lean ones that have earned it, the one that spent least is taken before any other.
    """
    if load <= 0:
        return OFF
    if lean is not None and (earned := _earned(lost, spent, load, now, lean)) is not None:
        return earned
    ratio = spent / max(float(spent[OFF]), 1e-9)
    cost = np.log(lost / load + _NO_LOSS) + PRICE * np.log(np.maximum(ratio, 1e-9))
    cost[ratio > MOST_RATIO] = np.inf
    if lean is not None:
        cost[lean] = np.inf
    cost[OFF] -= _HYSTERESIS  # off, where nothing is to be gained
    best = int(np.argmin(cost))
    return best if cost[best] < cost[now] - _HYSTERESIS or np.isinf(cost[now]) else now


def _earned(lost: Floats, spent: Floats, load: float, now: int, lean: Bools) -> int | None:
    """Return the lean rung to decide alone, or None where none has earned it."""
    may = lean & (lost <= max(_KEPT * float(lost[OFF]), _KEPT_NO_LOSS * load)) & (spent < _LEAN_GAIN * spent[OFF])
    if not may.any():
        return None
    best = int(np.argmin(np.where(may, spent, np.inf)))
    return now if may[now] and spent[best] >= _LEAN_GAIN * spent[now] else best
