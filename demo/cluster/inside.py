"""Processes inside the cluster's network namespace: started, written down, ended; and ports that lead inside."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from demo.cluster.commands import Surroundings, run, tail
from demo.cluster.errors import ClusterError
from demo.cluster.layout import Layout
from demo.cluster.network import Namespace
from demo.cluster.packages import PATH
from demo.cluster.processes import MARK, Launch, end, is_alive, launch
from demo.cluster.state import StateFile, Tracked

_FORWARDER = Path(__file__).with_name("forwarder.py")
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Task:
    """A process to start: its name (its log's too), its command, and whether the cluster is broken without it."""

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    essential: bool = False
    inside: bool = True
    descriptors: tuple[int, ...] = ()
    address: str = ""


class Inside:
    """Starts things in the namespace of one cluster and writes them into its state."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.state_file = StateFile(layout.run)
        self._namespace = Namespace(layout.netns)

    def tool_environment(self) -> dict[str, str]:
        """Give kubectl and helm the cluster, and folders for their caches that go away with it."""
        caches = self.layout.run / "tools"
        return {
            "KUBECONFIG": str(self.layout.kubeconfig),
            "KUBECACHEDIR": str(caches / "kube"),
            "HELM_CACHE_HOME": str(caches / "helm-cache"),
            "HELM_CONFIG_HOME": str(caches / "helm-config"),
            "HELM_DATA_HOME": str(caches / "helm-data"),
            "PATH": f"{self.layout.bin}:{PATH}",
        }

    def spawn(self, task: Task) -> Tracked:
        """Start a process and write it down; raises ClusterError when one of this name runs already."""
        state = self.state_file.read()
        standing = next((one for one in (state.processes if state else []) if one.name == task.name), None)
        if standing is not None and is_alive(standing.process):
            raise ClusterError(f"a process named {task.name} runs in the cluster already (pid {standing.pid}): end it first")
        log = self.layout.logs / f"{task.name}.log"
        process = launch(Launch(self._command(task), self._environment(task), log, task.descriptors))
        tracked = Tracked(task.name, process.pid, process.start_ticks, str(log), essential=task.essential, address=task.address)
        with self.state_file.edit() as state:
            state.processes = [one for one in state.processes if one.name != task.name] + [tracked]
        return tracked

    def end(self, name: str, grace_s: float) -> None:
        """End a process by its name; one that ended by itself is no error, one that never was is."""
        state = self.state_file.read()
        tracked = next((one for one in (state.processes if state else []) if one.name == name), None)
        if tracked is None:
            raise ClusterError(f"no process named {name} was started in the cluster")
        end([tracked.process], grace_s)
        with self.state_file.edit() as state:
            state.processes = [one for one in state.processes if one.name != name]

    def run(self, argv: Sequence[str | Path], surroundings: Surroundings) -> str:
        """Run a command inside to its end and return its output."""
        env = {MARK: str(self.layout.run), "PATH": f"{self.layout.bin}:{PATH}", **(surroundings.env or {})}
        return run([*self._namespace.enter(), *argv], replace(surroundings, env=env))

    def forward(self, name: str, address: str, port: int, local_port: int) -> int:
        """Open a port of the machine's loopback that leads inside; returns its number."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind(("127.0.0.1", local_port))
            except OSError as error:
                raise ClusterError(
                    f"opening port {local_port} of 127.0.0.1 failed: {error.strerror}. Choose another, or 0 for any"
                ) from error
            listening.listen(_BACKLOG)
            number = int(listening.getsockname()[1])
            target: list[str | Path] = ["--netns", self.layout.netns, "--address", address, "--port", str(port)]
            argv: list[str | Path] = [sys.executable, "-I", "-S", _FORWARDER, *target]
            shown = f"127.0.0.1:{number} -> {address}:{port}"
            task = Task(f"{name}-{number}" if name.startswith("forward-") else name, argv, inside=False, address=shown)
            self.spawn(replace(task, descriptors=(listening.fileno(),), essential=name == "api"))
        return number

    def check_components(self) -> None:
        """Raise ClusterError with the end of its log when an essential process has ended."""
        state = self.state_file.read()
        if state is None:
            raise ClusterError("the cluster was taken down meanwhile")
        for one in state.processes:
            if one.essential and not is_alive(one.process):
                raise ClusterError(f"{one.name} has ended; the end of its log:\n{tail(Path(one.log))}")

    def _command(self, task: Task) -> list[str]:
        words = [str(word) for word in task.argv]
        folder = [f"--wd={task.cwd}"] if task.cwd else []
        return [*self._namespace.enter(), *folder, *words] if task.inside else words

    def _environment(self, task: Task) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TZ") if name in os.environ}
        return {**kept, "PATH": f"{PATH}:{self.layout.bin}", **task.env, MARK: str(self.layout.run)}
