"""Starting, recognising and ending the processes of the cluster.

A process is known by its id AND its start time, for ids are used again. Three things tell that a process is ours even
when nobody could write its id down (we were killed in between): a variable in its environment, the network namespace it is in,
and for containers the cgroup tree that our kubelet made.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# Every process that we start carries this variable; containerd hands it on to its shims.
MARK = "FORESAIL_CLUSTER"
_SHOWN_S = 5.0  # what the kernel takes to show an environment at most; mostly microseconds


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process for good: `start_ticks` is field 22 of /proc/PID/stat (clock ticks after boot)."""

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start: command, environment (whole), the log for its output, and descriptors to hand on (as 3 and up)."""

    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    descriptors: Sequence[int] = ()


def identify(pid: int, proc: Path = PROC) -> ProcessId | None:
    """Tell which process has this id now; None when there is none, or only its remains (a zombie)."""
    try:
        text = (proc / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the command in parentheses may hold blanks and parentheses
    return None if fields[0] in "ZX" else ProcessId(pid, int(fields[19]))


def is_alive(process: ProcessId, proc: Path = PROC) -> bool:
    """Tell whether this very process still runs, and bury it when it was a child of ours that ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return identify(process.pid, proc) == process


def launch(what: Launch) -> ProcessId:
    """Start a process in a session of its own, with default signals, no input and its output added to the log."""
    what.log.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(what.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        # posix_spawn rather than Popen: the process may outlive us, which a Popen object would complain of.
        pid = os.posix_spawn(
            what.argv[0],
            list(what.argv),
            dict(what.env),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
                *((os.POSIX_SPAWN_DUP2, fd, 3 + i) for i, fd in enumerate(what.descriptors)),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXFSZ),
        )
    finally:
        os.close(log)
    _wait_shown(pid, what.env)
    # A child that ended at once is a zombie until we wait for it, and still tells its start time.
    text = (PROC / str(pid) / "stat").read_text(errors="replace")
    return ProcessId(pid, int(text[text.rindex(")") + 2 :].split()[19]))


def _wait_shown(pid: int, env: Mapping[str, str]) -> None:
    """Wait until the kernel shows the environment of a child, so that it is found by its mark: it lets us go on before that."""
    end_s = time.monotonic() + _SHOWN_S
    while env and not _read(PROC / str(pid) / "environ") and time.monotonic() < end_s:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return  # it has ended, and shows none any more
        time.sleep(0.001)


def end(processes: Iterable[ProcessId], grace_s: float) -> None:
    """Ask processes to end, and after `grace_s` seconds end those that have not; returns when all are gone."""
    left = _signal_all(processes, signal.SIGTERM)
    left = _wait_gone(left, grace_s)
    left = _signal_all(left, signal.SIGKILL)
    _wait_gone(left, 5)


def kill(processes: Iterable[ProcessId]) -> None:
    """End processes at once; returns when they are gone (or in a state that nothing ends, after 5 s)."""
    _wait_gone(_signal_all(processes, signal.SIGKILL), 5)


def find_marked(run_folder: Path, proc: Path = PROC) -> list[ProcessId]:
    """Find the processes whose environment names this run folder."""
    wanted = f"{MARK}={run_folder}".encode()
    return [found for found in _all(proc) if wanted in _read(proc / str(found.pid) / "environ").split(b"\0")]


def find_in_namespace(netns: Path, proc: Path = PROC) -> list[ProcessId]:
    """Find the processes inside the network namespace that is mounted at `netns`."""
    try:
        wanted = netns.stat()
    except FileNotFoundError:
        return []
    return [found for found in _all(proc) if _same_namespace(proc / str(found.pid) / "ns" / "net", wanted)]


def _same_namespace(link: Path, wanted: os.stat_result) -> bool:
    try:
        seen = link.stat()
    except OSError:
        return False
    return (seen.st_dev, seen.st_ino) == (wanted.st_dev, wanted.st_ino)


def _all(proc: Path) -> list[ProcessId]:
    found = (identify(int(entry.name), proc) for entry in proc.iterdir() if entry.name.isdecimal())
    return [process for process in found if process is not None and process.pid != os.getpid()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _signal_all(processes: Iterable[ProcessId], number: signal.Signals) -> list[ProcessId]:
    alive = [process for process in processes if is_alive(process)]
    for process in alive:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue
    return alive


def _wait_gone(processes: list[ProcessId], deadline_s: float) -> list[ProcessId]:
    end_s = time.monotonic() + deadline_s
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < end_s:
        time.sleep(0.02)
        left = [process for process in left if is_alive(process)]
    return left
