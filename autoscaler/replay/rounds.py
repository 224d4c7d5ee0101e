"""Forecasts of a load of which no more is seen than pods serve: made for a block of steps at once all the same.

What is seen hangs on the pods, these on forecasts, and they on what is seen. To forecast each step by itself would take hours,
so a block is forecast as if all load were seen, and played: that says what is really seen. From the first step on at which it
is something else it is done again with that, until nothing differs. Each round is right up to a later step than the one before,
since what is said of a step rests on earlier ones alone: in the end everything is as if each step had been forecast by itself.
"""

from collections.abc import Iterator
from typing import Protocol

from autoscaler.replay.foresight import Foreseen, Foresight
from autoscaler.replay.sight import Sight

_LONGEST = 240  # steps in a block: an hour. Each round goes over all that was seen; in long blocks more is done again
_SHORTEST = 8  # pods that are asked for serve some steps later, so little can differ in so few
_ROUNDS = 8  # after which a block ends where it is right so far; most need one or two


class Player(Protocol):
    """Decides step by step."""

    @property
    def sight(self) -> Sight:
        """What it sees."""
        ...

    def play(self, foreseen: Foreseen, at: int, last: int) -> int | None:
        """Decide at the steps `at` to before `last`, of which the last forecasts are.

        Where other than expected is seen at one of them, returns the first such step, and stands before it again.
        """
        ...


def settled(player: Player, foresight: Foresight, begin: int, end: int) -> Iterator[tuple[Foreseen, int]]:
    """Play the steps `begin` to before `end`; yield forecasts of block after block, and the step before which each ends."""
    first, size = begin, _LONGEST
    while first < end:
        due = foresight.learns_at
        # A step by itself is right at once, so that what is learnt before it is not learnt again in each round.
        last = first + 1 if due <= first else min(first + size, due, end)
        foreseen, foresight, reached = _block(player, foresight, first, last)
        size = min(2 * size, _LONGEST) if reached == last else max(size // 2, _SHORTEST)
        first = reached
        yield foreseen, first


def _block(player: Player, foresight: Foresight, first: int, last: int) -> tuple[Foreseen, Foresight, int]:
    """Return the forecasts of a block, who made them, and the step before which they are right: `last`, or an earlier one."""
    sight, at = player.sight, first
    sight.expect(first, last)
    for _ in range(_ROUNDS):
        tried = foresight.copy()
        foreseen = tried.block(sight.seen[:last], first, last, sight.full[: last - 1])
        differs = player.play(foreseen, at, last)
        if differs is None:
            return foreseen, tried, last
        at = differs
        sight.expect(at, last)
    return foresight.block(sight.seen[:at], first, at, sight.full[: at - 1]), foresight, at
