"""The two clocks of the service, as a parameter: wall time for what others see, monotonic time for deadlines.

Pure packages never import this; they get `now_s` as an argument.
"""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time."""

    def now_s(self) -> float:
        """Seconds since the epoch (UTC)."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump; only differences mean anything."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clocks."""

    def now_s(self) -> float:
        """Seconds since the epoch (UTC)."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds that never jump; only differences mean anything."""
        return time.monotonic()


@dataclass(slots=True)
class ManualClock:
    """A clock that a test or a replay moves by hand."""

    at_s: float = 0.0

    def now_s(self) -> float:
        """Seconds since the epoch (UTC)."""
        return self.at_s

    def monotonic_s(self) -> float:
        """Seconds that never jump; only differences mean anything."""
        return self.at_s

    def advance(self, by_s: float) -> None:
        """Move on by so many seconds; never back."""
        if by_s < 0:
            raise ValueError(f"a clock cannot go back by {-by_s} s")
        self.at_s += by_s
