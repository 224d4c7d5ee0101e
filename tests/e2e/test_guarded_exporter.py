"""The exporter in a pod behind its gate: the real API says who may scrape it, the real kubelet what disks hold.

It is a second release of the chart, of the exporter alone, so that the other end-to-end test keeps its own. Who scrapes stands
outside: the test itself through a forwarded port, and Prometheus.
"""

import base64
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from demo.cluster import Cluster
from demo.cluster.monitoring import start_prometheus
from demo.cluster.pki import Subject, write_pki
from demo.cluster.report import QuietReporter
from demo.prometheus import Prometheus
from demo.stack import APP_IMAGE, RELEASE, as_list, build_images, install_exporter

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
Labels = Mapping[str, str]
NAMESPACE = "guarded"
SERVED_AS = "foresail-exporter"
USER, PASSWORD = "prometheus", "correct horse"
READERS = "guarded-metrics-reader"
MACHINE_ID = Path("/etc/machine-id")
VOLUME_BYTES, LAYER_BYTES, MORE_BYTES = 24 << 20, 8 << 20, 1 << 20  # what is written, and what folders may take besides


@dataclass(frozen=True, slots=True)
class Door:
    """A port of 127.0.0.1 behind which a server speaks TLS, and who vouches for it."""

    port: int
    authority: Path

    def ask(self, path: str, authorization: str = "") -> tuple[int, str]:
        """Return status and body of the answer."""
        trust = ssl.create_default_context(cafile=str(self.authority))
        with closing(http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=trust)) as connection:
            connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@dataclass(frozen=True, slots=True)
class Guarded:
    """The exporter that runs, and the ways to it."""

    cluster: Cluster
    door: Door
    address: str
    folder: Path

    def bearer(self, account: str) -> str:
        """Return the header that proves to be a ServiceAccount."""
        return "Bearer " + self.cluster.kubectl("create", "token", account, "--namespace", NAMESPACE).strip()

    def samples(self, authorization: str, name: str, /, **labels: str) -> list[tuple[Labels, float]]:
        """Scrape, and return the labels and values of a metric where they have these labels."""
        status, text = self.door.ask("/metrics", authorization)
        assert status == 200, text
        families = text_string_to_metric_families(text)
        found = (sample for family in families if family.name == name for sample in family.samples)
        return [(one.labels, one.value) for one in found if labels.items() <= one.labels.items()]


@pytest.fixture(scope="module")
def guarded(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Install the exporter with encryption, passwords, token review, volumes and the machine's id."""
    folder = tmp_path_factory.mktemp("guarded")
    pki = folder / "pki"
    write_pki(pki, [Subject("server", SERVED_AS, serves=(SERVED_AS, "127.0.0.1"))])
    build_images(cluster, QuietReporter())
    try:
        cluster.apply(as_list(objects(pki)))
        exporter = {
            "web": {"configSecret": "exporter-web", "tls": True, "tokenReview": True},
            "volumes": True,
            "machineIdFile": str(MACHINE_ID) if MACHINE_ID.exists() else "",
        }
        install_exporter(cluster, folder, NAMESPACE, exporter)
        chosen = ("-n", NAMESPACE, "-l", "app.kubernetes.io/component=exporter", "-o", "jsonpath={.items[0].status.podIP}")
        address = cluster.kubectl("get", "pods", *chosen)
        yield Guarded(cluster, Door(cluster.forward(address, 9109), pki / "ca.crt"), address, folder)
    finally:
        cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found")
        ours = (f"namespace/{NAMESPACE}", f"clusterrole/{READERS}", f"clusterrolebinding/{READERS}")
        cluster.kubectl("delete", *ours, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def reader(guarded: Guarded) -> str:
    """The header of the account that may read metrics."""
    return guarded.bearer("reader")


def objects(pki: Path) -> list[Json]:
    """Return the web configuration, an account that may read metrics and one that may not, and a pod that writes files."""
    pair = {name: (pki / name).read_text(encoding="ascii") for name in ("server.crt", "server.key")}
    secret = {
        "metadata": {"name": "exporter-web", "namespace": NAMESPACE},
        "stringData": {**pair, "web.yml": web_config(USER)},
    }
    rbac = "rbac.authorization.k8s.io"
    reads: Json = {"rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}
    bound: Json = {"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": READERS}, "subjects": [subject]}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Secret", **secret},
        *(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}
            for name in ("reader", "stranger")
        ),
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": READERS}, **reads},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": READERS}, **bound},
        writer(),
    ]


