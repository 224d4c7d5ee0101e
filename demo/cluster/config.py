"""The configuration files of the components, as text. Pure: what they mean together is tried by the integration tests.

YAML is written as JSON where no person reads it: every YAML reader reads that.
"""

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from demo.cluster.layout import Layout
from demo.cluster.network import API_PORT, NODE_IP, NODE_POD_CIDR, POD_CIDR

CNI_NETWORK = "foresail"
PAUSE_IMAGE = "localhost/foresail/pause:1"
INNER_API = f"https://{NODE_IP}:{API_PORT}"


def kubeconfig(server: str, user: str, pki: Path) -> str:
    """Render a kubeconfig with everything in it for the certificate `pki/user.crt`."""

    def embedded(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "foresail", "cluster": {"server": server, "certificate-authority-data": embedded("ca.crt")}}],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": embedded(f"{user}.crt"),
                    "client-key-data": embedded(f"{user}.key"),
                },
            }
        ],
        "contexts": [{"name": "foresail", "context": {"cluster": "foresail", "user": user}}],
        "current-context": "foresail",
    }
    return yaml.safe_dump(content, sort_keys=False)


def containerd(layout: Layout, snapshotter: str) -> str:
    """Render containerd's configuration (version 2, read by 1.6 to 2.x): every folder and socket in the run folder."""
    base = layout.run / "containerd"
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = {_quoted(base / "root")}
state = {_quoted(layout.containerd_state)}
disabled_plugins = ["io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = {_quoted(layout.containerd_socket)}
[plugins."io.containerd.internal.v1.opt"]
  path = {_quoted(base / "opt")}
[{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  # A machine without CAP_SYS_RESOURCE cannot lower the score below its own.
  restrict_oom_score_adj = true
  # A profile would stay loaded in the kernel after us.
  disable_apparmor = true
  netns_mounts_under_state_dir = true
[{cri}.containerd]
  snapshotter = "{snapshotter}"
  default_runtime_name = "runc"
[{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
  Root = {_quoted(base / "runc")}
[{cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = {_quoted(layout.config / "cni")}
"""


def cni(layout: Layout) -> str:
    """Render the pods' network: a bridge inside the namespace, addresses kept in the run folder."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(layout.run / "cni"),
            "ranges": [[{"subnet": NODE_POD_CIDR}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return json.dumps({"cniVersion": "0.4.0", "name": CNI_NETWORK, "plugins": plugins}, indent=2)


def kubelet(layout: Layout) -> str:
    """Render the kubelet's configuration: no eviction for a full disk of the host, and pods that start fast on two cores."""
    content: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_IP,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True, "cacheTTL": "2m"},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(layout.pki / "kubelet-serving.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-serving.key"),
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": ["pods"],
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        # No name service runs here. A pod that asks for one is refused at once at its own loopback, rather than waiting.
        "clusterDNS": ["127.0.0.1"],
        "clusterDomain": "cluster.local",
        "resolvConf": str(layout.config / "resolv.conf"),
        "healthzBindAddress": "127.0.0.1",
        "oomScoreAdj": 0,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        # What volumes hold is counted so often, and of a new pod not before the next time; a minute if nothing is said.
        "volumeStatsAggPeriod": "10s",
        "volumePluginDir": str(layout.run / "kubelet" / "volume-plugins"),
        "rotateCertificates": False,
    }
    return json.dumps(content, indent=2)


def kube_proxy(layout: Layout) -> str:
    """Render kube-proxy's configuration; connection tracking keeps the kernel's own size, which belongs to the host."""
    content = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": POD_CIDR,
        "clientConnection": {"kubeconfig": str(layout.config / "kube-proxy.kubeconfig")},
        "conntrack": {"maxPerCore": 0, "min": 0},
        "iptables": {"minSyncPeriod": "0s"},
        "oomScoreAdj": 0,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }
    return json.dumps(content, indent=2)


def audit_policy() -> str:
    """Render what the API server writes down: who changed what, without contents, leases and the components' own chatter."""
    writes = ["create", "update", "patch", "delete", "deletecollection"]
    noise = [{"group": "coordination.k8s.io"}, {"group": "authentication.k8s.io"}, {"group": "authorization.k8s.io"}]
    content = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "resources": noise},
            {"level": "None", "userGroups": ["system:nodes"]},
            {"level": "Metadata", "verbs": writes},
            {"level": "None"},
        ],
    }
    return json.dumps(content, indent=2)


def _quoted(path: Path) -> str:
    return json.dumps(str(path))  # a JSON string is a TOML basic string
