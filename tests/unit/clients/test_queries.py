"""The PromQL of the service: as written, and accepted by Prometheus' own parser."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autoscaler.clients.queries import (
    RECORDED_THROTTLED,
    RECORDED_USAGE,
    Source,
    container_sample_time,
    container_usage,
    container_usage_and_time,
    pod_owner,
    quoted,
    recorded,
    workload_cpu_requests,
    workload_cpu_shares,
    workload_throttled,
    workload_usage,
)

Json = Any
SOURCE = Source("foresail-exporter", 60)
ALL = [
    *(make(resource, SOURCE) for resource in ("cpu", "memory") for make in (container_usage, container_usage_and_time)),
    *(make(resource, SOURCE) for resource in ("cpu", "memory") for make in (container_sample_time, workload_usage)),
    pod_owner(Source('odd "job"\\', 60)),
    *(workload_cpu_shares(SOURCE, namespace) for namespace in ("", 'odd "name"')),
    workload_usage("cpu", SOURCE, "shop"),
    *(workload_throttled(SOURCE, namespace) for namespace in ("", 'odd "name"')),
]
RECORDED = [recorded(RECORDED_THROTTLED, window_s, namespace) for window_s in (60, 600) for namespace in ("", 'odd "name"')]
OF_OTHERS = [workload_cpu_requests(SOURCE, namespace) for namespace in ("", 'odd "name"')]  # of kube-state-metrics' job


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


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: apt install prometheus)")
def test_what_a_pod_requests_is_the_mean_of_the_pods_of_a_workload(tmp_path: Path) -> None:
    requests, shares = "kube_pod_container_resource_requests", "container_spec_cpu_shares"
    ksm = {"job": "kube-state-metrics", "namespace": "shop", "resource": "cpu"}
    series = [
        (requests, {**ksm, "pod": "web-0", "container": "app"}, "0.5x40"),
        (requests, {**ksm, "pod": "web-0", "container": "proxy"}, "0.1x40"),
        (requests, {**ksm, "pod": "web-1", "container": "app"}, "1x40"),
        (requests, {**ksm, "pod": "web-1", "container": "app", "resource": "memory"}, "9e9x40"),
        (requests, {**ksm, "pod": "web-1", "container": "app", "instance": "another"}, "1x40"),
        (shares, {**CADVISOR, "id": "/a"}, "512x40"),
        (shares, {**CADVISOR, "id": "/b", "container": "proxy"}, "2x40"),
        ("foresail_pod_info", OWNER, "1x40"),
        ("foresail_pod_info", {**OWNER, "pod": "web-1"}, "1x40"),
    ]
    workload = {name: OWNER[name] for name in ("namespace", "workload_kind", "workload")}
    checks = [(workload_cpu_requests(KUBELET), 0.8), (workload_cpu_requests(KUBELET, "shop"), 0.8)]
    checks += [(workload_cpu_shares(KUBELET), 0.5), (workload_cpu_shares(KUBELET, "shop"), 0.5)]
    of_all = [
        {"expr": expression, "eval_time": "5m", "exp_samples": [{"labels": written(workload), "value": value}]}
        for expression, value in checks
    ]
    nothing = [
        {"expr": make(KUBELET, "bank"), "eval_time": "5m", "exp_samples": []}
        for make in (workload_cpu_requests, workload_cpu_shares)
    ]
    test = {
        "interval": "15s",
        "input_series": [{"series": name + written(labels), "values": values} for name, labels, values in series],
        "promql_expr_test": of_all + nothing,
    }
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"evaluation_interval": "15s", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: apt install prometheus)")
def test_throttling_of_a_workload_is_weighted_by_what_its_containers_use(tmp_path: Path) -> None:
    periods, throttled = "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total"
    app, proxy, free = (
        {**CADVISOR, "id": f"/{name}", "container": name}
        for name in ("app", "proxy", "free")  # `free` has no limit
    )
    batch = {**app, "pod": "batch-0"}
    series = [
        (CPU, app, "0+27x40"),  # 1.8 cores
        (CPU, proxy, "0+1.5x40"),  # 0.1
        (CPU, free, "0+1.5x40"),  # 0.1
        *((periods, labels, "0+150x40") for labels in (app, proxy)),
        (throttled, app, "0+60x40"),  # 40 %
        (throttled, proxy, "0+150x40"),  # all of them
        (CPU, batch, "0x40"),
        (periods, batch, "7x40"),
        (throttled, batch, "3x40"),  # it sleeps: 0 of 0 periods
        ("foresail_pod_info", OWNER, "1x40"),
        ("foresail_pod_info", {**OWNER, "pod": "batch-0", "workload": "batch"}, "1x40"),
    ]
    workload = {name: OWNER[name] for name in ("namespace", "workload_kind", "workload")}
    web = [{"labels": written(workload), "value": 0.41}]  # (1.8 * 0.4 + 0.1 * 1 + 0.1 * 0) / 2
    queries = {workload_throttled(KUBELET): web, workload_throttled(KUBELET, "shop"): web, workload_throttled(KUBELET, "a"): []}
    told(tmp_path, series, queries)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (Debian: apt install prometheus)")
def test_of_what_two_have_recorded_the_larger_counts(tmp_path: Path) -> None:
    workload = {name: OWNER[name] for name in ("namespace", "workload_kind", "workload")}
    name = RECORDED_USAGE["cpu"]
    series = [(name, {**workload, "replica": "a"}, "2x8 4x31"), (name, {**workload, "replica": "b"}, "1x40")]
    queries = {
        recorded(name, 60): [{"labels": written(workload), "value": 4}],
        recorded(name, 120, "shop"): [{"labels": written(workload), "value": 4}],
        recorded(name, 300, "shop"): [{"labels": written(workload), "value": 3.2}],  # 8 of 20 samples are 2
        recorded(name, 60, "bank"): [],
    }
    told(tmp_path, series, queries, at="5m")


def told(folder: Path, series: list[tuple[str, dict[str, str], str]], queries: Mapping[str, Json], at: str = "10m") -> None:
    """Let promtool say whether the queries answer as they should."""
    checks = [{"expr": f"round({query}, 0.01)", "eval_time": at, "exp_samples": samples} for query, samples in queries.items()]
    inputs = [{"series": name + written(labels), "values": values} for name, labels, values in series]
    test = {"interval": "15s", "input_series": inputs, "promql_expr_test": checks}
    file = folder / "test.yaml"
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
    rules = "\n".join(
        f"  - record: r{number}\n    expr: |\n      {query}" for number, query in enumerate(ALL + OF_OTHERS + RECORDED)
    )
    file = tmp_path / "rules.yaml"
    file.write_text(f"groups:\n- name: all\n  rules:\n{rules}\n")
    checked = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
