"""The PromQL of the service: as written, and accepted by Prometheus' own parser."""

import shutil
import subprocess
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


def test_usage_is_a_rate_of_cpu_seconds_and_the_working_set_as_it_is() -> None:
    containers = '{job="foresail-exporter",pod!="",container!="",container!="POD"}'
    cpu = f"sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{containers}[60s]))"
    assert container_usage("cpu", SOURCE) == cpu
    assert (
        container_usage("memory", SOURCE)
        == f"sum by (namespace, pod, container) (container_memory_working_set_bytes{containers})"
    )


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
