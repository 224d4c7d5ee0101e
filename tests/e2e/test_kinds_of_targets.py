"""Every kind of target goes up and down for real: by the exporter's metrics, and by those that the kubelet has anyway.

Two releases of the chart stand side by side, each with targets of its own. One has the exporter. The other has none and reads
the kubelet's cAdvisor, scraped as kube-prometheus-stack does. One scenario is played once (fixture `played`): what is asked of
the targets grows, then their pods get busy, then all is quiet again.
"""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.clients.kube.connection import FIELD_MANAGER
from demo.cluster import Cluster
from demo.cluster.monitoring import start_prometheus
from demo.cluster.report import QuietReporter
from demo.constants import PACE
from demo.monitoring import kubelet_job, own_job
from demo.prometheus import Prometheus
from demo.stack import RELEASE, as_list, build_images, install_beside
from demo.wheels import TREE
from tests.e2e.kinds import (
    ASKED_PER_POD,
    GROUP,
    KINDS,
    PLURAL,
    QUOTA_CORES,
    Steersman,
    autoscaler,
    definition,
    name_of,
    path_of,
    target,
)
from tests.e2e.kinds_played import EXPORTER, KUBELET, KUBELET_WINDOW_S, RECORDS, Count, Played, write_page

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
MOST = {EXPORTER: 3, KUBELET: 2}
CHART = TREE / "helm" / "foresail"
LOAD_PORT = 9097
QUERY = 'max(demand{job="load"})'


def prometheus_config(cluster: Cluster, kubeconfig: Path, rules: list[str]) -> str:
    """Scrape the exporter, the kubelet with all that tells of containers, and the pages that the test writes."""
    pki, address = cluster.layout.pki, cluster.node_ip
    jobs = [
        own_job("foresail-exporter", kubeconfig, "exporter", EXPORTER),
        kubelet_job("kubelet-cadvisor", address, pki, "/metrics/cadvisor"),
        kubelet_job("kubelet-resource", address, pki, "/metrics/resource"),
        page_job("load", address, "/demand.txt"),
        page_job("kube-state-metrics", address, "/owners.txt"),
    ]
    pace = {"scrape_interval": f"{PACE.scrape_s}s", "evaluation_interval": f"{PACE.scrape_s}s"}
    return json.dumps({"global": pace, "rule_files": rules, "scrape_configs": jobs})


def page_job(name: str, address: str, path: str) -> Json:
    """Scrape a page that the test writes; what it says of others stays as it is."""
    found = [{"targets": [f"{address}:{LOAD_PORT}"]}]
    return {"job_name": name, "honor_labels": True, "metrics_path": path, "static_configs": found}


def rules_without_exporter(cluster: Cluster) -> str:
    """Return the rules of the chart for the release that reads the kubelet."""
    words = ("exporter.enabled=false", "settings.prometheus.job=kubelet", "monitoring.prometheusRule.enabled=true")
    sets = [word for value in words for word in ("--set", value)]
    text = cluster.helm("template", RELEASE, str(CHART), *sets, "--show-only", "templates/monitoring.yaml")
    return yaml.safe_dump(yaml.safe_load(text)["spec"])


def refused() -> Json:
    """Return what would scale a kind that nobody gave the right for."""
    denied = autoscaler("Deployment", EXPORTER, 2)
    denied["metadata"]["name"] = "denied"
    denied["spec"]["scaleTargetRef"] = {"apiVersion": "v1", "kind": "ReplicationController", "name": "denied"}
    return denied


def release(namespace: str) -> Json:
    """Return the values of a release; what reads the kubelet waits as long as its housekeeping may take."""
    settings: Json = {"kubernetes": {"namespaces": [namespace]}}
    if namespace == KUBELET:
        settings["prometheus"] = {"job": "kubelet", "rate_window_s": KUBELET_WINDOW_S, "max_age_s": 60.0}
    return {
        "exporter": {"enabled": namespace == EXPORTER},
        "rbac": {"extraScaleTargets": [{"apiGroup": GROUP, "resource": PLURAL}]},
        "settings": settings,
    }


