"""What is known of a series before it comes: the clocks of its place, its holidays, and when its schedules hold.

All of it is told as times, which somebody else has looked up: nothing here knows the name of a zone, a country or a cron line.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.model import Floats

LOOKED_BACK = 4  # occurrences of a schedule before one
_NO_ROWS = np.zeros((0, 2))


@dataclass(frozen=True, slots=True, eq=False)
class Dates:
    """What the calendar of one series says; times in seconds since the epoch, rows in ascending order of their first column.

    One object may serve many series; what they share is then looked up once.
    """

    clocks: Floats  # (n, 2): from when on local time is ahead of UTC by how many seconds; before the first as from then on
    holidays: Floats | None  # (n, 2): from, and to before; None: nobody has said which days are holidays
    occurrences: Floats  # (n, 2 + LOOKED_BACK): of schedules: from; until; how long before each earlier one began, NaN: none

    @classmethod
    def of(
        cls,
        clocks: Sequence[tuple[float, float]] = (),
        holidays: Sequence[tuple[float, float]] | None = None,
        schedules: Sequence[Sequence[tuple[float, float]]] = (),
    ) -> "Dates":
        """Return what is told in pairs: `holidays` from and to before, and the same of each of the `schedules`."""
        found = np.array([row for one in schedules for row in _followed(sorted(one))]).reshape(-1, 2 + LOOKED_BACK)
        found = found[np.argsort(found[:, 0], kind="stable")]
        if found.size:  # while one holds that began earlier, what begins last is not over
            found[:, 1] = np.maximum.accumulate(found[:, 1])
        known = None if holidays is None else _pairs(_joined(holidays))
        return cls(_pairs(sorted(clocks)), known, found)


def _pairs(rows: Sequence[tuple[float, float]]) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def _followed(windows: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Return each window of a schedule with how long before it the earlier ones began."""
    begins = [begin_s for begin_s, _ in windows]
    rows = []
    for at, (begin_s, end_s) in enumerate(windows):
        back = [begin_s - earlier_s for earlier_s in begins[max(0, at - LOOKED_BACK) : at][::-1]]
        rows.append([begin_s, end_s, *back, *[np.nan] * (LOOKED_BACK - len(back))])
    return rows


def _joined(holidays: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the same time in runs that do not touch: the second of two holidays begins nothing."""
    runs: list[tuple[float, float]] = []
    for begin_s, end_s in sorted(holidays):
        if runs and begin_s <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], end_s))
        else:
            runs.append((begin_s, end_s))
    return runs


NO_DATES = Dates(_NO_ROWS, None, np.zeros((0, 2 + LOOKED_BACK)))  # UTC, and nothing else is known
