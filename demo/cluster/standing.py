"""Finding the cluster that runs on this machine, and saying what it is."""

from pathlib import Path

from demo.cluster.cache import Cache
from demo.cluster.processes import is_alive
from demo.cluster.state import BOOT_ID, MACHINE_LOCK, Phase, Standing, State, StateFile, judge, where_it_runs


def standing_cluster(lock: Path = MACHINE_LOCK) -> tuple[Path, State] | None:
    """Find the run folder and the state of the cluster that is up; None when there is none in use."""
    run_folder = where_it_runs(lock)
    state = StateFile(run_folder).read() if run_folder else None
    if run_folder is None or state is None or state.phase is not Phase.UP:
        return None
    return (run_folder, state) if stands(state) is Standing.RUNNING else None


def written_down(cache: Cache, lock: Path = MACHINE_LOCK) -> list[tuple[Path, State | None]]:
    """List the run folders that a cluster of ours has or had, wherever its cache is, and what is known of each."""
    folders = dict.fromkeys(filter(None, (where_it_runs(lock), cache.run)))
    return [(folder, StateFile(folder).read()) for folder in folders if folder.exists()]


def stands(state: State) -> Standing:
    """Tell how the cluster of this state stands on this machine now."""
    return judge(state, BOOT_ID.read_text().strip(), is_alive)


def describe(run_folder: Path, state: State) -> str:
    """Say which cluster it is, since when, how to reach it and how to end it."""
    whose = f"started by process {state.owner_pid} (`{state.command}`)"
    if not state.kept:
        whose += ", with which it ends"
    ended = [one.name for one in state.processes if one.essential and not is_alive(one.process)]
    lines = [
        f"an embedded cluster runs on this machine since {state.since}, {whose}",
        *([f"  but {', '.join(ended)} ended: it does not work any more"] if ended else []),
        f"  to reach it:  export KUBECONFIG={run_folder / 'kubeconfig'}",
        "  to look:      python -m demo.cluster status",
        "  to end it:    python -m demo.cluster down",
    ]
    return "\n".join(lines)
