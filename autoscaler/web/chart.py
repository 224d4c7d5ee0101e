"""Small pictures beside an object: the replicas of its last decisions, and the load that is expected over the next hours."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from autoscaler.board import Row

WIDTH, HEIGHT, EDGE = 160, 36, 3
_LEAST = 1e-9  # of a scale: a load of nothing is drawn at the bottom


def replicas_chart(decisions: Sequence[Row]) -> str:
    """Return what was there and what was asked for where it was more, as an inline SVG; nothing for less than two decisions."""
    enough = 2
    if len(decisions) < enough:
        return '<span class="quiet">no history yet</span>'
    now = [int(row["current"]) for row in decisions]
    wanted = [int(row["desired"]) for row in decisions]
    top = max(1, *now, *wanted)
    label = f"Replicas over the last {len(now)} decisions: from {now[0]} to {now[-1]}, at most {max(now)}"
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<polyline class="wanted" points="{_steps(wanted, top)}"/><polyline class="now" points="{_steps(now, top)}"/></svg>'
    )


def curve_chart(forecast: Row) -> str:
    """Return median and band of the row of a forecast that has a curve, as an inline SVG; the left edge is now."""
    since_s, curve = _time_s(forecast["loadAt"]), forecast["curve"]
    ends_s = [_time_s(point["at"]) - since_s for point in curve]
    medians, uppers = ([float(point[name]) for point in curve] for name in ("median", "upper"))
    top = max(_LEAST, *uppers)
    median, upper = _stretches(ends_s, medians, top), _stretches(ends_s, uppers, top)
    label = escape(
        f"{forecast['metric']} over the next {_hours(ends_s[-1])}: {forecast['load']:g} now, median up to {max(medians):g}, "
        f"{forecast['risk']:.0%} quantile up to {max(uppers):g}"
    )
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<title>{label}</title><polygon class="band" points="{" ".join([*upper, *reversed(median)])}"/>'
        f'<polyline class="median" points="{" ".join(median)}"/></svg>'
    )


def _stretches(ends_s: Sequence[float], values: Sequence[float], top: float) -> list[str]:
    """Return the corners of a line that is level over each stretch of time up to its end, as a highest load is meant."""
    corners, before_s = [], 0.0
    for end_s, value in zip(ends_s, values, strict=True):
        y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * value / top
        corners += [f"{EDGE + (WIDTH - 2 * EDGE) * at_s / ends_s[-1]:.1f},{y:.1f}" for at_s in (before_s, end_s)]
        before_s = end_s
    return corners


def _time_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _hours(seconds: float) -> str:
    hour_s = 3600
    return f"{seconds / hour_s:g} h" if seconds >= hour_s else f"{round(seconds / 60)} min"


def _steps(values: Sequence[int], top: int) -> str:
    """Return the corners of a stepped line, as a count holds until the next decision."""
    step = (WIDTH - 2 * EDGE) / (len(values) - 1)
    corners: list[str] = []
    for index, value in enumerate(values):
        x, y = EDGE + index * step, HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * value / top
        if corners:
            corners.append(f"{x:.1f},{corners[-1].partition(',')[2]}")
        corners.append(f"{x:.1f},{y:.1f}")
    return " ".join(corners)
