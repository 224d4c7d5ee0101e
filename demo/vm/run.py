"""Preparing the machine and running it once: what goes in, how long it may take, what comes out."""

import fcntl
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.cluster import packages
from demo.cluster.cache import Cache, remove_tree
from demo.cluster.commands import tail_of
from demo.cluster.errors import ClusterError, CommandFailedError, UnfitMachineError
from demo.cluster.prepare import preparing
from demo.cluster.report import Reporter
from demo.vm import initramfs, kernel, rootdisk
from demo.vm.fit import MEMORY_MIB, PACKAGES
from demo.vm.inputs import Schedule, write_inputs
from demo.vm.places import Places
from demo.vm.qemu import Accelerator, Limits, Machine, choose, comes_up, start_afresh
from exporters.collectors import REGISTERED, volumes

_OUT_BYTES = 512 << 20  # the size of the disk that goes out; only what is written takes room
_SWAP_BYTES = 128 << 20
_SILENT_S = 90.0  # beyond the longest wait inside: what is done between two waits
_DEADLINE_S = {Accelerator.KVM: 240.0, Accelerator.TCG: 600.0}
DEFAULT_CPUS = min(2, os.cpu_count() or 1)


class VmError(ClusterError):
    """The virtual machine did not bring back what it should; the message carries the end of its console."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the machine is run."""

    accelerator: Accelerator | None = None
    """None finds out what works."""
    cpus: int = DEFAULT_CPUS
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True, slots=True)
class Result:
    """What a run brought back: `folder` holds `session.json`, `scrapes/` and the logs."""

    folder: Path
    accelerator: Accelerator
    took_s: float
    session: dict[str, Any]


def prepare(cache: Cache, reporter: Reporter) -> None:
    """Fetch and make what a run needs; a second call finds all of it there. The embedded cluster must be prepared.

    Raises UnfitMachineError where the parts cannot be had, ClusterError when something goes wrong with them.
    """
    places = Places(cache)
    with preparing(cache, reporter) as work:
        places.root.mkdir(parents=True, exist_ok=True)
        try:
            packages.install(work, PACKAGES)
            kernel.fetch(work, places)
            rootdisk.fetch(work, places)
        except ClusterError as error:
            raise UnfitMachineError(f"qemu or a kernel for it cannot be had: {error}") from error
        rootdisk.make(work, places)


def boot(cache: Cache, reporter: Reporter, out: Path, options: Options) -> Result:
    """Boot the machine, wait until it turns itself off and unpack into `out` what it brought back; raises VmError."""
    places = Places(cache)
    found = kernel.kernel_of(places)
    if found is None or not places.disk.exists():
        raise VmError("the virtual machine is not prepared: `python -m demo.vm prepare`")
    with _alone(places), _scratch(places):
        early = places.run / "initramfs"
        early.write_bytes(initramfs.build(found))
        with reporter.step("find out whether hardware virtualization works") as step:
            accelerator = options.accelerator or choose(places.verdict, lambda: comes_up(found, early, places.run))
            step.note(accelerator.value)
        inputs, brought = places.run / "in.tar", places.run / "out.img"
        # It runs without the API, whose token the kubelet would have to be shown for its volumes.
        everything = [collector.name for collector in REGISTERED if collector is not volumes.COLLECTOR]
        write_inputs(inputs, places.run, options.schedule, everything)
        swap = places.run / "swap.img"
        console = places.run / "console.log"
        disks = (places.disk, inputs, brought, swap)
        words = "" if options.schedule.is_hybrid else "cgroup_no_v1=all"
        machine = Machine(accelerator, found, early, console, disks, words, options.cpus, MEMORY_MIB)
        which = "cgroup v1 beside v2" if options.schedule.is_hybrid else "cgroup v2 alone"
        with reporter.step(f"boot a kernel with {which} ({accelerator.value}, {options.cpus} processors)") as step:
            try:
                limits = Limits(_DEADLINE_S[accelerator], options.schedule.deadline_s + _SILENT_S)
                took_s = start_afresh(machine, {brought: _OUT_BYTES, swap: _SWAP_BYTES}, limits, step)
            except CommandFailedError as error:
                raise VmError(f"{error}; the end of its console:\n{_end_of(console)}") from error
        session = _unpack(brought, console, out)
    return Result(out, accelerator, took_s, session)


def _unpack(brought: Path, console: Path, out: Path) -> dict[str, Any]:
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(console, out / "console.log")
    try:
        with tarfile.open(brought) as archive:
            archive.extractall(out, filter="data")
        session = json.loads((out / "session.json").read_text(encoding="utf-8"))
    except (tarfile.TarError, OSError) as error:
        raise VmError(f"the machine brought back nothing ({error}); the end of its console:\n{_end_of(console)}") from error
    if not session["ok"]:
        raise VmError(f"the session in the machine failed: {session['error']}; its logs are in {out}")
    return dict(session)


def _end_of(console: Path) -> str:
    return tail_of(console.read_text(encoding="utf-8", errors="replace"))


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    with (places.root / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch(places: Places) -> Iterator[None]:
    """Give the run a folder, and take it away with whatever is in it; what a killed run left goes first."""
    if places.run.exists():
        remove_tree(places.run)
    places.run.mkdir()
    try:
        yield
    finally:
        remove_tree(places.run)
