"""The configuration of the components: what matters for the machine they run on."""

import base64
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from demo.cluster import components, config
from demo.cluster.layout import Layout
from demo.cluster.pki import write_pki


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "run", tmp_path / "bin")
    write_pki(made.pki)
    components.write_configuration(made, "overlayfs")
    return made


def every_component(layout: Layout) -> list[components.Component]:
    makers = (
        components.etcd,
        components.containerd,
        components.apiserver,
        components.controller_manager,
        components.scheduler,
        components.kubelet,
        components.kube_proxy,
    )
    return [make(layout) for make in makers]


def paths_in(value: object) -> list[str]:
    if isinstance(value, dict):
        return [path for inner in value.values() for path in paths_in(inner)]
    return [value] if isinstance(value, str) and value.startswith("/") else []


def test_every_file_that_a_command_line_names_is_written_or_made_by_the_program_itself(layout: Layout) -> None:
    own = {"etcd", "kubelet", "kubelet/pki", "containerd.sock", "logs/audit.log"}
    named = {
        word.split("=", 1)[-1]
        for component in every_component(layout)
        for word in component.argv[1:]
        if str(layout.run) in word
    }
    missing = {path for path in named if not Path(path).exists()}
    assert missing == {str(layout.run / name) for name in own}


def test_containerd_keeps_everything_in_the_run_folder(layout: Layout) -> None:
    settings = tomllib.loads((layout.config / "containerd.toml").read_text())
    outside = [path for path in paths_in(settings) if not path.startswith(str(layout.run))]
    assert outside == ["/usr/lib/cni"]
    cri = settings["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] is True
    assert cri["netns_mounts_under_state_dir"] is True
    assert cri["disable_apparmor"] is True


def test_a_path_with_quotes_does_not_break_containerd_s_configuration(tmp_path: Path) -> None:
    odd = Layout(tmp_path / 'a "quoted" \\ folder', tmp_path)
    assert tomllib.loads(config.containerd(odd, "native"))["root"] == str(odd.run / "containerd" / "root")


def test_the_kubelet_runs_on_cgroup_v1_asks_for_certificates_and_never_evicts(layout: Layout) -> None:
    settings = json.loads((layout.config / "kubelet.yaml").read_text())
    assert settings["failCgroupV1"] is False
    assert settings["cgroupDriver"] == "cgroupfs"
    assert settings["evictionHard"] == {}
    assert settings["authentication"]["anonymous"] == {"enabled": False}
    assert settings["authorization"] == {"mode": "Webhook"}


def test_the_pods_network_keeps_its_addresses_in_the_run_folder(layout: Layout) -> None:
    network = json.loads((layout.config / "cni" / "10-foresail.conflist").read_text())
    assert network["plugins"][0]["ipam"]["dataDir"] == str(layout.run / "cni")


def test_the_api_server_authorises_nodes_and_users_and_asks_the_kubelet_with_a_certificate(layout: Layout) -> None:
    argv = components.apiserver(layout).argv
    assert "--authorization-mode=Node,RBAC" in argv
    assert f"--kubelet-client-certificate={layout.pki / 'apiserver-kubelet-client.crt'}" in argv
    assert f"--kubelet-certificate-authority={layout.pki / 'ca.crt'}" in argv


def test_a_kubeconfig_holds_all_it_needs(layout: Layout) -> None:
    content = yaml.safe_load(config.kubeconfig("https://127.0.0.1:4711", "admin", layout.pki))
    assert content["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:4711"
    user = content["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == (layout.pki / "admin.key").read_bytes()
    assert content["current-context"] == content["contexts"][0]["name"]


def test_each_component_has_a_kubeconfig_of_its_own(layout: Layout) -> None:
    users = {
        re.sub(r"^.*/|\.kubeconfig$", "", str(path)): yaml.safe_load(path.read_text())["users"][0]["name"]
        for path in layout.config.glob("*.kubeconfig")
    }
    assert users == {name: name for name in (*components.KUBECONFIG_USERS, "admin")}
