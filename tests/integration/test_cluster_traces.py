"""A cluster leaves the machine as it was, however it ends: the machine is looked at before and after, and compared."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.cluster import Cluster, ClusterError
from demo.cluster.cache import Cache
from demo.cluster.machine import cgroup_roots, what_is_wrong
from demo.cluster.machine import look as machine_facts
from demo.cluster.processes import find_marked
from demo.cluster.state import MACHINE_LOCK, StateFile

pytestmark = [pytest.mark.cluster, pytest.mark.alone, pytest.mark.slow, pytest.mark.usefixtures("no_cluster")]

ROOT = Path(__file__).parents[2]
# Folders in which the cluster's programs make files whose places they know by heart.
KNOWN = (
    "/run",
    "/run/netns",
    "/run/containerd",
    "/var/log",
    "/var/log/pods",
    "/var/log/containers",
    "/var/lib",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/etc",
    "/etc/cni",
    "/etc/kubernetes",
    "/opt",
    "/opt/cni",
)
PROGRAMS = {
    "etcd",
    "containerd",
    "containerd-shim",
    "kube-apiserver",
    "kube-controller",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "pause",
}
OWNER = """
import sys, time
from demo.cluster import Cluster, ClusterError
from demo.cluster.report import LineReporter
with Cluster.start(reporter=LineReporter(sys.stderr)) as cluster:
    cluster.spawn("sleeper", ["sleep", "1000"])
    cluster.apply('''
apiVersion: v1
kind: Pod
metadata: {name: sleeper, namespace: default}
spec:
  terminationGracePeriodSeconds: 600
  containers: [{name: sleeper, image: localhost/foresail/pause:1, resources: {limits: {cpu: 50m, memory: 32Mi}}}]
  volumes: [{name: memory, emptyDir: {medium: Memory}}]
''')
    cluster.kubectl("wait", "pod/sleeper", "--for=condition=Ready", "--timeout=60s")
    print("ready", flush=True)
    time.sleep(1000)
"""


@dataclass(frozen=True)
class Machine:
    """What a machine looks like from outside the cluster."""

    links: str
    addresses: str
    routes: str
    rules: str
    mounts: str
    cgroups: frozenset[str]
    files: frozenset[str]
    programs: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]


def output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def look() -> Machine:
    settings = [*Path("/proc/sys/kernel").glob("panic*"), *Path("/proc/sys/vm").glob("overcommit_*")]
    settings += [*Path("/proc/sys/kernel/keys").iterdir(), *Path("/proc/sys/net/ipv4").glob("ip_forward")]
    return Machine(
        links=output("ip", "-brief", "link"),
        addresses=output("ip", "-brief", "address"),
        routes=output("ip", "route", "show", "table", "all"),
        rules="\n".join(line for line in output("iptables-save").splitlines() if not line.startswith(("#", ":"))),
        mounts=Path("/proc/self/mounts").read_text(),
        cgroups=frozenset(str(child) for root in cgroup_roots() for child in root.iterdir() if child.is_dir()),
        files=frozenset(str(entry) for name in KNOWN if Path(name).is_dir() for entry in Path(name).iterdir()),
        programs=tuple(sorted(running())),
        settings=tuple(sorted((str(path), path.read_text()) for path in settings)),
    )


def running() -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                name, state = (entry / "comm").read_text().strip(), (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if name in PROGRAMS and state != "Z":
                yield name


def assert_as_before(before: Machine) -> None:
    after = look()
    assert after.files - before.files == set()
    for field in ("links", "addresses", "routes", "rules", "mounts", "cgroups", "programs", "settings"):
        assert getattr(after, field) == getattr(before, field), field
    assert not Cache.locate().run.exists()
    assert not MACHINE_LOCK.exists()
    assert find_marked(Cache.locate().run) == []


@contextmanager
def owner(*argv: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that starts a cluster; whatever becomes of it, no cluster stays after the test."""
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            process.communicate()
            subprocess.run([sys.executable, "-m", "demo.cluster", "down"], cwd=ROOT, check=True, capture_output=True)


