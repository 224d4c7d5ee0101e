"""Which workload each pod belongs to, for clusters where the kubelet's own cAdvisor metrics are used without our exporter.

The exporter tells it as `foresail_pod_info`, and everything here joins that one series. Where it does not run, this rule makes
the same series out of kube-state-metrics' owners. Its `job` must be the one that the setting prometheus.job names (the chart
writes it in), as every query pins that. It is a file of its own, for beside an exporter each pod would be named twice.
"""

from autoscaler.clients import queries
from dashboards import names
from dashboards.rules.alert import Json

_CONTROLLER = 'owner_is_controller="true"'  # one owner a pod at most; what nothing owns is nobody's workload


def rule_file() -> Json:
    """Return the file as Prometheus reads it."""
    rule = {"record": queries.POD_INFO, "expr": expression(), "labels": {"job": names.EXPORTER_JOB}}
    return {"groups": [{"name": "foresail-owners", "rules": [rule]}]}


def expression() -> str:
    """Return one series a pod with its top-level owner: a ReplicaSet's own owner where it has one, else the pod's.

    `topk` and `max` make each side unique, as kube-state-metrics may run twice, and a second series fails the whole rule.
    """
    replica_sets = f"topk by (namespace, replicaset) (1, kube_replicaset_owner{{{_CONTROLLER}}})"
    pods = f'kube_pod_owner{{{_CONTROLLER},owner_kind="ReplicaSet"}}'
    of_replica_sets = (
        f"{_copied(pods, 'owner_name', 'replicaset')}"
        f" * on (namespace, replicaset) group_left (owner_kind, owner_name) {replica_sets}"
    )
    owners = f"({of_replica_sets}) or on (namespace, pod) kube_pod_owner{{{_CONTROLLER}}}"
    named = _copied(_copied(owners, "owner_kind", "workload_kind"), "owner_name", "workload")
    return f"max by (namespace, pod, workload_kind, workload) ({named})"


def _copied(expression_: str, label: str, to: str) -> str:
    return f'label_replace({expression_}, "{to}", "$1", "{label}", "(.+)")'
