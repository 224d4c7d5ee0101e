"""Keeps a counter from falling within the life of one cgroup.

The kernel's own counters do not fall, but a sum over parts does when a part goes away, and Prometheus would take that
for a new start and count the whole rest once more. Use it only for such sums.
"""

from __future__ import annotations


class Monotone:
    """The sums of one cgroup, by any key."""

    __slots__ = ("_last", "_lost")

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self._lost: dict[bytes, int] = {}

    def hold(self, key: bytes, value: int) -> int:
        """Return the sum with what went away with its parts."""
        fell = self._last.get(key, 0) - value
        if fell > 0:
            self._lost[key] = self._lost.get(key, 0) + fell
        self._last[key] = value
        return value + self._lost.get(key, 0)