@pytest.fixture(scope="module")
def stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Install both releases with their targets; on the way out nothing of them stays."""
    folder = tmp_path_factory.mktemp("kinds")
    load = folder / "load"
    load.mkdir()
    write_page(load, "demand", "demand 0")
    write_page(load, "owners", "")
    build_images(cluster, QuietReporter())
    cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CHART / 'crds'}")
    cluster.spawn("load", [sys.executable, "-m", "http.server", str(LOAD_PORT), "--bind", cluster.node_ip, "--directory", load])
    try:
        port = start_prometheus(
            cluster,
            lambda kubeconfig, rules: prometheus_config(cluster, kubeconfig, rules),
            {"foresail.yaml": rules_without_exporter(cluster)},
        )
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in MOST]
        cluster.apply(as_list([*spaces, definition()]))
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{PLURAL}.{GROUP}")
        with Steersman(cluster, tuple(MOST), load):
            cluster.apply(as_list([target(kind, namespace, load) for namespace in MOST for kind in KINDS]))
            with ThreadPoolExecutor(len(MOST)) as threads:
                list(threads.map(lambda namespace: install_beside(cluster, folder, namespace, release(namespace)), MOST))
            yield Played(cluster, load, Prometheus(f"http://127.0.0.1:{port}"))
    finally:
        for name in {one.name for one, _ in cluster.processes()} & {"prometheus", "load"}:
            cluster.end(name)
        for namespace in MOST:
            cluster.helm("uninstall", RELEASE, "--namespace", namespace, "--ignore-not-found")
        cluster.kubectl("delete", "namespace", *MOST, "--ignore-not-found")
        cluster.kubectl("delete", f"crd/{PLURAL}.{GROUP}", "--ignore-not-found")


@pytest.fixture(scope="module")
def played(stage: Played) -> Played:
    """Play the scenario."""
    stage.reach("begin", dict.fromkeys(MOST, 1), 60.0)
    stage.first = stage.cluster.wait(stage.told_of_all, 60.0, "the kubelet to tell of all pods")
    stage.restart_one()
    queries = {EXPORTER: QUERY, KUBELET: ""}
    objects = [autoscaler(kind, namespace, MOST[namespace], queries[namespace]) for namespace in MOST for kind in KINDS]
    stage.cluster.apply(as_list([*objects, refused()]))
    stage.ask(2 * ASKED_PER_POD)
    stage.reach("asked", {EXPORTER: 2}, 60.0)
    stage.burn(busy=True)
    stage.reach("busy", MOST, 120.0)
    stage.usage = {job: {name: stage.used(name, job) for name in ("cpu", "memory")} for job in ("kubelet", "foresail-exporter")}
    stage.tell_owners()
    stage.workloads = stage.cluster.wait(stage.of_workloads, 60.0, "the rules to record every workload")
    stage.ask(0)
    stage.burn(busy=False)
    stage.reach("quiet", dict.fromkeys(MOST, 1), 120.0)
    return stage


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_up_by_what_is_asked_then_by_cpu_and_down_again(kind: str, played: Played) -> None:
    assert played.steps[EXPORTER][kind] == [Count(many, many) for many in (1, 2, 3, 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_up_and_down_by_the_metrics_that_the_kubelet_has_anyway(kind: str, played: Played) -> None:
    assert played.steps[KUBELET][kind] == [Count(many, many) for many in (1, 2, 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("namespace", MOST)
def test_its_scale_was_written_and_nothing_else_of_it(namespace: str, kind: str, played: Played) -> None:
    meta = (played.api.object(path_of(kind, namespace)) or {})["metadata"]
    entries = [one for one in meta["managedFields"] if one["manager"] == FIELD_MANAGER]
    assert [(one["subresource"], one["fieldsV1"]) for one in entries] == [("scale", {"f:spec": {"f:replicas": {}}})]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("namespace", MOST)
def test_its_autoscaler_is_well_and_has_told_of_each_step(namespace: str, kind: str, played: Played) -> None:
    autoscalers = f"/apis/foresail.dev/v1alpha1/namespaces/{namespace}/predictiveautoscalers"

    def settled() -> Json:
        status: Json = (played.api.object(f"{autoscalers}/{name_of(kind)}") or {})["status"]
        return status if (status["currentReplicas"], status["desiredReplicas"]) == (1, 1) else {}

    status = played.cluster.wait(settled, 15.0, f"the pass after the last act on {kind} in {namespace}")
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert (conditions["AbleToScale"], conditions["ScalingActive"]) == ("True", "True")
    events = (played.api.object(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events") or {})["items"]
    mine = [one for one in events if one["regarding"]["kind"] == "PredictiveAutoscaler"]
    told = [one for one in mine if one["regarding"]["name"] == name_of(kind) and one["reason"] == "SuccessfulRescale"]
    assert len(told) >= MOST[namespace]  # one for each pod more, and at the end one for all that are too many


def test_the_rules_of_the_chart_know_each_workload_by_the_kubelet_s_metrics_and_none_of_them_fails(played: Played) -> None:
    cpu, _ = RECORDS
    for kind in KINDS:
        assert played.workloads[f"{kind}/{name_of(kind)}"][cpu] < MOST[KUBELET] * QUOTA_CORES * 1.2
    rules = [rule for group in played.prometheus.rules() for rule in group["rules"]]
    assert len(rules) > 10
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_a_kind_without_the_right_is_named_with_the_value_of_the_chart_that_gives_it(played: Played) -> None:
    found = played.api.object(f"/apis/foresail.dev/v1alpha1/namespaces/{EXPORTER}/predictiveautoscalers/denied") or {}
    [told] = [one for one in found["status"]["conditions"] if one["type"] == "AbleToScale"]
    assert (told["status"], told["reason"]) == ("False", "FailedGetScale")
    assert 'grant verb "get" on "replicationcontrollers/scale" in API group ""' in told["message"]
    assert "rbac.extraScaleTargets" in told["message"]


def test_a_container_is_counted_once_though_the_kubelet_tells_of_it_twice_and_again_after_a_restart(played: Played) -> None:
    theirs, ours = (played.usage[job] for job in ("kubelet", "foresail-exporter"))
    assert f"{name_of('StatefulSet')}-0" in played.first
    for pod in played.first:  # what a younger one had at its start may be all that the kubelet knows
        assert 0.5 < theirs["memory"][pod] / ours["memory"][pod] < 1.5, pod
        assert 0.5 < theirs["cpu"][pod] / QUOTA_CORES < 1.2, pod
