"""Starting the machine: qemu with hardware virtualization where that really works, else with its own processor in software.

A /dev/kvm that can be opened proves little (a machine may itself be a virtual one with a kernel that only special guests run
on), so a kernel is booted to find out, once for each boot of this machine.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from demo.cluster.commands import Surroundings, run
from demo.cluster.errors import CommandFailedError
from demo.cluster.state import BOOT_ID
from demo.vm.initramfs import TRIED
from demo.vm.kernel import Kernel

PROGRAM = "qemu-system-x86_64"
_KVM = Path("/dev/kvm")
_TRY_S = 8.0
_GRACE_S = 10.0


class Accelerator(Enum):
    """Who runs the machine's instructions."""

    KVM = "kvm"
    TCG = "tcg"


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


def start(machine: Machine, deadline_s: float, scratch: Path) -> float:
    """Run the machine until it turns itself off; returns the seconds, raises CommandFailedError when it takes too long."""
    machine.console.write_bytes(b"")
    started_s = time.monotonic()
    # A limit of its own besides ours: we may be killed, and it would run on.
    limit = ["timeout", "--signal=KILL", f"{deadline_s + _GRACE_S:.0f}"]
    run([*limit, *machine.argv], Surroundings(deadline_s=deadline_s, env={"TMPDIR": str(scratch)}))
    return time.monotonic() - started_s


def comes_up(kernel: Kernel, initramfs: Path, scratch: Path) -> bool:
    """Say whether a kernel comes up with hardware virtualization."""
    console = scratch / "try.log"
    try:
        start(Machine(Accelerator.KVM, kernel, initramfs, console, words="foresail.try"), _TRY_S, scratch)
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
