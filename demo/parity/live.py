"""Scrapes of the kubelet and of the exporter on the embedded cluster, taken as `compare` wants them.

The exporter is asked every second and the kubelet now and then, from inside the cluster's network namespace.
"""

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.cluster import Cluster
from demo.parity.compare import Terms, Verdict, compare
from demo.parity.differences import in_force
from demo.parity.exposition import Reader, Scrape

ROUND_S = 1.0
REUSED_S = 0.75  # an answer of the exporter may be that of another who asked half a second ago, and tell of that moment
OPENED = 4.0  # requests are under way while both are asked: each is a connection, for some milliseconds


@dataclass(frozen=True, slots=True)
class Scrapes:
    """All answers, in order of time."""

    kubelet: list[Scrape] = field(default_factory=list)
    exporter: list[Scrape] = field(default_factory=list)

    def judge(self, version: int, kernel: tuple[int, int]) -> list[Verdict]:
        """Compare each scrape of the kubelet; what holds many pods does not stand still where pods come and go."""
        terms = Terms(in_force(version, kernel), is_steady=lambda series: bool(series["pod"]), opened=OPENED)
        return [compare(self.kubelet, self.exporter, number, terms) for number in range(len(self.kubelet))]


def scrape(cluster: Cluster, namespace: str, rounds: Sequence[float]) -> Scrapes:
    """Scrape both: the kubelet once after each of so many seconds, the exporter (of `namespace`) all the time."""
    found, reader = Scrapes(), Reader()
    ours, kubelet = exporter_command(cluster, namespace), kubelet_command(cluster)

    def keep(kept: list[Scrape], command: Sequence[str], old_s: float = 0.0) -> None:
        begun_s = time.time() - old_s
        text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
        kept.append(reader.read(text, begun_s, time.time()))

    for round_s in rounds:
        end_s = time.monotonic() + round_s
        while time.monotonic() < end_s:
            begin_s = time.monotonic()
            keep(found.exporter, ours, REUSED_S)
            time.sleep(max(0.0, begin_s + ROUND_S - time.monotonic()))
        keep(found.kubelet, kubelet)
    time.sleep(REUSED_S)
    keep(found.exporter, ours, REUSED_S)
    return found


def curl(cluster: Cluster, *words: str) -> tuple[str, ...]:
    """Return a command that fetches from inside the network namespace."""
    return ("nsenter", f"--net={cluster.layout.netns}", "curl", "--silent", "--show-error", "--fail", *words)


def exporter_command(cluster: Cluster, namespace: str) -> tuple[str, ...]:
    """Return the command that scrapes the exporter of a namespace."""
    chosen = ("-n", namespace, "-l", "app.kubernetes.io/component=exporter", "-o", "json")
    (pod,) = json.loads(cluster.kubectl("get", "pods", *chosen))["items"]
    return curl(cluster, f"http://{pod['status']['podIP']}:9109/metrics")


def kubelet_command(cluster: Cluster) -> tuple[str, ...]:
    """Return the command that scrapes the kubelet's own metrics of containers."""
    pki = cluster.layout.pki
    client = ("--cert", str(pki / "apiserver-kubelet-client.crt"), "--key", str(pki / "apiserver-kubelet-client.key"))
    return curl(cluster, "--cacert", str(pki / "ca.crt"), *client, f"https://{cluster.node_ip}:10250/metrics/cadvisor")