def wait_for_words(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().strip() == words, process.stderr.read()


def wait_for_processes(count: int) -> None:
    """Wait until a starting cluster has written down so many processes."""
    state_file, end_s = StateFile(Cache.locate().run), time.monotonic() + 120
    while time.monotonic() < end_s:
        state = state_file.read()
        if state is not None and len(state.processes) >= count:
            return
        time.sleep(0.01)
    pytest.fail(f"the cluster did not come to have {count} processes")


def down() -> str:
    return output(sys.executable, "-m", "demo.cluster", "down")


def test_a_cluster_in_use_touches_nothing_of_the_network_and_leaves_nothing_behind() -> None:
    before = look()
    with owner(sys.executable, "-c", OWNER) as process:
        wait_for_words(process, "ready")
        during = look()
        assert (during.links, during.addresses, during.routes, during.rules) == (
            before.links,
            before.addresses,
            before.routes,
            before.rules,
        )
        begun_s = time.monotonic()
        process.terminate()
        process.communicate(timeout=60)
        assert time.monotonic() - begun_s < 10
        assert_as_before(before)


def test_a_cluster_whose_owner_was_killed_goes_away_with_down() -> None:
    before = look()
    with owner(sys.executable, "-c", OWNER) as process:
        wait_for_words(process, "ready")
        process.kill()
        process.wait()
        assert "kubelet" in look().programs  # it does go on by itself
        begun_s = time.monotonic()
        assert down() == "the cluster was taken down\n"
        assert time.monotonic() - begun_s < 10
        assert_as_before(before)


def test_a_start_clears_away_what_a_killed_owner_left_and_works() -> None:
    before = look()
    with owner(sys.executable, "-c", OWNER) as process:
        wait_for_words(process, "ready")
        process.kill()
        process.wait()
        assert what_is_wrong(machine_facts(Cache.locate())) == []  # else tests would be skipped that a start makes room for
        with Cluster.start() as cluster:
            assert cluster.kubectl("get", "pods", "--all-namespaces", "--output=name") == ""
            assert Cluster.attach().state == cluster.state
        assert_as_before(before)


@pytest.mark.parametrize("processes", [0, 1, 3, 5, 8])
def test_a_start_that_is_killed_on_the_way_goes_away_with_down(processes: int) -> None:
    before = look()
    with owner(sys.executable, "-m", "demo.cluster", "up") as process:
        wait_for_processes(processes)
        process.kill()
        process.wait()
        down()
        assert_as_before(before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", [1, 4, 8])
def test_a_start_that_is_interrupted_takes_away_what_it_made(number: signal.Signals, processes: int) -> None:
    before = look()
    with owner(sys.executable, "-m", "demo.cluster", "up") as process:
        wait_for_processes(processes)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert_as_before(before)


def test_a_cluster_kept_by_up_is_attached_to_and_goes_away_with_down() -> None:
    before = look()
    with owner(sys.executable, "-m", "demo.cluster", "up") as process:
        assert process.wait(timeout=900) == 0
        with Cluster.attach() as cluster:
            assert cluster.kubectl("get", "nodes", "--output=name") == "node/node1\n"
        assert Cluster.attach().kubectl("get", "nodes", "--output=name") == "node/node1\n"
        assert down() == "the cluster was taken down\n"
        assert down() == "no embedded cluster runs on this machine\n"
        assert_as_before(before)


def test_a_component_that_ends_is_named_with_the_end_of_its_log() -> None:
    before = look()
    with Cluster.start() as cluster:
        scheduler = next(one for one, _ in cluster.processes() if one.name == "kube-scheduler")
        os.kill(scheduler.pid, signal.SIGKILL)
        with pytest.raises(ClusterError, match="kube-scheduler has ended; the end of its log"):
            cluster.wait(lambda: False, 20, "nothing")
    assert_as_before(before)
