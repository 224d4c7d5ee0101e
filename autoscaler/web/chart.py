"""The replicas of the last decisions as a small line: what was there, and what was asked for where it was more."""

from collections.abc import Sequence

from autoscaler.board import Row

WIDTH, HEIGHT, EDGE = 160, 36, 3


def replicas_chart(decisions: Sequence[Row]) -> str:
    """Return an inline SVG; nothing for less than two decisions."""
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
