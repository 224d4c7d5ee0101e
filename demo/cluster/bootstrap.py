"""Bringing a cluster up, step by step; whatever stops it on the way, what was made by then goes away again."""

import datetime as dt
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from demo.cluster import components, config, host, machine
from demo.cluster.api import Api, node_is_usable
from demo.cluster.cache import Cache
from demo.cluster.commands import tail
from demo.cluster.errors import AlreadyRunningError, ClusterError
from demo.cluster.gobuild import bin_folder
from demo.cluster.images import choose_snapshotter, import_archive
from demo.cluster.inside import Inside, Task
from demo.cluster.layout import Layout
from demo.cluster.network import API_PORT, NODE_IP, NODE_NAME, Namespace
from demo.cluster.pki import write_pki
from demo.cluster.prepare import prepare
from demo.cluster.processes import identify
from demo.cluster.report import Reporter
from demo.cluster.rootfs import pause_archive
from demo.cluster.standing import describe, stands, written_down
from demo.cluster.state import BOOT_ID, Phase, Pointer, Standing, State, StateFile, machine_lock
from demo.cluster.takedown import take_down

_API_DEADLINE_S = 60
_NODE_DEADLINE_S = 90
_LOOK_S = 0.1


def bring_up(cache: Cache, reporter: Reporter, *, keep_failed: bool) -> Layout:
    """Bring a cluster up and return where it is; see `Cluster.start`."""
    machine.check_user(cache)
    with machine_lock() as pointer:
        clear_the_place(cache, reporter, pointer)
        machine.check(cache)
        prepare(cache, reporter)
        layout = Layout(cache.run, bin_folder(cache))
        inside = Inside(layout)
        try:
            pointer.write(layout.run)
            _begin(layout, inside.state_file)
            _start(layout, inside, reporter)
            with inside.state_file.edit() as state:
                state.phase = Phase.UP
        except BaseException as error:
            if keep_failed and isinstance(error, ClusterError) and inside.state_file.read() is not None:
                with inside.state_file.edit() as state:
                    state.phase, state.kept = Phase.UP, True
                raise
            take_down(cache, layout.run, pointer)
            raise
    return layout


def clear_the_place(cache: Cache, reporter: Reporter, pointer: Pointer) -> None:
    """Take away what a killed run left behind; raises AlreadyRunningError when a cluster is in use."""
    for run_folder, state in written_down(cache):
        if state is not None and stands(state) is not Standing.LEFT_BEHIND:
            raise AlreadyRunningError(describe(run_folder, state))
        with reporter.step("take away what a former run left behind"):
            take_down(Cache(run_folder.parent), run_folder, pointer)


def _begin(layout: Layout, state_file: StateFile) -> None:
    layout.run.mkdir(parents=True)
    layout.run.chmod(0o700)
    me = identify(os.getpid())
    if me is None:
        raise ClusterError("/proc does not show this process: is it mounted, and for this pid namespace?")
    state = State(
        run_id=secrets.token_hex(8),
        boot_id=BOOT_ID.read_text().strip(),
        since=dt.datetime.now().astimezone().isoformat(timespec="seconds"),
        command=_own_command(),
        owner_pid=me.pid,
        owner_start_ticks=me.start_ticks,
        commands=str(layout.bin),
        before=host.look_before(),
    )
    state_file.write(state)


def _start(layout: Layout, inside: Inside, reporter: Reporter) -> None:
    def launch(component: components.Component) -> None:
        inside.spawn(Task(component.name, component.argv, essential=True))

    with reporter.step("start the control plane"):
        Namespace(layout.netns).create()
        write_pki(layout.pki)
        snapshotter = choose_snapshotter(layout.run)
        components.write_configuration(layout, snapshotter)
        launch(components.etcd(layout))
        launch(components.containerd(layout))
        launch(components.apiserver(layout))
        port = inside.forward("api", NODE_IP, API_PORT, 0)
        with inside.state_file.edit() as state:
            state.api_port, state.snapshotter = port, snapshotter
        layout.kubeconfig.touch(mode=0o600)
        layout.kubeconfig.write_text(config.kubeconfig(f"https://127.0.0.1:{port}", "admin", layout.pki))
        _wait(inside, layout.containerd_socket.exists, _API_DEADLINE_S, "containerd to listen")
        import_archive(layout, snapshotter, pause_archive(layout.bin))
        api = Api(port, layout.pki)
        _wait(inside, lambda: api.get("/readyz") is not None, _API_DEADLINE_S, "the API server to be ready")
    with reporter.step("start the node"):
        for make in (components.kubelet, components.controller_manager, components.kube_proxy, components.scheduler):
            launch(make(layout))
        node = f"/api/v1/nodes/{NODE_NAME}"
        _wait(inside, lambda: node_is_usable(api.object(node)), _NODE_DEADLINE_S, "the node to take pods")
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        _wait(inside, lambda: api.get(account) is not None, _NODE_DEADLINE_S, "the default service account")


def _wait(inside: Inside, condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    end_s = time.monotonic() + deadline_s
    while not condition():
        inside.check_components()
        if time.monotonic() > end_s:
            raise ClusterError(f"waited for {what} for {deadline_s:.0f} s in vain; {_last_words(inside.layout)}")
        time.sleep(_LOOK_S)


def _last_words(layout: Layout) -> str:
    parts = ["the ends of the logs:"]
    logs = (log for log in sorted(layout.logs.glob("*.log")) if log.name != "audit.log")
    parts.extend(f"--- {log.stem}\n{tail(log, 5)}" for log in logs)
    return "\n".join(parts)


def _own_command() -> str:
    return Path("/proc/self/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:200]
