"""What tests of generated files share: promtool, and the words of PromQL."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from autoscaler import telemetry
from dashboards import names
from dashboards.rules import RULES
from demo.cluster.cache import Cache
from exporters.collectors import REGISTERED

Promtool = Callable[..., subprocess.CompletedProcess[str]]
TREE = Path(__file__).resolve().parents[3]


@pytest.fixture
def promtool() -> Promtool:
    """Prometheus' own checker: of the machine, or the one that the demonstration built."""
    built = sorted(Cache.locate().bin.glob("*/promtool"), key=lambda path: path.stat().st_mtime)
    program = shutil.which("promtool") or (str(built[-1]) if built else None)
    if program is None:
        pytest.skip("no promtool here: install Debian's package prometheus")

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture
def metric_names() -> Callable[[str], set[str]]:
    """Find the names of our metrics in an expression."""
    return lambda expression: set(re.findall(r"(?<![\w:\"])(?:foresail|container_|workload:)[\w:]*(?=[{\[\s),]|$)", expression))


@pytest.fixture
def known_names() -> set[str]:
    """Return the names of all series of the service, the exporter and the recording rules."""
    service = {names.of(metric) for metric in vars(telemetry).values() if isinstance(metric, MetricWrapperBase)}
    containers = {family.name for collector in REGISTERED for family in collector.families}
    rules = [rule for file in RULES.values() for group in file["groups"] for rule in group["rules"]]
    return service | containers | {rule["record"] for rule in rules if "record" in rule} | set(names.EXPORTER_OWN)
