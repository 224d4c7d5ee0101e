"""What is written down about a cluster, and how one in use is told from one left behind."""

import multiprocessing
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from demo.cluster import AlreadyRunningError, ClusterError
from demo.cluster.errors import UnfitMachineError
from demo.cluster.processes import ProcessId
from demo.cluster.standing import describe, standing_cluster
from demo.cluster.state import Phase, Standing, State, StateFile, Tracked, judge, machine_lock, where_it_runs

OWNER = ProcessId(100, 5)
ETCD = ProcessId(200, 6)


def a_state(**changes: object) -> State:
    etcd = Tracked("etcd", ETCD.pid, ETCD.start_ticks, "/logs/etcd.log", essential=True)
    plain = State("run", "boot-1", "2026-11-21T08:00:00+00:00", "make demo", OWNER.pid, OWNER.start_ticks, processes=[etcd])
    return msgspec.structs.replace(plain, **changes)


@dataclass(frozen=True)
class Alive:
    processes: frozenset[ProcessId]

    def __call__(self, process: ProcessId) -> bool:
        return process in self.processes


@pytest.mark.parametrize(
    ("changes", "alive", "expected"),
    [
        ({}, {OWNER}, Standing.STARTING),
        ({}, {ETCD}, Standing.LEFT_BEHIND),
        ({"phase": Phase.UP}, {OWNER, ETCD}, Standing.RUNNING),
        ({"phase": Phase.UP}, {OWNER}, Standing.RUNNING),
        ({"phase": Phase.UP}, {ETCD}, Standing.LEFT_BEHIND),
        ({"phase": Phase.UP, "kept": True}, {ETCD}, Standing.RUNNING),
        ({"phase": Phase.UP, "kept": True}, {OWNER}, Standing.LEFT_BEHIND),
        ({"phase": Phase.STOPPING}, {OWNER, ETCD}, Standing.LEFT_BEHIND),
        ({"phase": Phase.UP, "boot_id": "boot-0"}, {OWNER, ETCD}, Standing.LEFT_BEHIND),
        ({"phase": Phase.UP}, {ProcessId(OWNER.pid, 99)}, Standing.LEFT_BEHIND),
    ],
    ids=[
        "starting",
        "killed while starting",
        "in use",
        "in use though broken",
        "owner was killed",
        "kept",
        "kept, but all of it ended",
        "killed while ending",
        "the machine was started anew",
        "owner's id belongs to another process",
    ],
)
def test_a_cluster_in_use_is_told_from_one_left_behind(
    changes: dict[str, object], alive: set[ProcessId], expected: Standing
) -> None:
    assert judge(a_state(**changes), "boot-1", Alive(frozenset(alive))) is expected


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "run")
    assert file.read() is None
    file.write(a_state())
    assert file.read() == a_state()
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["state.json"]


def test_an_edit_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.write(a_state())
    with pytest.raises(RuntimeError), file.edit() as state:  # noqa: PT012 - an edit, then a failure
        state.kept = True
        raise RuntimeError
    assert file.read() == a_state()


def test_a_state_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version": 0}')
    with pytest.raises(ClusterError, match=r"reading .*state\.json failed: .*another version"):
        StateFile(tmp_path).read()


def test_an_edit_after_the_cluster_went_away_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="was taken down meanwhile"), StateFile(tmp_path).edit():
        pass


def add_images(folder: Path, first: int) -> None:
    for number in range(first, first + 20):
        with StateFile(folder).edit() as state:
            state.images[str(number)] = "key"


def test_edits_by_several_processes_are_all_kept(tmp_path: Path) -> None:
    StateFile(tmp_path).write(a_state())
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=add_images, args=(tmp_path, first)) for first in (0, 20)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    state = StateFile(tmp_path).read()
    assert state is not None
    assert len(state.images) == 40


def test_the_machine_s_lock_is_held_by_one_who_is_named(tmp_path: Path) -> None:
    lock, run_folder = tmp_path / "lock", tmp_path / "run"
    with machine_lock(lock) as pointer:
        pointer.write(run_folder)
        StateFile(run_folder).write(a_state())
        with pytest.raises(AlreadyRunningError, match=r"is starting \(process 100, `make demo`, since 2026-11-21T08:00"):
            machine_lock(lock).__enter__()
    assert where_it_runs(lock) == run_folder
    with machine_lock(lock) as pointer:
        assert pointer.read() == run_folder
        pointer.clear()
    assert where_it_runs(lock) is None
    assert not lock.exists()


def test_a_lock_that_came_to_nothing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), machine_lock(tmp_path / "lock"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    lock = tmp_path / "missing" / "lock"
    with pytest.raises(UnfitMachineError, match=re.escape(f"{lock} cannot be locked (No such file or directory)")):
        machine_lock(lock).__enter__()


def test_no_cluster_stands_where_none_was_written_down(tmp_path: Path) -> None:
    assert standing_cluster(tmp_path / "lock") is None


def test_a_cluster_of_dead_processes_does_not_stand(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(str(tmp_path / "run"))
    StateFile(tmp_path / "run").write(a_state(phase=Phase.UP, kept=True))
    assert standing_cluster(tmp_path / "lock") is None


def test_a_cluster_is_described_by_who_started_it_and_how_to_end_it() -> None:
    words = describe(Path("/cache/run"), a_state(phase=Phase.UP))
    assert "since 2026-11-21T08:00:00+00:00, started by process 100 (`make demo`), with which it ends" in words
    assert "etcd ended: it does not work any more" in words
    assert "export KUBECONFIG=/cache/run/kubeconfig" in words
    assert "python -m demo.cluster down" in words
