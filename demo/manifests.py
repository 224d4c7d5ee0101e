"""What the demonstration applies to the cluster: two twins, a patient, and the objects of ours that look after them."""

from collections.abc import Sequence
from typing import Any

from demo.constants import APP, FORECAST_TWIN, HEALING, NAMESPACE, PACE, PATIENT, REACTIVE_TWIN, SCALING, SEASON

Json = dict[str, Any]


def workloads(image: str) -> list[Json]:
    """Return the namespace, two equal workloads, and the one of which a pod will break."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *workload(FORECAST_TWIN, image, replicas=SCALING.first_replicas),
        *workload(REACTIVE_TWIN, image, replicas=SCALING.first_replicas),
        *workload(PATIENT, image, replicas=HEALING.replicas),
    ]


def policies() -> list[Json]:
    """Return what looks after them: equal PredictiveAutoscalers, but for the forecast, and the patient's HealingPolicy.

    The patient has an autoscaler by CPU that only watches.
    """
    return [
        predictive_autoscaler(FORECAST_TWIN, [requests_metric(FORECAST_TWIN)], forecast=True),
        predictive_autoscaler(REACTIVE_TWIN, [requests_metric(REACTIVE_TWIN)], forecast=False),
        predictive_autoscaler(PATIENT, [cpu_metric()], forecast=True, mode="Observe"),
        healing_policy(PATIENT),
    ]


def workload(name: str, image: str, replicas: int, warmup_s: float = APP.warmup_s) -> list[Json]:
    """Return a Deployment of the sample app and its Service."""
    labels = {"app": name}
    environment = {"COST_MS": APP.cost_ms, "WARMUP_S": warmup_s, "QUEUE": APP.queue, "PORT": APP.port}
    resources = {"cpu": f"{APP.cpu_millicores}m", "memory": f"{APP.memory_mebibytes}Mi"}
    container: Json = {
        "name": "app",
        "image": image,
        "imagePullPolicy": "Never",
        "env": [{"name": key, "value": str(value)} for key, value in environment.items()],
        "ports": [{"name": "http", "containerPort": APP.port}],
        "resources": {"requests": resources, "limits": resources},
        # A saturated pod answers its probes late: generous time-outs keep overload from looking like a fault.
        "readinessProbe": _probe("/ready", period_s=2, failures=3),
        "livenessProbe": _probe("/live", period_s=10, failures=6),
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "containers": [container],
                        "terminationGracePeriodSeconds": 15,
                        "automountServiceAccountToken": False,
                    },
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": APP.port}]},
        },
    ]


def _probe(path: str, period_s: int, failures: int) -> Json:
    return {
        "httpGet": {"path": path, "port": APP.port},
        "periodSeconds": period_s,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def arrivals_query(name: str) -> str:
    """Return the PromQL for the requests per second that come for a workload, counted at the door (as an ingress does)."""
    return f'sum(rate(gateway_requests_total{{service="{name}"}}[{PACE.rate_window_s}s]))'


def requests_metric(name: str) -> Json:
    """Return the metric that both twins scale by."""
    target = {"type": "AverageValue", "averageValue": str(SCALING.rps_per_pod)}
    return {"type": "Prometheus", "prometheus": {"query": arrivals_query(name), "target": target}}


def cpu_metric() -> Json:
    """Return the metric of most HPAs: CPU, in percent of requests."""
    target = {"type": "Utilization", "averageUtilization": SCALING.cpu_percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def predictive_autoscaler(name: str, metrics: Sequence[Json], *, forecast: bool, mode: str = "Scale") -> Json:
    """Return the object that scales a workload; that of the twins differs in `forecast` only."""
    return {
        "apiVersion": "foresail.dev/v1alpha1",
        "kind": "PredictiveAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "mode": mode,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": SCALING.min_replicas,
            "maxReplicas": SCALING.max_replicas,
            "metrics": list(metrics),
            "behavior": {
                "scaleUp": {"tolerance": SCALING.scale_up_tolerance},
                "scaleDown": {"stabilizationWindowSeconds": SCALING.scale_down_window_s},
            },
            "forecast": {
                "enabled": forecast,
                "risk": SCALING.risk,
                "capacityRatio": SCALING.capacity_ratio,
                "historySeconds": int(10 * SEASON.day_s),
                "seasons": [int(SEASON.day_s)],  # its day: everything that is told in days elsewhere goes by it
            },
        },
    }


def healing_policy(name: str, not_ready_s: int = HEALING.not_ready_s) -> Json:
    """Return the policy that restarts a pod of the workload when it stays unready."""
    return {
        "apiVersion": "foresail.dev/v1alpha1",
        "kind": "HealingPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "mode": "Heal",
            "selector": {"matchLabels": {"app": name}},
            "faults": {"notReady": {"forSeconds": not_ready_s}},
            "budget": {"intervalSeconds": HEALING.interval_s, "maxUnavailable": 1, "perHour": 6},
        },
    }
