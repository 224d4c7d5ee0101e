"""What a replay asks of forecasts. They look back only: nothing that is said of a step may depend on what came after it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from autoscaler.forecasting.types import Bools
from autoscaler.model import Floats
from autoscaler.replay.stage import Setting


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Forecasts of a stretch of steps; each array has one entry a step, loads are in the unit of what was seen.

    `peak` is the quantile (the setting's risk) of the highest load from the step on until a pod that is asked for then serves;
    NaN: there is no forecast. It is acted upon where `is_open`. `median` and `upper` are what is expected of the load at that
    very time, for the picture.
    """

    peak: Floats
    is_open: Bools
    median: Floats
    upper: Floats
    lean: Bools | None = None  # where it has earned to decide alone; None: nowhere
    said: str = ""  # at the last of the steps: in one sentence, why the gate stands as it does

    @staticmethod
    def nothing(steps: int, said: str) -> "Foreseen":
        """Return no forecast, and why there is none."""
        none = np.full(steps, np.nan)
        return Foreseen(none, np.zeros(steps, dtype=np.bool_), none, none, said=said)


class Foresight(Protocol):
    """Makes forecasts along a replay."""

    @property
    def learns_at(self) -> int:
        """The step before which it learns anew, which takes long; one of the past: before the next."""
        ...

    def copy(self) -> Self:
        """Return one that knows the same, and goes on by itself."""
        ...

    def block(self, seen: Floats, first: int, last: int, full: Bools | None = None) -> Foreseen:
        """Return the forecasts for the steps `first` to before `last`.

        `seen` is what was seen at each step of 15 s from the beginning to before `last`, in pods that the load keeps busy (a
        pod's capacity is 1); it must not be changed. What is said of step i comes from `seen[: i + 1]` alone. Blocks are asked
        for in the order of time, without gaps, the first at the cut; into how many pieces they are cut must not change what is
        said. `full`, shape (last - 1,), says of which steps a lower bound is seen; none by default.
        """
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What a foresight is made for."""

    setting: Setting
    start_s: float  # time of the first step, in seconds since the epoch, for calendars
    cut: int  # the first step that is asked about
    end_s: float = math.inf  # of the last step


MakeForesight = Callable[[Question], Foresight]
