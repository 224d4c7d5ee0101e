"""The demonstration's traffic over time: compressed days, each a little different, the same for both twins."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from demo.constants import Season


class Arrivals(Protocol):
    """Requests per second over time."""

    def rate(self, elapsed_s: float) -> float:
        """Return the expected requests per second `elapsed_s` after the start."""
        ...

    def highest(self) -> float:
        """Return a rate that is never exceeded."""
        ...


@dataclass(frozen=True, slots=True)
class Steps:
    """One constant rate after the other; the last one stays."""

    steps: tuple[tuple[float, float], ...]  # (seconds, requests per second)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "Steps":
        """Read `SECONDS:RATE` texts; raises ValueError that shows the form."""
        try:
            pairs = [text.split(":") for text in texts]
            return cls(tuple((float(seconds), float(rate)) for seconds, rate in pairs))
        except ValueError:
            raise ValueError(f"steps {list(texts)} are not of the form SECONDS:RATE") from None

    def rate(self, elapsed_s: float) -> float:
        """Return the rate of the step that `elapsed_s` lies in."""
        end_s = 0.0
        for seconds, rate in self.steps:
            end_s += seconds
            if elapsed_s < end_s:
                return rate
        return self.steps[-1][1]

    def highest(self) -> float:
        """Return the highest step."""
        return max(rate for _, rate in self.steps)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests per second at any moment since the start; the same seed gives the same days."""

    season: Season

    def rate(self, elapsed_s: float) -> float:
        """Return the expected requests per second `elapsed_s` after the start; before it, that of the first midnight."""
        season = self.season
        day, phase = divmod(max(0.0, elapsed_s) / season.day_s, 1.0)
        swing = season.amplitude_jitter
        factor = 1.0 + random.Random(f"{season.seed}/{int(day)}").uniform(-swing, swing)  # noqa: S311 - traffic, not secrets
        height = _rise(phase, season.dawn, season.morning) - _rise(phase, season.dusk, season.evening)
        return factor * (season.night_rps + (season.noon_rps - season.night_rps) * height)

    def highest(self) -> float:
        """Return the busiest noon that the jitter allows."""
        return (1.0 + self.season.amplitude_jitter) * max(self.season.night_rps, self.season.noon_rps)


def _rise(phase: float, start: float, end: float) -> float:
    """Go smoothly from 0 to 1 between two times of day (half a cosine)."""
    if phase <= start:
        return 0.0
    if phase >= end:
        return 1.0
    return 0.5 - 0.5 * math.cos(math.pi * (phase - start) / (end - start))
