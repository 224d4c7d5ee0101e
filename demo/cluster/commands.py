"""Running commands to their end, so that an interrupt at any moment leaves none of them behind.

Each command has a process group of its own: a Ctrl-C at the terminal reaches us only, and we end the whole group.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.cluster.errors import CommandFailedError

_TAIL_LINES = 15
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command runs in: variables beside (over) our own, folder, standard input, seconds it may take.

    `stop` is asked several times a second while a logged command runs: why it is to be ended, or nothing.
    """

    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stdin: str | None = None
    deadline_s: float | None = None
    stop: Callable[[], str] | None = None


_PLAIN = Surroundings()


def run(argv: Sequence[str | Path], surroundings: Surroundings = _PLAIN) -> str:
    """Run a command and return what it wrote to standard output; raises CommandFailedError with its standard error."""
    output, error, status = _communicate(argv, surroundings)
    if status != 0:
        raise CommandFailedError(f"`{_shown(argv)}` {_ended(status)}: {tail_of((error or output).strip())}")
    return output


def run_logged(argv: Sequence[str | Path], log: Path, surroundings: Surroundings = _PLAIN) -> None:
    """Run a command with all it writes added to `log`; raises CommandFailedError with the log's last lines."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"$ {_shown(argv)}\n".encode())
        sink.flush()
        status = _wait_logged(argv, sink.fileno(), surroundings)
    if status != 0:
        raise CommandFailedError(f"`{_shown(argv)}` {_ended(status)}; the end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a log file; a missing file gives none."""
    return tail_of(log.read_text(errors="replace"), lines) if log.exists() else ""


def tail_of(text: str, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a text."""
    return "\n".join(text.splitlines()[-lines:])


def _communicate(argv: Sequence[str | Path], surroundings: Surroundings) -> tuple[str, str, int]:
    stdin = subprocess.DEVNULL if surroundings.stdin is None else subprocess.PIPE
    with _start(argv, surroundings, (stdin, subprocess.PIPE, subprocess.PIPE)) as process:
        try:
            output, errors = process.communicate(surroundings.stdin, surroundings.deadline_s)
        except subprocess.TimeoutExpired as error:
            _end_group(process)
            raise CommandFailedError(f"`{_shown(argv)}` {_late(surroundings)}") from error
        except BaseException:
            _end_group(process)
            raise
    return output, errors, process.returncode


def _wait_logged(argv: Sequence[str | Path], log: int, surroundings: Surroundings) -> int:
    begun_s = time.monotonic()
    with _start(argv, surroundings, (subprocess.DEVNULL, log, subprocess.STDOUT)) as process:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOK_S)
                if why := _why_end(surroundings, time.monotonic() - begun_s):
                    raise CommandFailedError(f"`{_shown(argv)}` {why}")  # noqa: TRY301 - ended below like the rest
        except BaseException:
            _end_group(process)
            raise


def _why_end(surroundings: Surroundings, taken_s: float) -> str:
    if surroundings.deadline_s is not None and taken_s > surroundings.deadline_s:
        return _late(surroundings)
    return "" if surroundings.stop is None else surroundings.stop()


def _late(surroundings: Surroundings) -> str:
    return f"took longer than {surroundings.deadline_s:.0f} s"


def _start(argv: Sequence[str | Path], surroundings: Surroundings, streams: tuple[int, int, int]) -> "subprocess.Popen[str]":
    try:
        return subprocess.Popen(
            [str(word) for word in argv],
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            cwd=surroundings.cwd,
            env={**os.environ, **(surroundings.env or {})},
            start_new_session=True,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise CommandFailedError(f"`{_shown(argv)}` could not be started: {error}") from error


def _end_group(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _shown(argv: Sequence[str | Path], limit: int = 200) -> str:
    text = shlex.join(str(word) for word in argv)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _ended(status: int) -> str:
    return f"ended with status {status}" if status > 0 else f"was ended by signal {signal.Signals(-status).name}"
