"""Load as a source tells it, on a regular grid of its own."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from autoscaler.errors import Permanent
from autoscaler.model import Floats

DAY_S = 86_400.0
_MILLISECONDS_FROM = 1e11  # an epoch time beyond the year 5000 is one in milliseconds
_LATEST_S = 1e11  # in the year 5138: what comes after it is no time of a load
_DAY = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")  # as a number it is a moment of 1970
_EARLIEST_S = -6.2e10  # in the year 5


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


def moment(text: str) -> tuple[float, bool]:
    """Return a time in seconds since the epoch, and whether it says of which zone it is; one that does not is taken as UTC.

    ISO 8601, or a number of seconds (or milliseconds) since the epoch. Raises ValueError for anything else.
    """
    if _DAY.fullmatch(text):
        raise ValueError(f"{text!r} may be a day or a number of seconds; write {text[:4]}-{text[4:6]}-{text[6:]}, or seconds.0")
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        at_s = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
        if not _EARLIEST_S <= at_s < _LATEST_S:
            raise ValueError(f"{text!r} is no time")
        return at_s, True
    try:
        read = datetime.fromisoformat(text)
        at_s = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:60]!r} is no time; write ISO 8601 or seconds since the epoch") from error
    if not _EARLIEST_S <= at_s < _LATEST_S:
        raise ValueError(f"{text!r} is no time")
    return at_s, read.tzinfo is not None
