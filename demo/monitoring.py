"""The configuration of Prometheus and Alertmanager in the demonstration, as one would write it for a cluster of one's own."""

from pathlib import Path
from typing import Any

import yaml

from demo.constants import NAMESPACE, PACE, SYSTEM_NAMESPACE

Json = dict[str, Any]


def prometheus_config(kubeconfig: Path, node_ip: str, gateway_port: int, rules: list[str]) -> str:
    """Return prometheus.yml: our two programs and the sample app by Kubernetes service discovery, and the door."""
    config: Json = {
        "global": {"scrape_interval": f"{PACE.scrape_s}s", "evaluation_interval": f"{PACE.scrape_s}s"},
        "rule_files": rules,
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{node_ip}:9093"]}]}]},
        "scrape_configs": [
            own_job("foresail-exporter", kubeconfig, "exporter"),
            own_job("foresail", kubeconfig, "service"),
            _app(kubeconfig),
            {"job_name": "gateway", "static_configs": [{"targets": [f"{node_ip}:{gateway_port}"]}]},
        ],
    }
    return yaml.safe_dump(config, sort_keys=False)


def _discovery(kubeconfig: Path, namespace: str) -> list[Json]:
    return [{"role": "pod", "kubeconfig_file": str(kubeconfig), "namespaces": {"names": [namespace]}}]


def _keep(label: str, pattern: str) -> Json:
    return {"source_labels": [f"__meta_kubernetes_{label}"], "regex": pattern, "action": "keep"}


def _copy(label: str, to: str) -> Json:
    return {"source_labels": [f"__meta_kubernetes_{label}"], "target_label": to}


def own_job(job: str, kubeconfig: Path, component: str, namespace: str = SYSTEM_NAMESPACE) -> Json:
    """Scrape pods of the chart; their own labels win, for they speak of other pods."""
    return {
        "job_name": job,
        "honor_labels": True,
        "kubernetes_sd_configs": _discovery(kubeconfig, namespace),
        "relabel_configs": [
            _keep("pod_label_app_kubernetes_io_name", "foresail"),
            _keep("pod_label_app_kubernetes_io_component", component),
            _keep("pod_container_port_name", "metrics|http"),
            _keep("pod_phase", "Running"),
            _copy("pod_node_name", "node"),
        ],
    }


def kubelet_job(name: str, node_ip: str, pki: Path, path: str) -> Json:
    """Scrape one path of the kubelet, labelled as kube-prometheus-stack does: all that it tells is one job's."""
    return {
        "job_name": name,
        "honor_labels": True,
        "scheme": "https",
        "metrics_path": path,
        "tls_config": {
            "ca_file": str(pki / "ca.crt"),
            "cert_file": str(pki / "prometheus.crt"),
            "key_file": str(pki / "prometheus.key"),
        },
        "static_configs": [{"targets": [f"{node_ip}:10250"]}],
        "relabel_configs": [
            {"source_labels": ["__metrics_path__"], "target_label": "metrics_path"},
            {"target_label": "job", "replacement": "kubelet"},
        ],
    }


def _app(kubeconfig: Path) -> Json:
    return {
        "job_name": "app",
        "kubernetes_sd_configs": _discovery(kubeconfig, NAMESPACE),
        "relabel_configs": [
            _keep("pod_container_port_name", "http"),
            _keep("pod_phase", "Running"),
            _copy("namespace", "namespace"),
            _copy("pod_name", "pod"),
            _copy("pod_label_app", "app"),
        ],
    }


def alertmanager_config(receiver: str) -> str:
    """Return alertmanager.yml: everything goes to one webhook, quickly."""
    config: Json = {
        "route": {"receiver": "demo", "group_by": ["alertname"], "group_wait": "5s", "group_interval": "15s"},
        "receivers": [{"name": "demo", "webhook_configs": [{"url": receiver, "send_resolved": True}]}],
    }
    return yaml.safe_dump(config, sort_keys=False)
