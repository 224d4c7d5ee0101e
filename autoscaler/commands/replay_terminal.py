"""What a replay shows while it runs, and the files that it leaves."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoscaler.replay.play import Progress
from autoscaler.replay.recorded import Unusable
from autoscaler.terminal_text import plain


def write(option: str, path: Path, content: bytes) -> None:
    """Write a file that an option names."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Unusable(f"{option} {path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Show how far it is, on standard error and only where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.markup import escape  # noqa: PLC0415 - likewise
    from rich.progress import Progress as Bars  # noqa: PLC0415 - likewise

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(escape(plain(what)), total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)
