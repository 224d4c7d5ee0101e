"""`foresail replay` against a real Prometheus that holds two days of a workload's CPU; no cluster is needed."""

import csv
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoscaler.cli import app

DAYS, STEP_S = 1.25, 15
PODS = ("web-0", "web-1")
BASE, PEAK = 0.4, 1.9  # cores of each pod; an hourly batch job lifts it for five minutes


def cores(at_s: int) -> float:
    return PEAK if at_s % 3600 < 300 else BASE


def recording(end_s: int) -> Iterator[str]:
    """Write the samples as OpenMetrics; what is of one series must stand together."""
    times = range(end_s - round(DAYS * 86_400), end_s + 1, STEP_S)
    yield "# TYPE container_cpu_usage_seconds counter"
    for pod in PODS:
        used = 0.0
        for at_s in times:
            used += cores(at_s) * STEP_S
            labels = f'job="foresail-exporter",namespace="shop",pod="{pod}",container="app"'
            yield f"container_cpu_usage_seconds_total{{{labels}}} {used:.3f} {at_s}"
    yield "# TYPE foresail_pod_info gauge"
    for pod in PODS:
        labels = f'job="foresail-exporter",namespace="shop",pod="{pod}",workload_kind="Deployment",workload="web"'
        yield from (f"foresail_pod_info{{{labels}}} 1 {at_s}" for at_s in times)
    yield "# TYPE kube_pod_container_resource_requests gauge"
    for pod in PODS:
        labels = f'job="kube-state-metrics",namespace="shop",pod="{pod}",container="app",resource="cpu"'
        yield from (f"kube_pod_container_resource_requests{{{labels}}} 0.25 {at_s}" for at_s in times)
    yield "# EOF\n"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip("prometheus and promtool are not installed (Debian: apt install prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    samples, data, config = folder / "samples.txt", folder / "data", folder / "prometheus.yml"
    samples.write_text("\n".join(recording(int(time.time()) // STEP_S * STEP_S)))
    config.write_text("{}\n")
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(samples), str(data)]
    subprocess.run(made, check=True, capture_output=True, timeout=120)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}"]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/-/ready", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http://127.0.0.1
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail("Prometheus did not get ready; its log is in the folder of the test")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["replay", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_workload_is_read_with_what_its_pods_request(prometheus: str, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    text = run("--prometheus", prometheus, "--namespace", "shop", "--workload", "deployment/web", "--out", str(out))
    assert "a pod requests 0.25 cores" in text
    rows = list(csv.DictReader(out.read_text().splitlines()))
    loads = {round(float(row["load"]), 1) for row in rows}
    assert {2 * BASE, 2 * PEAK} <= loads
    assert min(loads) == 2 * BASE
    assert max(loads) == 2 * PEAK


def test_a_query_is_read_over_its_whole_time(prometheus: str) -> None:
    text = run(
        "--prometheus", prometheus, "--query", "sum(rate(container_cpu_usage_seconds_total[1m]))", "--pod-capacity", "0.25"
    )
    assert "0.6 days from" in text
    assert "a pod serves 0.25" in text


def test_the_cluster_is_ranked(prometheus: str, tmp_path: Path) -> None:
    figures = tmp_path / "a.json"
    text = run("--prometheus", prometheus, "--all-namespaces", "--report", str(figures))
    assert "shop/Deployment/web" in text
    (one,) = json.loads(figures.read_text())["workloads"]
    assert (one["pod_cores"], one["requested"]) == (0.25, True)
    assert one["scores"]["hpa"]["lost_bp"] > 0
