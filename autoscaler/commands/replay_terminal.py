"""What a replay shows while it runs, and the files that it leaves."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoscaler.replay.play import Progress
from autoscaler.replay.recorded import Unusable
from autoscaler.terminal_text import plain

_DEVICES = Path("/dev")
_LONGEST_NAME = 200  # characters of the name of the file beside


def write(option: str, path: Path, content: bytes) -> None:
    """Write a file that an option names; what was there stays until the new one is whole, where that can be had."""
    target = real(option, path)
    try:
        if (
            _DEVICES in (path.absolute().parent, target.parent)
            or (path.exists() and not path.is_file())
            or not os.access(target.parent, os.W_OK)
        ):
            path.write_bytes(content)  # a pipe, or a file whose folder takes no other
            return
        _replace(target, content)
    except OSError as error:
        raise Unusable(f"{option} {path}: cannot be written: {error.strerror or error}") from error


def real(option: str, path: Path) -> Path:
    """Return where a file that an option names really lies, be it there or not; raises Unusable."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # Python before 3.13 calls links that lead nowhere a RuntimeError
        raise Unusable(f"{option} {path}: leads nowhere: {error}") from error


def _replace(target: Path, content: bytes) -> None:
    """Write a file beside another, with the same rights, and put it into its place."""
    beside = target.with_name(f".{target.name[:_LONGEST_NAME]}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


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
