"""Fleets for tests: short days, so that weeks of them are little data, and a school that teaches at once."""

import numpy as np

from autoscaler.forecasting.peaks.copies import LOADS, PACKED, ROWS, Copy, Naming, Plan
from autoscaler.forecasting.peaks.finding import Finding
from autoscaler.forecasting.peaks.fleet import Fleet
from autoscaler.forecasting.peaks.members import Member
from autoscaler.forecasting.types import NotEnoughHistory
from autoscaler.model import Floats, History

STEP_S = 30.0
DAY = 120  # points
DAY_S = DAY * STEP_S
START_S = 1_799_971_200.0
MEMBER = Member(lead_s=90.0, window_s=300.0, quantile=0.95, per_pod=1.0, capacity_ratio=1.4, seasons_s=(DAY_S,))


def busy_days(count: float, *, seed: int = 0, top: float = 20.0) -> Floats:
    """Days with a quiet night, a steep morning and a little noise."""
    at = np.arange(round(count * DAY)) % DAY / DAY
    day = np.clip((at - 0.3) / 0.05, 0.0, 1.0) * np.clip((0.85 - at) / 0.1, 0.0, 1.0)
    noise = np.random.default_rng(seed).normal(0, 0.01 * top, at.size)
    return np.maximum(top * (0.1 + 0.9 * day) + noise, 0.0)


def a_history(values: Floats, start_s: float = START_S) -> History:
    return History(start_s, STEP_S, values)


def time_of(points: int) -> float:
    """Return when the last of so many points is."""
    return START_S + (points - 1) * STEP_S


def told_of(loads: dict[str, Floats]) -> Fleet[str]:
    """Return a fleet that knows these loads, the newest point that of the longest."""
    fleet: Fleet[str] = Fleet.empty(STEP_S, 20 * DAY_S)
    fleet.keep(list(loads), time_of(max(values.size for values in loads.values())))
    fleet.lay({name: a_history(values) for name, values in loads.items()})
    return fleet


def goes_on(fleet: Fleet[str], loads: dict[str, Floats], points: int) -> None:
    """Let the fleet know the load up to so many points."""
    end_s = time_of(points)
    fleet.keep(list(loads), end_s)
    fleet.lay({name: History(end_s, STEP_S, values[points - 1 : points]) for name, values in loads.items()})


def learns(fleet: Fleet[str]) -> list[str]:
    """Learn all that is due; return what that was."""
    names = []
    while (work := fleet.due(lambda _: True)) is not None:
        names.append(work.name)
        try:
            work.done(work.job(*work.args))
        except NotEnoughHistory:
            work.refused()
    return names


def schooled(loads: dict[str, Floats], members: dict[str, Member] | None = None) -> tuple[Fleet[str], dict[str, Finding]]:
    """Return a fleet that has learnt all that these loads teach, and what it finds then."""
    fleet, of = told_of(loads), members or dict.fromkeys(loads, MEMBER)
    fleet.tick(of)
    learns(fleet)
    return fleet, fleet.tick(of)


def copies_of(fleet: Fleet[str], naming: Naming[str]) -> dict[str, Copy]:
    """Return all of a fleet in writing, in the order in which it is written."""
    plan = Plan.of(fleet)
    if plan is None:
        return {}
    loads = np.concatenate([plan.loads(first) for first in range(0, plan.shape[0], ROWS)])
    groups = {name: plan.part(name, naming) for name in plan.parts}
    return groups | {LOADS: Copy({PACKED: loads}, plan.words(naming))}