def web_config(*users: str) -> str:
    """Return the file that asks for encryption and for the password, which is the same for these users."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    config = {
        "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key"},
        "basic_auth_users": dict.fromkeys(users, hashed),
    }
    return yaml.safe_dump(config)


def writer() -> Json:
    """Return a pod with a volume that holds so many bytes, and a layer of its own that holds others."""
    script = (
        f"open('/data/file', 'wb').write(b'x' * {VOLUME_BYTES}); open('/tmp/file', 'wb').write(b'x' * {LAYER_BYTES});"
        "import time; time.sleep(3600)"
    )
    container = {
        "name": "writer",
        "image": APP_IMAGE,
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", script],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "resources": {"limits": {"cpu": "100m", "memory": "96Mi"}},
    }
    spec = {
        "serviceAccountName": "stranger",
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "writer", "namespace": NAMESPACE}, "spec": spec}


def basic(password: str, user: str = USER) -> str:
    """Return the header of a user of the web configuration."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_who_the_api_knows_and_lets_read_metrics_gets_them(guarded: Guarded, reader: str) -> None:
    assert guarded.samples(reader, "container_memory_working_set_bytes", namespace=NAMESPACE, container="exporter")


def test_who_the_api_knows_and_does_not_let_read_metrics_is_forbidden(guarded: Guarded) -> None:
    status, text = guarded.door.ask("/metrics", guarded.bearer("stranger"))
    assert status == 403
    assert "container_" not in text


@pytest.mark.parametrize(
    "authorization", ["", "Bearer made.up.token", basic("wrong horse")], ids=["nothing", "token", "password"]
)
def test_who_does_not_prove_anything_is_not_let_in(authorization: str, guarded: Guarded) -> None:
    status, text = guarded.door.ask("/metrics", authorization)
    assert status == 401
    assert "container_" not in text


def test_a_password_of_the_file_is_proof_too(guarded: Guarded) -> None:
    assert guarded.samples(basic(PASSWORD), "container_last_seen")


def test_a_secret_that_cannot_be_used_changes_nothing_and_one_that_can_does(guarded: Guarded, reader: str) -> None:
    def write(text: str) -> None:
        patch = json.dumps({"stringData": {"web.yml": text}})
        guarded.cluster.kubectl("patch", "secret", "exporter-web", "-n", NAMESPACE, "--type=merge", "--patch", patch)

    def is_well() -> bool:
        [(_, value)] = guarded.samples(reader, "foresail_exporter_web_config_last_reload_successful")
        return value == 1.0

    assert is_well()
    write("basic_auth_users: {prometheus: in the clear}")
    guarded.cluster.wait(lambda: not is_well(), 60.0, "the Secret to be refused")
    assert guarded.door.ask("/metrics", basic(PASSWORD))[0] == 200
    write(web_config(USER, "newcomer"))
    guarded.cluster.wait(is_well, 60.0, "the Secret to be taken")
    assert [guarded.door.ask("/metrics", basic(PASSWORD, user))[0] for user in (USER, "newcomer")] == [200, 200]


def test_the_right_is_for_the_path_and_health_is_for_everybody(guarded: Guarded, reader: str) -> None:
    assert guarded.door.ask("/", reader)[0] == 403
    assert [guarded.door.ask(path) for path in ("/healthz", "/readyz")] == [(200, "ok\n")] * 2


