"""The whole product on the embedded cluster: images, Prometheus, Alertmanager, receiver, chart, sample app.

The demonstration and the end-to-end test bring up the same stack, by the same commands that a user would type.
"""

import base64
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo import wheels
from demo.cluster import Cluster
from demo.cluster.monitoring import start_alertmanager, start_prometheus
from demo.cluster.report import Reporter
from demo.constants import NAMESPACE, PACE, SYSTEM_NAMESPACE
from demo.monitoring import alertmanager_config, prometheus_config

Json = dict[str, Any]
IMAGE = "docker.io/foresail/foresail:demo"
APP_IMAGE = "docker.io/foresail/sample-app:demo"
RELEASE = "foresail"
RECEIVER_PORT = 9095
GATEWAY_PORT = 9096
TRAFFIC, WEBHOOKS = "traffic.jsonl", "webhooks.jsonl"
RECORDS = (TRAFFIC, WEBHOOKS, "story.json", "twins.png", "twins.txt")  # of one run, in its folder
RULES = wheels.TREE / "helm" / "foresail" / "files" / "rules" / "foresail.yaml"


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs, and where to look at it."""

    cluster: Cluster
    out: Path  # folder for traffic, webhooks and story
    prometheus_port: int  # on 127.0.0.1 of the host

    @property
    def prometheus_url(self) -> str:
        """Prometheus as the host reaches it."""
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def webhooks(self) -> Path:
        """What the receiver wrote down, JSON lines."""
        return self.out / WEBHOOKS

    @property
    def traffic(self) -> Path:
        """What the load generator wrote down, JSON lines."""
        return self.out / TRAFFIC

    def service_address(self, name: str) -> str:
        """Return `ADDRESS:PORT` of a Service of the demonstration."""
        address = self.cluster.kubectl("get", "service", name, "-n", NAMESPACE, "-o", "jsonpath={.spec.clusterIP}")
        return f"{address.strip()}:80"

    def start_traffic(
        self, targets: Sequence[str], start_s: float, duration_s: float, *, lead_in_s: float = 0.0, steps: Sequence[str] = ()
    ) -> None:
        """Send traffic to Services from inside the network namespace; it ends by itself."""
        command = [sys.executable, "-m", "demo.traffic", "--out", str(self.traffic)]
        command += ["--start", f"{start_s:.3f}", "--duration", f"{duration_s:.3f}", "--lead-in", f"{lead_in_s:.3f}"]
        command += ["--host", self.cluster.node_ip, "--metrics-port", str(GATEWAY_PORT)]
        for name in targets:
            command += ["--target", f"{name}={self.service_address(name)}"]
        for step in steps:
            command += ["--step", step]
        self.cluster.spawn("traffic", command, cwd=wheels.TREE)


def bring_up(cluster: Cluster, out: Path, reporter: Reporter, values: Mapping[str, Any] | None = None) -> Stack:
    """Build, install and start everything but the sample app; `values` are laid over the demonstration's chart values."""
    begin_records(out)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    build_images(cluster, reporter)
    with reporter.step("Prometheus, Alertmanager, receiver of webhooks"):
        _start_receiver(cluster, out, secret)
        start_alertmanager(cluster, alertmanager_config(f"http://{cluster.node_ip}:{RECEIVER_PORT}/alertmanager"))
        port = start_prometheus(
            cluster,
            lambda kubeconfig, rules: prometheus_config(kubeconfig, cluster.node_ip, GATEWAY_PORT, rules),
            {"foresail.yaml": RULES.read_text(encoding="utf-8")},
        )
    with reporter.step("helm install foresail") as step:
        install_chart(cluster, out, secret, values or {})
        step.note("exporter and service are Ready")
    return Stack(cluster, out, port)


def begin_records(out: Path) -> None:
    """Make the folder, and take away what an earlier run left in it: some of it is appended to, and would be counted again."""
    out.mkdir(parents=True, exist_ok=True)
    for name in RECORDS:
        (out / name).unlink(missing_ok=True)


