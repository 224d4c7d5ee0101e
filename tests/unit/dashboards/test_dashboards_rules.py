"""Every alert fires when it should, with words that help, and stays quiet when all is well."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.settings_file import leaves
from dashboards.build import CHART_FILES
from dashboards.rules import RULES, exporter_alerts, service_alerts
from dashboards.rules.alert import Alert

Json = dict[str, Any]
Promtool = Callable[..., Any]
TREE = Path(__file__).resolve().parents[3]
RULE_FILE = CHART_FILES / "rules" / "foresail.yaml"
OWNERS_FILE = CHART_FILES / "rules" / "foresail-owners.yaml"
ALERTS = {alert.name: alert for alert in (*service_alerts.alerts(), *exporter_alerts.alerts())}

SERVICE = 'job="foresail",instance="a:8080"'
STANDBY = 'job="foresail",instance="b:8080"'
NODE = 'job="foresail-exporter",instance="n1:9109"'
SHOP = 'namespace="default",name="shop"'
LEADING = {f"foresail_leader{{{SERVICE}}}": "1x400"}
WELL = LEADING | {
    f"up{{{SERVICE}}}": "1x400",
    f"up{{{STANDBY}}}": "1x400",
    f"up{{{NODE}}}": "1x400",
    f"foresail_leader{{{STANDBY}}}": "0x400",
    f'foresail_loop_last_success_timestamp_seconds{{{SERVICE},loop="scale"}}': "0+60x400",
    f'foresail_loop_last_success_timestamp_seconds{{{STANDBY},loop="scale"}}': "0+60x400",
    f'foresail_watch_age_seconds{{{SERVICE},resource="pods"}}': "5x400",
    f'foresail_objects{{{SERVICE},kind="predictiveautoscalers",valid="false"}}': "0x400",
    f'foresail_prometheus_queries_total{{{SERVICE},query="a",result="ok"}}': "0+9x400",
    f"foresail_current_replicas{{{SERVICE},{SHOP}}}": "3x400",
    f"foresail_contested{{{SERVICE},{SHOP}}}": "0x400",
    f"foresail_unschedulable_pods{{{SERVICE},{SHOP}}}": "0 2x8 0x391",
    f"foresail_contested{{{STANDBY},{SHOP}}}": "1x400",
    f"foresail_desired_replicas{{{SERVICE},{SHOP}}}": "3x400",
    # What another replica last saw of an object may be old, and is not looked at.
    f"foresail_desired_replicas{{{STANDBY},{SHOP}}}": "9x400",
    f"foresail_healing_breaker_open{{{STANDBY},{SHOP}}}": "1x400",
    f'foresail_decision_candidate_replicas{{{SERVICE},{SHOP},source="ceiling"}}': "9x400",
    f'foresail_decision_candidate_replicas{{{STANDBY},{SHOP},source="ceiling"}}': "9x400",
    f'foresail_metric_load{{{SERVICE},{SHOP},metric="cpu"}}': "1x400",
    f'foresail_forecast_gate_open{{{SERVICE},{SHOP},metric="cpu"}}': "1x400",
    f'foresail_forecast_lost_ratio{{{SERVICE},{SHOP},metric="cpu"}}': "0.1x400",
    f'foresail_acts_total{{{SERVICE},{SHOP},act="scale",result="done"}}': "1+1x400",
    f'foresail_acts_total{{{SERVICE},{SHOP},act="scale",result="failed"}}': "7x400",
    f'foresail_acts_total{{{SERVICE},{SHOP},act="outcome",result="healed"}}': "1+1x400",
    f'foresail_acts_total{{{SERVICE},{SHOP},act="outcome",result="unhealed"}}': "7x400",
    f"foresail_healing_breaker_open{{{SERVICE},{SHOP}}}": "0x400",
    f"foresail_healing_unhealthy_pods{{{SERVICE},{SHOP}}}": "0x400",
    f'foresail_notifications_total{{{SERVICE},receiver="ops",result="delivered"}}': "1+1x400",
    f'foresail_notifications_total{{{SERVICE},receiver="ops",result="refused"}}': "7x400",
    f'foresail_notifications_queued{{{SERVICE},receiver="ops"}}': "0 3 0x400",
    f"foresail_exporter_containers_unnamed{{{NODE}}}": "0x400",
    f'foresail_exporter_collector_errors_total{{{NODE},collector="cpu",kind="failed"}}': "7x400",
    f'foresail_exporter_collector_errors_total{{{NODE},collector="cpu",kind="absent"}}': "0+1x400",
    f"foresail_exporter_scrape_duration_seconds{{{NODE}}}": "0.1x400",
    f"foresail_exporter_watch_age_seconds{{{NODE}}}": "20x400",
    f"foresail_exporter_web_config_last_reload_successful{{{NODE}}}": "1 0 0 1x397",
}


@dataclass(frozen=True, slots=True)
class Case:
    """What makes one alert fire: series over those of a healthy system (None: there is no such series), when, with what."""

    series: dict[str, str | None]
    firing_at: str
    labels: dict[str, str] = field(default_factory=dict)
    value: str = ""  # as the sentences show it
    quiet_at: str | None = None  # it has not held for long enough


def labelled(text: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', text))


OF_SHOP = labelled(SHOP)
HERE = labelled(SERVICE)
CASES = {
    "ForesailDown": Case({f"up{{{SERVICE}}}": "0x400", f"up{{{STANDBY}}}": None}, "6m", quiet_at="4m"),
    "ForesailNoLeader": Case({f"foresail_leader{{{SERVICE}}}": "0x400"}, "3m", quiet_at="1m"),
    "ForesailNotReady": Case(
        {f'foresail_loop_last_success_timestamp_seconds{{{STANDBY},loop="scale"}}': None},
        "11m",
        labelled(STANDBY),
        quiet_at="9m",
    ),
    "ForesailLoopStuck": Case(
        {
            f'foresail_loop_last_success_timestamp_seconds{{{SERVICE},loop="scale"}}': "60x400",
            f'foresail_loop_last_success_timestamp_seconds{{{STANDBY},loop="scale"}}': "60x400",
        },
        "10m",
        {"loop": "scale"},
        quiet_at="6m",
    ),
    "ForesailWatchStale": Case(
        {f'foresail_watch_age_seconds{{{SERVICE},resource="pods"}}': "0+60x400"},
        "7m",
        HERE | {"resource": "pods"},
        "7m 0s",
        quiet_at="4m",
    ),
    "ForesailPrometheusFailing": Case(
        {f'foresail_prometheus_queries_total{{{SERVICE},query="a",result="timeout"}}': "0+27x400"}, "11m", {}, "75%", "2m"
    ),
    "ForesailObjectInvalid": Case(
        {f'foresail_objects{{{SERVICE},kind="predictiveautoscalers",valid="false"}}': "2x400"},
        "11m",
        HERE | {"kind": "predictiveautoscalers", "valid": "false"},
        "2",
        quiet_at="9m",
    ),
    "ForesailMetricsStale": Case(
        {f'foresail_metric_load{{{SERVICE},{SHOP},metric="cpu"}}': None}, "11m", HERE | OF_SHOP, "3", quiet_at="9m"
    ),
    "ForesailScaledToMax": Case(
        {f"foresail_desired_replicas{{{SERVICE},{SHOP}}}": "9x400"}, "16m", OF_SHOP, "9", quiet_at="14m"
    ),
    "ForesailForecastShut": Case(
        {f'foresail_forecast_gate_open{{{SERVICE},{SHOP},metric="cpu"}}': "0x400"},
        "361m",
        HERE | OF_SHOP | {"metric": "cpu"},
        quiet_at="359m",
    ),
    "ForesailActsFailing": Case(
        {f'foresail_acts_total{{{SERVICE},{SHOP},act="scale",result="failed"}}': "_x29 1x400"},
        "36m",
        OF_SHOP | {"act": "scale"},
        quiet_at="29m",
    ),
    "ForesailHealingBreakerOpen": Case(
        {f"foresail_healing_breaker_open{{{SERVICE},{SHOP}}}": "1x400"}, "2m", HERE | OF_SHOP, quiet_at="0m"
    ),
    "ForesailHealingDidNotHelp": Case(
        {f'foresail_acts_total{{{SERVICE},{SHOP},act="outcome",result="unhealed"}}': "_x89 1x400"},
        "92m",
        OF_SHOP,
        quiet_at="88m",
    ),
    "ForesailPodsStayUnhealthy": Case(
        {f"foresail_healing_unhealthy_pods{{{SERVICE},{SHOP}}}": "2x400"}, "31m", HERE | OF_SHOP, "2", quiet_at="29m"
    ),
    "ForesailNotifierFailing": Case(
        {f'foresail_notifications_queued{{{SERVICE},receiver="ops"}}': "0x10 4x400"},
        "30m",
        HERE | {"receiver": "ops"},
        "4",
        quiet_at="20m",
    ),
    "ForesailNotificationLost": Case(
        {f'foresail_notifications_total{{{SERVICE},receiver="ops",result="refused"}}': "_x29 1x400"},
        "31m",
        {"receiver": "ops"},
        quiet_at="28m",
    ),
    "ForesailExporterAbsent": Case({f"up{{{NODE}}}": None}, "6m", {"job": "foresail-exporter"}, quiet_at="4m"),
    "ForesailExporterDown": Case({f"up{{{NODE}}}": "0x400"}, "6m", labelled(NODE), quiet_at="4m"),
    "ForesailExporterUnnamed": Case(
        {f"foresail_exporter_containers_unnamed{{{NODE}}}": "3x400"}, "11m", labelled(NODE), "3", quiet_at="9m"
    ),
    "ForesailExporterErrors": Case(
        {f'foresail_exporter_collector_errors_total{{{NODE},collector="cpu",kind="failed"}}': "0+60x400"},
        "20m",
        {"instance": "n1:9109", "collector": "cpu"},
        "1",
        quiet_at="10m",
    ),
    "ForesailTargetContested": Case(
        {f"foresail_contested{{{SERVICE},{SHOP}}}": "0x9 1x400"}, "11m", HERE | OF_SHOP, quiet_at="8m"
    ),
    "ForesailPodsUnschedulable": Case(
        {f"foresail_unschedulable_pods{{{SERVICE},{SHOP}}}": "2x400"}, "11m", HERE | OF_SHOP, "2", quiet_at="9m"
    ),
    "ForesailExporterSlow": Case(
        {f"foresail_exporter_scrape_duration_seconds{{{NODE}}}": "4x400"}, "11m", labelled(NODE), "4s", quiet_at="9m"
    ),
    "ForesailExporterPartial": Case(
        {f"foresail_exporter_scrape_partial{{{NODE}}}": "1x400"}, "11m", labelled(NODE), quiet_at="9m"
    ),
    "ForesailExporterWatchStale": Case(
        {f"foresail_exporter_watch_age_seconds{{{NODE}}}": "0+60x400"}, "10m", labelled(NODE), "10m 0s", quiet_at="7m"
    ),
    "ForesailExporterWebConfigRefused": Case(
        {f"foresail_exporter_web_config_last_reload_successful{{{NODE}}}": "1 0x399"}, "7m", labelled(NODE), quiet_at="5m"
    ),
}


def sentences(alert: Alert, case: Case) -> dict[str, str]:
    """Fill in the alert's own sentences as Prometheus would."""
    filled = {}
    for name, text in alert.rule()["annotations"].items():
        with_labels = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: case.labels[found[1]], text)
        filled[name] = re.sub(r"\{\{ \$value[^}]*\}\}", case.value, with_labels)
    return filled


