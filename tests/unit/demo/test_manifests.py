"""What the demonstration applies is what the service accepts, and the twins differ in nothing but the forecast."""

import copy
from pathlib import Path

import yaml

from autoscaler.api.parse import healing_policy, predictive_autoscaler
from demo import manifests
from demo.constants import FORECAST_TWIN, PACE, REACTIVE_TWIN
from demo.monitoring import alertmanager_config, prometheus_config
from demo.stack import merged, split_image


def twin(name: str, *, forecast: bool) -> manifests.Json:
    (found,) = (one for one in manifests.policies() if one["metadata"]["name"] == name)
    assert found["spec"]["forecast"]["enabled"] is forecast
    return found


def test_the_service_accepts_our_objects() -> None:
    kinds = {"PredictiveAutoscaler": predictive_autoscaler, "HealingPolicy": healing_policy}
    parsed = [kinds[one["kind"]](one) for one in manifests.policies()]
    assert len(parsed) == 4


def test_the_twins_differ_in_name_and_forecast_only() -> None:
    ours = twin(FORECAST_TWIN, forecast=True)
    theirs = copy.deepcopy(twin(REACTIVE_TWIN, forecast=False))
    theirs["spec"]["forecast"]["enabled"] = True
    renamed = yaml.safe_dump(theirs).replace(REACTIVE_TWIN, FORECAST_TWIN)
    assert yaml.safe_load(renamed) == ours


def test_the_workloads_of_the_twins_are_equal() -> None:
    ours = yaml.safe_dump_all(manifests.workload(FORECAST_TWIN, "image", 3))
    theirs = yaml.safe_dump_all(manifests.workload(REACTIVE_TWIN, "image", 3))
    assert theirs.replace(REACTIVE_TWIN, FORECAST_TWIN) == ours


def test_the_rate_window_holds_four_scrapes() -> None:
    assert PACE.rate_window_s >= 4 * PACE.scrape_s


def test_prometheus_keeps_the_labels_of_our_programs(tmp_path: Path) -> None:
    config = yaml.safe_load(prometheus_config(tmp_path / "kubeconfig", "10.0.0.1", 9096, ["rules.yaml"]))
    ours = [job for job in config["scrape_configs"] if job["job_name"].startswith("foresail")]
    assert len(ours) == 2
    assert all(job["honor_labels"] for job in ours)


def test_alerts_go_to_the_receiver() -> None:
    config = yaml.safe_load(alertmanager_config("http://10.0.0.1:1/alertmanager"))
    (receiver,) = config["receivers"]
    assert receiver["webhook_configs"][0]["url"] == "http://10.0.0.1:1/alertmanager"


def test_values_are_laid_over_each_other_as_helm_does() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "e": 4}) == {"a": {"b": 9, "c": 2}, "d": 3, "e": 4}


def test_an_image_is_split_into_registry_repository_and_tag() -> None:
    assert split_image("docker.io/foresail/foresail:demo") == ("docker.io", "foresail/foresail", "demo")
