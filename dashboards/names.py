"""Names of metrics and jobs as PromQL spells them, and the two ways in which our series are selected.

Names come from the packages; the exporter's own few, which it makes while it runs, are written here and held to it by a test.
"""

from prometheus_client.metrics import MetricWrapperBase

from autoscaler.settings import PrometheusSettings
from autoscaler.telemetry import LEADER

SERVICE_JOB = "foresail"
EXPORTER_JOB = PrometheusSettings().job
POD_INFO = "foresail_pod_info"
REQUESTS = "foresail_pod_container_resource_requests"
EXPORTER_ERRORS = "foresail_exporter_collector_errors_total"
EXPORTER_UNNAMED = "foresail_exporter_containers_unnamed"
EXPORTER_SCRAPE_S = "foresail_exporter_scrape_duration_seconds"
EXPORTER_WATCH_AGE_S = "foresail_exporter_watch_age_seconds"
EXPORTER_PARTIAL = "foresail_exporter_scrape_partial"
EXPORTER_CAPPED = "foresail_exporter_discovery_capped"
EXPORTER_WEB_CONFIG = "foresail_exporter_web_config_last_reload_successful"
EXPORTER_OWN = (
    EXPORTER_ERRORS,
    EXPORTER_UNNAMED,
    EXPORTER_SCRAPE_S,
    EXPORTER_WATCH_AGE_S,
    EXPORTER_PARTIAL,
    EXPORTER_CAPPED,
    EXPORTER_WEB_CONFIG,
)

_SUFFIX = {"counter": "_total", "histogram": "_bucket", "info": "_info", "gauge": ""}


def of(metric: MetricWrapperBase) -> str:
    """Return the name of a metric's series: with `_total` for a counter, `_bucket` for a histogram, `_info` for an info."""
    [family] = metric.describe()
    return family.name + _SUFFIX[family.type]


def service(metric: MetricWrapperBase, labels: str = "") -> str:
    """Select a metric of the service, of every replica; `labels` are matchers such as `namespace="shop"`."""
    return _select(of(metric), SERVICE_JOB, labels)


def service_target() -> str:
    """Select whether Prometheus reaches the replicas of the service."""
    return _select("up", SERVICE_JOB, "")


def leader(metric: MetricWrapperBase, labels: str = "") -> str:
    """Select a gauge of the replica that acts; what another one last saw of an object may be old."""
    return f"({service(metric, labels)} and on (job, instance) ({service(LEADER)} == 1))"


def exporter(name: str, labels: str = "") -> str:
    """Select a metric of the exporters by its full name."""
    return _select(name, EXPORTER_JOB, labels)


def grew(selector: str, window: str) -> str:
    """Return by how much counters grew within a window, where they did.

    A counter's first increment makes the series, at one, which is no increase for Prometheus; that series counts as a whole.
    """
    return f"increase({selector}[{window}]) > 0 or ({selector} unless {selector} offset {window}) > 0"


def with_workload(expression: str, pod_labels: str = "") -> str:
    """Join the workload to an expression whose series have `namespace` and `pod`.

    One of several infos of a pod counts, as while it is replaced under the same name two nodes may speak of it.
    """
    owner = f"topk by (namespace, pod) (1, {exporter(POD_INFO, pod_labels)})"
    return f"{expression} * on (namespace, pod) group_left (workload_kind, workload) {owner}"


def _select(name: str, job: str, labels: str) -> str:
    matchers = ",".join(filter(None, (f'job="{job}"', labels)))
    return f"{name}{{{matchers}}}"
