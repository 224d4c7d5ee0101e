"""The two ways in to the peak model: along a recorded series, as in a replay, and for a fleet, as in the service.

Both are asked for the newest moment of one series whose days have 120 points; so a rule need not know which it is kept by.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.forecasting.peaks.boldness import EARNED, LADDER, OFF, Rung
from autoscaler.forecasting.peaks.finding import told
from autoscaler.forecasting.peaks.shadow import Pace, Terms
from autoscaler.forecasting.peaks.walk import Said, Walk
from autoscaler.model import Floats, GateState
from tests.unit.forecasting.fleets import DAY, MEMBER, START_S, schooled, time_of

STEP_S = 86_400.0 / DAY  # of a walk, whose days are never compressed
LADDERS: dict[str, tuple[Rung, ...]] = {"conservative": LADDER, "earned": EARNED}
_CLOCK = 9 * DAY  # points: of another series, where there is none of this one


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of the newest moment."""

    expected: float  # the quantile of the highest load ahead; NaN: nothing is
    provided: float  # load to provide for; NaN: none
    is_open: bool
    words: str  # why the gate stands as it does


def walked(values: Floats, ladder: tuple[Rung, ...]) -> tuple[Said, Walk]:
    """Walk through a series; return what was said of each point."""
    walk = Walk(Pace(STEP_S, start=2), Terms.alone(1.0, 0.7), START_S, ladder=ladder)
    return walk.advance(values, values), walk


def in_a_replay(values: Floats, ladder: str) -> Answer:
    """Ask a walk."""
    said, walk = walked(values, LADDERS[ladder])
    expected, rung = float(said.expected[-1]), int(said.rung[-1])
    standing = "learning" if math.isnan(expected) else "on trial" if walk.on_trial else "off" if rung == OFF else "in use"
    return Answer(expected, float(said.provided[-1]), rung != OFF, standing)


def in_the_service(values: Floats, ladder: str) -> Answer:
    """Ask a fleet that has learnt all that is due."""
    member = replace(MEMBER, earned=ladder == "earned")
    loads = {"shop": values} if np.isfinite(values[-1:]).any() else {"shop": values, "clock": np.ones(max(values.size, _CLOCK))}
    found = schooled(loads, dict.fromkeys(loads, member))[1]["shop"]
    made = told(found, MEMBER.quantile, time_of(values.size), 300.0)
    words = f"{made.reason} {made.message}" if made.message else ""
    return Answer(found.expected, found.provided, made.gate is GateState.OPEN, words)


WAYS: dict[str, Callable[[Floats, str], Answer]] = {"replay": in_a_replay, "service": in_the_service}
