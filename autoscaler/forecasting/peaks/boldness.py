"""How far a forecast is taken at its word: a ladder from timid to bold, and which rung has paid on this workload.

A rung stretches the rise that one source expects (`sources.py`) and adds headroom. What it would have lost and spent over the
last two weeks is known from its shadow; the price says how much less lost load one per cent more pods must bring. Lean rungs
decide alone, without the reactive formula beside them: they are for policy Earned, and used only where they lost less than the
formula did, over these weeks and in the day that runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.peaks.shadow import MOST, Counts
from autoscaler.forecasting.peaks.sources import Source
from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

PRICE = 4.0  # one per cent more pods must bring so many per cent less lost load
MOST_RATIO = 1.25  # of the pods that the reactive formula alone would have had
_HYSTERESIS = 0.05  # of the logarithm of the cost: a rung must be better by so much to be changed to
_NO_LOSS = 1e-5  # share of load: less cannot be told from none
_STRETCHES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5)  # 0: no forecast, but the newest sample instead of a mean that lags
_HEADROOMS = (0.1, 0.3)
_LEAN_STRETCHES = (0.75, 1.0, 2.0, 3.0)
_LEAN_HEADROOMS = (0.0, 0.05, 0.1, 0.2)
_DAY_STRETCHES = (0.5, 0.75)  # of the way up to the highest load of the last day
_LEAN_DAY_STRETCHES = (0.25, 0.5)
_DAY_HEADROOMS = (0.0, 0.1)
_SEASON_HEADROOMS, _LEAN_SEASON_HEADROOMS = (0.1, 0.3), (0.0, 0.1)  # above what came at this time on the last days
_STEADY_HEADROOMS = (0.0, 0.1, 0.2, 0.3)  # above the forecast and the highest load of the last minutes
_LEAN_PRICE = 20.0  # as PRICE, among lean rungs: they are there to spend less
_LEAN_HYSTERESIS = 0.25  # of the logarithm of that cost: one per cent of the pods
_LEAN_FEWER, _LEAN_MORE = 0.075, 0.03  # a lean rung that asks for so little less or more, as a share, keeps its pods
_KEPT = 0.9  # of what the reactive formula lost: a lean rung that lost more has not earned it
_KEPT_NO_LOSS = 5e-6  # share of load: a lean rung may lose that much where the formula lost nothing
_LEAN_GAIN = 0.98  # of the pods of the reactive formula: for less it is not left alone
BOUND = 1.5  # times the highest load so far: no forecast asks for more
_ROUND_GUARD = 1e-6  # pods
_NO_PODS = 1e-9

OFF = 0  # the rung that asks for nothing


@dataclass(frozen=True, slots=True)
class Rung:
    """One reading of a forecast: the rise that `source` expects times `stretch`, and `headroom` of the load above that."""

    stretch: float
    headroom: float
    lean: bool = False  # decides alone, with fewer pods than the reactive formula where it asks for fewer
    source: Source = Source.MODEL


def _rungs(source: Source, stretches: Sequence[float], headrooms: Sequence[float], *, lean: bool = False) -> tuple[Rung, ...]:
    return tuple(Rung(stretch, room, lean, source) for stretch in stretches for room in headrooms)


LADDER = (
    _rungs(Source.MODEL, _STRETCHES, _HEADROOMS)
    + _rungs(Source.DAY, _DAY_STRETCHES, _DAY_HEADROOMS)
    + _rungs(Source.SEASON, (1.0,), _SEASON_HEADROOMS)
)
EARNED = (
    LADDER
    + _rungs(Source.MODEL, _LEAN_STRETCHES, _LEAN_HEADROOMS, lean=True)
    + _rungs(Source.DAY, _LEAN_DAY_STRETCHES, _DAY_HEADROOMS, lean=True)
    + _rungs(Source.SEASON, (1.0,), _LEAN_SEASON_HEADROOMS, lean=True)
    + _rungs(Source.STEADY, (1.0,), _STEADY_HEADROOMS, lean=True)
)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is foreseen at several moments of one series, or for several series at one moment: shape (n,), or one for all."""

    level: Floats  # logarithm of the load of now and the floor
    rises: Floats  # (sources, n): by how much each source expects it to rise; NaN: nothing is foreseen
    highest: Floats  # load that ever came
    floor: Floats | float  # load that is added before logarithms are taken

    def loads(self, rises: Floats, headroom: Floats | float = 0.0) -> Floats:
        """Return the loads that rises, shape (n,), and headroom come to, at most half above the highest that ever came."""
        wanted = np.maximum(np.exp(self.level + rises) - self.floor, 0.0) * (1.0 + headroom)
        return np.asarray(np.minimum(wanted, BOUND * self.highest))


def lean_of(ladder: Sequence[Rung]) -> Bools:
    """Return which ways decide alone, shape (1 + rungs,)."""
    return np.array([False, *(rung.lean for rung in ladder)])


def provided(outlook: Outlook, rungs: Ints, ladder: Sequence[Rung] = LADDER) -> Floats:
    """Return the loads to provide for by the rung that is in use at each moment, shape (n,); NaN where that is `OFF`."""
    ways = (Rung(math.nan, 0.0), *ladder)
    stretches, headrooms = np.array([(rung.stretch, rung.headroom) for rung in ways]).T
    sources = np.array([rung.source for rung in ways])
    return outlook.loads(stretches[rungs] * outlook.rises[sources[rungs], np.arange(rungs.size)], headrooms[rungs])


