"""A decision in the making: what is going to be decided so far, and what changed it on the way.

Each of the steps behind the HPA's own (forecast, schedule, fallback, burst, full cluster, pause) takes a draft and returns it,
changed or not. So the order in which they count stands in one place, `decide`, and each is explained by what it left here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autoscaler.reasons import Reason
from autoscaler.scaling.types import Action, Condition, Limit, Source


@dataclass(frozen=True, slots=True)
class Draft:
    """Replicas so far and why; `message` is a sentence without its capital and its full stop."""

    current: int
    replicas: int
    reason: Reason
    message: str
    cause: str = ""  # in the HPA's words, while the count is the HPA's
    candidates: Mapping[Source, int] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def weighed(self, source: Source, replicas: int) -> "Draft":
        """Return the draft with one more value that was weighed."""
        return replace(self, candidates={**self.candidates, source: replicas})

    def moved(self, replicas: int, reason: Reason, why: str, asker: str, held_by: Limit | None = None) -> "Draft":
        """Return the draft with another count that somebody asks for, such as `the forecast`; the same one changes nothing.

        Where more than that was asked for, it was `held_by` a limit.
        """
        wanted = replicas if held_by is None else held_by.before
        asked = Limit(asker.removeprefix("the "), self.replicas, wanted, reason, why, asked=True)
        steps = tuple(one for one in (asked, held_by) if one is not None and one.before != one.after)
        if replicas == self.replicas:
            return replace(self, limits=(*self.limits, *steps)) if held_by else self
        text = f"{move(self.current, replicas)}: {why}; without {asker} it would be {self.replicas}"
        return replace(self, replicas=replicas, reason=reason, message=text, cause="", limits=(*self.limits, *steps))

    def limited(self, limit: Limit) -> "Draft":
        """Return the draft held by a limit; one that changes nothing leaves no trace."""
        if limit.after == limit.before:
            return self
        text = f"{move(self.current, limit.after)}: {limit.message}; without it: {self.message}"
        return replace(self, replicas=limit.after, reason=limit.reason, message=text, cause="", limits=(*self.limits, limit))

    def told(self, condition: Condition) -> "Draft":
        """Return the draft with one more condition."""
        return replace(self, conditions=(*self.conditions, condition))


def action(desired: int, current: int) -> Action:
    """Return what a count comes to."""
    if desired == current:
        return Action.HOLD
    return Action.SCALE_UP if desired > current else Action.SCALE_DOWN


def move(current: int, desired: int) -> str:
    """Return in words what a count comes to."""
    match action(desired, current):
        case Action.HOLD:
            return f"stay at {desired}"
        case Action.SCALE_UP:
            return f"scale up from {current} to {desired}"
        case Action.SCALE_DOWN:
            return f"scale down from {current} to {desired}"


def sentence(text: str) -> str:
    """Return a text as a sentence."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."
