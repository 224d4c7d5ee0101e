"""Processes are known by id and start time, and found again by what they carry."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cluster.processes import (
    MARK,
    Launch,
    ProcessId,
    end,
    find_in_namespace,
    find_marked,
    identify,
    is_alive,
    kill,
    launch,
)

STAT = "{pid} ({name}) {state} 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 1000 1 18446744073709551615"


def a_process_entry(proc: Path, pid: int, name: str = "etcd", state: str = "S") -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(STAT.format(pid=pid, name=name, state=state, ticks=4242))


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ProcessId]:
    environment = {MARK: str(tmp_path), "PATH": os.environ["PATH"]}
    process = launch(Launch(["/bin/sleep", "1000"], environment, tmp_path / "sleeper.log"))
    yield process
    kill([process])


def test_a_start_time_is_read_past_a_name_with_parentheses_and_blanks(tmp_path: Path) -> None:
    a_process_entry(tmp_path, 7, name="a) S (b")
    assert identify(7, tmp_path) == ProcessId(7, 4242)


def test_the_remains_of_a_process_are_no_process(tmp_path: Path) -> None:
    a_process_entry(tmp_path, 7, state="Z")
    assert identify(7, tmp_path) is None


def test_a_process_that_took_over_the_id_is_another_one(tmp_path: Path) -> None:
    a_process_entry(tmp_path, 2**22 + 1)
    assert is_alive(ProcessId(2**22 + 1, 4242), tmp_path)
    assert not is_alive(ProcessId(2**22 + 1, 4241), tmp_path)


def test_a_process_of_another_start_time_is_never_signalled(sleeper: ProcessId) -> None:
    end([ProcessId(sleeper.pid, sleeper.start_ticks + 1)], grace_s=0)
    assert is_alive(sleeper)


def test_a_process_is_found_by_its_mark_until_it_is_ended(sleeper: ProcessId, tmp_path: Path) -> None:
    assert find_marked(tmp_path) == [sleeper]
    assert find_marked(tmp_path / "other") == []
    end([sleeper], grace_s=10)
    assert find_marked(tmp_path) == []
    assert not is_alive(sleeper)


def test_a_process_that_does_not_listen_is_ended_after_its_grace(tmp_path: Path) -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 1000; done"
    process = launch(Launch(["/bin/sh", "-c", script], {MARK: str(tmp_path), "PATH": os.environ["PATH"]}, tmp_path / "log"))
    deadline_s = time.monotonic() + 60
    while (tmp_path / "log").read_text() != "deaf\n" and time.monotonic() < deadline_s:
        time.sleep(0.01)
    end([process], grace_s=0.1)
    assert not is_alive(process)
    kill(find_marked(tmp_path))


def test_a_launched_process_has_default_signals_and_its_output_in_the_log(tmp_path: Path) -> None:
    script = "grep -E 'SigBlk|SigIgn' /proc/self/status; echo to stderr >&2"
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        process = launch(Launch(["/bin/sh", "-c", script], {"PATH": os.environ["PATH"]}, tmp_path / "log"))
    finally:
        signal.signal(signal.SIGPIPE, before)
    deadline_s = time.monotonic() + 60
    while is_alive(process) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    blocked, ignored, words = (tmp_path / "log").read_text().splitlines()
    assert int(blocked.split()[1], 16) == 0
    assert int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    assert words == "to stderr"


def test_a_descriptor_is_handed_on_as_the_third(tmp_path: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        what = Launch(["/bin/ls", "-l", "/proc/self/fd/3"], {}, tmp_path / "log", (listening.fileno(),))
        process = launch(what)
        inode = os.fstat(listening.fileno()).st_ino
    deadline_s = time.monotonic() + 60
    while is_alive(process) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert f"socket:[{inode}]" in (tmp_path / "log").read_text()


def test_processes_are_found_by_their_network_namespace(tmp_path: Path) -> None:
    for pid in (11, 12):
        a_process_entry(tmp_path, pid)
        (tmp_path / str(pid) / "ns").mkdir()
    (tmp_path / "inside").touch()
    (tmp_path / "11" / "ns" / "net").symlink_to(tmp_path / "inside")
    (tmp_path / "12" / "ns" / "net").touch()
    assert find_in_namespace(tmp_path / "inside", tmp_path) == [ProcessId(11, 4242)]
    assert find_in_namespace(tmp_path / "gone", tmp_path) == []
