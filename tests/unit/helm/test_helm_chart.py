"""The chart renders what it should for all kinds of values."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.api.parse import predictive_autoscaler
from autoscaler.clients.queries import quoted
from autoscaler.settings import NotifySettings, Settings, WebhookSettings
from autoscaler.settings_file import load
from dashboards.rules import RULES

Json = dict[str, Any]
Render = Callable[..., list[Json]]
Helm = Callable[..., Any]
CHART = Path(__file__).resolve().parents[3] / "helm" / "foresail"
EVERYTHING: Json = {
    "replicas": 3,
    "commonLabels": {"team": "platform"},
    "podAnnotations": {"note": "a"},
    "podLabels": {"zone": "b"},
    "priorityClassName": "system-cluster-critical",
    "dnsPolicy": "Default",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["prometheus"]}],
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "extraEnv": [{"name": "FORESAIL_LOG__LEVEL", "value": "debug"}],
    "extraVolumes": [{"name": "secrets", "secret": {"secretName": "webhooks"}}],
    "extraVolumeMounts": [{"name": "secrets", "mountPath": "/etc/foresail-secrets"}],
    "rbac": {"extraScaleTargets": [{"apiGroup": "argoproj.io", "resource": "rollouts"}]},
    "monitoring": {
        "serviceMonitor": {"enabled": True, "additionalLabels": {"release": "monitoring"}, "interval": "15s"},
        "prometheusRule": {"enabled": True, "additionalLabels": {"release": "monitoring"}},
    },
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Foresail"}},
    "networkPolicy": {"enabled": True, "ingressFrom": [{"namespaceSelector": {}}], "egress": [{"ports": [{"port": 443}]}]},
    "exporter": {"extraArgs": ["--log.level", "debug"], "podAnnotations": {"note": "c"}},
}
MATRIX: dict[str, Json] = {
    "nothing set": {},
    "everything set": EVERYTHING,
    "no exporter": {"exporter": {"enabled": False}, "monitoring": EVERYTHING["monitoring"], "networkPolicy": {"enabled": True}},
    "no healing": {"healing": {"enabled": False}},
    "no rights and no accounts": {
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "mine"},
        "exporter": {"serviceAccount": {"create": False}},
    },
    "some namespaces": {"settings": {"kubernetes": {"namespaces": ["shop", "bank"]}}},
    "no election": {"settings": {"leader_election": {"enabled": False}}},
    "a long name": {"fullnameOverride": "f" * 50},
}


def one(objects: Iterable[Json], kind: str, name: str = "foresail") -> Json:
    [found] = [obj for obj in objects if (obj["kind"], obj["metadata"]["name"]) == (kind, name)]
    return found


def pods(objects: Iterable[Json]) -> list[Json]:
    return [obj["spec"]["template"]["spec"] for obj in objects if obj["kind"] in ("Deployment", "DaemonSet")]


def names(objects: Iterable[Json]) -> set[tuple[str, str]]:
    return {(obj["kind"], obj["metadata"]["name"]) for obj in objects}


def test_helm_finds_nothing_to_complain_of(helm: Helm) -> None:
    result = helm("lint", "--strict", CHART)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("case", sorted(MATRIX))
def test_every_object_is_named_once_and_labelled(case: str, render: Render) -> None:
    objects = render(MATRIX[case])
    keys = [(obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in objects]
    assert len(set(keys)) == len(keys)
    for obj in objects:
        labels = obj["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "foresail"
        assert labels.items() >= MATRIX[case].get("commonLabels", {}).items()
        assert len(obj["metadata"]["name"]) <= 63 or "Role" in obj["kind"]


@pytest.mark.parametrize("case", sorted(MATRIX))
def test_selectors_find_their_own_pods_and_no_others(case: str, render: Render) -> None:
    objects = render(MATRIX[case])
    templates = {
        obj["kind"]: obj["spec"]["template"]["metadata"]["labels"] for obj in objects if "template" in obj.get("spec", {})
    }
    for obj in objects:
        spec = obj.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        selector = selector.get("matchLabels", selector)
        if selector and obj["kind"] != "ServiceMonitor":
            found = [kind for kind, labels in templates.items() if labels.items() >= selector.items()]
            component = selector["app.kubernetes.io/component"]
            assert found == [{"service": "Deployment", "exporter": "DaemonSet"}[component]], obj["kind"]


@pytest.mark.parametrize("case", sorted(MATRIX))
def test_no_pod_has_more_rights_than_it_needs(case: str, render: Render) -> None:
    for pod in pods(render(MATRIX[case])):
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert not pod.get("hostNetwork")
        assert not pod.get("hostPID")
        assert pod["enableServiceLinks"] is False
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"].keys() == {"requests", "limits"}
        paths = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert all(mounts[name]["readOnly"] for name in paths)


def test_the_service_runs_with_its_settings_and_the_probes_that_it_answers(render: Render) -> None:
    deployment = one(render(), "Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] + container["args"] == ["foresail", "run", "--config", "/etc/foresail/settings.yaml"]
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {
        "startupProbe": {"path": "/healthz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }
    assert deployment["spec"]["strategy"]["type"] == "RollingUpdate"


def test_the_exporter_sees_the_node_by_read_only_mounts(render: Render) -> None:
    pod = one(render(), "DaemonSet", "foresail-exporter")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["command"] == ["foresail-exporter"]
    assert dict(zip(container["args"][::2], container["args"][1::2], strict=True)) == {
        "--path.procfs": "/host/proc",
        "--path.cgroupfs": "/host/sys/fs/cgroup",
        "--path.containers-log": "/host/var/log/containers",
    }
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    host = {volume["hostPath"]["path"]: mounts[volume["name"]] for volume in pod["volumes"]}
    assert host == {path: f"/host{path}" for path in ("/proc", "/sys/fs/cgroup", "/var/log/containers")}
    kinds = {volume["hostPath"]["path"]: volume["hostPath"]["type"] for volume in pod["volumes"]}
    assert kinds.pop("/var/log/containers") == "DirectoryOrCreate", "it is not there before a kubelet's first container"
    assert set(kinds.values()) == {"Directory"}
    assert {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in container["env"]} == {
        "NODE_NAME": "spec.nodeName",
        "NODE_IP": "status.hostIP",
    }
    assert container["ports"] == [{"name": "metrics", "containerPort": 9109, "protocol": "TCP"}]
    assert pod["tolerations"] == [{"operator": "Exists"}]


READ = ["list", "watch"]
SEE_NODES = {"apiGroups": [""], "resources": ["nodes"], "verbs": READ}
EVICT = {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}
SERVICE_RULES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": READ},
    {"apiGroups": ["apps"], "resources": ["replicasets", "deployments", "statefulsets", "daemonsets"], "verbs": READ},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["get", *READ, "patch"]},
    {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": READ},
    {"apiGroups": ["foresail.dev"], "resources": ["predictiveautoscalers", "healingpolicies"], "verbs": READ},
    {"apiGroups": ["foresail.dev"], "resources": ["predictiveautoscalers"], "verbs": ["patch"]},
    {
        "apiGroups": ["foresail.dev"],
        "resources": ["predictiveautoscalers/status", "healingpolicies/status"],
        "verbs": ["update"],
    },
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": ["custom.metrics.k8s.io"], "resources": ["*"], "verbs": ["get"]},
    {"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"], "verbs": ["list"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments/scale", "replicasets/scale", "statefulsets/scale"],
        "verbs": ["get", "update"],
    },
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get"]},
]


def test_the_rights_are_exactly_these(render: Render) -> None:
    objects = render()
    roles = {obj["metadata"]["name"]: obj["rules"] for obj in objects if obj["kind"] in ("Role", "ClusterRole")}
    assert roles == {
        "watch-foresail": [SEE_NODES, *SERVICE_RULES],
        "watch-foresail-healing": [EVICT],
        "watch-foresail-exporter": [{"apiGroups": [""], "resources": ["pods"], "verbs": READ}],
        "foresail-leader-election": [
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": ["foresail"],
                "verbs": ["get", "update"],
            },
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        ],
    }


@pytest.mark.parametrize("case", sorted(MATRIX))
def test_every_binding_gives_a_role_that_is_there_to_an_account_that_a_pod_has(case: str, render: Render) -> None:
    objects = render(MATRIX[case])
    accounts = {pod["serviceAccountName"] for pod in pods(objects)}
    roles = {(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in objects}
    for binding in objects:
        if binding["kind"].endswith("RoleBinding") or binding["kind"] == "ClusterRoleBinding":
            ref = binding["roleRef"]
            place = binding["metadata"].get("namespace") if ref["kind"] == "Role" else None
            assert (ref["kind"], place, ref["name"]) in roles
            assert {subject["name"] for subject in binding["subjects"]} <= accounts


@pytest.mark.parametrize(("healing", "more"), [(True, [EVICT]), (False, [])])
def test_a_service_for_some_namespaces_has_its_rights_only_there(healing: bool, more: list[Json], render: Render) -> None:  # noqa: FBT001
    values: Json = {"settings": {"kubernetes": {"namespaces": ["shop", "bank"]}}, "healing": {"enabled": healing}}
    objects = render(values)
    roles = {obj["metadata"]["namespace"]: obj["rules"] for obj in objects if obj["kind"] == "Role"}
    roles.pop("watch")
    assert roles == {"shop": [*SERVICE_RULES, *more], "bank": [*SERVICE_RULES, *more]}
    assert one(objects, "ClusterRole", "watch-foresail")["rules"] == [SEE_NODES]
    assert ("ClusterRole", "watch-foresail-healing") not in names(objects)
    assert {obj["metadata"]["namespace"] for obj in objects if obj["kind"] == "RoleBinding"} == {"shop", "bank", "watch"}


def test_without_healing_nobody_may_evict(render: Render) -> None:
    assert "eviction" not in json.dumps(render({"healing": {"enabled": False}}))


def test_a_kind_of_ones_own_may_be_scaled_where_it_is_named(render: Render) -> None:
    rules = one(render(EVERYTHING), "ClusterRole", "watch-foresail")["rules"]
    assert rules[-2:] == [
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get"]},
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts/scale"], "verbs": ["get", "update"]},
    ]


def test_the_lease_is_where_the_settings_say(render: Render) -> None:
    objects = render({"settings": {"leader_election": {"namespace": "other", "lease_name": "mine"}}})
    role = one(objects, "Role", "foresail-leader-election")
    assert role["metadata"]["namespace"] == "other"
    assert role["rules"][0]["resourceNames"] == ["mine"]


def settings_of(objects: list[Json], folder: Path) -> Settings:
    file = folder / "settings.yaml"
    file.write_text(one(objects, "ConfigMap")["data"]["settings.yaml"])
    return load(file, {})


def test_the_service_reads_the_rendered_settings_and_they_are_its_own_defaults(render: Render, tmp_path: Path) -> None:
    assert settings_of(render(), tmp_path) == Settings()


def test_settings_that_are_given_arrive(render: Render, tmp_path: Path) -> None:
    webhook = {"name": "ops", "url": "http://10.99.0.1:9999/hook", "secret_file": "/etc/s", "timeout_s": 2.5}
    chat = {"name": "chat", "url_file": "/etc/u"}
    values = {"settings": {"acts": False, "scaling": {"sync_period_s": 5}, "notify": {"webhooks": [webhook, chat]}}}
    settings = settings_of(render(values), tmp_path)
    assert (settings.acts, settings.scaling.sync_period_s) == (False, 5.0)
    assert settings.notify == NotifySettings(webhooks=(WebhookSettings(**webhook), WebhookSettings(**chat)))


def test_a_service_that_may_not_evict_is_told_so(render: Render, tmp_path: Path) -> None:
    assert settings_of(render({"healing": {"enabled": False}}), tmp_path).healing.acts is False
    switched_off = {"settings": {"healing": {"acts": False}}}
    assert settings_of(render(switched_off), tmp_path).healing.acts is False


def test_other_settings_make_other_pods(render: Render) -> None:
    def checksum(values: Json) -> str:
        annotations = one(render(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/settings"])

    assert checksum({}) == checksum({"replicas": 2}) != checksum({"settings": {"acts": False}})
    assert checksum({}) != checksum({"healing": {"enabled": False}})


DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("values", "service", "exporter"),
    [
        ({}, "foresail:0.1.0", "foresail:0.1.0"),
        ({"image": {"registry": "r.example", "repository": "a/b", "tag": "t"}}, "r.example/a/b:t", "r.example/a/b:t"),
        ({"image": {"digest": DIGEST}}, f"foresail@{DIGEST}", f"foresail@{DIGEST}"),
        ({"image": {"digest": DIGEST}, "exporter": {"image": {"tag": "small"}}}, f"foresail@{DIGEST}", "foresail:small"),
        (
            {"image": {"registry": "r.example"}, "exporter": {"image": {"repository": "small", "pullPolicy": "Never"}}},
            "r.example/foresail:0.1.0",
            "r.example/small:0.1.0",
        ),
    ],
)
def test_the_image_is_the_one_that_was_named(values: Json, service: str, exporter: str, render: Render) -> None:
    objects = render(values)
    images = [
        one(objects, kind, name)["spec"]["template"]["spec"]["containers"][0]
        for kind, name in (("Deployment", "foresail"), ("DaemonSet", "foresail-exporter"))
    ]
    assert [container["image"] for container in images] == [service, exporter]
    assert images[1]["imagePullPolicy"] == values.get("exporter", {}).get("image", {}).get("pullPolicy", "IfNotPresent")


def test_everything_that_was_said_of_pods_is_in_the_pod(render: Render) -> None:
    template = one(render(EVERYTHING), "Deployment")["spec"]["template"]
    pod, [container] = template["spec"], template["spec"]["containers"]
    for name in ("priorityClassName", "dnsPolicy", "hostAliases", "nodeSelector", "tolerations", "affinity"):
        assert pod[name] == EVERYTHING[name]
    assert pod["topologySpreadConstraints"] == EVERYTHING["topologySpreadConstraints"]
    assert template["metadata"]["annotations"]["note"] == "a"
    assert template["metadata"]["labels"]["zone"] == "b"
    assert EVERYTHING["extraEnv"][0] in container["env"]
    assert EVERYTHING["extraVolumes"][0] in pod["volumes"]
    assert EVERYTHING["extraVolumeMounts"][0] in container["volumeMounts"]


def test_what_was_not_asked_for_is_not_there(render: Render) -> None:
    kinds = {kind for kind, _ in names(render())}
    optional = {"PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor", "PrometheusRule"}
    assert not kinds & optional
    assert optional < {kind for kind, _ in names(render(EVERYTHING))}
    assert ("ConfigMap", "foresail-workload") not in names(render())


def test_a_disruption_budget_leaves_no_single_replica_stuck(render: Render) -> None:
    assert one(render({"replicas": 2}), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert "PodDisruptionBudget" not in {kind for kind, _ in names(render({"replicas": 1}))}


def test_without_the_exporter_nothing_of_it_is_left(render: Render) -> None:
    assert not [key for key in names(render(MATRIX["no exporter"])) if "exporter" in key[1]]


def test_the_board_arrives_as_it_was_generated(render: Render) -> None:
    config_map = one(render(EVERYTHING), "ConfigMap", "foresail-workload")
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config_map["metadata"]["annotations"] == {"grafana_folder": "Foresail"}
    [(file, text)] = config_map["data"].items()
    assert text == (CHART / "files" / "dashboards" / file).read_text(encoding="utf-8")


def test_the_rules_arrive_as_they_were_generated(render: Render) -> None:
    rule = one(render(EVERYTHING), "PrometheusRule")
    assert rule["spec"] == RULES["foresail"]
    assert rule["metadata"]["labels"]["release"] == "monitoring"


ODD_JOB = 'kube"let\\'  # PromQL, YAML and JSON each want it written in another way
RULES_ON: Json = {"prometheusRule": {"enabled": True}}


def test_rules_and_boards_ask_for_the_job_that_the_service_asks_for(render: Render) -> None:
    values = {"settings": {"prometheus": {"job": ODD_JOB}}, "monitoring": RULES_ON, "dashboards": {"enabled": True}}
    objects = render(values)
    rules = json.dumps(RULES["foresail"]).replace('job=\\"foresail-exporter\\"', json.dumps(f"job={quoted(ODD_JOB)}")[1:-1])
    assert one(objects, "PrometheusRule")["spec"] == json.loads(rules)
    [text] = one(objects, "ConfigMap", "foresail-workload")["data"].values()
    targets = [target["expr"] for panel in json.loads(text)["panels"] for target in panel.get("targets", ())]
    assert any(f"job={quoted(ODD_JOB)}" in expression for expression in targets)
    assert 'job=\\"foresail-exporter' not in text + json.dumps(one(objects, "PrometheusRule")["spec"])


def test_without_the_exporter_its_alerts_are_left_out_and_kube_state_metrics_names_the_workloads(render: Render) -> None:
    values = {"exporter": {"enabled": False}, "settings": {"prometheus": {"job": "kubelet"}}, "monitoring": RULES_ON}
    owners, *groups = one(render(values), "PrometheusRule")["spec"]["groups"]
    assert [group["name"] for group in groups] == ["foresail-workloads", "foresail-service"]
    [rule] = owners["rules"]
    [generated] = RULES["foresail-owners"]["groups"][0]["rules"]
    assert rule == generated | {"labels": {"job": "kubelet"}}


@pytest.mark.parametrize("slash", ["", "/"])
def test_alerts_have_a_link_to_the_runbook_only_where_its_address_is_known(slash: str, render: Render) -> None:
    def links(**values: str) -> dict[str, str | None]:
        groups = one(render({"monitoring": {"prometheusRule": {"enabled": True, **values}}}), "PrometheusRule")["spec"][
            "groups"
        ]
        alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
        return {alert["alert"]: alert["annotations"].get("runbook_url") for alert in alerts}

    assert set(links().values()) == {None}
    for name, link in links(runbookUrlPrefix=f"https://git.example/main{slash}").items():
        assert link == f"https://git.example/main/docs/operations.md#{name.lower()}"


def test_monitors_give_the_jobs_that_queries_pin_and_let_the_exporters_labels_win(render: Render) -> None:
    objects = render(EVERYTHING | {"settings": {"prometheus": {"job": "cadvisor"}}})
    for name, job in (("foresail", "foresail"), ("foresail-exporter", "cadvisor")):
        [endpoint] = one(objects, "ServiceMonitor", name)["spec"]["endpoints"]
        service_ports = {port["name"] for port in one(objects, "Service", name)["spec"]["ports"]}
        assert endpoint["port"] in service_ports
        assert (endpoint["honorLabels"], endpoint["interval"]) == (True, "15s")
        assert {"action": "replace", "targetLabel": "job", "replacement": job} in endpoint["relabelings"]
        assert endpoint["relabelings"][0]["action"] == "labeldrop"


def notes(helm: Helm, *words: str) -> str:
    result = helm("install", "foresail", CHART, "--namespace", "watch", "--dry-run=client", *words)
    assert result.returncode == 0, result.stderr
    return str(result.stdout).partition("NOTES:")[2]


def test_the_notes_give_the_next_command_with_an_object_that_is_valid(helm: Helm) -> None:
    text = notes(helm)
    assert "--namespace watch rollout status deployment/foresail" in text
    manifest = re.search(r"<<END\n(.*?)\n\s*END", text, flags=re.DOTALL)
    assert manifest
    assert predictive_autoscaler(yaml.safe_load(manifest[1])).spec.mode == "Observe"


@pytest.mark.parametrize(
    ("words", "warning"),
    [
        (["--set", "settings.acts=false"], "settings.acts is false"),
        ([], "settings.prometheus.url is the default"),
        (["--set", "healing.enabled=false"], "no right to evict"),
        (["--set", "exporter.enabled=false"], "no load will be found"),
        (["--set", "exporter.enabled=false"], "Learning until your Prometheus runs the rules"),
        (["--set", "exporter.enabled=false,monitoring.prometheusRule.enabled=true"], "comes from kube-state-metrics"),
        ([], "settings.notify.webhooks is empty"),
        ([], "honor_labels"),
    ],
)
def test_the_notes_warn_of_values_that_surprise(words: list[str], warning: str, helm: Helm) -> None:
    assert warning in notes(helm, *words)


def test_the_notes_have_nothing_to_warn_of_when_all_is_said(helm: Helm) -> None:
    webhook = 'settings.notify.webhooks=[{"name":"ops","url":"http://ops.example/"}]'
    said = ["--set", "settings.prometheus.url=http://p:9090,monitoring.serviceMonitor.enabled=true", "--set-json", webhook]
    assert "Mind:" not in notes(helm, *said)
