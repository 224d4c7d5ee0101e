"""What is known about the cluster that runs: a file in its run folder, written BEFORE each thing it speaks of is made.

So whoever comes after a run that was killed, at whatever moment, knows what there may be to take away. Beside it lies one small
file for the whole machine: a lock that says in which run folder the machine's one cluster lives.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from demo.cluster.errors import AlreadyRunningError, ClusterError, UnfitMachineError
from demo.cluster.processes import ProcessId

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MACHINE_LOCK = Path("/run/foresail-cluster.lock")
_LOOK_S = 0.1


class Phase(StrEnum):
    """How far the cluster is."""

    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"


class Tracked(msgspec.Struct, frozen=True):
    """One process that we started; without an essential one the cluster does not work."""

    name: str
    pid: int
    start_ticks: int
    log: str
    essential: bool = False
    address: str = ""

    @property
    def process(self) -> ProcessId:
        """The process by id and start time."""
        return ProcessId(self.pid, self.start_ticks)


class Before(msgspec.Struct):
    """How the machine was before we touched it.

    `entries` are the names in folders that other programs know by fixed paths (None: there was no such folder); `settings` the
    kernel settings that the kubelet changes; `cgroups` the hierarchies that had no pods' tree.
    """

    entries: dict[str, list[str] | None] = {}
    settings: dict[str, str] = {}
    cgroups: list[str] = []


class State(msgspec.Struct):
    """All that is known about one cluster.

    `kept`: it goes on when the process that started it (`owner`) has ended. `commands`: the folder of kubectl and the others.
    """

    run_id: str
    boot_id: str
    since: str
    command: str
    owner_pid: int
    owner_start_ticks: int
    commands: str = ""
    phase: Phase = Phase.STARTING
    kept: bool = False
    api_port: int = 0
    processes: list[Tracked] = []
    snapshotter: str = ""
    images: dict[str, str] = {}
    before: Before = msgspec.field(default_factory=Before)

    @property
    def owner(self) -> ProcessId:
        """The process that started the cluster."""
        return ProcessId(self.owner_pid, self.owner_start_ticks)


class StateFile:
    """The state of the cluster in one run folder, safe to change from several processes."""

    def __init__(self, run_folder: Path) -> None:
        self.path = run_folder / "state.json"

    def read(self) -> State | None:
        """Read the state; None when there is none."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=State)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise UnfitMachineError(f"{self.path} is another user's ({error.strerror}): use sudo") from error
        except msgspec.MsgspecError as error:
            raise ClusterError(
                f"reading {self.path} failed: {error}. It was written by another version: use that one's `down`"
            ) from error

    def write(self, state: State) -> None:
        """Replace the state in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}.new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
        fresh.rename(self.path)

    @contextmanager
    def edit(self) -> Iterator[State]:
        """Change the state under a lock; what the block does to it is written when the block ends well."""
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.read()
            if state is None:
                raise ClusterError(f"the cluster of {self.path.parent} was taken down meanwhile")
            yield state
            self.write(state)


class Standing(StrEnum):
    """How a cluster of which there is a state stands."""

    STARTING = "starting"
    RUNNING = "running"
    LEFT_BEHIND = "left behind"


def judge(state: State, boot_id: str, alive: Callable[[ProcessId], bool]) -> Standing:
    """Tell a cluster that is in use from one that a killed run, or a boot of the machine, left behind."""
    if state.boot_id != boot_id or state.phase is Phase.STOPPING:
        return Standing.LEFT_BEHIND
    if state.phase is Phase.STARTING:
        return Standing.STARTING if alive(state.owner) else Standing.LEFT_BEHIND
    if not state.kept:
        return Standing.RUNNING if alive(state.owner) else Standing.LEFT_BEHIND
    return Standing.RUNNING if any(alive(one.process) for one in state.processes) else Standing.LEFT_BEHIND


@dataclass(frozen=True, slots=True)
class Pointer:
    """The machine-wide file while we hold its lock."""

    descriptor: int

    def read(self) -> Path | None:
        """Tell the run folder of the machine's cluster, if one was written down."""
        text = os.pread(self.descriptor, 4096, 0).decode()
        return Path(text) if text else None

    def write(self, run_folder: Path) -> None:
        """Write down where the machine's cluster lives."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, str(run_folder).encode(), 0)

    def clear(self) -> None:
        """Say that there is none any more; the file goes away when the lock is let go."""
        os.ftruncate(self.descriptor, 0)


@contextmanager
def machine_lock(path: Path = MACHINE_LOCK, patience_s: float = 0.0) -> Iterator[Pointer]:
    """Hold the lock of the machine.

    Raises AlreadyRunningError when somebody else is starting or ending a cluster, and still is after `patience_s` seconds.
    """
    end_s = time.monotonic() + patience_s
    while (descriptor := _try_lock(path)) is None:
        if time.monotonic() >= end_s:
            raise AlreadyRunningError(_who_is_at_it(path))
        time.sleep(_LOOK_S)
    pointer = Pointer(descriptor)
    try:
        yield pointer
    finally:
        if pointer.read() is None:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def where_it_runs(path: Path = MACHINE_LOCK) -> Path | None:
    """Tell the run folder of the machine's cluster without taking the lock."""
    try:
        return Path(path.read_text()) if path.stat().st_size else None
    except FileNotFoundError:
        return None


def _try_lock(path: Path) -> int | None:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UnfitMachineError(f"{path} cannot be locked ({error.strerror}): clusters need root on Linux") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Its last holder may have removed the file between our open and our lock: then the lock is on nothing.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _who_is_at_it(path: Path) -> str:
    run_folder = where_it_runs(path)
    state = StateFile(run_folder).read() if run_folder else None
    if state is None:
        return "another process is just starting or ending the embedded cluster of this machine: try again in a moment"
    doing = "ending" if state.phase is Phase.STOPPING else "starting"
    return (
        f"the embedded cluster of this machine is {doing} (process {state.owner_pid}, `{state.command}`, since {state.since}, "
        f"in {run_folder}): wait for it, or interrupt that process and run `python -m demo.cluster down`"
    )
