"""The end of the demonstration: a table and a picture that compare the twins, whatever they say."""

from pathlib import Path

from rich.table import Table

from demo.constants import FORECAST_TWIN, PLAN, REACTIVE_TWIN, SCALING
from demo.story import Score, Story, score


def scored_window(story: Story) -> tuple[float, float]:
    """Return the seconds since the start between which the twins are compared: after the days of learning."""
    end_s = (PLAN.learning_days + PLAN.scored_days) * story.day_s
    seen_s = max((item.second for item in story.seconds), default=0) + 1.0
    return PLAN.learning_days * story.day_s, min(end_s, seen_s)


def ratio(forecast: float, reactive: float) -> str:
    """Show one figure over another; without a denominator there is no ratio."""
    return f"{forecast / reactive:.2f}" if reactive else "-"


def table(story: Story) -> Table:
    """Return the comparison over the scored days, and over all days below it."""
    begin_s, end_s = scored_window(story)
    days = (end_s - begin_s) / story.day_s
    result = Table(title=f"The twins over {days:.1f} scored days, after {PLAN.learning_days} days of learning")
    result.add_column("")
    for title in ("with forecast", "HPA formula alone", "ratio"):
        result.add_column(title, justify="right")
    _rows(result, score(story, FORECAST_TWIN, begin_s, end_s), score(story, REACTIVE_TWIN, begin_s, end_s))
    result.add_section()
    _rows(result, score(story, FORECAST_TWIN, 0.0, end_s), score(story, REACTIVE_TWIN, 0.0, end_s), prefix="all days: ")
    return result


def _rows(result: Table, forecast: Score, reactive: Score, prefix: str = "") -> None:
    rows: list[tuple[str, float, float, str]] = [
        ("overloaded seconds", forecast.overloaded_s, reactive.overloaded_s, "d"),
        ("slow or failed requests, %", forecast.bad_percent, reactive.bad_percent, ".2f"),
        ("  slow", forecast.slow, reactive.slow, "d"),
        ("  failed", forecast.failed, reactive.failed, "d"),
        ("requests", forecast.sent, reactive.sent, "d"),
        ("pod-minutes", forecast.pod_minutes, reactive.pod_minutes, ".1f"),
        ("scale-ups", forecast.scale_ups, reactive.scale_ups, "d"),
        ("scale-downs", forecast.scale_downs, reactive.scale_downs, "d"),
    ]
    for name, ours, theirs, form in rows:
        if not (prefix and name.startswith("  ")):
            result.add_row(prefix + name, format(ours, form), format(theirs, form), ratio(ours, theirs))


def verdict(story: Story) -> str:
    """Say in a sentence what the comparison shows, whichever way it went."""
    begin_s, end_s = scored_window(story)
    ours, theirs = score(story, FORECAST_TWIN, begin_s, end_s), score(story, REACTIVE_TWIN, begin_s, end_s)
    if not theirs.pod_minutes:
        return "No scored day was seen, so nothing can be compared."
    cost = ours.pod_minutes / theirs.pod_minutes
    if ours.overloaded_s < theirs.overloaded_s:
        what = f"{theirs.overloaded_s - ours.overloaded_s} fewer overloaded seconds"
    elif ours.overloaded_s == theirs.overloaded_s:
        what = "just as many overloaded seconds"
    else:
        what = f"{ours.overloaded_s - theirs.overloaded_s} MORE overloaded seconds"
    return f"With the forecast: {what} ({ours.overloaded_s} against {theirs.overloaded_s}) at {cost:.2f}x the pod-minutes."


def picture(story: Story, path: Path) -> None:
    """Draw load and forecast, replicas of both twins, and what users felt, one below the other."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only the end of the demonstration needs

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    ours, theirs = "#0b7285", "#e8590c"
    figure, axes = plt.subplots(3, 1, figsize=(13, 9), sharex=True, height_ratios=(3, 3, 2), layout="constrained")
    load, replicas, users = axes
    rates = [item for item in story.seconds if item.target == FORECAST_TWIN]
    load.plot([i.second for i in rates], [i.rate for i in rates], color="#495057", lw=1.5, label="requests/s, expected")
    known = [e for e in story.expectations if e.load is not None]
    load.plot([e.second for e in known], [e.load for e in known], color="#adb5bd", lw=1, label="requests/s, measured")
    peaks = [e for e in story.expectations if e.peak is not None]
    opened = [e.peak if e.gate_open else float("nan") for e in peaks]
    load.plot(
        [e.second for e in peaks], opened, color=ours, lw=1.5, label=f"forecast peak within the lead time (q{SCALING.risk})"
    )
    load.set_ylabel("requests/s")
    load.set_ylim(0, 1.35 * load.get_ylim()[1])  # room for the legend
    for name, color, label in ((FORECAST_TWIN, ours, "with forecast"), (REACTIVE_TWIN, theirs, "HPA formula alone")):
        points = [item for item in story.replicas if item.target == name]
        moments = [item.second for item in points]
        replicas.step(moments, [i.wanted for i in points], where="post", color=color, lw=1.8, label=f"wanted, {label}")
        replicas.step(moments, [i.ready for i in points], where="post", color=color, lw=1, ls=":", label=f"ready, {label}")
        felt = [item for item in story.seconds if item.target == name]
        users.fill_between(
            [i.second for i in felt],
            [100.0 * (i.slow + i.failed) / i.sent if i.sent else 0.0 for i in felt],
            step="post",
            color=color,
            alpha=0.55,
            label=label,
        )
    replicas.set_ylabel("pods")
    replicas.set_ylim(0, SCALING.max_replicas + 3)
    users.set_ylabel("slow or failed, %")
    users.set_ylim(0, 125)
    users.set_xlabel("seconds since the first midnight (compressed days)")
    begin_s, end_s = scored_window(story)
    for axis in axes:
        for day in range(int(end_s / story.day_s) + 1):
            axis.axvline(day * story.day_s, color="#ced4da", lw=0.8, zorder=0)
        axis.axvspan(0, begin_s, color="#f1f3f5", zorder=0)
        axis.legend(loc="upper left", fontsize=8, ncols=2)
        axis.spines[["top", "right"]].set_visible(False)
    load.set_title(f"{verdict(story)}\n(grey: days of learning, not scored)", loc="left", fontsize=11)
    figure.savefig(path, dpi=110)
    plt.close(figure)
