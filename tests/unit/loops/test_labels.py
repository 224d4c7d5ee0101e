from autoscaler.loops.labels import metric_names
from tests.builders import a_query_metric, a_resource_metric


def test_names_are_those_of_the_metrics_and_a_query_has_its_place() -> None:
    metrics = (a_resource_metric("memory"), a_query_metric(), a_resource_metric(container="app"), a_query_metric())
    assert metric_names(metrics) == ("memory", "prometheus-1", "cpu-container-app", "prometheus-3")


def test_two_metrics_of_one_resource_have_different_names() -> None:
    assert metric_names((a_resource_metric(), a_resource_metric(average="1"))) == ("cpu", "cpu-1")
