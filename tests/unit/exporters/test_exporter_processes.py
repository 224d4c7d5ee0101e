"""Which processes live in which container."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from exporters.cgroup.processes import Processes
from tests.unit.exporters.trees import Host, Rig, of_family

if TYPE_CHECKING:
    from pathlib import Path

ID, OTHER = "a9" * 32, "5b" * 32


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "proc").mkdir()
    return Host(tmp_path)


def put(host: Host, pid: int, cgroup: str) -> None:
    host.write(f"proc/{pid}/cgroup", f"0::{cgroup}\n")


def pids(processes: Processes, container_id: str, path: str = "") -> list[int]:
    path = path or f"/docker/{container_id}"
    processes.expire()
    return [process.pid for process in processes.of(container_id, path)]


def test_processes_are_found_by_the_end_of_their_path_lowest_number_first(host: Host, time: Time) -> None:
    for pid in (30, 4, 200):
        put(host, pid, f"/../../kubepods/pod8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11/{ID}")
    put(host, 5, "/init.scope")
    host.write("proc/self/cgroup", f"0::/docker/{ID}\n")
    path = f"/kubepods/pod8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11/{ID}"
    assert pids(Processes(str(host.procfs), time), ID, path) == [4, 30, 200]


@pytest.mark.parametrize(
    ("seen", "path", "found"),
    [
        (f"/docker/{ID}", f"/docker/{ID}", [4]),
        (f"/docker/{ID}/app", f"/docker/{ID}", [4]),
        (f"/../{ID}", f"/docker/{ID}", [4]),
        (f"/docker/{OTHER}/kubepods/{ID}", f"/kubepods/{ID}", [4]),  # a node that is a container, seen from outside
        (f"/lxc.payload.node/kubepods/{ID}", f"/kubepods/{ID}", [4]),
        (f"/system.slice/a.service/kubepods/{ID}", f"/kubepods/{ID}", []),
        (f"/docker/{ID}", f"/kubepods/{ID}", []),
        (f"/../../user.slice/kubepods/{ID}", f"/kubepods/{ID}", []),
        (f"/user.slice/kubepods/{ID}", f"/kubepods/{ID}", []),
        (f"/user.slice/kubepods/{ID}", f"/user.slice/kubepods/{ID}", [4]),
        (f"/../../kubepods/{ID}", f"/user.slice/kubepods/{ID}", [4]),
        (f"/machine.slice/libpod-{ID}.scope/libpod-payload-{ID}", f"/machine.slice/libpod-{ID}.scope", [4]),
        (f"/m/libpod-{ID}.scope/libpod-payload-{ID}", f"/m/libpod-{ID}.scope/libpod-payload-{ID}", [4]),
    ],
)  # fmt: skip
def test_a_process_is_of_the_container_whose_id_and_path_it_has(
    seen: str,
    path: str,
    found: list[int],
    host: Host,
    time: Time,
) -> None:
    put(host, 4, seen)
    assert pids(Processes(str(host.procfs), time), ID, path) == found


def test_processes_in_several_cgroups_of_a_container_are_in_order(host: Host, time: Time) -> None:
    put(host, 7, f"/machine.slice/libpod-{ID}.scope")
    put(host, 5, f"/machine.slice/libpod-{ID}.scope/libpod-payload-{ID}")
    put(host, 9, f"/machine.slice/libpod-{ID}.scope")
    assert pids(Processes(str(host.procfs), time), ID, f"/machine.slice/libpod-{ID}.scope") == [5, 7, 9]


def test_one_scan_answers_for_all_containers(host: Host, time: Time) -> None:
    put(host, 4, f"/docker/{ID}")
    processes = Processes(str(host.procfs), time)
    assert len(processes.of(ID, f"/docker/{ID}")) == 1
    put(host, 5, f"/docker/{OTHER}")
    assert processes.of(OTHER, f"/docker/{OTHER}") == []
    processes.expire()
    assert len(processes.of(OTHER, f"/docker/{OTHER}")) == 1


def test_a_process_that_was_placed_is_not_read_again(host: Host, time: Time) -> None:
    put(host, 4, f"/docker/{ID}")
    processes = Processes(str(host.procfs), time)
    assert pids(processes, ID) == [4]
    (host.procfs / "4" / "cgroup").unlink()
    assert pids(processes, ID) == [4]


def test_a_number_that_was_given_to_another_process_is_read_again(host: Host, time: Time) -> None:
    put(host, 4, f"/docker/{ID}")
    processes = Processes(str(host.procfs), time)
    (before,) = processes.of(ID, f"/docker/{ID}")
    (host.procfs / "4").rename(host.procfs / "gone")
    put(host, 4, f"/docker/{OTHER}")
    assert not processes.is_running(before)
    assert (pids(processes, ID), pids(processes, OTHER)) == ([], [4])


def test_a_process_that_ended_is_forgotten(host: Host, time: Time) -> None:
    put(host, 4, f"/docker/{ID}")
    processes = Processes(str(host.procfs), time)
    (before,) = processes.of(ID, f"/docker/{ID}")
    shutil.rmtree(host.procfs / "4")
    assert pids(processes, ID) == []
    assert not processes.is_running(before)


def test_a_process_that_is_moved_into_its_container_after_its_start_is_found(host: Host, time: Time) -> None:
    put(host, 4, "/system.slice/containerd.service")
    processes = Processes(str(host.procfs), time)
    assert pids(processes, ID) == []
    time.now_s = 30
    put(host, 4, f"/docker/{ID}")
    assert pids(processes, ID) == [4]


def test_a_process_that_stayed_outside_for_a_while_is_believed_to_stay(host: Host, time: Time) -> None:
    put(host, 4, "/system.slice/ssh.service")
    processes = Processes(str(host.procfs), time)
    processes.of(ID, f"/docker/{ID}")
    time.now_s = 61
    pids(processes, ID)
    put(host, 4, f"/docker/{ID}")
    assert pids(processes, ID) == []


def test_the_next_process_of_a_pod_is_asked_when_the_first_has_ended(v2: Host) -> None:
    shutil.rmtree(v2.procfs / "2000")
    received = of_family(Rig(v2).text(), "container_network_receive_bytes_total")
    assert 81234567.0 in received.values()


def test_a_pod_without_a_process_has_no_network_series_and_is_counted_absent(v2: Host) -> None:
    for pid in ("2000", "2001", "2002"):
        shutil.rmtree(v2.procfs / pid)
    text = Rig(v2).text()
    assert 81234567.0 not in of_family(text, "container_network_receive_bytes_total").values()
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    assert errors['foresail_exporter_collector_errors_total{collector="network",kind="absent"}'] == 1


def test_pods_on_the_hosts_network_do_not_repeat_its_interfaces(v2: Host) -> None:
    received = of_family(Rig(v2).text(), "container_network_receive_bytes_total")
    of_host = [series for series, value in received.items() if value == 914380823]
    assert of_host == [
        'container_network_receive_bytes_total{container="",id="/",image="",name="",namespace="",pod="",interface="eth0"}'
    ]


def test_a_folder_of_processes_that_cannot_be_listed_fails_only_what_needs_it(v2: Host) -> None:
    rig = Rig(v2)
    shutil.rmtree(v2.procfs)
    text = rig.text()
    assert of_family(text, "container_network_receive_bytes_total") == {}
    assert of_family(text, "container_threads")
    errors = of_family(text, "foresail_exporter_collector_errors_total")
    assert errors['foresail_exporter_collector_errors_total{collector="network",kind="failed"}'] == 1
