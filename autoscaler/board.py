"""What the service last saw, decided and did, kept in memory for people to look at; bounded, and lost with the process.

The loops write it, the status page and its JSON API read it; neither knows the other. Nothing decides by it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from autoscaler.decision_book import DecisionBook
from autoscaler.model import ObjectKey

Row = dict[str, Any]  # JSON as it is shown
KEPT_DECISIONS = 40  # per object; 10 minutes at a pass every 15 s, some 30 kB
KEPT_ACTS = 200


@dataclass(slots=True)
class LoopHealth:
    """How the last passes of one loop went; times are seconds since the epoch."""

    last_success_s: float | None = None
    last_error_s: float | None = None
    error: str = ""  # of the last pass; empty when it succeeded


@dataclass(slots=True)
class Board:
    """Everything that is shown, by object."""

    version: str = ""
    started_s: float = 0.0
    acts_enabled: bool = True
    loops: dict[str, LoopHealth] = field(default_factory=dict)
    autoscalers: dict[ObjectKey, Row] = field(default_factory=dict)
    policies: dict[ObjectKey, Row] = field(default_factory=dict)
    decisions: dict[ObjectKey, deque[Row]] = field(default_factory=dict)
    outcomes: DecisionBook = field(default_factory=DecisionBook)
    acts: deque[Row] = field(default_factory=lambda: deque(maxlen=KEPT_ACTS))  # the newest last

    def decided(self, key: ObjectKey, row: Row) -> None:
        """Keep one scaling decision; the oldest of the object gives way."""
        self.decisions.setdefault(key, deque(maxlen=KEPT_DECISIONS)).append(row)

    def forget_autoscaler(self, key: ObjectKey) -> None:
        """Drop all that is known of a PredictiveAutoscaler that is gone."""
        self.autoscalers.pop(key, None)
        self.decisions.pop(key, None)
        self.outcomes.forget(key)

    def forget_policy(self, key: ObjectKey) -> None:
        """Drop all that is known of a HealingPolicy that is gone."""
        self.policies.pop(key, None)
