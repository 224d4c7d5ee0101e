"""The HPA and its pods once more, written plainly from docs/replay.md and in exact fractions, to compare the replay with.

It shares nothing with the code of the service: the formula, the tolerance, both windows and the rate of growth are here again.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

TOLERANCE = Fraction(1, 10)
WINDOW = 20  # steps of 15 s


@dataclass(frozen=True)
class Row:
    desired: int
    ready: int


def simulated(
    load: list[Fraction], cut: int, *, target: Fraction, lead: int, bounds: tuple[int, int], capped: bool = False
) -> list[Row]:
    """Play the steps from the cut on; `load` is in pods."""
    served = list(load)  # what the metric shows of each step, once it is over
    bounded = lambda count: max(bounds[0], min(bounds[1], count))  # noqa: E731
    current = bounded(ceil(mean(load[max(0, cut - 4) : cut]) / target))
    serving_from = [cut] * current  # one entry a pod, the oldest first
    asked: list[int] = []
    rows: list[Row] = []
    for step in range(cut, len(load)):
        ready = sum(since <= step for since in serving_from)
        seen = mean((served if capped else load)[max(0, step - 4) : step])
        ratio = seen / (target * current)
        proposal = current if abs(ratio - 1) <= TOLERANCE else ceil(seen / target)
        asked.append(proposal)
        wanted = proposal
        if proposal < current:
            wanted = min(current, max(asked[-WINDOW:]))
        wanted = bounded(min(wanted, max(current + 4, 2 * current)) if wanted > current else wanted)
        served[step] = min(load[step], Fraction(ready))
        rows.append(Row(wanted, ready))
        serving_from = (serving_from + [step + lead] * (wanted - current))[:wanted]
        current = wanted
    return rows


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)
