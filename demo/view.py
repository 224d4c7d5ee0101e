"""The terminal view while the demonstration runs: load and forecast, replicas of both twins, acts as their webhooks arrive."""

import time
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo.constants import FORECAST_TWIN, PATIENT, PLAN, REACTIVE_TWIN, SCALING
from demo.story import Message, Replicas, Story, score

BARS = " ▁▂▃▄▅▆▇█"
COLUMNS = 44  # fits a window of 120 columns with what stands beside it
MESSAGES = 9


def render(story: Story) -> RenderableType:
    """Draw the story as it stands now."""
    now_s = time.time() - story.start_s
    return Group(_header(story, now_s), _curves(story, now_s), _replicas(story), _messages(story))


def line(story: Story) -> str:
    """Say in one line how things stand, for logs and pipes."""
    now_s = time.time() - story.start_s
    parts = [f"day {_day(story, now_s)}", f"{_rate(story):.0f} requests/s", _gate_words(story)]
    for name in (FORECAST_TWIN, REACTIVE_TWIN):
        latest = _latest(story, name)
        overloaded = score(story, name, 0.0, now_s).overloaded_s
        pods = f"{latest.ready}/{latest.wanted} pods" if latest else "no pods yet"
        parts.append(f"{name} {pods}, {overloaded} s overloaded")
    parts.append(f"{len(story.messages)} webhooks")
    return " | ".join(parts)


def describe(message: Message, day_s: float) -> str:
    """Say one webhook in a line."""
    day, second = divmod(max(0.0, message.second), day_s)
    sign = "signed" if message.signed else message.source
    return f"day {int(day) + 1} {second:3.0f} s  {message.type} ({sign})  {message.text}"


def _day(story: Story, now_s: float) -> str:
    days = PLAN.learning_days + PLAN.scored_days
    day = min(int(max(0.0, now_s) / story.day_s) + 1, days)
    return f"{day} of {days}" + (" (learning)" if day <= PLAN.learning_days else " (scored)")


def _header(story: Story, now_s: float) -> RenderableType:
    total_s = (PLAN.learning_days + PLAN.scored_days) * story.day_s
    grid = Table.grid(padding=(0, 2))
    left_s = max(0.0, total_s - now_s)
    grid.add_row(
        Text(f"Foresail  day {_day(story, now_s)}", style="bold"),
        ProgressBar(total=total_s, completed=max(0.0, min(now_s, total_s)), width=40),
        Text(f"{left_s / 60:.1f} min left", style="dim"),
    )
    return grid


def _curves(story: Story, now_s: float) -> RenderableType:
    span_s = 1.5 * story.day_s
    moments = [now_s - span_s + (column + 1) * span_s / COLUMNS for column in range(COLUMNS)]
    rates = [(item.second, item.rate) for item in story.seconds if item.target == FORECAST_TWIN]
    peaks = [(e.second, e.peak) for e in story.expectations if e.peak is not None]
    top = max([rate for _, rate in rates] + [peak for _, peak in peaks] + [1.0])
    grid = Table.grid(padding=(0, 1))
    grid.add_row("load", Text(_spark(rates, moments, top), style="white"), f"{_rate(story):.0f} requests/s")
    grid.add_row("forecast peak", Text(_spark(peaks, moments, top), style="cyan"), _gate_words(story))
    for name, style in ((FORECAST_TWIN, "cyan"), (REACTIVE_TWIN, "dark_orange")):
        ready = [(item.second, float(item.ready)) for item in story.replicas if item.target == name]
        grid.add_row(f"ready, {name}", Text(_spark(ready, moments, SCALING.max_replicas), style=style), "")
        bad = [(i.second, (i.slow + i.failed) / i.sent if i.sent else 0.0) for i in story.seconds if i.target == name]
        grid.add_row("  slow or failed", Text(_spark(bad, moments, 1.0, peak=True), style="red"), "")
    return Panel(grid, title="the last day and a half", title_align="left", border_style="dim")


def _replicas(story: Story) -> RenderableType:
    table = Table(expand=False, border_style="dim")
    for title in ("workload", "wanted", "ready", "overloaded s", "slow or failed", "pod-minutes"):
        table.add_column(title, justify="left" if title == "workload" else "right")
    for name, words in ((FORECAST_TWIN, "with forecast"), (REACTIVE_TWIN, "HPA formula alone"), (PATIENT, "healing")):
        latest = _latest(story, name)
        result = score(story, name, 0.0, time.time() - story.start_s)
        counts = (str(latest.wanted), str(latest.ready)) if latest else ("-", "-")
        felt = (str(result.overloaded_s), f"{result.bad_percent:.1f} %") if result.sent else ("", "")
        table.add_row(f"{name} ({words})", *counts, *felt, f"{result.pod_minutes:.1f}")
    return table


def _messages(story: Story) -> RenderableType:
    lines = [describe(message, story.day_s) for message in story.messages[-MESSAGES:]]
    text = Text("\n".join(lines) or "none yet", no_wrap=True, overflow="ellipsis")
    return Panel(text, title=f"webhooks that arrived ({len(story.messages)})", title_align="left", border_style="dim")


def _spark(points: Sequence[tuple[float, float]], moments: Sequence[float], top: float, *, peak: bool = False) -> str:
    """Draw values over time in one line of block characters; a blank where nothing is known.

    A column shows the last value in its span, or the highest when `peak` is set.
    """
    width = moments[1] - moments[0]
    columns: dict[int, float] = {}
    for at, value in points:
        column = int((at - moments[0]) // width) + 1
        if 0 <= column < len(moments):
            columns[column] = max(value, columns.get(column, 0.0)) if peak else value
    return "".join(_block(columns.get(column), top) for column in range(len(moments)))


def _block(value: float | None, top: float) -> str:
    if value is None:
        return " "
    share = min(1.0, max(0.0, value / top))
    return BARS[0] if share == 0.0 else BARS[max(1, round(share * (len(BARS) - 1)))]


def _rate(story: Story) -> float:
    return story.seconds[-1].rate if story.seconds else 0.0


def _latest(story: Story, name: str) -> Replicas | None:
    return next((item for item in reversed(story.replicas) if item.target == name), None)


def _gate_words(story: Story) -> str:
    if not story.expectations or story.expectations[-1].peak is None:
        return "forecast: learning"
    latest = story.expectations[-1]
    lost = "" if latest.lost_ratio is None else f", would lose {latest.lost_ratio:.2f}x the load"
    return f"forecast {'in use' if latest.gate_open else 'not trusted yet'}: up to {latest.peak:.0f}/s{lost}"
