"""One real single-node Kubernetes: started, used and ended through one object.

Why one object: whoever uses the cluster (the demo, a test) names what it wants (a manifest applied, a process inside, a port
outside) and need not know namespaces, sockets and folders. Bringing it up step by step is `bootstrap.py`'s, taking it away
`takedown.py`'s.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from demo.cluster import bootstrap
from demo.cluster.cache import Cache
from demo.cluster.commands import Surroundings
from demo.cluster.errors import ClusterError, NotRunningError
from demo.cluster.images import Build, build_archive, full_name, import_archive
from demo.cluster.inside import Inside, Task
from demo.cluster.layout import Layout
from demo.cluster.logs import read_log
from demo.cluster.network import NODE_IP
from demo.cluster.processes import is_alive
from demo.cluster.report import QuietReporter, Reporter
from demo.cluster.signals import ended_by_signals
from demo.cluster.standing import standing_cluster
from demo.cluster.state import State, Tracked, machine_lock
from demo.cluster.takedown import take_down

T = TypeVar("T")
_LOOK_S = 0.2
_DOWN_PATIENCE_S = 60


class Cluster:
    """A cluster that runs. As a context manager it is taken down at the end, unless it was only attached to, or kept."""

    node_ip = NODE_IP

    def __init__(self, cache: Cache, layout: Layout, *, owned: bool) -> None:
        self.cache = cache
        self.layout = layout
        self._inside = Inside(layout)
        self._owned = owned
        self._run_id = self.state.run_id
        self._signals = ExitStack()

    @classmethod
    def start(cls, *, cache: Cache | None = None, reporter: Reporter | None = None, keep_failed: bool = False) -> Self:
        """Prepare what is missing and bring a cluster up; returns when its node takes pods.

        Raises UnfitMachineError, AlreadyRunningError, or ClusterError with the ends of the logs that matter; a start that fails
        or is interrupted takes all of it down again, unless `keep_failed`.
        """
        place = cache or Cache.locate()
        with ExitStack() as signals:
            signals.enter_context(ended_by_signals())
            layout = bootstrap.bring_up(place, reporter or QuietReporter(), keep_failed=keep_failed)
            cluster = cls(place, layout, owned=True)
            cluster._signals = signals.pop_all()  # until it is taken down or kept
        return cluster

    @classmethod
    def attach(cls) -> Self:
        """Use the cluster that another process started and keeps; raises NotRunningError when none runs."""
        found = standing_cluster()
        if found is None:
            raise NotRunningError("no embedded cluster runs on this machine: `python -m demo.cluster up` starts one")
        run_folder, state = found
        return cls(Cache(run_folder.parent), Layout(run_folder, Path(state.commands)), owned=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._owned:
            self.stop()

    def stop(self) -> None:
        """Take the cluster down; one that is gone already, or that somebody else is taking down just now, is no error."""
        self._owned = False
        with self._signals:
            if self._is_there():
                with machine_lock(patience_s=_DOWN_PATIENCE_S) as pointer:
                    if self._is_there():
                        take_down(self.cache, self.layout.run, pointer)

    def keep(self) -> None:
        """Let the cluster go on when this process ends; `python -m demo.cluster down` takes it down."""
        with self._inside.state_file.edit() as state:
            state.kept = True
        self._owned = False
        self._signals.close()

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig for the machine itself: the API server behind a port of 127.0.0.1, as administrator."""
        return self.layout.kubeconfig

    @property
    def state(self) -> State:
        """What is known about the cluster now."""
        state = self._inside.state_file.read()
        if state is None:
            raise NotRunningError(f"the cluster of {self.layout.run} was taken down")
        return state

    @property
    def env(self) -> dict[str, str]:
        """Variables with which kubectl and helm, started by hand outside the namespace, find the cluster."""
        return self._inside.tool_environment()

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl as administrator and return its output; raises CommandFailedError with its words."""
        return self._tool("kubectl", words, stdin)

    def helm(self, *words: str) -> str:
        """Run helm as administrator and return its output; raises CommandFailedError with its words."""
        return self._tool("helm", words, None)

    def apply(self, manifest: str) -> str:
        """Apply a manifest on the server's side, in the name of field manager `kubectl`."""
        return self.kubectl("apply", "--server-side", "--filename=-", stdin=manifest)

    def build_image(  # noqa: PLR0913 - these are the words of a build command
        self,
        name: str,
        *,
        context: Path,
        dockerfile: Path,
        key: str,
        build_args: Mapping[str, str] | None = None,
        volumes: Mapping[Path, str] | None = None,
    ) -> str:
        """Build an image from a Dockerfile, unless one of the same `key` is there, and put it on the node.

        `key` stands for all that goes in (a hash of the inputs); the Dockerfile gets the base image as build argument `BASE`;
        `volumes` are host folders and where the build sees them, read-only (a layer is used again whatever is in them: pin it
        by a copied lock file). Returns the full name; pods use it with
        `imagePullPolicy: IfNotPresent` or `Never`. Raises ClusterError with the end of the build's log.
        """
        build = Build(context, dockerfile, key, build_args or {}, volumes or {})
        archive, whole_key = build_archive(self.cache, name, build)
        if self.state.images.get(full_name(name)) != whole_key:
            import_archive(self.layout, self.state.snapshotter, archive)
            with self._inside.state_file.edit() as state:
                state.images[full_name(name)] = whole_key
        return full_name(name)

    def spawn(
        self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Tracked:
        """Start a process inside the namespace; it is ended with the cluster, its output is kept as log `name`."""
        return self._inside.spawn(Task(name, argv, env=env or {}, cwd=cwd))

    def end(self, name: str, grace_s: float = 5.0) -> None:
        """End a process that was spawned, asking first and insisting after `grace_s` seconds."""
        self._inside.end(name, grace_s)

    def run(self, argv: Sequence[str | Path], surroundings: Surroundings | None = None) -> str:
        """Run a command inside the namespace to its end and return its output; raises CommandFailedError."""
        return self._inside.run(argv, surroundings or Surroundings())

    def forward(self, address: str, port: int, local_port: int = 0) -> int:
        """Open a port of the machine's 127.0.0.1 that leads to `address`:`port` inside; returns its number."""
        return self._inside.forward(f"forward-{address}-{port}", address, port, local_port)

    def logs(self, name: str, lines: int = 20) -> str:
        """Return the last lines of one process's log."""
        return read_log(self.layout.logs, name, lines)

    def wait(self, condition: Callable[[], T | None], deadline_s: float, what: str) -> T:
        """Wait until `condition` gives something true, and return it.

        `what` finishes the sentence "waited for …". Raises ClusterError after `deadline_s` seconds, and as soon as a component
        ends.
        """
        end_s = time.monotonic() + deadline_s
        while True:
            if found := condition():
                return found
            self.check_components()
            if time.monotonic() > end_s:
                raise ClusterError(f"waited for {what} for {deadline_s:.0f} s in vain")
            time.sleep(_LOOK_S)

    def check_components(self) -> None:
        """Raise ClusterError with the end of its log when a component of the cluster has ended."""
        self._inside.check_components()

    def processes(self) -> list[tuple[Tracked, bool]]:
        """List what was started, and whether it still runs."""
        return [(one, is_alive(one.process)) for one in self.state.processes]

    def _is_there(self) -> bool:
        state = self._inside.state_file.read()
        return state is not None and state.run_id == self._run_id

    def _tool(self, name: str, words: Sequence[str], stdin: str | None) -> str:
        env = {**self.env, "KUBECONFIG": str(self.layout.inner_kubeconfig)}
        return self.run([self.layout.bin / name, *words], Surroundings(env=env, stdin=stdin))
