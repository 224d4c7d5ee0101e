"""Taking a cluster away, whoever started it and however far it came: every step finds what there is and leaves the rest alone.

The order matters: first who makes new things (kubelet, controllers), then containers, then what they stood on.
"""

import shutil
from pathlib import Path

from demo.cluster import host
from demo.cluster.cache import Cache, remove_tree
from demo.cluster.errors import ClusterError
from demo.cluster.host import attempt
from demo.cluster.layout import Layout
from demo.cluster.machine import pods_trees
from demo.cluster.mounts import unmount_under
from demo.cluster.network import Namespace
from demo.cluster.processes import end, find_in_namespace, find_marked, kill
from demo.cluster.signals import undisturbed
from demo.cluster.state import BOOT_ID, Phase, Pointer, State, StateFile

_GRACE_S = 1.5


def take_down(cache: Cache, run_folder: Path, pointer: Pointer) -> None:
    """Take the cluster in `run_folder` away; raises ClusterError that lists what could not be."""
    if not run_folder.exists():
        kill(find_marked(run_folder))  # somebody removed the folder from under them
        pointer.clear()
        return
    state_file = StateFile(run_folder)
    state = state_file.read()
    failures: list[str] = []
    with undisturbed():
        if state is not None:
            state.phase = Phase.STOPPING
            state_file.write(state)
            _give_back(state, run_folder, failures)
        if failures:
            raise ClusterError(
                f"the cluster in {run_folder} could not be taken away whole:\n"
                + "\n".join(f"- {one}" for one in failures)
                + "\nSee to it and run `python -m demo.cluster down` again."
            )
        _keep_logs(cache, run_folder)
        remove_tree(run_folder)
        pointer.clear()


def _give_back(state: State, run_folder: Path, failures: list[str]) -> None:
    before, traces = state.before, host.read_traces(run_folder / "containerd")
    if state.boot_id == BOOT_ID.read_text().strip():
        _end_processes(state, run_folder, failures)
        attempt(lambda: unmount_under(run_folder), failures)
        attempt(lambda: host.remove_cgroups(before), failures)
        attempt(lambda: host.remove_files(before, traces), failures)
        attempt(lambda: host.restore_settings(before), failures)
    elif not pods_trees():
        # Since the machine was started anew only files are left of it, and whatever has those process ids is not ours. Where
        # another kubelet has come to work meanwhile, its files cannot be told from ours: they stay.
        attempt(lambda: host.remove_files(before, traces), failures)


def _end_processes(state: State, run_folder: Path, failures: list[str]) -> None:
    netns = Layout(run_folder, run_folder).netns
    kill([one.process for one in state.processes if one.essential and one.name != "containerd"])
    end([one.process for one in state.processes if not one.essential], _GRACE_S)
    # Containers before their shims: a shim that ends first would leave them to process 1.
    attempt(lambda: host.kill_pods(state.before), failures)
    for _ in range(3):  # one of them may have been starting another
        kill([*find_marked(run_folder), *find_in_namespace(netns)])
    attempt(lambda: host.kill_pods(state.before), failures)
    attempt(Namespace(netns).remove, failures)


def _keep_logs(cache: Cache, run_folder: Path) -> None:
    logs = run_folder / "logs"
    if logs.exists():
        kept = cache.logs / "last-run"
        if kept.exists():
            shutil.rmtree(kept)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(logs, kept)
