"""A replay as a picture: the whole stretch, what was lost when, and the hours that tell most, close up.

Capacity is drawn in pods, as is the load, so that overload is where the load is above a curve. Over a long stretch each column
shows the highest load and the most pods of its time, and overload has marks of its own: no minute of it is averaged away.
"""

import io
from dataclasses import dataclass
from datetime import UTC
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from autoscaler.model import Floats
from autoscaler.replay.figures import heading
from autoscaler.replay.play import Replayed
from autoscaler.replay.recorded import DAY_S
from autoscaler.replay.stage import UNSCORED_STEPS
from autoscaler.replay.walk import Counts

_LOAD, _OURS, _HPA, _LOST, _QUIET = "#4a5058", "#0b6fb8", "#e08214", "#c62828", "#8a9099"
_FILL, _BAND = "#e3e6ea", "#a9cfea"
_COLUMNS = 1100
_CLOSE_STEPS = 4 * 240  # of the close-up: four hours
_SIZE, _DPI = (13.5, 10.2), 110
_LONGEST_NAME = 70  # characters


@dataclass(frozen=True, slots=True)
class _Curves:
    """What is drawn of a stretch, one entry a column."""

    at: Floats  # days since the epoch, as matplotlib counts
    load: Floats
    ours: Floats
    hpa: Floats
    median: Floats
    upper: Floats


def png(replayed: Replayed) -> bytes:
    """Return the picture."""
    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        4, 1, height_ratios=(3.0, 0.34, 1.0, 3.0), left=0.06, right=0.985, top=0.885, bottom=0.05, hspace=0.5
    )
    whole, marks, losses, close = (figure.add_subplot(grid[row, 0]) for row in range(4))
    _title(figure, replayed)
    first, last = _closest(replayed)
    _capacity(whole, _curves(replayed, 0, replayed.stage.steps))
    whole.set_title("The whole stretch", loc="left", fontsize=10, fontweight="bold")
    whole.axvspan(*(_when(replayed, step) for step in (first, last)), color="#fff3c4", zorder=0, lw=0)
    whole.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=5, frameon=False, fontsize=8.5)
    _overloads(marks, replayed)
    _lost(losses, replayed)
    _capacity(close, _curves(replayed, first, last), steps=True)
    close.set_title("The hours that tell most (yellow above)", loc="left", fontsize=10, fontweight="bold")
    close.legend(*_beyond(), loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=8.5)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _title(figure: Figure, replayed: Replayed) -> None:
    ours, hpa = replayed.scores.foresail, replayed.scores.hpa
    name, _, when = heading(replayed).rpartition(": ")
    shown = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    figure.text(0.06, 0.967, f"Foresail replay of {shown}", fontsize=13, fontweight="bold", parse_math=False)
    figure.text(0.985, 0.967, when, fontsize=9, color=_LOAD, ha="right")
    figures = (
        f"load lost {ours.lost_bp:.2f} bp, HPA {hpa.lost_bp:.2f} bp    "
        f"pod-hours {ours.pod_hours:,.0f}, HPA {hpa.pod_hours:,.0f}, least {replayed.scores.minimum.pod_hours:,.0f}    "
        f"time overloaded {ours.overloaded_ratio:.3%}, HPA {hpa.overloaded_ratio:.3%}"
    )
    figure.text(0.06, 0.939, figures, fontsize=10, color=_LOAD)


