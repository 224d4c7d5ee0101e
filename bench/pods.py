"""Pods that are played, many ways side by side: the HPA with a target for each, and what a forecast asks for beside it.

The HPA is the one with an empty, defaulted `behavior`. At step i: pods asked for `start` steps ago serve; the load is served;
it is decided by what is seen; what is given up goes at once, the newest pending first. The replay and the shadows of the
service play the same, the one by the service's own decisions, the other with one target for all; tests hold the three together.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats
from autoscaler.replay.stage import STEP_S, UNSCORED_STEPS

START_STEPS = 4  # 60 s from asking to serving, and as long pods are kept that a forecast asked for
LEAST, MOST = 1, 200
_TOLERANCE = 0.1
_BURST = 4
_WINDOW_STEPS = 20  # 300 s of scale-down stabilization
_GUARD = 1e-6  # pods

Counts = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways to decide, one a row."""

    targets: Floats  # (ways,)
    asked: Counts  # (ways, steps): pods that a forecast asks for, 0 for none
    caps: Counts  # (ways, steps): what the reactive part may ask for at most; `MOST`: it is the plain HPA's


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it, shape (ways, steps)."""

    desired: Counts  # decided at the step
    ready: Counts  # that serve in the step


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way lost and spent, the first hour left out."""

    lost: float  # share of the load that found no pod
    pod_hours: float
    events: int


def play(load: Floats, seen: Floats, ways: Ways) -> Played:
    """Play all ways over the same load, both shape (steps,), in pods; each begins with what its target asks for."""
    needed = np.ceil(seen[:, None] / ways.targets - _GUARD).astype(np.int64)  # (steps, ways)
    asked, caps = (np.ascontiguousarray(part.T).astype(np.int64) for part in (ways.asked, ways.caps))
    desired = np.empty(needed.shape, dtype=np.int16)
    ready = np.empty(needed.shape, dtype=np.int16)
    now = np.clip(needed[0], LEAST, MOST)
    serving = now.copy()
    coming = np.zeros((START_STEPS, now.size), dtype=np.int64)  # the oldest first
    proposed = np.zeros((_WINDOW_STEPS, now.size), dtype=np.int64)
    recent = np.zeros((START_STEPS, now.size), dtype=np.int64)  # what forecasts asked for
    for step in range(load.size):
        serving += coming[0]
        coming[:-1] = coming[1:]
        coming[-1] = 0
        ready[step] = serving
        near = np.abs(seen[step] / ways.targets - now) <= _TOLERANCE * now
        proposal = np.where(near, now, needed[step])
        proposed[step % _WINDOW_STEPS] = proposal
        stabilised = np.maximum(proposal, np.minimum(now, proposed.max(axis=0)))
        reactive = np.minimum(np.minimum(stabilised, np.maximum(now + _BURST, 2 * now)), caps[step])
        recent[step % START_STEPS] = asked[step]
        held = np.maximum(asked[step], np.minimum(recent.max(axis=0), now))
        wanted = np.minimum(np.maximum(np.maximum(reactive, held), LEAST), MOST)
        desired[step] = wanted
        change = wanted - now
        now = wanted
        if change.any():
            _carry_out(change, serving, coming)
    return Played(desired.T, ready.T)


def _carry_out(change: Ints, serving: Ints, coming: Ints) -> None:
    surplus = np.maximum(-change, 0)
    if surplus.any():
        for newest in range(START_STEPS - 1, -1, -1):
            gone = np.minimum(surplus, coming[newest])
            coming[newest] -= gone
            surplus -= gone
        serving -= surplus
    coming[-1] += np.maximum(change, 0)


def costs(load: Floats, played: Played) -> list[Cost]:
    """Return the cost of each way."""
    scored = load[UNSCORED_STEPS:]
    total = math.fsum(scored)
    found = []
    for desired, ready in zip(played.desired[:, UNSCORED_STEPS:], played.ready[:, UNSCORED_STEPS:], strict=True):
        lost = float(np.maximum(scored - ready, 0.0).sum()) / total if total > 0 else 0.0
        found.append(Cost(lost, float(desired.sum(dtype=np.int64)) * STEP_S / 3600, int(np.count_nonzero(np.diff(desired)))))
    return found
