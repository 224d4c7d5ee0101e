"""Names that are written down, and not taken from a program, are those that the program uses."""

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from autoscaler import telemetry
from dashboards import names
from dashboards.rules import recording
from exporters.cgroup.files import Tally
from exporters.collectors import pod
from exporters.exposition.own import OwnMetrics
from exporters.exposition.text import Format

TREE = Path(__file__).resolve().parents[3]


def test_the_exporter_has_the_metrics_of_its_own_that_are_asked_for() -> None:
    own = OwnMetrics("0")
    own.watch(lambda: 1.0, lambda: 1)
    own.web(lambda: True)
    own.count("cpu", Tally())
    families = text_string_to_metric_families(own.render(Format.TEXT).decode())
    exposed = {sample.name for family in families for sample in family.samples}
    assert set(names.EXPORTER_OWN) <= exposed


def test_the_names_of_pod_series_are_the_exporters() -> None:
    assert (pod.INFO.name, pod.REQUESTS.name) == (names.POD_INFO, names.REQUESTS)


def test_the_page_of_metrics_has_a_true_row_for_each_metric_and_none_besides() -> None:
    page = (TREE / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(foresail_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", page, flags=re.MULTILINE)
    metrics = [metric for metric in vars(telemetry).values() if isinstance(metric, MetricWrapperBase)]
    assert sorted(rows) == sorted(map(_row, metrics))


def test_the_page_of_metrics_names_every_recording_rule() -> None:
    page = (TREE / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(workload:[\w:]+)`", page)) == {rule["record"] for rule in recording.rules()}


def _row(metric: MetricWrapperBase) -> tuple[str, str, str, str]:
    [family] = metric.describe()
    labels = ", ".join(f"`{name}`" for name in metric._labelnames) or "-"
    return names.of(metric).removesuffix("_bucket"), family.type, labels, family.documentation
