"""What the steps of a preparation share: where things go, who is told, and how they are given up."""

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
        marked = {**(env or {}), "TMPDIR": str(self._folder), MARK: str(self._folder)}
        run_logged(argv, self.cache.logs / f"{log}.log", Surroundings(env=marked, cwd=cwd, stop=self._why_stop))

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Give the commands a folder for what they leave half done, and take it away at the end.

        What a preparation that was killed left, running or lying, goes first; nobody else may be preparing just now.
        """
        kill(find_marked(self._folder))
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _why_stop(self) -> str:
        return "was given up" if self.stop.is_set() else ""

    @property
    def _folder(self) -> Path:
        return self.cache.root / "preparing"
