"""Where the kernel's files are found on this machine.

In a container the host's file systems are mounted somewhere else (``/host/proc``), and a test brings a folder of its
own, so no other module may spell such a path. What a folder means is left to the modules that read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Clock = Callable[[], float]
"""Returns seconds. Which clock (wall or monotonic) is said by the parameter that takes it."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The places of the host that the exporter reads, and nothing outside them."""

    procfs: Path = Path("/proc")
    cgroupfs: Path = Path("/sys/fs/cgroup")
    containers_log: Path = Path("/var/log/containers")
    sysfs: Path = Path("/sys")
    """A container's own /sys tells of the host's devices, so this needs no mount."""
    machine_id: Path = Path("/etc/machine-id")
    """A file and no folder; may be missing."""
    own_cgroupfs: Path = Path("/sys/fs/cgroup")
    """What a container sees there of itself, which needs no mount."""
