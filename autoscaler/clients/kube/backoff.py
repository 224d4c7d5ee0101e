"""How long to wait after the n-th failure in a row: exponential, with jitter, so that many clients do not come back at once."""

from dataclasses import dataclass
from random import Random


@dataclass(slots=True)
class Backoff:
    """Waits that grow from `first_s` to `longest_s`; each is between half and the whole of its step (equal jitter)."""

    first_s: float
    longest_s: float
    random: Random
    _failures: int = 0

    def next_s(self) -> float:
        """Count one more failure and return how long to wait."""
        step = min(self.longest_s, self.first_s * 2.0 ** min(self._failures, 62))
        self._failures += 1
        return step * (0.5 + self.random.random() / 2)

    def reset(self) -> None:
        """Start again: something worked."""
        self._failures = 0
