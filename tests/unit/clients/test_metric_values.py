"""Answers of the metrics APIs as the HPA reads them: a pod of which a part is missing has no value."""

from typing import Any

import pytest

from autoscaler.clients.kube.metric_values import usage_of_pods, values_of_pods
from autoscaler.clients.ports import MetricValue

AT = "2026-01-02T03:04:05Z"
AT_S = 1767323045.0


def pod(name: str, *containers: tuple[str, dict[str, str]], window: str = "30s") -> dict[str, Any]:
    usage = [{"name": container, "usage": amounts} for container, amounts in containers]
    return {"metadata": {"name": name}, "timestamp": AT, "window": window, "containers": usage}


def test_the_usage_of_a_pod_is_the_sum_of_its_containers_each_rounded_up() -> None:
    items = [pod("a", ("app", {"cpu": "1500001n"}), ("proxy", {"cpu": "1u"}))]
    assert usage_of_pods(items, "cpu", None) == {"a": MetricValue("a", 3, AT_S, 30.0)}


def test_a_pod_with_a_container_that_tells_nothing_has_no_value() -> None:
    items = [pod("half", ("app", {"cpu": "1"}), ("proxy", {"memory": "1"})), pod("none")]
    assert usage_of_pods(items, "cpu", None) == {}


def test_one_container_is_read_alone() -> None:
    items = [pod("a", ("app", {"cpu": "1"}), ("proxy", {"memory": "1"})), pod("b", ("proxy", {"cpu": "1"}))]
    assert {name: value.milli for name, value in usage_of_pods(items, "cpu", "app").items()} == {"a": 1000}


@pytest.mark.parametrize(
    ("text", "window_s"), [("30s", 30.0), ("1m0s", 60.0), ("1h2m3.5s", 3723.5), ("250ms", 0.25), ("0s", 0.0)]
)
def test_windows_are_durations_as_go_writes_them(text: str, window_s: float) -> None:
    assert usage_of_pods([pod("a", ("app", {"cpu": "1"}), window=text)], "cpu", None)["a"].window_s == window_s


def test_the_values_of_a_pods_metric_go_by_the_name_of_the_pod() -> None:
    items = [{"describedObject": {"name": "a"}, "value": "2", "timestamp": None}]
    assert values_of_pods(items) == {"a": MetricValue("a", 2000, None, 60.0)}
