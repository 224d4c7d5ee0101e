"""Forecasts of a replay by the peak model: what is seen is unfolded into the samples it is the mean of, and walked through."""

from dataclasses import dataclass, field

import numpy as np

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, OFF, Rung
from autoscaler.forecasting.peaks.shadow import Terms
from autoscaler.forecasting.peaks.walk import Said, Walk
from autoscaler.model import Floats
from autoscaler.replay.foresight import Foreseen, Question
from autoscaler.replay.stage import SEEN_STEPS, STEP_S, seen_of

_GUARD = 1e-6  # of a load
_DECIMALS = 6  # of a pod's capacity


@dataclass(slots=True)
class PeakForesight:
    """Implements `Foresight`."""

    question: Question
    _walk: Walk = field(init=False)

    def __post_init__(self) -> None:
        setting = self.question.setting
        terms = Terms(
            capacity=1.0,
            target=setting.target,
            start=setting.lead,
            step_s=STEP_S,
            least=setting.min_replicas,
            most=setting.max_replicas,
        )
        ladder = EARNED if setting.earned else LADDER
        self._walk = Walk(terms, self.question.start_s, setting.risk, ladder)

    def block(self, seen: Floats, first: int, last: int) -> Foreseen:
        """Return the forecasts for the steps `first` to before `last`."""
        loads = unfolded(seen[:last])
        said = self._walk.advance(loads, seen[1:last])
        new = slice(first - last, None)
        provided = said.provided[new]
        words = _words(said, self._walk.ladder)
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


def _words(said: Said, ladder: tuple[Rung, ...]) -> str:
    if np.isnan(said.expected[-1]):
        return "learning: a day and a half of history is needed before the first model, half a day more to try it"
    if said.rung[-1] == OFF:
        return "no reading of the forecast would have paid over the last two weeks: the reactive formula decides alone"
    rung = ladder[said.rung[-1] - 1]
    if rung.lean:
        return (
            f"over the last two weeks {rung.stretch:g} times the rise that is forecast, and {rung.headroom:.0%} more, lost "
            "clearly less than the reactive formula: it decides alone"
        )
    return (
        f"over the last two weeks {rung.stretch:g} times the rise that is forecast, and {rung.headroom:.0%} more, "
        "would have cost least for what it saved"
    )
