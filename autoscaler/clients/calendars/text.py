"""Calendar files of one day a line: `2026-12-24  # Christmas Eve`."""

from datetime import date

from autoscaler.api import times
from autoscaler.clients.calendars.unreadable import Unreadable


def read(text: str) -> frozenset[date]:
    """Return the days of a file; raises Unreadable that names the first line that is none."""
    days = set()
    for number, line in enumerate(text.splitlines(), 1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        try:
            days.add(times.day(written))
        except ValueError as error:
            raise Unreadable(number, f"{written[:40]!r} is no day; write one day a line as YYYY-MM-DD") from error
    return frozenset(days)
