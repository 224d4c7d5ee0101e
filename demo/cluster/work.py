"""What the steps of a preparation share: where things go, who is told, and how they are given up."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.cluster.cache import Cache
from demo.cluster.commands import Surroundings, run_logged
from demo.cluster.processes import MARK, find_marked, kill
from demo.cluster.report import Reporter


@dataclass(frozen=True, slots=True)
class Work:
    """One preparation; setting `stop` ends the commands of all its steps."""

    cache: Cache
    reporter: Reporter
    stop: threading.Event = field(default_factory=threading.Event)

    def run(
        self,
        argv: Sequence[str | Path],
        log: str,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Run a command that may be given up at any moment; raises CommandFailedError with the end of its log."""
        marked = {**(env or {}), MARK: str(self._mark)}
        run_logged(argv, self.cache.logs / f"{log}.log", Surroundings(env=marked, cwd=cwd, stop=self.stop))

    def end_leftovers(self) -> None:
        """End what a preparation that was killed left running; nobody else may be preparing just now."""
        kill(find_marked(self._mark))

    @property
    def _mark(self) -> Path:
        return self.cache.root / "preparing"
