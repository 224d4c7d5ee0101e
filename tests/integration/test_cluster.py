"""The embedded cluster does what a cluster does; one cluster serves all tests, each with a namespace of its own."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cluster import AlreadyRunningError, Cluster, ClusterError
from demo.cluster.cache import Cache
from demo.cluster.commands import Surroundings
from demo.cluster.errors import CommandFailedError
from demo.cluster.monitoring import start_alertmanager, start_prometheus

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
DOCKERFILE = """\
ARG BASE
FROM ${BASE}
RUN echo "hello from a pod" > /srv/index.html
CMD ["python3", "-m", "http.server", "8080", "--directory", "/srv"]
"""
WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: web
    image: foresail-test/web:1
    ports: [{containerPort: 8080}]
    readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    cluster.wait(lambda: exists(cluster, name, "serviceaccount/default"), 20, "the namespace's service account")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def web_image(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    context = tmp_path_factory.mktemp("image")
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(DOCKERFILE)
    return cluster.build_image("foresail-test/web:1", context=context, dockerfile=dockerfile, key=DOCKERFILE)


@pytest.fixture
def web(cluster: Cluster, namespace: str, web_image: str) -> str:
    """A pod that answers, behind a Service; gives their namespace."""
    assert web_image == "docker.io/foresail-test/web:1"
    cluster.kubectl("apply", "--namespace", namespace, "--filename=-", stdin=WEB)
    cluster.kubectl("wait", "--namespace", namespace, "pod/web", "--for=condition=Ready", "--timeout=60s")
    return namespace


def exists(cluster: Cluster, namespace: str, what: str) -> bool:
    return bool(cluster.kubectl("get", "--namespace", namespace, what, "--ignore-not-found", "--output=name"))


def field(cluster: Cluster, namespace: str, what: str, path: str) -> str:
    return cluster.kubectl("get", "--namespace", namespace, what, f"--output=jsonpath={path}")


def fetch_inside(cluster: Cluster, url: str) -> str | None:
    program = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=2).read().decode(), end='')"
    try:
        return cluster.run([sys.executable, "-c", program])
    except CommandFailedError:
        return None


def test_a_pod_becomes_ready_by_its_probe_and_has_an_address_of_the_pods_network(cluster: Cluster, web: str) -> None:
    assert field(cluster, web, "pod/web", "{.status.conditions[?(@.type=='Ready')].status}") == "True"
    assert field(cluster, web, "pod/web", "{.status.podIP}").startswith("10.244.0.")


def test_a_service_answers_inside_the_namespace(cluster: Cluster, web: str) -> None:
    address = field(cluster, web, "service/web", "{.spec.clusterIP}")
    answer = cluster.wait(lambda: fetch_inside(cluster, f"http://{address}/"), 20, "the Service to answer")
    assert answer == "hello from a pod\n"


def test_a_pod_reaches_the_api_server_by_its_variables_and_is_who_it_says(cluster: Cluster, web: str) -> None:
    program = (
        "import os, ssl, urllib.request, urllib.error; d = '/var/run/secrets/kubernetes.io/serviceaccount/';"
        "u = f\"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}/api/v1/nodes\";"
        "r = urllib.request.Request(u, headers={'Authorization': 'Bearer ' + open(d + 'token').read()})\n"
        "try: urllib.request.urlopen(r, context=ssl.create_default_context(cafile=d + 'ca.crt'), timeout=5)\n"
        "except urllib.error.HTTPError as error: print(error.code, error.read().decode())"
    )
    answer = cluster.kubectl("exec", "--namespace", web, "web", "--", "python3", "-c", program)
    assert answer.startswith("403")
    assert f"system:serviceaccount:{web}:default" in answer


def test_exec_and_logs_reach_into_a_pod(cluster: Cluster, web: str) -> None:
    assert cluster.kubectl("exec", "--namespace", web, "web", "--", "cat", "/srv/index.html") == "hello from a pod\n"
    assert "GET / HTTP/1.1" in cluster.kubectl("logs", "--namespace", web, "web")


def test_a_name_is_refused_at_once_in_a_pod_rather_than_waited_for(cluster: Cluster, web: str) -> None:
    program = (
        "import socket, time; begun = time.monotonic()\n"
        "try: socket.getaddrinfo('web.nowhere', 80)\n"
        "except OSError: print(time.monotonic() - begun)"
    )
    assert float(cluster.kubectl("exec", "--namespace", web, "web", "--", "python3", "-c", program)) < 0.5


def test_a_forwarded_port_leads_from_the_machine_to_a_pod(cluster: Cluster, web: str) -> None:
    port = cluster.forward(field(cluster, web, "pod/web", "{.status.podIP}"), 8080)
    for _ in range(3):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            assert answer.read() == b"hello from a pod\n"


def test_a_forwarded_port_of_nobody_breaks_off(cluster: Cluster) -> None:
    port = cluster.forward(cluster.node_ip, 9)
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)


def test_a_port_that_is_taken_is_refused_by_its_number(cluster: Cluster) -> None:
    taken = cluster.forward(cluster.node_ip, 9)
    with pytest.raises(ClusterError, match=rf"opening port {taken} of 127\.0\.0\.1 failed: .*Choose another"):
        cluster.forward(cluster.node_ip, 9, taken)


def test_nothing_of_the_cluster_listens_on_the_machine_save_forwarded_ports(cluster: Cluster) -> None:
    ports = {int(one.address.split(" ")[0].split(":")[1]) for one, _ in cluster.processes() if one.address}
    assert cluster.state.api_port in ports
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    found = {int(line.split()[1].rsplit(":", 1)[1], 16) for line in listening if line.split()[3] == "0A"}
    assert ports <= found
    assert not found & {2379, 2380, 6443, 9090, 9093, 10250, 10256, 10257, 10259}


def test_the_kubelet_answers_nobody_without_a_certificate(cluster: Cluster) -> None:
    program = (
        "import ssl, urllib.request, urllib.error\n"
        f"try: urllib.request.urlopen('https://{cluster.node_ip}:10250/pods', context=ssl._create_unverified_context())\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    assert cluster.run([sys.executable, "-c", program]) == "401\n"


def test_the_kubelet_serves_the_metrics_of_a_pod(cluster: Cluster, web: str) -> None:
    def seen() -> bool:
        text = cluster.kubectl("get", "--raw", "/api/v1/nodes/node1/proxy/metrics/cadvisor")
        lines = (line for line in text.splitlines() if line.startswith("container_memory_working_set_bytes{"))
        return any(f'namespace="{web}"' in line and 'container="web"' in line for line in lines)

    assert cluster.wait(seen, 60, "cAdvisor to see the pod")


def test_a_second_start_says_what_runs_and_how_to_end_it(cluster: Cluster) -> None:
    with pytest.raises(AlreadyRunningError) as refusal:
        Cluster.start()
    words = str(refusal.value)
    assert f"started by process {cluster.state.owner_pid}" in words
    assert f"KUBECONFIG={cluster.kubeconfig}" in words
    assert "python -m demo.cluster down" in words
    assert cluster.kubectl("get", "nodes", "--output=name") == "node/node1\n"


def test_a_second_start_from_the_command_line_fails_in_words(cluster: Cluster) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo.cluster", "up"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: an embedded cluster runs on this machine since ")
    assert str(cluster.state.owner_pid) in done.stderr


@pytest.mark.usefixtures("cluster")
def test_the_command_line_shows_status_and_logs_and_runs_kubectl() -> None:
    def command(*words: str) -> str:
        argv = [sys.executable, "-m", "demo.cluster", *words]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout

    assert "kube-apiserver" in command("status")
    assert "node/node1" in command("status")
    assert "kubelet" in command("logs").split()
    assert len(command("logs", "etcd", "--lines", "3").splitlines()) == 3
    assert command("kubectl", "get", "nodes", "--output=name") == "node/node1\n"
    assert json.loads(command("kubectl", "version", "--output=json"))["serverVersion"]["gitVersion"] == "v1.36.3"


def test_cleaning_another_cache_leaves_the_cluster_and_its_packages(cluster: Cluster, tmp_path: Path) -> None:
    other = Cache(tmp_path / "other")
    other.ensure()
    other.packages_record.write_text('["etcd-server"]')
    argv = [sys.executable, "-m", "demo.cluster", "clean"]
    env = {**os.environ, "FORESAIL_CACHE": str(other.root)}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert f"the cluster in {cluster.layout.run} goes on" in done.stdout
    assert not other.root.exists()
    assert cluster.kubectl("get", "nodes", "--output=name") == "node/node1\n"
    cluster.check_components()


def test_a_process_inside_is_kept_by_its_name_until_it_is_ended(cluster: Cluster) -> None:
    name = f"sleeper-{uuid.uuid4().hex[:6]}"
    argv = ["sh", "-c", "echo $GREETING from $PWD; exec sleep 1000"]
    tracked = cluster.spawn(name, argv, env={"GREETING": "hello"}, cwd=Path("/var"))
    cluster.wait(lambda: cluster.logs(name), 5, "the first words")  # it has entered the namespace by then
    assert cluster.logs(name) == "hello from /var"
    assert Path(f"/proc/{tracked.pid}/ns/net").stat().st_ino == cluster.layout.netns.stat().st_ino
    with pytest.raises(ClusterError, match=f"a process named {name} runs in the cluster already"):
        cluster.spawn(name, ["sleep", "1"])
    cluster.end(name)
    assert not Path(f"/proc/{tracked.pid}").exists()


def test_a_command_inside_that_fails_tells_its_own_words(cluster: Cluster) -> None:
    with pytest.raises(CommandFailedError, match=r'namespaces "no-such-namespace" not found'):
        cluster.kubectl("get", "namespace", "no-such-namespace")


def test_a_wait_in_vain_says_what_for(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="waited for the moon to fall for 0 s in vain"):
        cluster.wait(lambda: False, 0.3, "the moon to fall")


def test_an_image_that_does_not_build_shows_the_last_words_of_the_builder(cluster: Cluster, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nRUN echo about to fail && false\n")
    with pytest.raises(ClusterError, match=r"(?s)building the image broken:1 from .* failed: .*about to fail"):
        cluster.build_image("broken:1", context=tmp_path, dockerfile=dockerfile, key=uuid.uuid4().hex)


def test_prometheus_finds_the_node_by_service_discovery_and_alertmanager_is_told(cluster: Cluster) -> None:
    pki = cluster.layout.pki

    def configuration(kubeconfig: Path, rules: list[str]) -> str:
        tls = {"ca_file": f"{pki}/ca.crt", "cert_file": f"{pki}/prometheus.crt", "key_file": f"{pki}/prometheus.key"}
        kubelet = {
            "job_name": "kubelet",
            "scheme": "https",
            "tls_config": tls,
            "kubernetes_sd_configs": [{"role": "node", "kubeconfig_file": str(kubeconfig)}],
        }
        alertmanagers = [{"static_configs": [{"targets": [f"{cluster.node_ip}:9093"]}]}]
        return json.dumps(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": rules,
                "alerting": {"alertmanagers": alertmanagers},
                "scrape_configs": [kubelet],
            }
        )

    rules = {"up.yaml": json.dumps({"groups": [{"name": "up", "rules": [{"alert": "NodeUp", "expr": "up == 1"}]}]})}
    told = start_alertmanager(cluster, json.dumps({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}))
    asked = start_prometheus(cluster, configuration, rules)

    def answer(port: int, path: str) -> list[dict[str, object]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            content = json.load(response)
        return content if isinstance(content, list) else content["data"]["result"]

    try:
        found = cluster.wait(lambda: answer(asked, "/api/v1/query?query=up"), 30, "Prometheus to scrape the kubelet")
        assert found[0]["metric"] == {"__name__": "up", "instance": "node1", "job": "kubelet"}
        alerts = cluster.wait(lambda: answer(told, "/api/v2/alerts"), 30, "the alert to arrive")
        assert alerts[0]["labels"] == {"alertname": "NodeUp", "instance": "node1", "job": "kubelet"}
    finally:
        cluster.end("prometheus")
        cluster.end("alertmanager")


def test_a_wrong_prometheus_configuration_is_refused_with_the_line(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"(?s)a configuration was refused: .*field scrape_konfigs not found"):
        start_prometheus(cluster, lambda _kubeconfig, _rules: "scrape_konfigs: []\n")


def test_helm_installs_a_chart(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 0.1.0\n")
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tiny}\ndata: {word: '{{ .Values.word }}'}\n"
    (tmp_path / "templates" / "map.yaml").write_text(config_map)
    cluster.helm("install", "tiny", str(tmp_path), "--namespace", namespace, "--set", "word=sail")
    assert field(cluster, namespace, "configmap/tiny", "{.data.word}") == "sail"


def test_the_kubeconfig_works_on_the_machine_itself(cluster: Cluster) -> None:
    argv = [cluster.layout.bin / "kubectl", "get", "nodes", "--output=name"]
    env = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "KUBECACHEDIR": str(cluster.layout.run / "tools")}
    assert subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout == "node/node1\n"


def test_a_command_inside_sees_no_interface_of_the_machine(cluster: Cluster) -> None:
    inside = {line.split(":")[1].strip() for line in cluster.run(["ip", "-oneline", "link"], Surroundings()).splitlines()}
    assert {"lo", "node0"} <= inside
    routes = cluster.run(["ip", "route", "show", "default"])
    assert routes == ""
