"""The chart lets the exporter be encrypted, ask who scrapes it, ask its kubelet, and know its machine."""

import pytest

from tests.unit.helm.test_helm_chart import Render, one

WEB = {"configSecret": "exporter-web", "tls": True}


def container(render: Render, **exporter: object) -> dict[str, object]:
    pod = one(render({"exporter": exporter}), "DaemonSet", "foresail-exporter")["spec"]["template"]["spec"]
    return dict(pod["containers"][0]) | {"volumes": pod["volumes"]}


def rights(render: Render, **exporter: object) -> list[str]:
    rules = one(render({"exporter": exporter}), "ClusterRole", "watch-foresail-exporter")["rules"]
    return [f"{verb} {resource}" for rule in rules for resource in rule["resources"] for verb in rule["verbs"]]


def test_by_default_the_exporter_may_see_pods_and_nothing_else(render: Render) -> None:
    assert rights(render) == ["list pods", "watch pods"]
    assert not [word for word in container(render)["args"] if word.startswith(("--web", "--collector"))]


def test_without_the_watch_the_exporter_has_no_right_and_no_token(render: Render) -> None:
    found = render({"exporter": {"podWatch": False}})
    pod = one(found, "DaemonSet", "foresail-exporter")["spec"]["template"]["spec"]
    assert "--no-kubernetes" in pod["containers"][0]["args"]
    assert pod["automountServiceAccountToken"] is False
    assert not [one for one in found if one["kind"].startswith("ClusterRole") and one["metadata"]["name"].endswith("-exporter")]
    assert "--no-kubernetes" not in container(render)["args"]


def test_the_kubelet_is_asked_with_the_right_and_the_address_for_it(render: Render) -> None:
    assert "get nodes/stats" in rights(render, volumes=True)
    found = container(render, volumes=True)
    assert "--collector.volumes" in found["args"]
    assert {"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}} in found["env"]


def test_the_machine_s_id_is_mounted_when_it_is_wanted_and_never_made(render: Render) -> None:
    found = container(render, machineIdFile="/var/lib/dbus/machine-id")
    args = found["args"]
    assert args[args.index("--path.machine-id") + 1] == "/host/etc/machine-id"
    assert {"name": "machine-id", "mountPath": "/host/etc/machine-id", "readOnly": True} in found["volumeMounts"]
    assert {"name": "machine-id", "hostPath": {"path": "/var/lib/dbus/machine-id", "type": "File"}} in found["volumes"]
    assert not any("machine-id" in str(part) for part in container(render).values())


def test_tokens_are_reviewed_with_the_rights_for_it(render: Render) -> None:
    assert {"create tokenreviews", "create subjectaccessreviews"} <= set(rights(render, web={"tokenReview": True}))
    assert "--web.token-review" in container(render, web={"tokenReview": True})["args"]


def test_a_web_configuration_is_mounted_and_probes_speak_https(render: Render) -> None:
    found = container(render, web=WEB)
    assert "--web.config.file=/etc/foresail-web/web.yml" in found["args"]
    assert {"name": "web-config", "mountPath": "/etc/foresail-web", "readOnly": True} in found["volumeMounts"]
    assert {"name": "web-config", "secret": {"secretName": "exporter-web"}} in found["volumes"]
    assert found["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics", "scheme": "HTTPS"}


def test_probes_only_connect_where_client_certificates_are_demanded(render: Render) -> None:
    found = container(render, web={**WEB, "clientCertificates": True})
    for probe in ("livenessProbe", "readinessProbe"):
        assert found[probe]["tcpSocket"] == {"port": "metrics"}
        assert "httpGet" not in found[probe]


def test_the_monitor_speaks_https_with_what_else_the_endpoint_needs(render: Render) -> None:
    endpoint = {"tlsConfig": {"serverName": "exporter"}}
    values = {"exporter": {"web": WEB}, "monitoring": {"serviceMonitor": {"enabled": True, "exporterEndpoint": endpoint}}}
    found = one(render(values), "ServiceMonitor", "foresail-exporter")["spec"]["endpoints"][0]
    assert (found["scheme"], found["tlsConfig"]) == ("https", {"serverName": "exporter"})


@pytest.mark.parametrize(
    ("web", "words"),
    [
        ({"tls": True}, "exporter.web.configSecret names no Secret"),
        ({"configSecret": "a", "clientCertificates": True}, "exporter.web.tls is not"),
    ],
)
def test_contradictions_are_refused(web: dict[str, object], words: str, render: Render) -> None:
    with pytest.raises(AssertionError, match=words):
        render({"exporter": {"web": web}})


@pytest.mark.parametrize("more", [{"volumes": True}, {"web": {"tokenReview": True}}])
def test_what_needs_the_api_is_refused_without_it(more: dict[str, object], render: Render) -> None:
    with pytest.raises(AssertionError, match=r"exporter\.podWatch is false"):
        render({"exporter": {"podWatch": False, **more}})
