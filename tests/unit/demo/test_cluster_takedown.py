"""Taking away what a cluster left, where that can be tried without one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cluster.cache import Cache
from demo.cluster.processes import MARK, Launch, ProcessId, is_alive, kill, launch
from demo.cluster.state import BOOT_ID, Phase, State, StateFile, Tracked, machine_lock
from demo.cluster.takedown import take_down


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache")
    made.ensure()
    return made


@pytest.fixture
def sleeper(cache: Cache) -> Iterator[ProcessId]:
    environment = {MARK: str(cache.run), "PATH": os.environ["PATH"]}
    process = launch(Launch(["/bin/sleep", "1000"], environment, cache.run / "logs" / "sleeper.log"))
    yield process
    kill([process])


def write_state(cache: Cache, boot_id: str, process: ProcessId) -> None:
    sleeper = Tracked("sleeper", process.pid, process.start_ticks, "sleeper.log", essential=True)
    StateFile(cache.run).write(State("id", boot_id, "then", "up", 1, 1, phase=Phase.UP, kept=True, processes=[sleeper]))


def this_boot() -> str:
    return BOOT_ID.read_text().strip()


def test_what_is_written_down_is_ended_and_its_logs_are_kept(cache: Cache, sleeper: ProcessId, tmp_path: Path) -> None:
    write_state(cache, this_boot(), sleeper)
    with machine_lock(tmp_path / "lock") as pointer:
        pointer.write(cache.run)
        take_down(cache, cache.run, pointer)
    assert not is_alive(sleeper)
    assert not cache.run.exists()
    assert [log.name for log in (cache.logs / "last-run").iterdir()] == ["sleeper.log"]
    assert not (tmp_path / "lock").exists()


def test_a_process_that_nobody_could_write_down_is_found_by_its_mark(cache: Cache, sleeper: ProcessId, tmp_path: Path) -> None:
    write_state(cache, this_boot(), ProcessId(sleeper.pid, sleeper.start_ticks + 1))
    with machine_lock(tmp_path / "lock") as pointer:
        take_down(cache, cache.run, pointer)
    assert not is_alive(sleeper)


def test_after_the_machine_was_started_anew_a_process_of_the_same_id_is_left_alone(
    cache: Cache, sleeper: ProcessId, tmp_path: Path
) -> None:
    write_state(cache, "another boot", sleeper)
    with machine_lock(tmp_path / "lock") as pointer:
        take_down(cache, cache.run, pointer)
    assert is_alive(sleeper)
    assert not cache.run.exists()


def test_processes_whose_folder_was_removed_from_under_them_are_ended(cache: Cache, sleeper: ProcessId, tmp_path: Path) -> None:
    (cache.run / "logs" / "sleeper.log").unlink()
    (cache.run / "logs").rmdir()
    cache.run.rmdir()
    with machine_lock(tmp_path / "lock") as pointer:
        take_down(cache, cache.run, pointer)
    assert not is_alive(sleeper)
