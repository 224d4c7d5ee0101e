"""The demonstration's traffic over time: compressed days, each a little different, the same for both twins."""

import math
import random
from dataclasses import dataclass

from demo.constants import Season


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests per second at any moment since the start; the same seed gives the same days."""

    season: Season

    def rate(self, elapsed_s: float) -> float:
        """Return the expected requests per second `elapsed_s` after the start."""
        season = self.season
        day, phase = divmod(elapsed_s / season.day_s, 1.0)
        swing = season.amplitude_jitter
        factor = 1.0 + random.Random(f"{season.seed}/{int(day)}").uniform(-swing, swing)  # noqa: S311 - traffic, not secrets
        height = _rise(phase, season.dawn, season.morning) - _rise(phase, season.dusk, season.evening)
        return factor * (season.night_rps + (season.noon_rps - season.night_rps) * height)


def _rise(phase: float, start: float, end: float) -> float:
    """Go smoothly from 0 to 1 between two times of day (half a cosine)."""
    if phase <= start:
        return 0.0
    if phase >= end:
        return 1.0
    return 0.5 - 0.5 * math.cos(math.pi * (phase - start) / (end - start))