def world(changes: dict[str, str | None]) -> list[Json]:
    return [{"series": name, "values": values} for name, values in (WELL | changes).items() if values is not None]


def scenario(alert: Alert, case: Case) -> Json:
    fires = {"exp_labels": case.labels | {"severity": alert.severity.value}, "exp_annotations": sentences(alert, case)}
    checks: list[Json] = [{"eval_time": case.firing_at, "alertname": alert.name, "exp_alerts": [fires]}]
    if case.quiet_at:
        checks.append({"eval_time": case.quiet_at, "alertname": alert.name, "exp_alerts": []})
    return {"interval": "1m", "name": alert.name, "input_series": world(case.series), "alert_rule_test": checks}


def run(promtool: Promtool, folder: Path, tests: list[Json], *more: Path) -> None:
    file = folder / "test.yaml"
    content = {"rule_files": [str(path) for path in (*more, RULE_FILE)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    result = promtool("test", "rules", file)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("file", [RULE_FILE, OWNERS_FILE], ids=lambda path: path.stem)
def test_promtool_accepts_the_rules(file: Path, promtool: Promtool) -> None:
    result = promtool("check", "rules", "--lint-fatal", "--lint=all", file)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_has_a_case() -> None:
    assert CASES.keys() == ALERTS.keys()


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_alert_fires_after_its_time_and_not_before(name: str, promtool: Promtool, tmp_path: Path) -> None:
    run(promtool, tmp_path, [scenario(ALERTS[name], CASES[name])])


def test_no_alert_fires_in_a_healthy_system(promtool: Promtool, tmp_path: Path) -> None:
    moments = ("70m", "390m")  # later than the longest look back, before which a counter that is there looks new
    quiet = [{"eval_time": at, "alertname": name, "exp_alerts": []} for name in ALERTS for at in moments]
    run(promtool, tmp_path, [{"interval": "1m", "input_series": world({}), "alert_rule_test": quiet}])


def test_a_loop_that_fails_from_the_start_is_stuck(promtool: Promtool, tmp_path: Path) -> None:
    series: dict[str, str | None] = {f'foresail_loop_errors_total{{{SERVICE},loop="heal"}}': "1+1x400"}
    run(promtool, tmp_path, [scenario(ALERTS["ForesailLoopStuck"], Case(series, "10m", {"loop": "heal"}))])


def test_a_long_pass_of_forecasts_is_not_stuck(promtool: Promtool, tmp_path: Path) -> None:
    series: dict[str, str | None] = {
        f'foresail_loop_last_success_timestamp_seconds{{{SERVICE},loop="forecast"}}': "60x400",
    }
    case = Case(series, "35m", {"loop": "forecast"}, quiet_at="29m")
    run(promtool, tmp_path, [scenario(ALERTS["ForesailLoopStuck"], case)])


def test_a_failure_that_is_not_the_first_fires_too(promtool: Promtool, tmp_path: Path) -> None:
    series: dict[str, str | None] = {
        f'foresail_acts_total{{{SERVICE},{SHOP},act="outcome",result="unhealed"}}': "3x100 4x300",
    }
    run(promtool, tmp_path, [scenario(ALERTS["ForesailHealingDidNotHelp"], Case(series, "105m", OF_SHOP, quiet_at="95m"))])


def test_usage_is_recorded_by_workload_and_a_pod_counts_once(promtool: Promtool, tmp_path: Path) -> None:
    pod = f'{NODE},namespace="default",pod="shop-1"'
    owner = 'workload_kind="Deployment",workload="shop"'
    other_node = pod.replace("n1:", "n2:")
    series = {
        f'container_cpu_usage_seconds_total{{{pod},container="app"}}': "0+30x20",
        f'container_cpu_usage_seconds_total{{{pod},container=""}}': "0+60x20",
        f'container_cpu_usage_seconds_total{{{pod.replace("foresail-exporter", "kubelet")},container="app"}}': "0+30x20",
        f'container_cpu_cfs_periods_total{{{pod},container="app"}}': "0+600x20",
        f'container_cpu_cfs_throttled_periods_total{{{pod},container="app"}}': "0+240x20",
        f'container_memory_working_set_bytes{{{pod},container="app"}}': "100x20",
        f'container_memory_working_set_bytes{{{pod},container="sidecar"}}': "50x20",
        f'container_network_receive_bytes_total{{{pod},interface="eth0"}}': "0+600x20",
        f'container_network_transmit_bytes_total{{{pod},interface="eth0"}}': "0+1200x20",
        f'foresail_pod_container_resource_requests{{{pod},container="app",resource="cpu",unit="core"}}': "0.25x20",
        f'foresail_pod_container_resource_requests{{{pod},container="app",resource="memory",unit="byte"}}': "200x20",
        f"foresail_pod_info{{{pod},{owner}}}": "1x20",
        f'foresail_pod_info{{{other_node},{owner},uid="older"}}': "1x20",
    }
    expected = {
        "workload:container_cpu_usage_seconds:sum_rate2m": 0.5,
        "workload:container_memory_working_set_bytes:sum": 150,
        "workload:container_cpu_cfs_throttled_periods:ratio_rate2m": 0.4,
        "workload:container_network_receive_bytes:sum_rate2m": 10,
        "workload:container_network_transmit_bytes:sum_rate2m": 20,
        "workload:pod_resource_requests_cpu_cores:sum": 0.25,
        "workload:pod_resource_requests_memory_bytes:sum": 200,
    }
    labels = f'{{namespace="default",{owner}}}'
    checks = [
        {"expr": name, "eval_time": "10m", "exp_samples": [{"labels": name + labels, "value": value}]}
        for name, value in expected.items()
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    run(promtool, tmp_path, [{"interval": "1m", "input_series": inputs, "promql_expr_test": checks}])


def test_without_the_exporter_the_owners_that_kube_state_metrics_tells_name_the_workload(
    promtool: Promtool, tmp_path: Path
) -> None:
    twice = ('instance="ksm-1:8080"', 'instance="ksm-2:8080"')  # it runs twice, and both are scraped

    def owner(name: str, of: str, kind: str, by: str) -> Json:
        controller = "true" if kind else ""
        told = f'{of},owner_kind="{kind}",owner_name="{by}",owner_is_controller="{controller}"'
        return {f'{name}{{job="ksm",{one},namespace="default",{told}}}': "1x20" for one in twice}

    cadvisor = 'job="foresail-exporter",instance="n1:10250",namespace="default"'
    series = (
        owner("kube_pod_owner", 'pod="shop-1"', "ReplicaSet", "shop-abc")
        | owner("kube_pod_owner", 'pod="odd-1"', "ReplicaSet", "odd")
        | owner("kube_pod_owner", 'pod="db-0"', "StatefulSet", "db")
        | owner("kube_pod_owner", 'pod="alone"', "", "")
        | owner("kube_replicaset_owner", 'replicaset="shop-abc"', "Deployment", "shop")
        | owner("kube_replicaset_owner", 'replicaset="odd"', "", "")
        | {f'container_memory_working_set_bytes{{{cadvisor},pod="shop-1",container="app"}}': "100x20"}
    )

    def info(pod: str, kind: str, workload: str) -> str:
        labels = f'namespace="default",pod="{pod}",workload_kind="{kind}",workload="{workload}"'
        return f'foresail_pod_info{{job="foresail-exporter",{labels}}}'

    usage = 'workload:container_memory_working_set_bytes:sum{namespace="default",workload_kind="Deployment",workload="shop"}'
    expected = {
        "foresail_pod_info": {
            info("shop-1", "Deployment", "shop"): 1,
            info("odd-1", "ReplicaSet", "odd"): 1,
            info("db-0", "StatefulSet", "db"): 1,
        },
        "workload:container_memory_working_set_bytes:sum": {usage: 100},
    }
    checks = [
        {"expr": name, "eval_time": "10m", "exp_samples": [{"labels": one, "value": value} for one, value in found.items()]}
        for name, found in expected.items()
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    tests = [{"interval": "1m", "input_series": inputs, "promql_expr_test": checks}]
    run(promtool, tmp_path, tests, OWNERS_FILE)


def test_every_metric_in_a_rule_exists(metric_names: Callable[[str], set[str]], known_names: set[str]) -> None:
    expressions = [rule["expr"] for file in RULES.values() for group in file["groups"] for rule in group["rules"]]
    found = set().union(*map(metric_names, expressions))
    assert len(found) > 10
    assert found <= known_names, sorted(found - known_names)


def test_every_alert_is_explained_in_the_page_of_operations_and_none_besides() -> None:
    page = (TREE / "docs" / "operations.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (Foresail\w+)$", page, flags=re.MULTILINE)
    assert sorted(sections) == sorted(ALERTS)


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_leads_to_its_section(name: str) -> None:
    assert ALERTS[name].rule()["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"


def test_metrics_and_settings_that_the_page_of_operations_names_exist(known_names: set[str]) -> None:
    page = (TREE / "docs" / "operations.md").read_text(encoding="utf-8")
    metrics = set(re.findall(r"`(foresail_\w+)`", page))
    settings = {tuple(text.split(".")) for text in re.findall(r"`settings\.([\w.]+?)(?:=\w+)?`", page)}
    of_the_exporter = {name for name in metrics if name.startswith("foresail_exporter_")}
    assert metrics - of_the_exporter <= known_names
    assert settings <= {key for key, _ in leaves()}
    assert settings
