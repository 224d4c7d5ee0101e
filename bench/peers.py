"""Those who tell of containers on the embedded cluster: our exporter as the chart installs it, the kubelet, cAdvisor."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Answer
from demo.cluster import Cluster
from demo.cluster.config import PAUSE_IMAGE
from demo.cluster.report import LineReporter
from demo.constants import SYSTEM_NAMESPACE
from demo.parity import live
from demo.stack import APP_IMAGE, as_list, build_images, install_exporter
from exporters.collectors import REGISTERED

CADVISOR_PORT = 18080
LEAN_NAMESPACE = "foresail-lean"
_PATIENCE_S = 180.0


@dataclass(frozen=True, slots=True)
class Peer:
    """One that answers scrapes, and the process that pays for it."""

    name: str
    pid: int
    curl: tuple[str, ...]
    """The command that fetches its exposition, inside the network namespace."""

    def fetch(self) -> Answer:
        """Scrape it; the time is the transfer's, as curl measures it. Raises CalledProcessError."""
        with tempfile.NamedTemporaryFile() as body:
            flags = ("--output", body.name, "--write-out", "%{time_total}")
            done = subprocess.run([*self.curl, *flags], check=True, capture_output=True, text=True)
            return Answer(float(done.stdout), Path(body.name).read_bytes())


@contextlib.contextmanager
def standing_peers(pods: int, wake_s: float) -> Iterator[list[Peer]]:
    """Bring the embedded cluster up with that many pods, each of which does a little every ``wake_s`` seconds (0: nothing).

    Yields our exporter without what the kubelet does not tell, our exporter as it is, the kubelet, and cAdvisor where
    there is one.
    """
    reporter = LineReporter(sys.stderr)
    with tempfile.TemporaryDirectory() as folder, Cluster.start(reporter=reporter) as cluster:
        build_images(cluster, reporter)
        cluster.apply(as_list([_deployment(pods, wake_s)]))
        cluster.kubectl("rollout", "status", "deployment/measured", f"--timeout={_PATIENCE_S:.0f}s")
        kubelet = _kubelet(cluster)
        install_exporter(cluster, Path(folder), LEAN_NAMESPACE, {"extraArgs": _besides(kubelet.fetch())})
        install_exporter(cluster, Path(folder), SYSTEM_NAMESPACE, {})
        lean = _ours(cluster, LEAN_NAMESPACE, "ours, what the kubelet tells")
        found = [lean, _ours(cluster, SYSTEM_NAMESPACE, "ours, by default"), kubelet]
        if binary := shutil.which("cadvisor"):
            found.append(_cadvisor(cluster, binary))
        else:
            print("cadvisor is not on PATH, so it is left out")
        yield found


def _deployment(pods: int, wake_s: float) -> dict[str, Any]:
    labels = {"app": "measured"}
    container: dict[str, Any] = {"name": "measured", "image": PAUSE_IMAGE, "imagePullPolicy": "Never"}
    if wake_s:
        container |= {"image": APP_IMAGE, "command": ["sh", "-c", f"while sleep {wake_s}; do :; done"]}
    container["resources"] = {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"cpu": "50m", "memory": "32Mi"}}
    template = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
    spec = {"replicas": pods, "selector": {"matchLabels": labels}, "template": template}
    named = {"name": "measured", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": spec}


def _besides(told: Answer) -> list[str]:
    """Return the flags that switch off the collectors of which the kubelet tells nothing."""
    theirs = set(re.findall(r"^# TYPE (\S+)", told.body.decode(), re.MULTILINE))
    more = [one for one in REGISTERED if one.is_default and one.families and not theirs & {it.name for it in one.families}]
    return [f"--no-collector.{one.name}" for one in more]


def _ours(cluster: Cluster, namespace: str, name: str) -> Peer:
    chosen = ("-n", namespace, "-l", "app.kubernetes.io/component=exporter", "-o", "json")
    pod = json.loads(cluster.kubectl("get", "pods", *chosen))["items"][0]
    container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    return Peer(name, _process_of(container), live.exporter_command(cluster, namespace))


def _kubelet(cluster: Cluster) -> Peer:
    pid = next(one.process.pid for one, _ in cluster.processes() if one.name == "kubelet")
    return Peer("kubelet", pid, live.kubelet_command(cluster))


def _cadvisor(cluster: Cluster, binary: str) -> Peer:
    flags = ["-listen_ip=127.0.0.1", f"-port={CADVISOR_PORT}", f"-containerd={cluster.layout.containerd_socket}"]
    started = cluster.spawn("cadvisor", [binary, *flags, "-store_container_labels=false"])
    peer = Peer("cAdvisor", started.process.pid, live.curl(cluster, f"http://127.0.0.1:{CADVISOR_PORT}/metrics"))
    end_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            peer.fetch()
        except subprocess.CalledProcessError:
            if time.monotonic() > end_s:
                raise
            time.sleep(1.0)
        else:
            return peer


def _process_of(container_id: str) -> int:
    """Return the oldest process in a container."""
    found = []
    for entry in Path("/proc").iterdir():
        if re.fullmatch(r"\d+", entry.name):
            with contextlib.suppress(OSError):
                if container_id in (entry / "cgroup").read_text():
                    found.append(int(entry.name))
    if not found:
        raise LookupError(f"no process of container {container_id} runs")
    return min(found)
