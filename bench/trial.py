"""All ways on one recording, and what came of them over several."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.replay.stage import seen_of
from bench.pods import MOST, Cost, Ways, costs, play
from bench.recordings import Recording
from bench.score import TARGET, TARGETS, Judged, Retuned, Summary, judged, summary
from bench.ways import OURS, Way, ways

RETUNED = "HPA retuned to ours"
ALL = "together"


@dataclass(frozen=True, slots=True)
class Trial:
    """All ways on one series; times are CPU time."""

    name: str
    sample_s: float
    judged: dict[str, Judged]
    spent_s: dict[str, float]  # of all fits and forecasts
    fit_s: dict[str, float]  # of the longest fit
    took_s: float  # by the clock, playing included


def tried(recording: Recording) -> Trial:
    """Play all ways over one series."""
    begin_s = time.perf_counter()
    found = ways(recording)
    paid = _played(recording, found)
    by_name = dict(zip((way.name for way in found), paid, strict=False))
    hpa, retuned = paid[0], Retuned.of(paid[len(found) :])
    matched = retuned.at(by_name[OURS].pod_hours)
    rows = [(found[0].name, hpa), (RETUNED, matched), *list(by_name.items())[1:]]
    return Trial(
        recording.name,
        recording.sample_s,
        judged={name: judged(cost, hpa, retuned) for name, cost in rows},
        spent_s={way.name: way.spent_s for way in found},
        fit_s={way.name: way.fit_s for way in found},
        took_s=time.perf_counter() - begin_s,
    )


def _played(recording: Recording, found: Sequence[Way]) -> list[Cost]:
    """Return the cost of each way, and then that of the HPA at each target that it is retuned to."""
    stage = recording.stage
    load, seen = stage.load[stage.cut :], seen_of(stage.load)[stage.cut :]
    nothing = np.zeros((TARGETS.size, load.size), dtype=np.int16)
    together = Ways(
        targets=np.concatenate([np.full(len(found), TARGET), TARGETS]),
        asked=np.concatenate([np.stack([way.asked for way in found]), nothing]),
        caps=np.concatenate([np.stack([way.cap for way in found]), np.full_like(nothing, MOST)]),
    )
    return costs(load, play(load, seen, together))


def group_of(sample_s: float) -> str:
    """Return the name of the series of one step."""
    return f"{sample_s / 60:g} min"


def means(trials: Sequence[Trial]) -> dict[str, dict[str, Summary]]:
    """Return the means of each way over the series of each step, and over all of them."""
    groups: dict[str, list[Trial]] = {}
    for one in trials:
        groups.setdefault(group_of(one.sample_s), []).append(one)
    groups[ALL] = list(trials)
    return {
        group: {name: summary([one.judged[name] for one in those]) for name in those[0].judged}
        for group, those in groups.items()
    }
