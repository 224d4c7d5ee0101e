"""The figures of a replay in words and as JSON: the same names and the same order wherever they are shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autoscaler.replay.play import Replayed
from autoscaler.replay.score import Score, ratio
from autoscaler.replay.stage import STEP_S, Setting, iso


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what it is, for Foresail, for the HPA and at the least, and Foresail's over the HPA's."""

    name: str
    foresail: str
    hpa: str
    minimum: str
    ratio: str


HEAD = Line("", "Foresail", "HPA", "clairvoyant minimum", "Foresail / HPA")


def table(replayed: Replayed) -> tuple[Line, ...]:
    """Return the figures as text."""
    ours, hpa, least = replayed.scores.foresail, replayed.scores.hpa, replayed.scores.minimum

    def line(name: str, form: str, values: Sequence[float]) -> Line:
        mine, other, minimum = (form.format(value) for value in values)
        found = ratio(values[0], values[1])
        return Line(name, mine, other, minimum, "-" if found is None else f"{found:.2f}x")

    def over(one: Score) -> float:
        return one.pod_hours - least.pod_hours

    three = (ours, hpa, least)
    return (
        line("time overloaded", "{:.3f} %", [100 * one.overloaded_ratio for one in three]),
        line("load lost", "{:.2f} bp", [one.lost_bp for one in three]),
        line("pod-hours", "{:,.1f}", [one.pod_hours for one in three]),
        line("pod-hours over the minimum", "{:,.1f}", [over(one) for one in three]),
        line("scale events", "{:,}", [one.scale_events for one in three]),
    )


def heading(replayed: Replayed) -> str:
    """Return what was replayed."""
    stage = replayed.stage
    first, last = stage.at_s(stage.cut), stage.at_s(stage.load.size)
    days, before = (last - first) / 86_400, stage.cut * STEP_S / 86_400
    return f"{stage.name}: {days:.1f} days from {iso(first)} to {iso(last)}, after {before:.1f} days of training"


def remarks(replayed: Replayed) -> tuple[str, ...]:
    """Return what one has to know beside the figures."""
    setting, stage = replayed.setting, replayed.stage
    scaled = (
        f"a pod serves {stage.capacity:.6g}, {setting.start_s:g} s after it is asked for; target {setting.target:.0%} of that, "
        f"{setting.min_replicas} to {setting.max_replicas} pods"
    )
    seen = ("the load that is seen is what pods could serve (--capped)",) if setting.capped else ()
    gate = f"forecasts might act {replayed.open_ratio:.0%} of the time"
    said = f"; at the end: {replayed.foresail.said}" if replayed.foresail.said else ""
    return (*_same_cost(replayed), *stage.notes, scaled, *seen, *_known(setting), gate + said)


def _known(setting: Setting) -> tuple[str, ...]:
    """Return what forecasts knew of the calendar."""
    texts = [f"the clocks of {setting.time_zone}"] if setting.time_zone != "UTC" else []
    texts += [] if setting.holidays is None else [f"{len(setting.holidays)} holidays of these years"]
    texts += [f"the schedule {one}" for one in setting.schedules]
    return (f"forecasts knew {', '.join(texts)}",) if texts else ()


def _same_cost(replayed: Replayed) -> tuple[str, ...]:
    found = replayed.same_cost
    if found is None:
        return ()
    cost = f"{found.pod_hours:,.1f} pod-hours, target {found.target:.0%}"
    text = f"an HPA that costs the same ({cost}) would lose {found.lost_bp:.2f} bp"
    share = ratio(replayed.scores.foresail.lost_bp, found.lost_bp)
    return (text if share is None else f"{text}: Foresail loses {share:.2f}x of that",)


def text(replayed: Replayed) -> str:
    """Return all of it for a terminal."""
    lines = [HEAD, *table(replayed)]
    cells = [(one.name, one.foresail, one.hpa, one.minimum, one.ratio) for one in lines]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    rows = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    return "\n".join([heading(replayed), "", *(row.rstrip() for row in rows), "", *(f"- {one}" for one in remarks(replayed))])


def as_json(replayed: Replayed) -> dict[str, Any]:
    """Return all of it as JSON; ratios are null where the HPA's figure is zero."""
    stage, setting, scores = replayed.stage, replayed.setting, replayed.scores
    found = {
        name: asdict(one) for name, one in (("foresail", scores.foresail), ("hpa", scores.hpa), ("minimum", scores.minimum))
    }
    for one in found.values():
        one["pod_hours_over_minimum"] = one["pod_hours"] - scores.minimum.pod_hours
    return {
        "name": stage.name,
        "from": iso(stage.at_s(stage.cut)),
        "to": iso(stage.at_s(stage.load.size)),
        "scored_from": iso(stage.at_s(stage.scored)),
        "training_days": stage.cut * STEP_S / 86_400,
        "pod_capacity": stage.capacity,
        "setting": asdict(setting),
        **found,
        "ratios": {name: ratio(found["foresail"][name], found["hpa"][name]) for name in found["hpa"]},
        "hpa_of_same_cost": None if replayed.same_cost is None else asdict(replayed.same_cost),
        "gate": {"open_ratio": replayed.open_ratio, "said": replayed.foresail.said},
        "notes": list(stage.notes),
    }
