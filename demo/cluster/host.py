"""What the cluster's programs change on the machine outside the run folder, and how it is given back.

The kubelet, containerd and the network plugins know some paths and settings by heart. How those were is written down before
anything starts; afterwards exactly what is new goes away, and what was there stays.
"""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo.cluster.cache import remove_tree
from demo.cluster.config import CNI_NETWORK
from demo.cluster.errors import ClusterError
from demo.cluster.machine import cgroup_roots
from demo.cluster.processes import ProcessId, identify, kill
from demo.cluster.state import Before

# Only a kubelet writes here, and ours was the only one: what is new is ours.
_KUBELET_FOLDERS = ("/var/log/pods", "/var/log/containers")
# Made by our programs where absent; where they were there already, others use them and only what bears our name goes.
_SHARED_FOLDERS = ("/var/lib/kubelet", "/var/lib/cni", "/run/containerd")
# Kernel settings that every kubelet sets as it starts (pkg/kubelet/cm, setupKernelTunables).
_SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
_CGROUP = "kubepods"
_DEADLINE_S = 10


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the machine's files are; tests name others."""

    files: Path = Path("/")
    settings: Path = Path("/proc/sys")
    cgroups: Path = Path("/sys/fs/cgroup")


_ROOTS = Roots()


def look_before(roots: Roots = _ROOTS) -> Before:
    """Write down how the machine is."""
    folders = {name: roots.files / name[1:] for name in (*_KUBELET_FOLDERS, *_SHARED_FOLDERS)}
    return Before(
        entries={name: _names(folder) for name, folder in folders.items()},
        settings={name: text for name in _SETTINGS if (text := _read(roots.settings / name)) is not None},
        cgroups=[str(root) for root in cgroup_roots(roots.cgroups) if not (root / _CGROUP).exists()],
    )


def kill_pods(before: Before) -> None:
    """End every process in the pods' cgroups that our kubelet made."""
    end_s = time.monotonic() + _DEADLINE_S
    while processes := _in_pods(before):
        kill(processes)
        if time.monotonic() > end_s:
            raise ClusterError(f"process {processes[0].pid} of a pod does not end: it waits for the kernel")


def remove_cgroups(before: Before) -> None:
    """Remove the pods' cgroups that our kubelet made, from every hierarchy."""
    end_s = time.monotonic() + _DEADLINE_S
    for top in (Path(root) / _CGROUP for root in before.cgroups):
        while top.exists() and not _remove_cgroup(top):
            if time.monotonic() > end_s:
                raise ClusterError(f"the cgroup {top} cannot be removed: a process is in it (`cat {top}/cgroup.procs`)")
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Traces:
    """What containerd's folders tell about files elsewhere: its shims' sockets, and the ids of its pods' sandboxes."""

    shim_sockets: tuple[Path, ...] = ()
    sandbox_ids: tuple[str, ...] = ()


def read_traces(containerd: Path) -> Traces:
    """Read the traces from the folder that holds containerd's `root` and `state`."""
    # containerd 1.x puts the shims' sockets under /run/containerd/s whatever its own folders are; each shim notes its own.
    notes = (containerd / "state").glob("io.containerd.runtime.v2.task/*/*/address")
    sandboxes = (containerd / "root").glob("io.containerd.grpc.v1.cri/sandboxes/*")
    return Traces(
        tuple(Path(note.read_text().strip().removeprefix("unix://")) for note in notes),
        tuple(folder.name for folder in sandboxes),
    )


def remove_files(before: Before, traces: Traces, roots: Roots = _ROOTS) -> None:
    """Remove what is new under the paths that the cluster's programs know by heart."""
    for socket in traces.shim_sockets:
        socket.unlink(missing_ok=True)
    for name in (name for name in _KUBELET_FOLDERS if name in before.entries):
        was = before.entries[name]
        folder = roots.files / name[1:]
        for entry in _names(folder) or []:
            if entry not in (was or []):
                remove_tree(folder / entry)
        _remove_if(folder, ours=was is None)
    results = roots.files / "var/lib/cni/results"
    for entry in _names(results) or []:
        if entry.startswith(f"{CNI_NETWORK}-") or any(sandbox in entry for sandbox in traces.sandbox_ids):
            (results / entry).unlink()
    if before.entries.get("/var/lib/kubelet", []) is None and (roots.files / "var/lib/kubelet").exists():
        remove_tree(roots.files / "var/lib/kubelet")
    for name, inner in (("/var/lib/cni", ("results", "cache")), ("/run/containerd", ("s",))):
        was = before.entries.get(name, [])
        for part in inner:
            _remove_if(roots.files / name[1:] / part, ours=part not in (was or []))
        _remove_if(roots.files / name[1:], ours=was is None)


def restore_settings(before: Before, roots: Roots = _ROOTS) -> None:
    """Give the kernel settings their former values."""
    for name, value in before.settings.items():
        if _read(roots.settings / name) != value:
            (roots.settings / name).write_text(value)


def attempt(what: Callable[[], None], failures: list[str]) -> None:
    """Do one part of a clean-up; a failure is written down, so that the other parts are still done."""
    try:
        what()
    except (ClusterError, OSError) as error:
        failures.append(str(error))


def _remove_cgroup(top: Path) -> bool:
    for folder, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):  # busy for a moment after its last process; tried again
            Path(folder).rmdir()
    return not top.exists()


def _in_pods(before: Before) -> list[ProcessId]:
    pids: set[int] = set()
    for root in before.cgroups:
        for folder, _, _ in os.walk(Path(root) / _CGROUP):
            text = _read(Path(folder) / "cgroup.procs") or ""
            pids.update(int(word) for word in text.split())
    return [process for pid in pids if (process := identify(pid)) is not None]


def _names(folder: Path) -> list[str] | None:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _remove_if(folder: Path, *, ours: bool) -> None:
    if ours:
        with contextlib.suppress(OSError):  # not there, or something of somebody else's is in it by now
            folder.rmdir()
