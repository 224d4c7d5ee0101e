"""Load as a source tells it, on a regular grid of its own."""

from dataclasses import dataclass

from autoscaler.errors import Permanent
from autoscaler.model import Floats

DAY_S = 86_400.0


class Unusable(Permanent):
    """A recording or an option that nothing can be replayed with; says which, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A regular series without gaps: `values[i]` is the load from `start_s + i * step_s` until the next sample."""

    name: str  # for headings
    start_s: float  # seconds since the epoch
    step_s: float
    values: Floats  # shape (n,), in the load's own unit; finite, never negative
    notes: tuple[str, ...] = ()  # what was done to it, and where it comes from if it was not measured

    @property
    def end_s(self) -> float:
        """Time at which the last sample ends."""
        return self.start_s + self.step_s * self.values.size
