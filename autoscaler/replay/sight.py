"""What is seen of the load at each step: the mean of the steps before it, of what came or, `capped`, of what pods could serve.

A step at which all pods were busy is *full*: what is seen of it is a lower bound of what came.
"""

from dataclasses import dataclass, field

import numpy as np

from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats
from autoscaler.replay.stage import SEEN_STEPS, seen_of


@dataclass(slots=True)
class Sight:
    """What is seen along a load, in pods, if from the step `cut` on no more is seen than pods serve; before it all is."""

    load: Floats
    cut: int
    capped: bool
    seen: Floats = field(init=False)  # at each step
    full: Bools = field(init=False)  # whether more may have come in the step than its pods served
    served: Floats = field(init=False)  # in the step; where that is not known yet, as it is expected

    def __post_init__(self) -> None:
        self.seen = seen_of(self.load)
        self.full = np.zeros(self.load.size, dtype=np.bool_)
        self.served = self.load.copy()

    def expect(self, first: int, last: int) -> None:
        """Put down what is seen at the steps `first` to before `last` as far as that is known, or expected."""
        if self.capped:
            for step in range(first, last):
                self._look(step)

    def serve(self, step: int, ready: int) -> bool:
        """Put down what so many pods served in a step, and what is seen at the next; say whether that was expected."""
        if not self.capped:
            return True
        load = float(self.load[step])
        served, is_full = min(load, float(ready)), load >= ready
        expected = bool(self.served[step] == served and self.full[step] == is_full)
        self.served[step], self.full[step] = served, is_full
        if step + 1 < self.load.size:
            self._look(step + 1)
        return expected

    def _look(self, step: int) -> None:
        shown = self.served[max(step - SEEN_STEPS, 0) : step].tolist()
        total = 0.0
        for one in shown:  # not `sum`, which rounds otherwise in newer versions of Python
            total += one
        if shown:
            self.seen[step] = total / len(shown)
