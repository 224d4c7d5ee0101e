"""What happened in one demonstration: seconds of traffic, replicas over time, forecasts, acts. Plain data and its scores.

`observe` fills it while it happens, `view` shows it, `report` sums it up; it is also what is kept as `story.json`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from demo.constants import PLAN


@dataclass(frozen=True, slots=True)
class Second:
    """What became of the requests that one second sent to one twin."""

    second: int
    target: str
    rate: float  # expected requests per second
    sent: int
    ok: int
    slow: int
    failed: int
    p95_s: float | None

    @property
    def overloaded(self) -> bool:
        """Say whether more requests than the plan allows were slow or failed."""
        return self.slow + self.failed > PLAN.overloaded_share * self.sent


@dataclass(frozen=True, slots=True)
class Replicas:
    """Replicas of one workload at one moment."""

    second: float
    target: str
    wanted: int  # spec.replicas
    existing: int  # status.replicas: what one pays for
    ready: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the service expected of one metric at one moment."""

    second: float
    load: float | None
    peak: float | None  # risk quantile of the highest load within the lead time
    gate_open: bool
    lost_ratio: float | None


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook that arrived."""

    second: float
    source: str  # foresail | alertmanager
    type: str
    signed: bool
    text: str
    data: dict[str, Any]


@dataclass(slots=True)
class Story:
    """One demonstration; `start_s` is the epoch second at which the first day began."""

    start_s: float
    day_s: float
    seconds: list[Second] = field(default_factory=list)
    replicas: list[Replicas] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write all of it as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Story":
        """Read what `save` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            raw["start_s"],
            raw["day_s"],
            [Second(**item) for item in raw["seconds"]],
            [Replicas(**item) for item in raw["replicas"]],
            [Expectation(**item) for item in raw["expectations"]],
            [Message(**item) for item in raw["messages"]],
        )


@dataclass(frozen=True, slots=True)
class Score:
    """How one twin did between two moments."""

    target: str
    sent: int
    slow: int
    failed: int
    overloaded_s: int
    pod_minutes: float
    scale_ups: int
    scale_downs: int

    @property
    def bad_percent(self) -> float:
        """Share of requests that were slow or failed, in percent."""
        return 100.0 * (self.slow + self.failed) / self.sent if self.sent else 0.0


def score(story: Story, target: str, begin_s: float, end_s: float) -> Score:
    """Sum up one twin over the seconds from `begin_s` to before `end_s` since the start."""
    seconds = [item for item in story.seconds if item.target == target and begin_s <= item.second < end_s]
    replicas = [item for item in story.replicas if item.target == target]
    wanted = [item.wanted for item in replicas if begin_s <= item.second < end_s]
    steps = [after - before for before, after in pairwise(wanted)]
    return Score(
        target=target,
        sent=sum(item.sent for item in seconds),
        slow=sum(item.slow for item in seconds),
        failed=sum(item.failed for item in seconds),
        overloaded_s=sum(item.overloaded for item in seconds),
        pod_minutes=integral([(item.second, item.existing) for item in replicas], begin_s, end_s) / 60.0,
        scale_ups=sum(step > 0 for step in steps),
        scale_downs=sum(step < 0 for step in steps),
    )


def integral(points: Sequence[tuple[float, float]], begin_s: float, end_s: float) -> float:
    """Integrate a value that holds until the next point, between two moments (value times seconds).

    Before the first point nothing is known and nothing is counted.
    """
    total = 0.0
    for (at, value), following in zip(points, _following(points, end_s), strict=True):
        total += value * max(0.0, min(following, end_s) - max(at, begin_s))
    return total


def _following(points: Iterable[tuple[float, float]], end_s: float) -> list[float]:
    moments = [at for at, _ in points]
    return [*moments[1:], *([end_s] if moments else [])]
