"""The machine's first process: makes it a machine, runs the session in a child, writes the results out, and turns it off."""

import ctypes
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from demo.vm.guest import machine

PLAN = Path("/opt/foresail/code/plan.json")
OUT = Path("/var/out")
_OUT_DISK = "/dev/vdc"
_RB_AUTOBOOT = 0x01234567  # reboot(2); the machine is started so that a reboot ends it


def main() -> None:
    """Run once; never returns."""
    try:
        plan = json.loads(PLAN.read_text(encoding="utf-8"))
        machine.prepare(is_hybrid=plan["hybrid"])
        OUT.mkdir(parents=True)
        session = os.posix_spawn(sys.executable, [sys.executable, "-m", "demo.vm.guest.session"], dict(os.environ))
        _reap_until(session)
        _write_out()
    finally:
        os.sync()
        ctypes.CDLL(None).reboot(_RB_AUTOBOOT)


def _reap_until(session: int) -> None:
    """Bury what the runtime leaves to the first process, until the session has ended."""
    while os.wait()[0] != session:
        pass


def _write_out() -> None:
    """Write the results as a plain tar onto the last disk, where whoever started the machine reads them."""
    logs = subprocess.run(["/usr/bin/dmesg"], capture_output=True, check=False).stdout
    (OUT / "dmesg.log").write_bytes(logs)
    started_s = time.monotonic()
    with open(_OUT_DISK, "r+b") as disk, tarfile.open(fileobj=disk, mode="w") as archive:  # noqa: PTH123 - a device
        archive.add(OUT, ".")
    print(f"foresail: results written in {time.monotonic() - started_s:.1f} s", flush=True)


if __name__ == "__main__":
    main()
