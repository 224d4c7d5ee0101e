"""The last outcomes of the decisions about each object, in memory, for people who ask why. Bounded, and lost with the process.

Passes that decide the same are one outcome: its newest figures are kept, with the time of the first pass and of the last. So a
few outcomes reach back over hours in which little happens. All but the newest are kept as text, which takes a fifth of the
memory of objects.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from autoscaler.model import ObjectKey

Row = dict[str, Any]  # JSON
KEPT_OUTCOMES = 20  # per object; some 40 kB


@dataclass(slots=True)
class _History:
    mark: str
    newest: Row
    older: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_OUTCOMES - 1))


@dataclass(slots=True)
class DecisionBook:
    """Outcomes by object."""

    _known: dict[ObjectKey, _History] = field(default_factory=dict)

    def add(self, key: ObjectKey, row: Row, mark: str) -> bool:
        """Keep the decision of a pass; `row` has its time in `at`. Return whether the outcome is another than before."""
        known = self._known.get(key)
        if known is not None and known.mark == mark:
            passes = known.newest["passes"] + 1
            known.newest = row | {"at": known.newest["at"], "lastAt": row["at"], "passes": passes}
            return False
        if known is None:
            known = self._known[key] = _History(mark, row)
        else:
            known.older.append(json.dumps(known.newest, separators=(",", ":")))
        known.mark, known.newest = mark, row | {"lastAt": row["at"], "passes": 1}
        return True

    def last(self, key: ObjectKey, limit: int = KEPT_OUTCOMES) -> Sequence[Row] | None:
        """Return the last outcomes about an object, the newest last; None when none is known."""
        known = self._known.get(key)
        if known is None:
            return None
        older = [json.loads(text) for text in list(known.older)[max(0, len(known.older) + 1 - limit) :]]
        return [*older, known.newest]

    def forget(self, key: ObjectKey) -> None:
        """Drop all that is known of an object."""
        self._known.pop(key, None)
