"""The programs that make a cluster, with their command lines. Pure: starting them is the cluster's."""

from dataclasses import dataclass

from demo.cluster import config
from demo.cluster.layout import Layout
from demo.cluster.network import API_PORT, NODE_IP, NODE_NAME, SERVICE_CIDR

_ETCD = "http://127.0.0.1:2379"
# The components that speak to the API server with a kubeconfig, by the certificate of the same name.
KUBECONFIG_USERS = ("controller-manager", "scheduler", "kubelet", "kube-proxy", "prometheus")


@dataclass(frozen=True, slots=True)
class Component:
    """One program: its name, which names its log too, and its command."""

    name: str
    argv: tuple[str, ...]


def write_configuration(layout: Layout, snapshotter: str) -> None:
    """Write every configuration file; the certificates must be there."""
    (layout.config / "cni").mkdir(parents=True, exist_ok=True)
    files = {
        "containerd.toml": config.containerd(layout, snapshotter),
        "cni/10-foresail.conflist": config.cni(layout),
        "kubelet.yaml": config.kubelet(layout),
        "kube-proxy.yaml": config.kube_proxy(layout),
        "audit-policy.yaml": config.audit_policy(),
        "resolv.conf": "options timeout:1 attempts:1\n",
        **{f"{user}.kubeconfig": config.kubeconfig(config.INNER_API, user, layout.pki) for user in KUBECONFIG_USERS},
    }
    for name, text in files.items():
        (layout.config / name).write_text(text)
    layout.inner_kubeconfig.write_text(config.kubeconfig(config.INNER_API, "admin", layout.pki))


def etcd(layout: Layout) -> Component:
    """Give etcd, without fsync: the cluster does not outlive a crash of the machine anyhow."""
    return Component(
        "etcd",
        (
            "/usr/bin/etcd",
            f"--data-dir={layout.run / 'etcd'}",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--logger=zap",
        ),
    )


def containerd(layout: Layout) -> Component:
    """Give the container runtime."""
    return Component("containerd", ("/usr/bin/containerd", "-c", str(layout.config / "containerd.toml")))


def apiserver(layout: Layout) -> Component:
    """Give the API server, with Node and RBAC authorisation, the aggregation layer and an audit log of writes."""
    pki = layout.pki
    return Component(
        "kube-apiserver",
        (
            str(layout.bin / "kube-apiserver"),
            f"--etcd-servers={_ETCD}",
            f"--cert-dir={pki}",
            f"--secure-port={API_PORT}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={NODE_IP}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
            f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
            "--enable-aggregator-routing=true",
            f"--audit-policy-file={layout.config / 'audit-policy.yaml'}",
            f"--audit-log-path={layout.logs / 'audit.log'}",
            "--profiling=false",
        ),
    )


def controller_manager(layout: Layout) -> Component:
    """Give the controllers, with rates that do not hold up a test."""
    own = layout.config / "controller-manager.kubeconfig"
    return Component(
        "kube-controller-manager",
        (
            str(layout.bin / "kube-controller-manager"),
            f"--kubeconfig={own}",
            f"--authentication-kubeconfig={own}",
            f"--authorization-kubeconfig={own}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={layout.pki / 'sa.key'}",
            f"--root-ca-file={layout.pki / 'ca.crt'}",
            f"--requestheader-client-ca-file={layout.pki / 'front-proxy-ca.crt'}",
            f"--cluster-signing-cert-file={layout.pki / 'ca.crt'}",
            f"--cluster-signing-key-file={layout.pki / 'ca.key'}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--kube-api-qps=100",
            "--kube-api-burst=200",
            "--profiling=false",
        ),
    )


def scheduler(layout: Layout) -> Component:
    """Give the scheduler."""
    own = layout.config / "scheduler.kubeconfig"
    return Component(
        "kube-scheduler",
        (
            str(layout.bin / "kube-scheduler"),
            f"--kubeconfig={own}",
            f"--authentication-kubeconfig={own}",
            f"--authorization-kubeconfig={own}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--kube-api-qps=100",
            "--kube-api-burst=200",
            "--profiling=false",
        ),
    )


def kubelet(layout: Layout) -> Component:
    """Give the node's agent; its cAdvisor is told where containerd listens."""
    return Component(
        "kubelet",
        (
            str(layout.bin / "kubelet"),
            f"--config={layout.config / 'kubelet.yaml'}",
            f"--kubeconfig={layout.config / 'kubelet.kubeconfig'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_IP}",
            f"--root-dir={layout.run / 'kubelet'}",
            f"--cert-dir={layout.run / 'kubelet' / 'pki'}",
            f"--containerd={layout.containerd_socket}",
        ),
    )


def kube_proxy(layout: Layout) -> Component:
    """Give what makes Services work."""
    return Component(
        "kube-proxy",
        (
            str(layout.bin / "kube-proxy"),
            f"--config={layout.config / 'kube-proxy.yaml'}",
            f"--hostname-override={NODE_NAME}",
        ),
    )
