"""Forecasts of a replay by the peak model: what is seen is unfolded into the samples it is the mean of, and walked through.

What full pods served is a lower bound of what was wanted. Taken as it is it would teach that load stops rising where pods are
full, and on trial whatever was used would seem to lose nothing, since nothing more is seen than its own pods serve. So it
counts as somewhat more, as usage that ran into its limit does in the service. On recordings that lost a third less load than no
lift for 6 % more pods where it mattered; twice, the most that the service lifts by, lost more than that on bursts.
"""

from copy import copy
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, OFF
from autoscaler.forecasting.peaks.shadow import Pace, Terms
from autoscaler.forecasting.peaks.sources import TOLD
from autoscaler.forecasting.peaks.walk import Said, Walk
from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats
from autoscaler.replay.dates import dates_of
from autoscaler.replay.foresight import Foreseen, Question
from autoscaler.replay.stage import SEEN_STEPS, STEP_S, seen_of

_GUARD = 1e-6  # of a load
_DECIMALS = 6  # of a pod's capacity
_LIFT = 1.25  # times what full pods served: a full step mostly lacks little


@dataclass(slots=True)
class PeakForesight:
    """Implements `Foresight`."""

    question: Question
    _walk: Walk = field(init=False)

    def __post_init__(self) -> None:
        setting = self.question.setting
        pace = Pace(STEP_S, setting.lead)
        terms = Terms.alone(1.0, setting.target, setting.min_replicas, setting.max_replicas)
        ladder = EARNED if setting.earned else LADDER
        self._walk = Walk(pace, terms, self.question.start_s, setting.risk, ladder, dates=dates_of(self.question))

    @property
    def learns_at(self) -> int:
        """The step before which it learns anew."""
        return self._walk.learns_at + 1  # at a step, what came in the one before it is the newest point

    def copy(self) -> Self:
        """Return one that knows the same, and goes on by itself."""
        other = copy(self)
        other._walk = self._walk.copy()  # noqa: SLF001 - of the same class
        return other

    def block(self, seen: Floats, first: int, last: int, full: Bools | None = None) -> Foreseen:
        """Return the forecasts for the steps `first` to before `last`."""
        loads = unfolded(seen[:last])
        wanted = loads if full is None else np.where(full, _LIFT * loads, loads)
        said = self._walk.advance(wanted, seen[1:last])
        new = slice(first - last, None)
        provided = said.provided[new]
        words = _words(said, self._walk)
        return Foreseen(provided, ~np.isnan(provided), loads[new], said.expected[new], said.lean[new], words)


def unfolded(seen: Floats) -> Floats:
    """Return the load of each step, shape (n - 1,), of which `seen`, shape (n,), holds the means of the last four before each.

    The last of four is what the sum of these four has more than that of the four before, and the one that left it.
    """
    count = np.minimum(np.arange(1, seen.size), SEEN_STEPS)
    sums = seen[1:] * count
    change = np.diff(sums, prepend=0.0)
    loads = change.copy()
    for lane in range(SEEN_STEPS):  # each load gives way to the one four steps later
        loads[lane::SEEN_STEPS] = np.cumsum(change[lane::SEEN_STEPS])
    loads = np.maximum(loads, 0.0)
    # After an absurd sample nothing is left of the others in these sums: then what was seen has to do.
    wrong = np.abs(seen_of(np.append(loads, 0.0))[1:] - seen[1:]) > _GUARD * (1.0 + seen[1:])
    # Equal samples must come out equal: whether the load has changed at all is among what the model knows.
    return np.asarray(np.round(np.where(wrong, seen[1:], loads), _DECIMALS), dtype=np.float64)


def _words(said: Said, walk: Walk) -> str:
    if np.isnan(said.expected[-1]):
        return "learning: a day and a half of history is needed before the first model, two days more to try it"
    if walk.on_trial:
        return "on trial: forecasts are tried beside the reactive formula for two days before one of them is acted on"
    if said.rung[-1] == OFF:
        return "no reading of the forecast would have paid over the last two weeks: the reactive formula decides alone"
    rung = walk.ladder[said.rung[-1] - 1]
    if rung.lean:
        return (
            f"over the last two weeks {rung.stretch:g} times {TOLD[rung.source]}, and {rung.headroom:.0%} more, lost "
            "clearly less than the reactive formula: it decides alone"
        )
    return (
        f"over the last two weeks {rung.stretch:g} times {TOLD[rung.source]}, and {rung.headroom:.0%} more, "
        "would have cost least for what it saved"
    )
