"""One replay from stage to figures: Foresail, the HPA beside it, and the least that would have served everything."""

from collections.abc import Callable
from dataclasses import dataclass

from autoscaler.replay.foresight import MakeForesight, Question
from autoscaler.replay.peaks import PeakForesight
from autoscaler.replay.retuned import Retuned, of_same_cost
from autoscaler.replay.score import Comparison, score
from autoscaler.replay.stage import Setting, Stage
from autoscaler.replay.walk import Course, clairvoyant, walk

Progress = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a stage."""

    stage: Stage
    setting: Setting
    foresail: Course
    hpa: Course
    minimum: Course
    scores: Comparison
    same_cost: Retuned | None = None  # an HPA that costs what Foresail does

    @property
    def open_ratio(self) -> float:
        """Share of time in which forecasts might act."""
        return float(self.foresail.is_open.mean())


def _silent(_done: int, _all: int) -> None:
    """Tell nobody."""


def play(stage: Stage, setting: Setting, make: MakeForesight = PeakForesight, progress: Progress = _silent) -> Replayed:
    """Return what Foresail and the HPA would have done, and what that would have cost."""
    both = 2 * stage.steps
    hpa = walk(stage, setting, None, lambda done: progress(done, both))
    foresight = make(Question(setting, stage.start_s, stage.cut, stage.at_s(stage.load.size)))
    ours = walk(stage, setting, foresight, lambda done: progress(stage.steps + done, both))
    minimum = clairvoyant(stage, setting)
    scores = Comparison(score(stage, ours), score(stage, hpa), score(stage, minimum))
    same_cost = of_same_cost(stage, setting, scores.foresail.pod_hours)
    return Replayed(stage, setting, ours, hpa, minimum, scores, same_cost)