def asks(outlook: Outlook, capacity: Floats | float, ladder: Sequence[Rung] = LADDER) -> Counts:
    """Return the pods that each rung asks for, shape (n, 1 + rungs); the first column asks for none.

    `capacity` is the load that a pod serves, shape (n,) or one for all; where it is not known, none are asked for. Who decides
    alone asks for one pod where no load is expected: that is a count, and not silence, which leaves it to the formula.
    """
    per_pod = np.where(np.isfinite(capacity) & (np.asarray(capacity) > 0), capacity, np.inf)
    asked = np.zeros((outlook.level.size, 1 + len(ladder)), dtype=np.int16)
    for way, rung in enumerate(ladder, start=1):
        loads = outlook.loads(rung.stretch * outlook.rises[rung.source], rung.headroom)
        pods = pods_for(loads, per_pod)
        least = np.where(np.isfinite(loads) & np.isfinite(per_pod), 1.0, 0.0) if rung.lean else 0.0
        asked[:, way] = np.minimum(np.maximum(np.nan_to_num(pods), least), MOST)
    return asked


def steadied(asked: Counts, before: Counts, lean: Bools, needed: Floats) -> Counts:
    """Return what rungs ask for, shape (series, 1 + rungs), where lean ones keep to what they asked for before, if near to it.

    Under the formula the HPA's tolerance and its stabilization window do that; who decides alone would else have a pod come or
    go with every point. `needed`, shape (series,), are the pods that the newest load needs: fewer are never kept, as a lean
    rung leaves no room in them for a load that goes on to rise.
    """
    return np.where(lean & _near(asked, before, needed[:, None]), before, asked)


def served_by(pods: Counts, loads: Floats, needed: Floats, capacity: Floats | float) -> Floats:
    """Return loads to provide for, shape (n,); where the pods of a lean rung were kept as of `steadied`, what these serve.

    `pods` are those that it asked for, 0 for other rungs, and `needed` those that the newest load needs, of the same shape.
    """
    asked = pods_for(loads, capacity)
    return np.where((asked != pods) & _near(asked, pods, needed), pods * capacity, loads)


def pods_for(loads: Floats, capacity: Floats | float) -> Floats:
    """Return how many pods serve loads, NaN where either is not known."""
    return np.asarray(np.ceil(loads / capacity - _ROUND_GUARD))


def _near(asked: Counts | Floats, before: Counts, needed: Floats) -> Bools:
    """Return where as many pods as before do instead of those that are asked for now; nowhere if nothing is asked for."""
    little = (asked >= (1 - _LEAN_FEWER) * before) & (asked <= (1 + _LEAN_MORE) * before)
    return np.asarray((asked > 0) & (before >= needed) & little)


@dataclass(frozen=True, slots=True)
class Paid:
    """What ways of several series cost over the time that is looked back at."""

    lost: Floats  # (series, 1 + rungs): load that found no pod
    spent: Floats  # (series, 1 + rungs): pods times steps
    load: Floats  # (series,): all that came

    def of(self, rows: Ints) -> "Paid":
        """Return what some of the series paid."""
        return Paid(self.lost[rows], self.spent[rows], self.load[rows])

    @property
    def ratios(self) -> Floats:
        """Return pods over those of the reactive formula alone, shape (series, 1 + rungs)."""
        return np.asarray(self.spent / np.maximum(self.spent[:, OFF, None], _NO_PODS))

    @property
    def prices(self) -> Floats:
        """Return what is to be least, shape (series, 1 + rungs): logarithms of load lost and, weighed, of pods."""
        load = np.where(self.load > 0, self.load, 1.0)[:, None]
        return np.asarray(np.log(self.lost / load + _NO_LOSS) + PRICE * np.log(np.maximum(self.ratios, _NO_PODS)))


def chosen(paid: Paid, today: Paid, now: Ints, lean: Bools, allowed: Bools | None = None) -> Ints:
    """Return the rungs that have paid best, shape (series,), `OFF` among them; `now`, of that shape, are those in use.

    `today` is the part of `paid` of the day that runs. `lean`, shape (1 + rungs,), says which rungs are, `allowed`, shape
    (series,), who may use them: by default all. Of lean ones that have earned it, the cheapest is taken before any other.
    """
    at = np.arange(now.size)
    cost = paid.prices
    cost[paid.ratios > MOST_RATIO] = np.inf
    cost[:, lean] = np.inf
    cost[:, OFF] -= _HYSTERESIS  # off, where nothing is to be gained
    best = cost.argmin(axis=1)
    better = (cost[at, best] < cost[at, now] - _HYSTERESIS) | np.isinf(cost[at, now])
    found = np.where(better, best, now)
    if lean.any():
        may = lean & _kept(paid, _KEPT) & _kept(today, 1.0) & (paid.spent < _LEAN_GAIN * paid.spent[:, OFF, None])
        found = _cheapest(paid, now, may if allowed is None else may & allowed[:, None], found)
    return np.asarray(np.where(paid.load > 0, found, OFF))


def _kept(paid: Paid, share: float) -> Bools:
    """Return which rungs lost at most a share of what the formula lost, or next to nothing, shape (series, 1 + rungs)."""
    little = np.maximum(share * paid.lost[:, OFF], _KEPT_NO_LOSS * paid.load)
    return np.asarray(paid.lost <= little[:, None])


def _cheapest(paid: Paid, now: Ints, may: Bools, otherwise: Ints) -> Ints:
    """Return the lean rungs to decide alone of those that may, and what is used otherwise where none may."""
    if not may.any():
        return otherwise
    at, load = np.arange(now.size), np.where(paid.load > 0, paid.load, 1.0)[:, None]
    cost = np.log(paid.lost / load + _NO_LOSS) + _LEAN_PRICE * np.log(np.maximum(paid.spent, _NO_PODS))
    best = np.where(may, cost, np.inf).argmin(axis=1)
    stays = may[at, now] & (cost[at, best] >= cost[at, now] - _LEAN_HYSTERESIS)
    return np.where(may.any(axis=1), np.where(stays, now, best), otherwise)
