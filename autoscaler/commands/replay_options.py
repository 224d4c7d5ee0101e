"""The options of `foresail replay` as they were given."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was given on the command line; None: not given."""

    csv: Path | None = None
    sample: bool = False
    prometheus: str | None = None
    query: str | None = None
    namespace: str | None = None
    workload: str | None = None
    all_namespaces: bool = False
    job: str | None = None
    target: float = 0.7
    pod_capacity: float | None = None
    start_seconds: float = 60.0
    least: int = 1
    most: int = 200
    policy: str = "conservative"
    risk: float = 0.95
    evaluate_from: str | None = None
    history: float | None = None
    capped: bool = False
    time_zone: str = "UTC"
    holidays: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    out: Path | None = None
    report: tuple[Path, ...] = ()