def test_nothing_is_said_in_the_clear(guarded: Guarded, reader: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", guarded.door.port, timeout=10)) as connection:
        connection.request("GET", "/metrics", headers={"Authorization": reader})
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            connection.getresponse()


def test_prometheus_scrapes_it_with_a_token_and_by_the_name_in_its_certificate(guarded: Guarded) -> None:
    cluster = guarded.cluster

    def job(account: str) -> Json:
        token = guarded.folder / account
        token.write_text(guarded.bearer(account).removeprefix("Bearer "), encoding="ascii")
        return {
            "job_name": account,
            "scheme": "https",
            "honor_labels": True,
            "authorization": {"credentials_file": str(token)},
            "tls_config": {"ca_file": str(guarded.door.authority), "server_name": SERVED_AS},
            "static_configs": [{"targets": [f"{guarded.address}:9109"]}],
        }

    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job("reader"), job("stranger")]}
    prometheus = Prometheus(f"http://127.0.0.1:{start_prometheus(cluster, lambda _kubeconfig, _rules: json.dumps(config))}")
    try:
        cluster.wait(lambda: len(prometheus.query("up")) == 2, 30.0, "Prometheus to scrape")
        found = {sample["metric"]["job"]: sample["value"][1] for sample in prometheus.query("up")}
        assert found == {"reader": "1", "stranger": "0"}
        assert prometheus.query(f'container_last_seen{{job="reader",namespace="{NAMESPACE}",container="exporter"}}')
    finally:
        cluster.end("prometheus")


def test_a_file_in_a_volume_and_one_in_a_container_are_told_by_their_size(guarded: Guarded, reader: str) -> None:
    def volume() -> float:
        found = guarded.samples(reader, "foresail_volume_used_bytes", namespace=NAMESPACE, pod="writer", volume="data")
        return found[0][1] if found and found[0][1] >= VOLUME_BYTES else 0.0

    def layer() -> tuple[Labels, float] | None:
        found = guarded.samples(reader, "container_fs_usage_bytes", namespace=NAMESPACE, pod="writer", container="writer")
        return found[0] if found and found[0][1] >= LAYER_BYTES else None

    assert guarded.cluster.wait(volume, 90.0, "the volume's size to be told") < VOLUME_BYTES + MORE_BYTES
    labels, used = guarded.cluster.wait(layer, 60.0, "the layer's size to be told")
    if guarded.cluster.state.snapshotter == "overlayfs":  # another one has the whole image in each layer
        assert used < LAYER_BYTES + MORE_BYTES
    limits = guarded.samples(reader, "container_fs_limit_bytes", **labels)
    roots = guarded.samples(reader, "container_fs_limit_bytes", id="/", device=labels.get("device", ""))
    assert [amount for _, amount in limits] == [amount for _, amount in roots]


def test_the_exporter_s_rights_are_the_kubelet_s_figures_and_nothing_else_of_the_node(guarded: Guarded) -> None:
    cluster = guarded.cluster
    kubelet = Door(cluster.forward(cluster.node_ip, 10250), cluster.layout.pki / "ca.crt")
    api = Door(cluster.state.api_port, cluster.layout.pki / "ca.crt")
    ours = guarded.bearer(SERVED_AS)
    refused = ("/metrics/cadvisor", "/pods", "/logs/", "/configz", "/run/guarded/writer/writer")
    assert {path: kubelet.ask(path, ours)[0] for path in ("/stats/summary", *refused)} == {
        "/stats/summary": 200,
        **dict.fromkeys(refused, 403),
    }
    assert kubelet.ask("/stats/summary", guarded.bearer("reader"))[0] == 403
    secret = f"/api/v1/namespaces/{NAMESPACE}/secrets/exporter-web"
    asked = ("/api/v1/pods?limit=1", secret, "/api/v1/nodes", "/api/v1/nodes/node1/proxy/stats/summary")
    assert [api.ask(path, ours)[0] for path in asked] == [200, 403, 403, 403]


@pytest.mark.skipif(not MACHINE_ID.exists(), reason=f"this machine has no {MACHINE_ID}")
def test_the_machine_is_told_by_its_id(guarded: Guarded, reader: str) -> None:
    [(labels, _)] = guarded.samples(reader, "machine_cpu_cores")
    assert labels["machine_id"] == MACHINE_ID.read_text(encoding="ascii").strip()
