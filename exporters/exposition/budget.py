"""How much of a scrape's time may be spent on reading.

Prometheus says with each scrape how long it waits, and takes nothing from an answer that comes later. On a host where
the kernel is slow (memory.stat with many dying cgroups can take milliseconds, each), a part in time is worth more than
the whole too late: what cannot be read in time is left out, counted, and said.
"""

from __future__ import annotations

import math

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
DEFAULT_TIMEOUT_S = 10.0
"""Of a scrape that does not say; Prometheus' own default."""

SHORTEST_TIMEOUT_S = 1.0
"""A scrape that waits less gets the time of this one: others may share what it reads."""
LONGEST_TIMEOUT_S = 120.0
"""A scrape that waits longer is read no longer than this: what runs on after that hangs."""

_FOR_READING = 0.8
"""The rest is for writing, compressing and sending, and for the one file that is being read when the time is up."""


def timeout_s(header: str) -> float:
    """Read the header's value, within bounds; what is no positive number of seconds counts as not said."""
    try:
        said = float(header)
    except ValueError:
        return DEFAULT_TIMEOUT_S
    if not math.isfinite(said) or said <= 0:
        return DEFAULT_TIMEOUT_S
    return min(max(said, SHORTEST_TIMEOUT_S), LONGEST_TIMEOUT_S)


def reading_s(timeout_s: float) -> float:
    """Return how long reading may take in a scrape that is given up after ``timeout_s``."""
    return timeout_s * _FOR_READING
