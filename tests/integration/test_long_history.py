"""Weeks of load from a real Prometheus that bounds its queries: recorded where rules ran, else raw; lifted where throttled.

Six hours stand for the weeks. The pod always uses half a core; what was recorded says 0.6, so that one can tell them apart.
"""

from collections.abc import Iterator

import numpy as np
import pytest

from autoscaler.clients.prometheus import PrometheusMetrics
from autoscaler.clients.queries import RECORDED_USAGE
from autoscaler.model import Floats
from autoscaler.settings import ForecastSettings, PrometheusSettings
from autoscaler.telemetry import REGISTRY
from tests.contract.test_metrics_port import HOUR_S, JOB, PAST_S, STEP_S, WEB, needs_prometheus, prometheus, wait_ready

CORES, RECORDED = 0.5, 0.6
PERIODS, THROTTLED = 10.0, 4.0  # of the kernel's CFS a second, for the first two hours
POINTS = 6 * 60 + 1

pytestmark = needs_prometheus


def recording() -> str:
    """Write six hours as OpenMetrics; the rules came after three, and did not run for half an hour after four."""
    pod = f'job="{JOB}",namespace="shop",pod="web-0"'
    families: dict[tuple[str, str], list[str]] = {}

    def sample(family: str, kind: str, labels: str, value: float, at_s: float) -> None:
        suffix = "_total" if kind == "counter" else ""
        families.setdefault((family, kind), []).append(f"{family}{suffix}{{{labels}}} {value} {at_s:.0f}")

    for at_s in np.arange(PAST_S - 120, PAST_S + 6 * HOUR_S + 1, 15):
        passed_s, hours = at_s - PAST_S + 120, (at_s - PAST_S) / HOUR_S
        container = f'{pod},container="app"'
        sample("container_cpu_usage_seconds", "counter", container, CORES * passed_s, at_s)
        sample("container_cpu_cfs_periods", "counter", container, PERIODS * passed_s, at_s)
        throttled_s = min(passed_s, 2 * HOUR_S + 120)
        sample("container_cpu_cfs_throttled_periods", "counter", container, THROTTLED * throttled_s, at_s)
        sample("foresail_pod_info", "gauge", f'{pod},workload_kind="Deployment",workload="web"', 1, at_s)
        if at_s % 60 == 0 and (3 <= hours <= 4 or hours >= 4.5):
            workload = 'namespace="shop",workload_kind="Deployment",workload="web"'
            sample(RECORDED_USAGE["cpu"], "gauge", workload, RECORDED, at_s)
    parts = [f"# TYPE {family} {kind}\n" + "\n".join(lines) for (family, kind), lines in families.items()]
    return "\n".join(parts) + "\n# EOF\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder, "127.0.0.1:9", recording()) as address:  # nothing is scraped
        wait_ready(address, folder)
        yield address


@pytest.fixture
def metrics(url: str) -> Iterator[PrometheusMetrics]:
    made = PrometheusMetrics(PrometheusSettings(url=url, job=JOB), ForecastSettings())
    yield made
    made.close()


async def load_of_web(metrics: PrometheusMetrics, step_s: float = STEP_S) -> Floats:
    found = await metrics.workload_history("cpu", start_s=PAST_S, end_s=PAST_S + 6 * HOUR_S, step_s=step_s)
    assert set(found) == {WEB}
    return found[WEB].values


def refused() -> float:
    """Return how many queries of the past Prometheus has refused by now."""
    kinds = ("workload_history", "recorded_history", "workload_throttled", "recorded_throttled")
    names = [{"query": kind, "result": "error"} for kind in kinds]
    return sum(REGISTRY.get_sample_value("foresail_prometheus_queries_total", labels) or 0.0 for labels in names)


async def test_each_hour_is_read_from_the_best_that_there_is(metrics: PrometheusMetrics) -> None:
    load = await load_of_web(metrics)
    assert len(load) == POINTS
    np.testing.assert_allclose(load[1:119], CORES / 0.6, rtol=0.01)  # throttled in 4 of 10 periods
    np.testing.assert_allclose(load[122:180], CORES, rtol=0.01)
    np.testing.assert_allclose(load[180:241], RECORDED)
    np.testing.assert_allclose(load[246:270], CORES, rtol=0.01)  # Prometheus looks back for five minutes
    np.testing.assert_allclose(load[270:346], RECORDED)
    np.testing.assert_allclose(load[346:], CORES, rtol=0.01)  # the newest is always worked out


async def test_a_size_that_prometheus_refused_is_not_tried_for_every_part(metrics: PrometheusMetrics) -> None:
    span = {"start_s": PAST_S, "end_s": PAST_S + 3 * HOUR_S - 60, "step_s": 15.0}  # 720 points, before the rules
    before = refused()
    first = await metrics.workload_history("cpu", **span)
    found_out = refused() - before
    again = await metrics.workload_history("cpu", **span)
    assert 1 <= found_out <= 6  # halved from 660 points to 60 at most for each of two queries
    assert refused() - before - found_out <= 2
    np.testing.assert_array_equal(first[WEB].values, again[WEB].values)
    assert np.isfinite(first[WEB].values[4:]).all()


async def test_a_coarse_grid_has_the_mean_of_what_was_recorded(metrics: PrometheusMetrics) -> None:
    load = await load_of_web(metrics, 600.0)
    np.testing.assert_allclose(load[20:24], RECORDED)
