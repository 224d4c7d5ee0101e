"""How the work on the cluster is told to whoever waits for it: named steps with their time, as lines or as a moving display.

A step is one `with reporter.step("name") as step:`; it says `step.cached()` when there was nothing to do and `step.note(...)`
for a few words about what it does just now. Steps may run in several threads at once.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import IO, Protocol

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@dataclass(slots=True)
class Step:
    """One step under way, as the code that does the work sees it."""

    name: str
    started_s: float = field(default_factory=time.monotonic)
    was_cached: bool = False
    words: str = ""

    def cached(self) -> None:
        """Say that what the step makes was there already."""
        self.was_cached = True

    def note(self, words: str) -> None:
        """Say in a few words what goes on, or what came of it."""
        self.words = words

    @property
    def elapsed_s(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started_s


class Reporter(Protocol):
    """Who is told about steps."""

    def step(self, name: str) -> AbstractContextManager[Step]:
        """Announce a step; its end, or its failure, is told when the context ends."""
        ...

    def say(self, text: str) -> None:
        """Tell something between steps."""
        ...


class QuietReporter:
    """Tells nobody, and keeps what each step took (seconds by name)."""

    def __init__(self) -> None:
        self.took_s: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time one step."""
        step = Step(name)
        yield step
        self.took_s[name] = step.elapsed_s

    def say(self, text: str) -> None:
        """Nobody listens."""


class LineReporter:
    """Writes a line at the start and at the end of each step: for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Write that the step began and how it ended."""
        step = Step(name)
        self.say(f"· {name} …")
        try:
            yield step
        except BaseException:
            self.say(f"✗ {name} failed after {step.elapsed_s:.1f} s")
            raise
        self.say(describe_end(step))

    def say(self, text: str) -> None:
        """Write one line."""
        with self._lock:
            print(text, file=self._stream, flush=True)


class TerminalReporter:
    """Shows running steps with their seconds below the finished ones: for a person at a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._running = 0

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show the step while it runs, then leave one line."""
        step = Step(name)
        progress = self._enter()
        task = progress.add_task(name, total=None)
        try:
            yield step
        except BaseException:
            self.say(f"✗ {name} failed after {step.elapsed_s:.1f} s")
            raise
        else:
            self.say(describe_end(step))
        finally:
            progress.remove_task(task)
            self._leave()

    def say(self, text: str) -> None:
        """Write one line above the running steps."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _enter(self) -> Progress:
        with self._lock:
            if self._progress is None:
                columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
                self._progress = Progress(*columns, console=self._console, transient=True)
                self._progress.start()
            self._running += 1
            return self._progress

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
            if self._running == 0 and self._progress is not None:
                self._progress.stop()
                self._progress = None


def describe_end(step: Step) -> str:
    """Say in one line how a step ended well."""
    note = f": {step.words}" if step.words else ""
    how = "from the cache" if step.was_cached else f"{step.elapsed_s:.1f} s"
    return f"✓ {step.name}{note} ({how})"


def reporter_for(console: Console) -> Reporter:
    """Choose the display for a terminal and the lines for anything else."""
    return TerminalReporter(console) if console.is_terminal else LineReporter(console.file)
