"""Rules and boards that were written for the kubelet's cAdvisor find the exporter's series in its place.

The queries are shaped as the public ones of kubernetes-mixin and kube-prometheus-stack: the same metrics, selectors and
joins. They are asked of the golden answer of a host, with the labels that the chart's ServiceMonitor gives its target.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.helm.test_helm_chart import CHART, Helm, Json, Render, notes, one

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "exporter" / "v2.text"
MIXIN = 'job="cadvisor"'
STACK = 'job="kubelet", metrics_path="/metrics/cadvisor"'
FOUND = {"__meta_kubernetes_pod_node_name": "node-a", "instance": "10.1.0.7:9109", "namespace": "watch", "pod": "exporter-x"}
"""What a target of the exporter has before it is relabelled."""
JOIN = """* on (cluster, namespace, pod) group_left(node) topk by (cluster, namespace, pod) (
    1, max by (cluster, namespace, pod, node) (kube_pod_info{node!=""}))"""
WITHOUT = "without (id, metrics_path, name, image, endpoint, job, node)"
DEVICES = "(/dev/)?(mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|md.+|dasd.+)"
QUERIES = {
    "cpu": f"""sum by (cluster, namespace, pod, container) (
        rate(container_cpu_usage_seconds_total{{SELECTOR, image!=""}}[5m])) {JOIN}""",
    "working set": f'container_memory_working_set_bytes{{SELECTOR, image!=""}} {JOIN}',
    "rss": f'container_memory_rss{{SELECTOR, image!=""}} {JOIN}',
    "cache": f'container_memory_cache{{SELECTOR, image!=""}} {JOIN}',
    "swap": f'container_memory_swap{{SELECTOR, image!=""}} {JOIN}',
    "throttling": f"""
        sum(increase(container_cpu_cfs_throttled_periods_total{{container!="", SELECTOR}}[5m])) {WITHOUT}
        / sum(increase(container_cpu_cfs_periods_total{{SELECTOR}}[5m])) {WITHOUT}""",
    "memory of a namespace": """sum by (pod) (
        container_memory_working_set_bytes{SELECTOR, namespace="shop", container!="", image!=""})""",
    "received": 'sum by (pod) (rate(container_network_receive_bytes_total{SELECTOR, namespace=~".+"}[5m]))',
    "written": f"""sum by (namespace, pod) (
        rate(container_fs_writes_total{{SELECTOR, device=~"{DEVICES}", container!="", namespace!=""}}[5m]))""",
}
OTHERS = {"swap": 2, "memory of a namespace": 2, "received": 2}
"""How many answers there are where it is not one for each container that has a name."""
CONTAINERS = 3


def relabelled(labels: Mapping[str, str], rules: Iterable[Json]) -> dict[str, str]:
    """Relabel as Prometheus does, as far as the chart uses it."""
    made = dict(labels)
    for rule in rules:
        if rule["action"] == "labeldrop":
            made = {name: value for name, value in made.items() if not re.fullmatch(rule["regex"], name)}
        else:
            source = ";".join(made.get(name, "") for name in rule.get("sourceLabels", ()))
            made[rule["targetLabel"]] = rule.get("replacement", "$1").replace("$1", source)
    return {name: value for name, value in made.items() if not name.startswith("__")}


def series(target: Mapping[str, str]) -> Iterator[Json]:
    """Let each sample of the host grow for ten minutes; its own labels win over those of the target."""
    families: Iterable[Metric] = text_string_to_metric_families(GOLDEN.read_text(encoding="utf-8"))
    pods = set()
    for family in families:
        for sample in family.samples:
            labels = {**target, **sample.labels}
            yield {"series": f"{sample.name}{written(labels)}", "values": "1+30x10"}
            pods.add((labels.get("namespace", ""), labels.get("pod", "")))
    for namespace, pod in sorted(pods):
        if pod:
            told = {"job": "kube-state-metrics", "namespace": namespace, "pod": pod, "node": "node-a"}
            yield {"series": f"kube_pod_info{written(told)}", "values": "1x10"}


def written(labels: Mapping[str, str]) -> str:
    words = [f'{name}="{value}"' for name, value in labels.items() if value]
    return f"{{{','.join(words)}}}"


def endpoint(render: Render, name: str = "foresail-exporter", **monitor: object) -> Json:
    values = {"monitoring": {"serviceMonitor": {"enabled": True, **monitor}}}
    [found] = one(render(values), "ServiceMonitor", name)["spec"]["endpoints"]
    return dict(found)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH (Debian package prometheus)")
@pytest.mark.parametrize(
    ("job", "selector", "found"),
    [("cadvisor", MIXIN, CONTAINERS), ("kubelet", STACK, CONTAINERS), ("", MIXIN, 0), ("", STACK, 0), ("cadvisor", STACK, 0)],
)
def test_what_looks_for_the_kubelets_cadvisor_finds_the_exporter_where_it_was_given_that_place(
    job: str,
    selector: str,
    found: int,
    render: Render,
    tmp_path: Path,
) -> None:
    target = relabelled(FOUND, endpoint(render, cadvisorJob=job)["relabelings"])
    checks = [
        {
            "expr": f"count({query.replace('SELECTOR', selector)})",
            "eval_time": "10m",
            "exp_samples": [{"labels": "{}", "value": OTHERS.get(name, found)}] if found else [],
        }
        for name, query in QUERIES.items()
    ]
    test = {"interval": "1m", "input_series": list(series(target)), "promql_expr_test": checks}
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_our_own_queries_follow_to_that_job_and_our_alerts_look_at_that_endpoint_only(render: Render) -> None:
    monitoring = {"serviceMonitor": {"enabled": True, "cadvisorJob": "kubelet"}, "prometheusRule": {"enabled": True}}
    objects = render({"monitoring": monitoring, "dashboards": {"enabled": True}})
    assert yaml.safe_load(one(objects, "ConfigMap")["data"]["settings.yaml"])["prometheus"]["job"] == "kubelet"
    rules = [rule for group in one(objects, "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]
    assert not [rule["expr"] for rule in rules if 'job="foresail-exporter"' in rule["expr"]]
    ups = {rule["alert"]: rule["expr"] for rule in rules if "up{" in rule["expr"] and "kubelet" in rule["expr"]}
    assert ups == {
        "ForesailExporterAbsent": 'absent(up{job="kubelet",metrics_path="/metrics/cadvisor"})',
        "ForesailExporterDown": 'up{job="kubelet",metrics_path="/metrics/cadvisor"} == 0',
    }
    assert "foresail-exporter" not in one(objects, "ConfigMap", "foresail-workload")["data"]["foresail-workload.json"]


@pytest.mark.parametrize(
    "values",
    [
        {"monitoring": {"serviceMonitor": {"cadvisorJob": "kubelet"}}},
        {"monitoring": {"serviceMonitor": {"enabled": True, "cadvisorJob": "kubelet"}}, "exporter": {"enabled": False}},
    ],
)
def test_without_a_monitor_of_ours_the_job_is_what_the_settings_say(values: Json, render: Render) -> None:
    settings = yaml.safe_load(one(render(values), "ConfigMap")["data"]["settings.yaml"])
    assert settings["prometheus"]["job"] == "foresail-exporter"


def test_the_notes_warn_of_scraping_both(helm: Helm) -> None:
    both = "monitoring.serviceMonitor.enabled=true,monitoring.serviceMonitor.cadvisorJob=kubelet"
    assert "every container counts twice" in notes(helm, "--set", both)
    assert "counts twice" not in notes(helm, "--set", "monitoring.serviceMonitor.enabled=true")


@pytest.mark.parametrize(("name", "prefix"), [("foresail", ""), ("foresail-exporter", "exporter")])
def test_relabelings_of_ones_own_come_after_ours(name: str, prefix: str, render: Render) -> None:
    mine, dropped = {"targetLabel": "cluster", "replacement": "east"}, {"action": "drop", "regex": "x", "sourceLabels": ["id"]}
    names = [f"{prefix}{word}" if prefix else word[0].lower() + word[1:] for word in ("Relabelings", "MetricRelabelings")]
    found = endpoint(render, name, **dict(zip(names, ([mine], [dropped]), strict=True)))
    assert found["relabelings"][:-1] == endpoint(render, name)["relabelings"]
    assert (found["relabelings"][-1], found["metricRelabelings"]) == (mine, [dropped])
    assert "metricRelabelings" not in endpoint(render, name)


def test_relabelings_among_the_other_fields_of_the_endpoint_are_refused(helm: Helm) -> None:
    word = 'monitoring.serviceMonitor.exporterEndpoint={"relabelings":[]}'
    result = helm("template", "foresail", CHART, "--set-json", word)
    assert result.returncode != 0
    assert "relabelings" in result.stderr
