"""Prometheus and Alertmanager, run inside the cluster's namespace on the node's address: there they reach every pod directly.

Prometheus is built with the cluster's commands, Alertmanager is Debian's. What they scrape and whom they tell is the caller's:
this module puts the files in place, gives Prometheus a user of its own that may discover and scrape, starts the two and waits
until they are ready.
"""

import http.client
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from demo.cluster.cluster import Cluster
from demo.cluster.commands import Surroundings, run
from demo.cluster.errors import ClusterError, CommandFailedError

PROMETHEUS_PORT = 9090
ALERTMANAGER_PORT = 9093
_READY_DEADLINE_S = 60
_PROMETHEUS_RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: prometheus}
rules:
- {apiGroups: [""], resources: [pods, nodes, services, endpoints], verbs: [get, list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [nodes/metrics], verbs: [get]}
- {nonResourceURLs: [/metrics, /metrics/cadvisor], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: prometheus}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: prometheus}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: "foresail:prometheus"}]
"""


def start_prometheus(cluster: Cluster, config: Callable[[Path, list[str]], str], rules: Mapping[str, str] | None = None) -> int:
    """Start Prometheus on node_ip:9090 and return a port of 127.0.0.1 that leads to it; one that runs is replaced.

    `config` is given a kubeconfig for service discovery and the paths of the rule files, and returns prometheus.yml. `rules`
    are rule files by name. Raises ClusterError with promtool's words when a file is wrong, with the log's end when Prometheus
    does not start.
    """
    folder = _fresh(cluster, "prometheus")
    (folder / "rules").mkdir()
    for name, text in (rules or {}).items():
        (folder / "rules" / name).write_text(text)
    paths = sorted(str(folder / "rules" / name) for name in rules or {})
    file = folder / "prometheus.yml"
    file.write_text(config(cluster.layout.config / "prometheus.kubeconfig", paths))
    _check(str(cluster.layout.bin / "promtool"), "check", "config", str(file))
    cluster.apply(_PROMETHEUS_RIGHTS)
    argv: list[str | Path] = [
        cluster.layout.bin / "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={cluster.node_ip}:{PROMETHEUS_PORT}",
        "--storage.tsdb.retention.time=1d",
    ]
    cluster.spawn("prometheus", argv)
    return _wait_ready(cluster, "prometheus", PROMETHEUS_PORT)


def start_alertmanager(cluster: Cluster, config: str) -> int:
    """Start Alertmanager on node_ip:9093 and return a port of 127.0.0.1 that leads to it; one that runs is replaced.

    `config` is alertmanager.yml. Raises ClusterError with amtool's words when it is wrong.
    """
    folder = _fresh(cluster, "alertmanager")
    file = folder / "alertmanager.yml"
    file.write_text(config)
    _check("amtool", "check-config", str(file))
    argv = [
        "prometheus-alertmanager",
        f"--config.file={file}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={cluster.node_ip}:{ALERTMANAGER_PORT}",
        "--cluster.listen-address=",  # alone: there is nobody to gossip with
    ]
    cluster.spawn("alertmanager", argv)
    return _wait_ready(cluster, "alertmanager", ALERTMANAGER_PORT)


def _fresh(cluster: Cluster, name: str) -> Path:
    if any(one.name == name for one, _ in cluster.processes()):
        cluster.end(name)
    folder = cluster.layout.run / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _check(*argv: str) -> None:
    try:
        run(argv, Surroundings(env={"HOME": "/nonexistent"}))
    except CommandFailedError as error:
        raise ClusterError(f"a configuration was refused: {error}") from error


def _wait_ready(cluster: Cluster, name: str, port: int) -> int:
    number = cluster.forward(cluster.node_ip, port)

    def ready() -> bool:
        if not any(one.name == name and alive for one, alive in cluster.processes()):
            raise ClusterError(f"{name} has ended; the end of its log:\n{cluster.logs(name)}")
        return _ask(number, "GET", "/-/ready")[0] == http.HTTPStatus.OK

    cluster.wait(ready, _READY_DEADLINE_S, f"{name} to be ready")
    return number


def _ask(port: int, method: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()
