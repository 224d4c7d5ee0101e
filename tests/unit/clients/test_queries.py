"""The PromQL of the service: as written, and accepted by Prometheus' own parser."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoscaler.clients.queries import (
    Source,
    container_sample_time,
    container_usage,
    container_usage_and_time,
    pod_owner,
    quoted,
    workload_usage,
)

SOURCE = Source("foresail-exporter", 60)
ALL = [
    *(make(resource, SOURCE) for resource in ("cpu", "memory") for make in (container_usage, container_usage_and_time)),
    *(make(resource, SOURCE) for resource in ("cpu", "memory") for make in (container_sample_time, workload_usage)),
    pod_owner(Source('odd "job"\\', 60)),
]


def test_usage_is_a_rate_of_cpu_seconds_and_the_newest_working_set() -> None:
    containers = '{job="foresail-exporter",pod!="",container!="",container!="POD"}'
    rate = f"rate(container_cpu_usage_seconds_total{containers}[60s])"
    by = "by (namespace, pod, container)"
    assert container_usage("cpu", SOURCE) == f"max {by} (sum by (namespace, pod, container, metrics_path) ({rate}))"
    memory = f"container_memory_working_set_bytes{containers}"
    newest = f"timestamp({memory}) == on (namespace, pod, container) group_left () max {by} (timestamp({memory}))"
    assert container_usage("memory", SOURCE) == f"max {by} ({memory} and {newest})"


KUBELET = Source("kubelet", 60)
IS = {"job": "kubelet", "namespace": "shop", "pod": "web-0", "container": "app"}
CADVISOR = {**IS, "metrics_path": "/metrics/cadvisor"}
RESOURCE = {**IS, "metrics_path": "/metrics/resource"}
OWNER = {"job": "kubelet", "namespace": "shop", "pod": "web-0", "workload_kind": "StatefulSet", "workload": "web"}
CPU, MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
TOLD: dict[str, list[tuple[str, dict[str, str], str]]] = {
    "at both paths of the kubelet": [
        (CPU, {**CADVISOR, "id": "/a"}, "0+30x40"),  # every 15 s: two cores
        (CPU, RESOURCE, "0+30x40"),
        (MEMORY, {**CADVISOR, "id": "/a"}, "500x40"),
        (MEMORY, RESOURCE, "500x40"),
    ],
    # Promtool's series end without a word, as those with times of their own do in Prometheus.
    "before and after a restart": [
        (CPU, {**CADVISOR, "id": "/a"}, "0+30x34"),
        (CPU, {**CADVISOR, "id": "/b"}, "_x33 0+30x6"),
        (MEMORY, {**CADVISOR, "id": "/a"}, "9000x34"),
        (MEMORY, {**CADVISOR, "id": "/b"}, "_x35 500x4"),
    ],
}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: apt install prometheus)")
@pytest.mark.parametrize("told", sorted(TOLD))
def test_a_container_is_counted_once_however_often_it_is_told(told: str, tmp_path: Path) -> None:
    answer = {name: label for name, label in IS.items() if name != "job"}
    checks = [
        (container_usage("cpu", KUBELET), answer, 2),
        (container_usage("memory", KUBELET), answer, 500),
    ]
    if told == "at both paths of the kubelet":
        workload = {name: OWNER[name] for name in ("namespace", "workload_kind", "workload")}
        checks += [(workload_usage("cpu", KUBELET), workload, 2), (workload_usage("memory", KUBELET), workload, 500)]
    series = [(name, labels, values) for name, labels, values in TOLD[told]] + [("foresail_pod_info", OWNER, "1x40")]
    test = {
        "interval": "15s",
        "input_series": [{"series": name + written(labels), "values": values} for name, labels, values in series],
        "promql_expr_test": [
            {
                "expr": f"round({expression}, 0.01)",
                "eval_time": "10m",
                "exp_samples": [{"labels": written(labels), "value": value}],
            }
            for expression, labels, value in checks
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"evaluation_interval": "15s", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def written(labels: Mapping[str, str]) -> str:
    words = [f'{name}="{value}"' for name, value in labels.items()]
    return f"{{{','.join(words)}}}"


def test_every_selector_pins_the_job() -> None:
    for query in ALL:
        assert query.count("job=") == query.count("{")


def test_text_cannot_leave_its_quotes() -> None:
    assert quoted('a"b\\c\n') == '"a\\"b\\\\c\\n"'


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: apt install prometheus)")
def test_prometheus_itself_can_parse_them_all(tmp_path: Path) -> None:
    rules = "\n".join(f"  - record: r{number}\n    expr: |\n      {query}" for number, query in enumerate(ALL))
    file = tmp_path / "rules.yaml"
    file.write_text(f"groups:\n- name: all\n  rules:\n{rules}\n")
    checked = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
