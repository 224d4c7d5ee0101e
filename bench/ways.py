"""The ways to decide that are compared, each as the pods that it asks for at each step, and the time that took.

All look at the same: the steps before the one at which they ask. (Everybody is shown means over four steps at every step, which
give the single steps by subtraction.) All but the lean one are a floor under the HPA: what is asked for is kept until a pod
would have started, the HPA decides above it.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.peaks import boldness, model
from autoscaler.forecasting.peaks.features import Grid, Seen
from autoscaler.forecasting.peaks.shadow import Pace, Terms
from autoscaler.forecasting.peaks.walk import Walk
from autoscaler.model import Floats
from autoscaler.replay.stage import STEP_S, seen_of
from bench import forecasters
from bench.pods import LEAST, MOST, START_STEPS, Counts
from bench.recordings import Recording
from bench.score import TARGET

OURS = "ours, Conservative"
EARNED = "ours, Earned"
_GUARD = 1e-6  # pods
_FLOOR_PODS = 0.3


@dataclass(frozen=True, slots=True)
class Way:
    """What one way asks for from the cut on, and what that took."""

    name: str
    asked: Counts
    cap: Counts  # of the HPA beside it, at each step
    spent_s: float = 0.0  # CPU time of all fits and forecasts
    fit_s: float = 0.0  # of the longest fit


@dataclass(frozen=True, slots=True)
class _Peer:
    name: str
    expect: Callable[[Floats, forecasters.Task], forecasters.Expected]
    per_pod: float  # load that a pod is asked for: an expectation gets the HPA's target, a high quantile all of a pod


_PEERS = (
    _Peer("straight line", forecasters.straight_line, TARGET),
    _Peer("seasonal-naive", forecasters.seasonal_naive, TARGET),
    _Peer("Holt-Winters", forecasters.holt_winters, TARGET),
    _Peer("naive model", forecasters.naive_model, 1.0),
)


def ways(recording: Recording) -> list[Way]:
    """Return all of them for one series, ours among them."""
    steps = recording.stage.steps
    return [
        Way("HPA", np.zeros(steps, dtype=np.int16), _caps(steps)),
        *(_peer(peer, recording) for peer in _PEERS),
        ours(recording, OURS, boldness.LADDER),
        ours(recording, EARNED, boldness.EARNED),
        perfect(recording, "perfect foresight"),
        perfect(recording, "perfect foresight, lean", LEAST),
    ]


def ours(recording: Recording, name: str, ladder: tuple[boldness.Rung, ...]) -> Way:
    """Walk through the series as a replay does."""
    load, cut = recording.stage.load, recording.stage.cut
    measured = np.append(seen_of(load)[1:], load[-START_STEPS:].mean())  # what is seen at the step after each
    begin_s = time.process_time()
    walk = Walk(Pace(STEP_S, START_STEPS), Terms.alone(1.0, TARGET), recording.stage.start_s, ladder=ladder)
    said = walk.advance(load, measured)
    spent_s = time.process_time() - begin_s
    cap = np.where(said.lean, LEAST, MOST).astype(np.int16)[cut - 1 : -1]
    return Way(name, _pods(said.provided)[cut - 1 : -1], cap, spent_s=spent_s, fit_s=_refit_s(recording))


def _refit_s(recording: Recording) -> float:
    """Return the CPU time of one refit of ours with all of the series, in seconds."""
    begin_s = time.process_time()
    seen = Seen(recording.stage.load, Grid(recording.stage.start_s, STEP_S, 2, START_STEPS + 1), _FLOOR_PODS)
    model.fit([model.rows_of(seen)])
    return time.process_time() - begin_s


def perfect(recording: Recording, name: str, cap: int = MOST) -> Way:
    """Ask for what will be needed before pods that are asked for one step later serve."""
    padded = np.concatenate([recording.stage.load[recording.stage.cut + 1 :], np.zeros(START_STEPS)])
    asked = _pods(np.lib.stride_tricks.sliding_window_view(padded, START_STEPS).max(axis=1))
    return Way(name, asked, _caps(asked.size, cap))


def _peer(peer: _Peer, recording: Recording) -> Way:
    """Let a peer forecast on samples; what it says after one has come holds from the next step on, as long as the sample."""
    cut = recording.stage.cut
    ahead = math.ceil((START_STEPS + 1) / recording.held)
    begin_s = time.process_time()
    task = forecasters.Task(recording.sample_s, ahead, cut // recording.held)
    expected = peer.expect(recording.samples, task)
    spent_s = time.process_time() - begin_s
    asked = _pods(np.repeat(expected.load / peer.per_pod, recording.held))
    return Way(peer.name, asked[cut - 1 : -1], _caps(recording.stage.steps), spent_s=spent_s, fit_s=expected.fit_s)


def _caps(steps: int, cap: int = MOST) -> Counts:
    return np.full(steps, cap, dtype=np.int16)


def _pods(load: Floats) -> Counts:
    return np.asarray(np.clip(np.nan_to_num(np.ceil(load - _GUARD)), 0, MOST), dtype=np.int16)