def _curves(replayed: Replayed, first: int, last: int) -> _Curves:
    """Return the steps from `first` to before `last`, counted from the cut, in no more columns than there are pixels."""
    width = max(1, -(-(last - first) // _COLUMNS))
    stage, lead = replayed.stage, replayed.setting.lead
    load = stage.load[stage.cut :]

    def columns(values: Floats | Counts, of: np.ufunc) -> Floats:
        cut = values[first:last].astype(float)
        padded = np.concatenate([cut, np.full(-cut.size % width, cut[-1])])
        return np.asarray(of.reduce(padded.reshape(-1, width), axis=1))

    def ahead(values: Floats) -> Floats:
        """Draw what was said of a time at that time."""
        return np.concatenate([np.full(min(lead, values.size), np.nan), values[:-lead]])[: values.size]

    upper, median = ahead(replayed.foresail.upper), ahead(replayed.foresail.median)
    return _Curves(
        at=np.array([_when(replayed, step) for step in range(first, last, width)]),
        load=columns(load, np.maximum),
        ours=columns(replayed.foresail.ready, np.maximum),
        hpa=columns(replayed.hpa.ready, np.maximum),
        median=columns(median, np.fmax),
        upper=columns(upper, np.fmax),
    )


def _capacity(axes: Axes, curves: _Curves, *, steps: bool = False) -> None:
    """Draw load, forecast band and both capacities; with every step, also where the load is beyond them."""
    style = "steps-post" if steps else "default"
    how: Literal["post"] | None = "post" if steps else None
    axes.fill_between(curves.at, 0, curves.load, color=_FILL, lw=0, zorder=1, step=how)
    axes.fill_between(
        curves.at,
        curves.median,
        curves.upper,
        color=_BAND,
        lw=0,
        zorder=2,
        label="forecast: median to upper",
        alpha=0.75,
        step=how,
    )
    axes.plot(curves.at, curves.load, color=_LOAD, lw=1.0, zorder=3, drawstyle=style, label="load")
    axes.plot(curves.at, curves.hpa, color=_HPA, lw=1.3, zorder=4, drawstyle="steps-post", label="pods of the HPA")
    axes.plot(curves.at, curves.ours, color=_OURS, lw=1.3, zorder=5, drawstyle="steps-post", label="pods of Foresail")
    for pods, color, zorder in ((curves.hpa, _HPA, 6), (curves.ours, _LOST, 7)) if steps else ():
        over = curves.load > pods
        axes.fill_between(
            curves.at, pods, curves.load, where=over.tolist(), color=color, lw=0, alpha=0.55, zorder=zorder, step=how
        )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("pods", fontsize=9)
    _plain(axes, curves.at[0], curves.at[-1])


def _beyond() -> tuple[list[Patch], list[str]]:
    """Return what the legend says of load that is not served."""
    names = ((_HPA, "beyond the HPA's pods"), (_LOST, "beyond Foresail's pods"))
    return [Patch(color=color, alpha=0.55, lw=0) for color, _ in names], [name for _, name in names]


def _overloads(axes: Axes, replayed: Replayed) -> None:
    """Mark every moment of overload: a row for each of both."""
    load = replayed.stage.load[replayed.stage.cut :]
    for row, (course, color) in enumerate(((replayed.foresail, _LOST), (replayed.hpa, _HPA))):
        steps = np.flatnonzero(load > course.ready)
        axes.eventplot(
            [_when(replayed, step) for step in steps.tolist()], lineoffsets=row, linelengths=0.8, linewidths=1.2, colors=color
        )
    axes.set_title("Moments of overload", loc="left", fontsize=10, fontweight="bold")
    _plain(axes, _when(replayed, 0), _when(replayed, replayed.stage.steps))
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks([0, 1], ["Foresail", "HPA"])
    axes.tick_params(labelbottom=False, length=0)
    axes.grid(visible=False)
    axes.xaxis.get_offset_text().set_visible(False)


def _lost(axes: Axes, replayed: Replayed) -> None:
    """Draw the load that was lost so far, by both."""
    stage = replayed.stage
    load = stage.load[stage.cut :]
    scored = np.arange(stage.steps) >= UNSCORED_STEPS
    total = max(float(load[scored].sum()), 1e-300)
    at = np.array([_when(replayed, step) for step in range(stage.steps)])
    every = max(1, stage.steps // _COLUMNS)
    for course, color, name in ((replayed.hpa, _HPA, "HPA"), (replayed.foresail, _OURS, "Foresail")):
        lost = np.cumsum(np.where(scored, np.maximum(load - course.ready, 0), 0)) / total * 1e4
        axes.plot(at[::every], lost[::every], color=color, lw=1.6, label=f"{name} {lost[-1]:.2f}")
        axes.fill_between(at[::every], 0, lost[::every], color=color, alpha=0.12, lw=0)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=8.5)
    axes.set_title("Load lost so far, in basis points of all load", loc="left", fontsize=10, fontweight="bold")
    axes.set_ylim(bottom=0, top=axes.get_ylim()[1] * 1.15 or 1)
    _plain(axes, at[0], at[-1])


def _plain(axes: Axes, first: float, last: float) -> None:
    axes.set_xlim(first, last)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_QUIET)
    axes.tick_params(colors=_LOAD, labelsize=8.5)
    axes.grid(visible=True, axis="y", color="#eceef1", lw=0.8)
    axes.set_axisbelow(True)
    locator = AutoDateLocator(tz=UTC, minticks=5, maxticks=14)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _closest(replayed: Replayed) -> tuple[int, int]:
    """Return the hours in which both differ most in what they lost; where they do not, those around the highest load."""
    stage = replayed.stage
    load = stage.load[stage.cut :]
    length = min(_CLOSE_STEPS, stage.steps)
    lost = [np.maximum(load - course.ready, 0)[UNSCORED_STEPS:] for course in (replayed.hpa, replayed.foresail)]
    differ = np.abs(lost[0] - lost[1])
    told = next((one for one in (differ, lost[1], load[UNSCORED_STEPS:]) if one.any()), load)
    near = 40  # steps: an episode, not a moment
    middle = int(np.convolve(told, np.ones(near), "same").argmax()) + stage.steps - told.size
    first = int(np.clip(middle - length // 2, 0, stage.steps - length))
    return first, first + length


def _when(replayed: Replayed, step: int) -> float:
    return replayed.stage.at_s(replayed.stage.cut + step) / DAY_S
