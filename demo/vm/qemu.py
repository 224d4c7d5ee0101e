"""Starting the machine: qemu with hardware virtualization where that really works, else with its own processor in software.

A /dev/kvm that can be opened proves little (a machine may itself be a virtual one with a kernel that only special guests run
on), so a kernel is booted to find out, once for each boot of this machine.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from demo.cluster.commands import Surroundings, run_logged
from demo.cluster.errors import CommandFailedError
from demo.cluster.report import Step
from demo.cluster.state import BOOT_ID
from demo.vm.initramfs import TRIED
from demo.vm.kernel import Kernel

PROGRAM = "qemu-system-x86_64"
_KVM = Path("/dev/kvm")
_TRY_S = 8.0
_GRACE_S = 10.0


class StalledError(CommandFailedError):
    """A machine has said nothing on its console for longer than anything that goes on in it may take."""


class Accelerator(Enum):
    """Who runs the machine's instructions."""

    KVM = "kvm"
    TCG = "tcg"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many seconds a run may take, and its console be silent."""

    whole_s: float
    silence_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Machine:
    """One start of qemu; the disks are root, input and output."""

    accelerator: Accelerator
    kernel: Kernel
    initramfs: Path
    console: Path
    disks: tuple[Path, ...] = ()
    words: str = ""
    cpus: int = 1
    memory_mib: int = 256

    @property
    def argv(self) -> list[str | Path]:
        """Return qemu's command line; what is written to the first disk goes to a file that vanishes."""
        # The accelerator's own processor without the one register that some hosts refuse to let through.
        cpu = "max,arch-capabilities=off" if self.accelerator is Accelerator.KVM else "max"
        lines = "console=ttyS0 quiet panic=-1 psi=1 random.trust_cpu=on"
        argv: list[str | Path] = [
            *(PROGRAM, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-accel", f"{self.accelerator.value}", "-cpu", cpu, "-machine", "q35"),
            *("-smp", str(self.cpus), "-m", str(self.memory_mib)),
            *("-serial", f"file:{self.console}"),
            *("-kernel", self.kernel.image, "-initrd", self.initramfs, "-append", f"{lines} {self.words}"),
        ]
        for number, disk in enumerate(self.disks):
            snapshot = ",snapshot=on" if number == 0 else ""
            argv += ["-drive", f"file={disk},if=virtio,format=raw,cache=unsafe{snapshot}"]
        return argv


def start_afresh(machine: Machine, blank: Mapping[Path, int], limits: Limits, step: Step) -> float:
    """Run a machine as `start` does with blank disks of so many bytes.

    One that stalls is started once more: several emulated processors sometimes do, whatever runs on them.
    """
    try:
        return _start_blank(machine, blank, limits)
    except StalledError:
        if machine.accelerator is not Accelerator.TCG:
            raise
        step.note("it stalled and was started once more")
    return _start_blank(machine, blank, limits)


def _start_blank(machine: Machine, blank: Mapping[Path, int], limits: Limits) -> float:
    for disk, size_bytes in blank.items():
        with disk.open("wb") as file:
            file.truncate(size_bytes)
    return start(machine, limits)


def start(machine: Machine, limits: Limits) -> float:
    """Run the machine until it turns itself off; returns the seconds, raises CommandFailedError beyond its limits."""
    machine.console.write_bytes(b"")
    started_s = time.monotonic()

    def silent_s() -> float:
        return time.time() - machine.console.stat().st_mtime

    def why_end() -> str:
        return f"has said nothing for {limits.silence_s:.0f} s" if silent_s() > limits.silence_s else ""

    # A limit of its own besides ours: we may be killed, and it would run on.
    limit = ["timeout", "--signal=KILL", f"{limits.whole_s + _GRACE_S:.0f}"]
    scratch = machine.console.parent
    surroundings = Surroundings(deadline_s=limits.whole_s, env={"TMPDIR": str(scratch)}, stop=why_end)
    try:
        run_logged([*limit, *machine.argv], scratch / "qemu.log", surroundings)
    except CommandFailedError as error:
        if silent_s() > limits.silence_s:
            raise StalledError(str(error)) from error
        raise
    return time.monotonic() - started_s


def comes_up(kernel: Kernel, initramfs: Path, scratch: Path) -> bool:
    """Say whether a kernel comes up with hardware virtualization."""
    console = scratch / "try.log"
    try:
        start(Machine(Accelerator.KVM, kernel, initramfs, console, words="foresail.try"), Limits(_TRY_S))
    except CommandFailedError:
        return False
    return TRIED in console.read_text(encoding="utf-8", errors="replace")


def choose(verdict: Path, works: Callable[[], bool], kvm: Path = _KVM) -> Accelerator:
    """Choose hardware virtualization if it `works`, which is noted in the file `verdict` and asked once for each boot."""
    if not os.access(kvm, os.R_OK | os.W_OK):
        return Accelerator.TCG
    boot = f"{BOOT_ID.read_text(encoding='ascii').strip()} {platform.release()}"
    if verdict.exists():
        told = json.loads(verdict.read_text(encoding="utf-8"))
        if told["boot"] == boot:
            return Accelerator(told["accelerator"])
    found = Accelerator.KVM if works() else Accelerator.TCG
    verdict.write_text(json.dumps({"boot": boot, "accelerator": found.value}), encoding="utf-8")
    return found