def build_images(cluster: Cluster, reporter: Reporter) -> None:
    """Build the project's image and the sample app's, and put them where the kubelet finds them."""
    with reporter.step("wheels of the project's image"):
        house = wheels.wheelhouse(cluster.cache.root / "wheels", cluster.cache.logs / "wheels.log")
    with reporter.step(f"image {IMAGE}"):
        cluster.build_image(
            IMAGE,
            context=wheels.TREE,
            dockerfile=wheels.TREE / "Dockerfile",
            key=wheels.image_key(),
            build_args={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"},
            volumes={house: "/wheels"},
        )
    with reporter.step(f"image {APP_IMAGE}"):
        app = wheels.TREE / "demo" / "app"
        key = wheels.fingerprint([app / "server.py", app / "Dockerfile"])
        cluster.build_image(APP_IMAGE, context=app, dockerfile=app / "Dockerfile", key=key)


def _start_receiver(cluster: Cluster, out: Path, secret: str) -> None:
    secret_file = out / "webhook-secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(secret, encoding="utf-8")
    listen = ["--host", cluster.node_ip, "--port", str(RECEIVER_PORT)]
    files = ["--out", str(out / "webhooks.jsonl"), "--secret-file", str(secret_file)]
    cluster.spawn("receiver", [sys.executable, "-m", "demo.receiver", *listen, *files], cwd=wheels.TREE)


def chart_values(cluster: Cluster) -> Json:
    """Return the values that fit the chart to the embedded cluster: addresses instead of names, compressed time."""
    settings = {
        "prometheus": {
            "url": f"http://{cluster.node_ip}:9090",
            "rate_window_s": PACE.rate_window_s,
            "max_age_s": 20.0,
        },
        "scaling": {"sync_period_s": PACE.sync_s, "cpu_initialization_period_s": 30.0},
        "forecast": {
            "step_s": PACE.forecast_step_s,
            "refresh_s": PACE.forecast_refresh_s,
            "expiry_s": PACE.forecast_expiry_s,
            "default_lead_s": 30.0,
        },
        "healing": {"sync_period_s": 5.0, "outcome_s": 60.0},
        "notify": {
            "webhooks": [
                {
                    "name": "demo",
                    "url": f"http://{cluster.node_ip}:{RECEIVER_PORT}/foresail",
                    "secret_file": "/etc/foresail-webhook/secret",
                }
            ]
        },
        "log": {"format": "json"},
    }
    registry, repository, tag = split_image(IMAGE)
    return {
        "image": {"registry": registry, "repository": repository, "tag": tag, "pullPolicy": "Never"},
        "settings": settings,
        "extraVolumes": [{"name": "webhook", "secret": {"secretName": "foresail-webhook"}}],
        "extraVolumeMounts": [{"name": "webhook", "mountPath": "/etc/foresail-webhook", "readOnly": True}],
    }


def split_image(image: str) -> tuple[str, str, str]:
    """Split `registry/repository:tag`."""
    registry, _, rest = image.partition("/")
    repository, _, tag = rest.rpartition(":")
    return registry, repository, tag


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    """Lay one tree of values over another, as Helm does."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return result


def install_chart(cluster: Cluster, out: Path, secret: str, values: Mapping[str, Any]) -> None:
    """Type what a user would type, and wait until both programs are Ready."""
    namespace: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}}
    webhook: Json = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "foresail-webhook", "namespace": SYSTEM_NAMESPACE},
        "stringData": {"secret": secret},
    }
    cluster.apply(as_list([namespace, webhook]))
    _install(cluster, out / "values.yaml", values, "--namespace", SYSTEM_NAMESPACE)


def install_exporter(cluster: Cluster, out: Path, namespace: str, values: Mapping[str, Any]) -> None:
    """Install the exporter alone in a namespace of its own, with these values of the chart's `exporter`, and wait for it."""
    install_beside(cluster, out, namespace, {"replicas": 0, "exporter": values})


def install_beside(cluster: Cluster, out: Path, namespace: str, values: Mapping[str, Any]) -> None:
    """Install another release in a namespace of its own, without the webhook and the definitions, and wait for it."""
    own = {"extraVolumes": [], "extraVolumeMounts": [], "settings": {"notify": {"webhooks": []}}}
    words = ("--namespace", namespace, "--create-namespace", "--skip-crds")
    _install(cluster, out / f"{namespace}.yaml", merged(own, values), *words)


def _install(cluster: Cluster, file: Path, values: Mapping[str, Any], *words: str) -> None:
    file.write_text(yaml.safe_dump(merged(chart_values(cluster), values), sort_keys=False), encoding="utf-8")
    chart = str(wheels.TREE / "helm" / "foresail")
    cluster.helm("install", RELEASE, chart, *words, "-f", str(file), "--wait", "--timeout", "180s")


def as_list(objects: Sequence[Json]) -> str:
    """Return objects as one manifest for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
