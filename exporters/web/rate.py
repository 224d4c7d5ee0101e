"""Two ways to keep what comes too often within bounds: requests, and lines of the log."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from exporters.roots import Clock

log = structlog.get_logger()


@dataclass(slots=True)
class Bucket:
    """A token bucket: ``burst`` at once, and one more every ``interval_s`` seconds."""

    interval_s: float
    burst: int
    monotonic: Clock = time.monotonic
    _level: float = field(init=False)
    _since_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._level = float(self.burst)
        self._since_s = self.monotonic()

    def take(self) -> bool:
        """Take one if there is one."""
        now_s = self.monotonic()
        self._level = min(float(self.burst), self._level + (now_s - self._since_s) / self.interval_s)
        self._since_s = now_s
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


@dataclass(slots=True)
class Seldom:
    """Lets one line through in a time, and counts those in between: a stranger must not be able to fill the log."""

    interval_s: float = 60.0
    monotonic: Clock = time.monotonic
    _next_s: float = float("-inf")
    _held: int = 0

    def due(self) -> dict[str, int] | None:
        """Return what to add to the line, or None if it must not be written."""
        if self.monotonic() < self._next_s:
            self._held += 1
            return None
        self._next_s = self.monotonic() + self.interval_s
        held, self._held = self._held, 0
        return {"not_logged_before": held} if held else {}


@dataclass(slots=True)
class SparingLog:
    """Warns, at most once a minute of each event."""

    _seldom: defaultdict[str, Seldom] = field(default_factory=lambda: defaultdict(Seldom))

    def warning(self, event: str, **facts: object) -> None:
        """Write the line, or count it for the next one of its event."""
        if (more := self._seldom[event].due()) is not None:
            log.warning(event, **facts, **more)
