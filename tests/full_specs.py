"""Valid specs that fill every field of our resources between them, for tests that try each field."""

from typing import Any

Json = Any

_PERCENT = {"type": "Utilization", "averageUtilization": 70}
_PER_POD = {"type": "AverageValue", "averageValue": "500m"}
_OF_ALL = {"type": "Value", "value": "10k"}
_LABELS = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]}
_METRIC = {"name": "queue", "selector": _LABELS}
_DESCRIBED = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"}
_RULES = {
    "stabilizationWindowSeconds": 60,
    "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
    "tolerance": "0.05",
}
SCALED: Json = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
    "mode": "Scale",
    "minReplicas": 1,
    "maxReplicas": 9,
    "metrics": [
        {"type": "Resource", "resource": {"name": "cpu", "target": _PERCENT}},
        {"type": "Resource", "resource": {"name": "cpu", "target": _PER_POD}},
        {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "app", "target": _PERCENT}},
        {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "app", "target": _PER_POD}},
        {"type": "Pods", "pods": {"metric": _METRIC, "target": _PER_POD}},
        {
            "type": "Object",
            "object": {"describedObject": _DESCRIBED, "metric": _METRIC, "target": _OF_ALL, "activation": "5"},
        },
        {"type": "Object", "object": {"describedObject": _DESCRIBED, "metric": _METRIC, "target": _PER_POD}},
        {"type": "External", "external": {"metric": _METRIC, "target": _OF_ALL, "activation": "5"}},
        {"type": "External", "external": {"metric": _METRIC, "target": _PER_POD}},
        {"type": "Prometheus", "prometheus": {"query": "up", "target": _OF_ALL, "activation": "5"}},
        {"type": "Prometheus", "prometheus": {"query": "up", "target": _PER_POD}},
    ],
    "resourceMetrics": "Prometheus",
    "behavior": {"scaleUp": _RULES, "scaleDown": _RULES},
    "cpuInitializationPeriodSeconds": 120,
    "initialReadinessDelaySeconds": 10,
    "forecast": {
        "enabled": True,
        "policy": "Earned",
        "risk": 0.95,
        "capacityRatio": 1.43,
        "leadSeconds": "auto",
        "maxExtraPods": 10,
        "historySeconds": 1209600,
        "seasons": [86400, 604800],
        "timeZone": "Europe/Berlin",
        "holidays": [{"country": "DE", "subdivision": "BY"}, {"calendar": "company"}, {"dates": ["2026-12-24"]}],
    },
    "schedules": [
        {
            "name": "office",
            "cron": "0 8 * * MON-FRI",
            "until": "0 18 * * MON-FRI",
            "from": "2026-01-01T00:00",
            "to": "2027-01-01T00:00",
            "timeZone": "Europe/Berlin",
            "min": 2,
            "max": 12,
            "paddingPercent": 25,
            "earlySeconds": 60,
            "lateSeconds": 60,
            "exclude": [{"country": "DE", "subdivision": "BY"}, {"dates": ["2026-12-24"]}, {"calendar": "company"}],
        },
        {"name": "night", "cron": "0 0 * * *", "durationSeconds": 3600, "replicas": 1},
    ],
    "burst": {"thresholdPercent": 200, "windowSeconds": 30, "holdSeconds": 60},
    "fallback": {"behavior": "Static", "replicas": 3, "afterSeconds": 60},
    "pause": {"all": True, "scaleIn": False, "scaleOut": False, "replicas": 2},
    "onDelete": "Restore",
}
HEALED: Json = {
    "mode": "Heal",
    "selector": _LABELS,
    "faults": {"notReady": {"forSeconds": 300}},
    "actions": ["Notify", "Evict"],
    "budget": {"intervalSeconds": 300, "maxUnavailable": 1, "perHour": 6},
    "breaker": {"unhealthyPercent": 50, "minWorkloads": 3, "cooldownSeconds": 600},
}
SPECS: dict[str, list[Json]] = {"PredictiveAutoscaler": [SCALED], "HealingPolicy": [HEALED]}
_METRICS = "spec.metrics[]"
NEVER_RIGHT: dict[str, set[str]] = {  # fields that one schema has for several sources, and a rule forbids for this one
    "PredictiveAutoscaler": {
        *(f"{_METRICS}.{source}.target.value" for source in ("resource", "containerResource", "pods")),
        *(f"{_METRICS}.{source}.target.averageUtilization" for source in ("pods", "object", "external", "prometheus")),
    },
    "HealingPolicy": set(),
}
