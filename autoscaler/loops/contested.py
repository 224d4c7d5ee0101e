"""Who keeps undoing what we write: a count that another sets back again and again is noticed, and not fought over.

A GitOps tool or a person with a manifest writes the same number each time. One manual change is normal life: decisions go on
from there, as those of the HPA do. When our write was undone `REVERTS` times within `WITHIN_S`, nothing is written for a rest
that grows each time it did not help; a new generation of the object begins anew, because somebody looked at it. Pure: the
callers say what was read and what was written. They must read after their own write (the API server, not a cache that lags).
What is known here may be lost with the process: then it takes as many reverts again.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from autoscaler.model import ObjectKey

REVERTS = 3
WITHIN_S = 900.0
FIRST_REST_S = 3600.0
LONGEST_REST_S = 86_400.0
_STEP_S = 60.0  # a clock that is put back by more ends a rest, which would last for so much longer


@dataclass(frozen=True, slots=True)
class Rest:
    """A time in which a count is left to whom it is contested with."""

    since_s: float
    until_s: float
    theirs: int  # what it is set back to
    reverts: int  # how often that happened before this rest


@dataclass(frozen=True, slots=True)
class Contest:
    """How it stands with one count; `order` is what it is written for, and another one begins anew."""

    order: Hashable = None
    theirs: int | None = None  # what another than we wrote last
    ours: int | None = None  # what we wrote last; None: another has written since
    wrote_s: float = 0.0  # when the writes of ours began that stood until the last one
    reverted_s: tuple[float, ...] = ()
    rests: int = 0  # one after another
    rest: Rest | None = None


def wrote(contest: Contest, before: int, after: int, now_s: float) -> Contest:
    """Return how it stands after a write of ours that succeeded; `before` is what was read right before it."""
    theirs = before if contest.ours is None else contest.theirs
    wrote_s = now_s if contest.ours is None else contest.wrote_s
    return replace(contest, theirs=theirs, ours=after, wrote_s=wrote_s)


def saw(contest: Contest, value: int, now_s: float) -> Contest:
    """Return how it stands after the count was read."""
    if contest.ours is None or value == contest.ours:
        return contest
    if value != contest.theirs:  # a new number: somebody changes their mind, and nobody sets anything back
        return replace(contest, theirs=value, ours=None)
    helped = contest.rests > 0 and now_s - contest.wrote_s > WITHIN_S  # our writes stood for long after the last rest
    rests = 0 if helped else contest.rests
    reverted_s = (*(at_s for at_s in contest.reverted_s if now_s - at_s <= WITHIN_S), now_s)
    undone = replace(contest, ours=None, rests=rests, reverted_s=reverted_s)
    if len(reverted_s) < REVERTS and not rests:
        return undone
    length_s = min(LONGEST_REST_S, FIRST_REST_S * 2**rests)
    rest = Rest(now_s, now_s + length_s, value, len(reverted_s))
    return replace(undone, reverted_s=(), rests=rests + 1, rest=rest)


@dataclass(slots=True)
class ContestBook:
    """The contests of all objects of one kind."""

    _known: dict[ObjectKey, Contest] = field(default_factory=dict)

    def wrote(self, key: ObjectKey, order: Hashable, change: tuple[int, int], now_s: float) -> None:
        """Note a write of ours that succeeded, as (before, after)."""
        self._known[key] = wrote(self._of(key, order), *change, now_s)

    def saw(self, key: ObjectKey, order: Hashable, value: int, now_s: float) -> Rest | None:
        """Note what was read; return the rest that forbids writing now, None when it is allowed."""
        self._known[key] = saw(self._of(key, order), value, now_s)
        return self.rest(key, order, now_s)

    def rest(self, key: ObjectKey, order: Hashable, now_s: float) -> Rest | None:
        """Return the rest that forbids writing now, None when it is allowed."""
        rest = self._of(key, order).rest
        return rest if rest and rest.since_s - _STEP_S <= now_s < rest.until_s else None

    def keep_only(self, keys: Iterable[ObjectKey]) -> None:
        """Forget objects that are gone."""
        for key in self._known.keys() - set(keys):
            del self._known[key]

    def _of(self, key: ObjectKey, order: Hashable) -> Contest:
        known = self._known.get(key)
        return known if known and known.order == order else Contest(order)
