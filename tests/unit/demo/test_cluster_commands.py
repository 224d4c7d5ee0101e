"""Commands that fail say why, and none outlives us; steps are told as they go."""

import io
import os
import signal
import time
from pathlib import Path

import pytest

from demo.cluster.commands import Surroundings, run, run_logged
from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.logs import log_names, read_log
from demo.cluster.processes import MARK, find_marked
from demo.cluster.report import LineReporter, QuietReporter
from demo.cluster.signals import ended_by_signals, undisturbed


def test_a_command_gets_its_surroundings_and_gives_its_output(tmp_path: Path) -> None:
    surroundings = Surroundings(env={"WORD": "sail"}, cwd=tmp_path, stdin="fore")
    assert run(["sh", "-c", "cat; echo $WORD; pwd"], surroundings) == f"foresail\n{tmp_path}\n"


def test_a_command_that_fails_tells_its_status_and_its_words() -> None:
    with pytest.raises(CommandFailedError, match=r"`sh -c .*` ended with status 3: no wind"):
        run(["sh", "-c", "echo no wind >&2; exit 3"])


def test_a_command_that_is_killed_tells_the_signal() -> None:
    with pytest.raises(CommandFailedError, match="was ended by signal SIGKILL"):
        run(["sh", "-c", "kill -9 $$"])


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandFailedError, match="`no-such-program` could not be started"):
        run(["no-such-program"])


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    surroundings = Surroundings(env={MARK: str(tmp_path)}, deadline_s=0.2)
    with pytest.raises(CommandFailedError, match="took longer than 0 s"):
        run(["sh", "-c", "sleep 1000 & sleep 1000"], surroundings)
    assert_all_gone(tmp_path)


def test_a_logged_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    surroundings = Surroundings(env={MARK: str(tmp_path)}, deadline_s=0.2)
    with pytest.raises(CommandFailedError, match="took longer than 0 s"):
        run_logged(["sh", "-c", "sleep 1000 & sleep 1000"], tmp_path / "log", surroundings)
    assert_all_gone(tmp_path)


def test_a_logged_command_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=r"(?s)ended with status 1; the end of .*log:.*line 30$") as failure:
        run_logged(["sh", "-c", "seq -f 'line %g' 30; exit 1"], tmp_path / "log")
    assert "line 9\n" not in str(failure.value)
    assert (tmp_path / "log").read_text().startswith("$ sh -c")


def test_a_logged_command_is_given_up_when_it_is_told_to_stop(tmp_path: Path) -> None:
    whys = iter(["", "was given up"])
    with pytest.raises(CommandFailedError, match=r"`sleep 1000` was given up"):
        run_logged(["sleep", "1000"], tmp_path / "log", Surroundings(env={MARK: str(tmp_path)}, stop=lambda: next(whys)))
    assert_all_gone(tmp_path)


def test_a_log_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "etcd.log").write_text("one\ntwo\n")
    assert log_names(tmp_path) == ["etcd"]
    assert read_log(tmp_path, "etcd", 1) == "two"
    with pytest.raises(ClusterError, match=r"there is no log named ectd in .*; there are: etcd"):
        read_log(tmp_path, "ectd", 1)


def test_steps_are_told_with_their_time_their_words_and_whether_there_was_work() -> None:
    stream = io.StringIO()
    reporter = LineReporter(stream)
    with reporter.step("fetch") as step:
        step.cached()
    with reporter.step("build") as step:
        step.note("all of it")
    with pytest.raises(RuntimeError, match="calm"), reporter.step("start"):
        raise RuntimeError("calm")
    assert stream.getvalue().splitlines() == [
        "· fetch …",
        "✓ fetch (from the cache)",
        "· build …",
        "✓ build: all of it (0.0 s)",
        "· start …",
        "✗ start failed after 0.0 s",
    ]


def test_a_quiet_reporter_keeps_what_each_step_took() -> None:
    reporter = QuietReporter()
    with reporter.step("fetch"):
        pass
    assert reporter.took_s["fetch"] < 5


def test_a_signal_waits_while_something_is_taken_away() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - where it is raised is what is tested
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            done.append("taken away")
        done.append("never")
    assert done == ["taken away"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_request_to_end_interrupts_like_the_keyboard_where_nobody_else_decided() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the cluster of this test session has decided by now
    try:
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"), ended_by_signals():  # noqa: PT012 - it comes while we wait
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_somebody_else_s_decision_about_a_signal_stays() -> None:
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        with ended_by_signals():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]


def assert_all_gone(mark: Path) -> None:
    deadline_s = time.monotonic() + 60
    while find_marked(mark) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert find_marked(mark) == []
