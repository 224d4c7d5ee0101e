"""Every workload of a cluster, replayed one by one and ranked by what it would gain.

First comes what matters to users: load that the HPA loses and Foresail would serve, in pod-hours of work; among equals, what is
saved of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from joblib import Parallel, delayed

from autoscaler.model import WorkloadKey
from autoscaler.replay.foresight import MakeForesight
from autoscaler.replay.history import Workload
from autoscaler.replay.peaks import PeakForesight
from autoscaler.replay.play import play
from autoscaler.replay.recorded import Unusable
from autoscaler.replay.report import html_table, page
from autoscaler.replay.score import BASIS_POINTS, Comparison
from autoscaler.replay.stage import STEP_S, Setting, Wanted, staged

HEAD = (
    "workload",
    "served in addition",
    "lost, HPA",
    "lost, Foresail",
    "pod-hours, HPA",
    "pod-hours, Foresail",
    "minimum",
    "gate open",
    "of a pod",
)
_ABOUT = """
Every workload was played twice over its own recorded CPU: by the Horizontal Pod Autoscaler and by Foresail, with the same
target. Served in addition is work, in pod-hours, that the HPA would have lost for lack of pods and Foresail would have
served; lost is the share of all load, in basis points; the minimum knows the future. Gate open is the share of time in which
forecasts had earned to act; where it is zero both are the same. A pod's capacity is what it requests; where nobody tells
(marked ~) the load is scaled so that its 99.9 % quantile is 40 pods, and pod-hours say nothing about your bill.
"""


@dataclass(frozen=True, slots=True)
class How:
    """How workloads are replayed, and on how many processors; -1: on all."""

    setting: Setting
    wanted: Wanted
    jobs: int = -1
    make: MakeForesight = PeakForesight


@dataclass(frozen=True, slots=True)
class Gain:
    """What one workload would gain."""

    workload: WorkloadKey
    scores: Comparison
    served_pod_hours: float  # of work, in addition to what the HPA serves
    open_ratio: float
    pod_cores: float
    requested: bool  # whether that is what pods request


@dataclass(frozen=True, slots=True)
class Ranking:
    """All workloads, the one that gains most first."""

    gains: tuple[Gain, ...]
    skipped: tuple[str, ...]  # what could not be replayed, and why


def ranked(workloads: Mapping[WorkloadKey, Workload], how: How, tell: Callable[[int, int], None]) -> Ranking:
    """Replay all workloads and rank them; `tell` is told how many of how many are done."""
    work = (delayed(_gain)(key, one, how) for key, one in workloads.items())
    found: list[Gain | str] = []
    for one in Parallel(n_jobs=how.jobs, return_as="generator")(work):
        found.append(one)
        tell(len(found), len(workloads))
    gains = sorted((one for one in found if isinstance(one, Gain)), key=_rank)
    return Ranking(tuple(gains), tuple(one for one in found if isinstance(one, str)))


def _rank(gain: Gain) -> tuple[float, float, WorkloadKey]:
    saved = gain.scores.hpa.pod_hours - gain.scores.foresail.pod_hours
    return -gain.served_pod_hours, -saved, gain.workload


def _gain(key: WorkloadKey, workload: Workload, how: How) -> Gain | str:
    capacity = how.wanted.pod_capacity or workload.requested
    try:
        stage = staged(workload.recorded, replace(how.wanted, pod_capacity=capacity))
        replayed = play(stage, how.setting, how.make)
    except Unusable as refusal:
        why = str(refusal)
        return why if why.startswith(str(key)) else f"{key}: {why}"
    scores = replayed.scores
    load_hours = float(stage.load[stage.scored :].sum()) * STEP_S / 3600
    served = (scores.hpa.lost_bp - scores.foresail.lost_bp) / BASIS_POINTS * load_hours
    return Gain(key, scores, served, replayed.open_ratio, stage.capacity, capacity is not None)


def cells(ranking: Ranking) -> tuple[tuple[str, ...], ...]:
    """Return the table as text, with the sum at its end."""
    rows = [
        (
            str(one.workload),
            f"{one.served_pod_hours:,.2f}",
            f"{one.scores.hpa.lost_bp:.2f} bp",
            f"{one.scores.foresail.lost_bp:.2f} bp",
            f"{one.scores.hpa.pod_hours:,.0f}",
            f"{one.scores.foresail.pod_hours:,.0f}",
            f"{one.scores.minimum.pod_hours:,.0f}",
            f"{one.open_ratio:.0%}",
            f"{'' if one.requested else '~'}{one.pod_cores:.3g} cores",
        )
        for one in ranking.gains
    ]
    total = [sum(getattr(one.scores, name).pod_hours for one in ranking.gains) for name in ("hpa", "foresail", "minimum")]
    served = sum(one.served_pod_hours for one in ranking.gains)
    return (*rows, (f"all {len(rows)}", f"{served:,.2f}", "", "", *(f"{one:,.0f}" for one in total), "", ""))


def text(ranking: Ranking) -> str:
    """Return the ranking for a terminal."""
    table = [HEAD, *cells(ranking)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
        for row in table
    ]
    return "\n".join([*(line.rstrip() for line in lines), "", *(f"- {one}" for one in ranking.skipped)])


def html(ranking: Ranking, when: str) -> bytes:
    """Return the ranking as a page that needs nothing from elsewhere."""
    skipped = f"{len(ranking.skipped)} workloads could not be replayed." if ranking.skipped else ""
    table = html_table(HEAD, cells(ranking), 1)
    return page("What Foresail would gain", when, (table, f"<p><b>How to read this.</b> {_ABOUT}</p><p>{skipped}</p>")).encode()


def as_json(ranking: Ranking) -> dict[str, Any]:
    """Return the ranking as JSON."""
    return {"workloads": [asdict(one) for one in ranking.gains], "skipped": list(ranking.skipped)}
